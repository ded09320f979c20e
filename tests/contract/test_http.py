"""The HTTP clients against servers that behave, and servers that do not."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.http import HttpSettings, ReadClient, WriteClient
from services.inflate import PIECE
from services.safety.guard import Guard
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import PermitError, WritePermit
from services.safety.plan import Applied
from services.vocabulary.errors import FailureKind, SourceError
from tests.support.clock import ManualClock
from tests.support.store import OPERATOR, agree, plan_for, temporary_store
from tests.support.wire import Answer, Talk, http_double, raw_double, request_head, unused_url

# Long enough for a busy machine to connect on loopback and send.
SHORT = 0.2
SECRET = "s3cret-of-the-source"


@asynccontextmanager
async def reading(url: str, **how: Any) -> AsyncIterator[ReadClient]:
    client = ReadClient(HttpSettings("prod", url, **how))
    try:
        yield client
    finally:
        await client.close()


async def failure(url: str, **how: Any) -> SourceError:
    async with reading(url, **how) as client:
        with pytest.raises(SourceError) as caught:
            await client.get("/api")
    assert str(caught.value).startswith("prod")
    return caught.value


async def failure_of(answer: Answer, **how: Any) -> SourceError:
    async with http_double(answer) as double:
        return await failure(double.url, **how)


async def failure_on(talk: Talk, **how: Any) -> SourceError:
    async with raw_double(talk) as url:
        return await failure(url, **how)


def says(text: str | bytes = "[]", status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = text.encode() if isinstance(text, str) else text
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers={"Content-Type": content_type, **named})

    return answer


def writes(*parts: bytes, pause: float = 0.0, hold: bool = False) -> Talk:
    """Answers with these bytes, then closes the connection or holds it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if hold:
            await reader.read()

    return talk


# Asking.


async def test_the_whole_body_is_returned_and_the_request_is_as_asked() -> None:
    async with http_double(says('["é"]')) as double, reading(double.url + "/base/") as client:
        assert await client.get("/api/v2", [("filter", 'a="b&c"'), ("filter", "d=~e+")]) == '["é"]'.encode()
        ((request, _),) = double.requests
    assert (request.method, request.path) == ("GET", "/base/api/v2")
    assert request.query.getall("filter") == ['a="b&c"', "d=~e+"]


@pytest.mark.parametrize(
    ("how", "header", "value"),
    [
        ({"headers": {"X-Scope-OrgID": "shop"}}, "X-Scope-OrgID", "shop"),
        ({"bearer": SECRET}, "Authorization", f"Bearer {SECRET}"),
        ({"basic": ("op", "pä:ss")}, "Authorization", "Basic " + base64.b64encode("op:pä:ss".encode()).decode()),
    ],
)
async def test_headers_and_credentials_are_sent(how: dict[str, Any], header: str, value: str) -> None:
    async with http_double(says()) as double, reading(double.url, **how) as client:
        await client.get("/api")
        assert double.requests[0][0].headers[header] == value


async def test_the_proxy_of_the_environment_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = await unused_url()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nowhere)
    async with http_double(says("1")) as double, reading(double.url) as client:
        assert await client.get("/api") == b"1"


async def test_a_configured_proxy_is_taken() -> None:
    async with http_double(says('"by proxy"')) as proxy, reading("http://source.invalid", proxy=proxy.url) as client:
        assert await client.get("/api") == b'"by proxy"'
        assert proxy.requests[0][0].headers["Host"] == "source.invalid"


async def test_a_streamed_body_comes_in_small_pieces() -> None:
    body = b"[" + b"1," * 200_000 + b"1]"
    for answer in (says(body), says(gzip.compress(body, mtime=0), Content_Encoding="gzip")):
        async with (
            http_double(answer) as double,
            reading(double.url) as client,
            client.stream("/api") as pieces,
        ):
            got = [piece async for piece in pieces]
        assert b"".join(got) == body
        assert max(map(len, got)) <= PIECE


async def test_a_reader_may_leave_early_and_ask_again() -> None:
    async with http_double(says(b"x" * 1_000_000)) as double, reading(double.url) as client:
        async with client.stream("/api") as pieces:
            async for _ in pieces:
                break
        assert len(await client.get("/api")) == 1_000_000


async def test_two_gzip_members_are_one_body() -> None:
    answer = says(gzip.compress(b"[1,", mtime=0) + gzip.compress(b"2]", mtime=0), Content_Encoding="gzip")
    async with http_double(answer) as double, reading(double.url) as client:
        assert await client.get("/api") == b"[1,2]"


# Failing to reach it.


async def test_refused() -> None:
    url = await unused_url()
    error = await failure(url)
    assert (error.kind, error.sent, error.status) == (FailureKind.UNREACHABLE, False, None)
    assert error.message == f"prod: no connection to {url}: Connection refused"


async def test_a_name_that_does_not_resolve() -> None:
    error = await failure("http://source.invalid")
    assert (error.kind, error.sent) == (FailureKind.UNREACHABLE, False)
    assert "no connection to http://source.invalid: " in error.message
    assert "All connection attempts" not in error.message


@pytest.mark.parametrize("url", ["", "localhost:9093", "ftp://localhost", "http://[::1", "http://h:x"])
async def test_what_is_no_url(url: str) -> None:
    error = await failure(url)
    assert (error.kind, error.sent) == (FailureKind.CONFIGURATION, False)
    assert "is not a URL that can be asked" in error.message


async def test_a_path_cannot_change_the_host() -> None:
    async with reading("http://localhost:1") as client:
        with pytest.raises(ValueError, match="would change the host"):
            await client.get("@elsewhere.invalid/")


async def test_https_to_a_server_that_speaks_plain_http() -> None:
    async with http_double(says()) as double:
        error = await failure(double.url.replace("http:", "https:"))
        assert (error.kind, error.sent) == (FailureKind.UNREACHABLE, False)
        assert double.requests == []


# Time.


async def test_silence_is_a_timeout_and_the_request_has_left() -> None:
    error = await failure_on(writes(hold=True), timeout=SHORT)
    assert (error.kind, error.sent) == (FailureKind.TIMEOUT, True)
    assert error.message == "prod: no complete answer within 0.2s"


async def test_headers_that_never_end_are_a_timeout() -> None:
    error = await failure_on(writes(b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 1000, pause=0.005), timeout=SHORT)
    assert (error.kind, error.sent) == (FailureKind.TIMEOUT, True)


async def test_a_body_that_drips_is_cut_although_every_drop_is_in_time() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    error = await failure_on(writes(head, *[b"x"] * 1000, pause=0.005), timeout=SHORT)
    assert (error.kind, error.sent) == (FailureKind.TIMEOUT, True)


async def test_an_error_whose_body_drips_is_still_that_error() -> None:
    head = b"HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\n"
    error = await failure_on(writes(head, *[b"x"] * 1000, pause=0.005), timeout=SHORT)
    assert (error.kind, error.status, error.message) == (FailureKind.SERVER, 503, "prod answered 503")


async def test_waiting_for_a_free_connection_has_not_left() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with (
        raw_double(writes(head, hold=True)) as url,
        reading(url, timeout=3 * SHORT) as client,
        AsyncExitStack() as others,
    ):
        for _ in range(8):
            await others.enter_async_context(client.stream("/api"))
        with pytest.raises(SourceError) as caught:
            await client.get("/api")
    assert (caught.value.kind, caught.value.sent) == (FailureKind.TIMEOUT, False)


async def test_the_time_of_whoever_reads_is_theirs() -> None:
    """The deadline passes while the reader works; what has come is still theirs, and nothing cuts their work short."""
    async with (
        http_double(says("[1]")) as double,
        reading(double.url, timeout=SHORT) as client,
        client.stream("/api") as pieces,
    ):
        first = await anext(pieces)
        await asyncio.sleep(2 * SHORT)
    assert first == b"[1]"


@pytest.mark.parametrize("error", [TimeoutError("mine"), ConnectionError("mine"), ValueError("mine")])
async def test_what_the_reader_raises_stays_what_it_is(error: Exception) -> None:
    async def read(client: ReadClient) -> None:
        async with client.stream("/api") as pieces:
            async for _ in pieces:
                raise error

    async with http_double(says("[1]")) as double, reading(double.url) as client:
        with pytest.raises(type(error), match="mine") as caught:
            await read(client)
    assert caught.value is error


async def test_a_deadline_of_the_reader_around_the_request_stays_theirs() -> None:
    async with raw_double(writes(hold=True)) as url, reading(url, timeout=30) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(SHORT):
                await client.get("/api")
    assert not isinstance(caught.value, SourceError)


async def test_a_cancellation_is_no_timeout() -> None:
    asked = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        asked.set()
        await reader.read()

    async with raw_double(talk) as url, reading(url, timeout=30) as client:
        task = asyncio.create_task(client.get("/api"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# Answers that are errors.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, FailureKind.CONFIGURATION),
        (304, FailureKind.CONFIGURATION),
        (400, FailureKind.REJECTED),
        (401, FailureKind.DENIED),
        (403, FailureKind.DENIED),
        (404, FailureKind.REJECTED),
        (429, FailureKind.REJECTED),
        (500, FailureKind.SERVER),
        (503, FailureKind.SERVER),
    ],
)
async def test_a_status_tells_the_kind(status: int, kind: FailureKind) -> None:
    error = await failure_of(says("" if status == 304 else "no", status))
    assert (error.kind, error.status, error.sent) == (kind, status, True)


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        ('"bad matcher"', "application/json", ": bad matcher"),
        ('{"code":400,"message":"bad silence"}', "application/json", ": bad silence"),
        ('{"status":"error","errorType":"bad_data","error":"parse error"}', "application/json", ": parse error"),
        ('{"error":{"code":2001,"message":"Invalid"}}', "application/json", ": Invalid"),
        ("two\n  lines", "text/plain", ": two lines"),
        ("x" * 5000, "text/plain", ": " + "x" * 300),
        ("<html><h1>Log in</h1>", "text/plain", ": an HTML page, not the API (is a proxy or a login in front of it?)"),
        ("Log in", "text/html", ": an HTML page, not the API (is a proxy or a login in front of it?)"),
        ("[" * 60_000, "application/json", ": " + "[" * 300),
        (b"\xff\xfe", "text/plain", ": \ufffd\ufffd"),
        ("null", "application/json", ""),
        ("", "application/json", ""),
    ],
)
async def test_what_the_error_says(body: str | bytes, content_type: str, said: str) -> None:
    error = await failure_of(says(body, 400, content_type))
    assert error.message == f"prod answered 400{said}"


async def test_a_redirect_is_not_followed_and_names_the_host_alone() -> None:
    async with http_double(says()) as elsewhere:
        error = await failure_of(says("", 302, Location=f"{elsewhere.url}/login?state={SECRET}"))
        assert elsewhere.requests == []
    assert error.hint == f"it redirects to {elsewhere.url}"
    assert SECRET not in str(error)


async def test_a_page_in_place_of_the_api_is_no_answer() -> None:
    error = await failure_of(says("<html>", content_type="text/html; charset=utf-8"))
    assert (error.kind, error.sent) == (FailureKind.MALFORMED, True)
    assert "an HTML page, not the API" in error.message


# Answers that are broken.


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ([], FailureKind.UNREACHABLE),
        ([b"HTTP/1.1 200 OK\r\nContent-Le"], FailureKind.UNREACHABLE),
        ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[1]"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n[1]"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n"], FailureKind.MALFORMED),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], FailureKind.MALFORMED),
    ],
)
async def test_a_broken_answer_is_never_taken_for_a_whole_one(parts: list[bytes], kind: FailureKind) -> None:
    error = await failure_on(writes(*parts))
    assert (error.kind, error.sent) == (kind, True)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"[1]", mtime=0)[:-4], "gzip"),
        (gzip.compress(b"[1]", mtime=0)[:5], "gzip"),
        (b"", "gzip"),
        (b"[1]", "gzip"),
        (gzip.compress(b"[1]", mtime=0) + b"more", "gzip"),
        (b"[1]", "br"),
        (gzip.compress(gzip.compress(b"[1]", mtime=0), mtime=0), "gzip, gzip"),
    ],
)
async def test_a_body_that_is_not_what_its_encoding_says(body: bytes, encoding: str) -> None:
    error = await failure_of(says(body, Content_Encoding=encoding))
    assert (error.kind, error.sent) == (FailureKind.MALFORMED, True)
    assert "cannot be decompressed" in error.message


async def test_a_large_answer_is_given_up() -> None:
    error = await failure_of(says(b"x" * 1001), max_body=1000)
    assert (error.kind, error.message) == (FailureKind.TOO_LARGE, "prod: the answer is larger than 1,000 bytes")
    async with http_double(says(b"x" * 1000)) as double, reading(double.url, max_body=1000) as client:
        assert len(await client.get("/api")) == 1000


@pytest.mark.parametrize("status", [200, 500])
async def test_a_gzip_bomb_is_never_unpacked(status: int) -> None:
    """50 MB in 50 kB: only a piece at a time is unpacked, and no more than the limit."""
    answer = says(gzip.compress(b"x" * 50_000_000, mtime=0), status, "text/plain", Content_Encoding="gzip")
    got = [0]

    async def read(client: ReadClient) -> None:
        async with client.stream("/api") as pieces:
            async for piece in pieces:
                got[0] += len(piece)

    async with http_double(answer) as double, reading(double.url, max_body=100_000) as client:
        with pytest.raises(SourceError) as caught:
            await read(client)
    assert sum(got) <= 100_000
    assert caught.value.kind is (FailureKind.TOO_LARGE if status == 200 else FailureKind.SERVER)


# Secrets.


SECRETIVE: list[dict[str, Any]] = [
    {"bearer": SECRET},
    {"basic": ("op", SECRET)},
    {"headers": {"X-Api-Key": SECRET}},
    {"proxy": f"socks9://op:{SECRET}@localhost:1"},
]


@pytest.mark.parametrize("how", SECRETIVE)
def test_a_secret_is_not_in_the_repr(how: dict[str, Any]) -> None:
    assert SECRET not in repr(HttpSettings("prod", f"http://op:{SECRET}@localhost", **how))


@pytest.mark.parametrize("how", SECRETIVE[:3])
async def test_an_error_that_echoes_the_request_does_not_show_its_secret(how: dict[str, Any]) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=401, text=f"no: {dict(request.headers)}")

    error = await failure_of(echo, **how)
    assert "‹secret›" in str(error)
    assert SECRET not in str(error)
    assert base64.b64encode(f"op:{SECRET}".encode()).decode() not in str(error)


async def test_a_password_in_the_url_is_not_shown() -> None:
    url = await unused_url()
    error = await failure(url.replace("//", f"//op:{SECRET}@"))
    assert url in error.message
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "how",
    [
        {"bearer": SECRET + "\n"},
        {"bearer": SECRET + "é"},
        {"headers": {"X-Api-Key": SECRET + "\r\nX-More: 1"}},
        {"headers": {"X Key": SECRET}},
        {"proxy": f"socks9://op:{SECRET}@localhost:1"},
        {"ca_file": "/nowhere/ca.pem"},
        {"client_cert": "/nowhere/cert.pem"},
    ],
)
@pytest.mark.parametrize("client", [ReadClient, WriteClient])
def test_settings_that_cannot_work_are_refused_without_showing_secrets(
    client: Callable[[HttpSettings], object], how: dict[str, Any]
) -> None:
    with pytest.raises(SourceError) as caught:
        client(HttpSettings("prod", "http://localhost", **how))
    assert (caught.value.kind, caught.value.sent) == (FailureKind.CONFIGURATION, False)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


# Writing.


async def write(
    url: str, directory: Path, *, action: str = "test.change", target: str = "thing", body: Any = None, **how: Any
) -> tuple[Outcome, list[SourceError]]:
    """One write through the guard: what the guard made of it, and the failures of the client."""
    client = WriteClient(HttpSettings("prod", url, **how))
    failures: list[SourceError] = []

    async def apply(permit: WritePermit) -> Applied:
        try:
            answer = await client.send(permit, action=action, target=target, method="POST", path="/silences", body=body)
        except SourceError as error:
            failures.append(error)
            raise
        return Applied(answer.decode())

    try:
        async with temporary_store(directory) as store:
            guard = Guard(store, ManualClock())
            plan = plan_for(_NOBODY, apply=apply)
            return await guard.execute(plan, command="/thing change", actor=OPERATOR, confirm=agree), failures
    finally:
        await client.close()


class _Nobody:
    calls: list[str] = []  # noqa: RUF012

    async def apply(self, permit: WritePermit) -> Applied:
        raise AssertionError("the plan has its own apply")


_NOBODY: Any = _Nobody()


async def test_a_write_with_a_permit_sends_exactly_the_body(tmp_path: Path) -> None:
    body = {"comment": "é \u202e \x1b \ud800", "matchers": [{"name": "a", "value": ""}]}
    async with http_double(says("done")) as double:
        outcome, failures = await write(double.url, tmp_path, body=body)
        ((request, sent),) = double.requests
    assert (outcome.status, outcome.message, failures) == (OutcomeStatus.DONE, "done", [])
    assert (request.method, request.path, request.content_type) == ("POST", "/silences", "application/json")
    assert json.loads(sent) == body


async def test_a_write_without_a_body_sends_none(tmp_path: Path) -> None:
    async with http_double(says("done")) as double:
        await write(double.url, tmp_path)
        ((request, sent),) = double.requests
    assert sent == b""
    assert "Content-Type" not in request.headers


@pytest.mark.parametrize("permit", [None, object(), "permit", True])
async def test_without_a_permit_nothing_leaves(permit: Any) -> None:
    async with http_double(says()) as double:
        client = WriteClient(HttpSettings("prod", double.url))
        with pytest.raises(PermitError):
            await client.send(permit, action="test.change", target="thing", method="POST", path="/silences", body={})
        await client.close()
        assert double.requests == []


def test_a_permit_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError, match="makes permits"):
        type("Own", (WritePermit,), {"spend": lambda self, action, target: None})


@pytest.mark.parametrize(("action", "target"), [("test.other", "thing"), ("test.change", "other thing")])
async def test_a_permit_for_something_else_sends_nothing(tmp_path: Path, action: str, target: str) -> None:
    async with http_double(says()) as double:
        with pytest.raises(PermitError):
            await write(double.url, tmp_path, action=action, target=target)
        assert double.requests == []


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}])
async def test_what_is_not_json_sends_nothing_and_keeps_the_permit(tmp_path: Path, body: Any) -> None:
    async with http_double(says()) as double:
        with pytest.raises((TypeError, ValueError)):
            await write(double.url, tmp_path, body=body)
        assert double.requests == []


async def test_a_permit_covers_one_request(tmp_path: Path) -> None:
    async with http_double(says()) as double:
        client = WriteClient(HttpSettings("prod", double.url))

        async def apply(permit: WritePermit) -> Applied:
            for _ in range(2):
                await client.send(permit, action="test.change", target="thing", method="POST", path="/silences")
            return Applied("twice")

        async with temporary_store(tmp_path) as store:
            with pytest.raises(PermitError, match="spent before"):
                await Guard(store, ManualClock()).execute(
                    plan_for(_NOBODY, apply=apply), command="/thing change", actor=OPERATOR, confirm=agree
                )
        await client.close()
        assert len(double.requests) == 1


Write = Callable[[Path], Awaitable[tuple[Outcome, list[SourceError]]]]


async def refused_write(directory: Path) -> tuple[Outcome, list[SourceError]]:
    return await write(await unused_url(), directory)


async def silent_write(directory: Path) -> tuple[Outcome, list[SourceError]]:
    async with raw_double(writes(hold=True)) as url:
        return await write(url, directory, timeout=SHORT)


async def broken_write(directory: Path) -> tuple[Outcome, list[SourceError]]:
    async with raw_double(writes()) as url:
        return await write(url, directory)


async def rejected_write(directory: Path) -> tuple[Outcome, list[SourceError]]:
    async with http_double(says('"bad matcher"', 400)) as double:
        return await write(double.url, directory)


@pytest.mark.parametrize(
    ("attempt", "sent"), [(refused_write, False), (silent_write, True), (broken_write, True), (rejected_write, True)]
)
async def test_a_failed_write_tells_whether_it_left(tmp_path: Path, attempt: Write, sent: bool) -> None:
    outcome, (error,) = await attempt(tmp_path)
    assert error.sent is sent
    assert not outcome.ok
