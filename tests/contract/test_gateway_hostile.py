"""Clients that speak no HTTP, speak slowly, or hold on: the gateway goes on, and so does everything beside it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from services.gateway.address import Address
from services.gateway.protocol import LARGEST_HEAD, MOST_CONNECTIONS
from services.gateway.rates import Patience
from services.gateway.server import GatewayError, bind, serving
from services.storage.engine import open_store
from services.storage.store import Store, StoreServer
from services.vocabulary.errors import StoreError
from tests.support.certificate import make_certificate
from tests.support.clock import ManualClock
from tests.support.gateway import Gateway, gateway_before, problem, running_gateway
from tests.support.store import store_url, temporary_store
from tests.support.waiting import until

PATIENT = Patience(body=60, answer=60, exchange=120)
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
LAST = HEALTH + b"Connection: close\r\n\r\n"

GARBAGE = {
    "nothing like it": b"\x00\x01\x02\xff\xfe" * 50,
    "TLS on a plain port": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 200,
    "an old version": b"GET /healthz HTTP/0.9\r\n\r\n",
    "a new version": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a head that never ends": b"GET /healthz HTTP/1.1\r\nX: " + b"a" * (2 * LARGEST_HEAD),
    "many headers": b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
    "two hosts": HEALTH + b"Host: localhost\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two lengths": HEALTH + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": HEALTH + b"Content-Length: -1\r\n\r\n",
    "a length and chunks": HEALTH + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": HEALTH + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an unknown coding": HEALTH + b"Transfer-Encoding: rot13\r\n\r\n",
    "a header in bytes": HEALTH + b"X: \xff\xfe\r\nConnection: close\r\n\r\n",
    "a header with a null": HEALTH + b"X: a\x00b\r\n\r\n",
    "a folded header": HEALTH + b"X: a\r\n b\r\nConnection: close\r\n\r\n",
    "a blank before the colon": HEALTH + b"X : a\r\n\r\n",
    "a path in bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an escaped path in bytes": b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "another's address": b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "every path": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a web socket": HEALTH + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "an upgrade": HEALTH + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
    "two requests at once": HEALTH + b"\r\n" + LAST,
    "a request and garbage": HEALTH + b"\r\n\x00\x00\r\n\r\n",
    "a body that nobody wants and garbage": HEALTH + b"Content-Length: 3\r\n\r\nabc\x00\x00garbage\r\n\r\n",
    "half a request": b"GET /heal",
}


async def alive(gateway: Gateway) -> None:
    """It answers, and nothing failed beside it."""
    assert (await gateway.client.get("/healthz")).status_code == 200
    assert (await gateway.get("/api/sre/circuit")).status_code == 200
    assert not gateway.broken


async def send_and_end(gateway: Gateway, raw: bytes) -> bytes:
    """Send, say that nothing more comes, and read what there is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(120):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_garbage_ends_its_own_connection_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with running_gateway(tmp_path) as gateway:
        for what, raw in GARBAGE.items():
            answer = await send_and_end(gateway, raw)
            statuses = [line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
            assert all(status < b"500" for status in statuses), (what, answer)
            await alive(gateway)
        twice = await send_and_end(gateway, GARBAGE["two requests at once"])
        assert twice.count(b"HTTP/1.1 200") == 2
        after = await send_and_end(gateway, GARBAGE["a request and garbage"])
        assert (after.count(b"HTTP/1.1 200"), after.count(b"HTTP/1.1 400")) == (1, 1)
    assert capfd.readouterr() == ("", "")  # the terminal is the screen's
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_garbage_in_the_middle_of_a_request_ends_it(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        head = (
            f"POST /api/sre/circuit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.secret}\r\n"
            "Content-Type: application/json\r\nIf-Match: *\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{"
        )
        for rest in ("", '"x', '"\r\nnonsense\r\n'):
            answer = await send_and_end(gateway, (head + rest).encode())
            assert b"HTTP/1.1 2" not in answer
            assert b"HTTP/1.1 5" not in answer
            await alive(gateway)
        assert not (await gateway.breaker.read()).is_open


async def test_who_hangs_up_early_disturbs_nobody(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        request = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.secret}\r\n\r\n".encode()
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
                # Ended with a reset, before anything is read.
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                plain.sendall(request)
        await alive(gateway)


async def test_a_head_that_comes_too_slowly_is_not_waited_for(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, patience=Patience(exchange=0.3)) as gateway:
        for begun in (b"", b"G", HEALTH):
            # No answer, and the end of the connection: this returns only because the gateway hangs up.
            assert await gateway.exchange(begun) == b""


async def test_a_connection_that_was_used_is_not_kept_for_ever(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, patience=Patience(exchange=0.5)) as gateway:
        answer = await gateway.exchange(HEALTH + b"\r\n" + b"GET /healthz HT")
        assert answer == b"" or answer.startswith(b"HTTP/1.1 200")  # a very slow machine gives up on the first, too


async def test_a_body_that_comes_too_slowly_is_not_waited_for(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, patience=Patience(body=0.2, answer=60, exchange=120)) as gateway:
        head = (
            f"POST /api/sre/circuit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.secret}\r\n"
            "Content-Type: application/json\r\nIf-Match: *\r\n"
        )
        for sending in ("Content-Length: 20\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
            answer = await gateway.exchange((head + sending).encode())
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"connection: close" in answer.lower()
        assert (await gateway.record()).message.startswith("408: ")


async def test_held_connections_keep_nobody_out(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, AsyncExitStack() as held:
        readers = []
        for _ in range(MOST_CONNECTIONS + 10):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            held.callback(writer.close)
            writer.write(b"GET /heal")
            readers.append(reader)
        await alive(gateway)
        # Whoever held on longest gave way.
        async with asyncio.timeout(120):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await readers[0].readexactly(1)


async def test_many_at_once_are_all_answered(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        answers = await asyncio.gather(*(gateway.get("/api/sre/status") for _ in range(200)))
        assert {answer.status_code for answer in answers} == {200}
        assert not gateway.broken


async def test_a_lost_store_is_said_clearly(tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        temporary_store(tmp_path, clock) as store,
        gateway_before(store, clock, behind=LostStore(clock)) as gateway,
    ):
        for answer in (
            await gateway.get("/api/sre/circuit"),
            await gateway.move({"action": "open"}),
            await gateway.move({"action": "close", "reason": "x"}, '"x"'),
        ):
            told = problem(answer, 503)
            assert "the store is gone" in told["detail"]
            assert int(answer.headers["retry-after"]) >= 1
        # As long as nobody can say who may come in, nobody may.
        gateway.token_feed.fail(StoreError("the store is gone"))
        for path in ("/api/sre/status", "/api/sre/trust", "/api/sre/circuit", "/metrics", "/healthz"):
            told = problem(await gateway.get(path), 503)
            assert "the store does not answer" in told["detail"]
        assert not gateway.broken


async def test_what_nobody_expected_is_a_problem_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing() -> None:
        raise RuntimeError("token=hunter2-secret")

    async with running_gateway(tmp_path, trust=failing) as gateway:
        told = problem(await gateway.get("/api/sre/trust"), 500)
        assert "hunter2" not in str(told)
        assert "RuntimeError" in told["detail"]
        await alive(gateway)
    assert [one.levelname for one in caplog.records if one.name.startswith("services.gateway")] == ["ERROR"]


async def test_an_answer_that_does_not_come_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    never = asyncio.Event()

    async with running_gateway(
        tmp_path, trust=never.wait, patience=Patience(body=60, answer=0.2, exchange=120)
    ) as gateway:
        problem(await gateway.get("/api/sre/trust"), 503)


async def test_a_port_that_is_taken_ends_nothing(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        with pytest.raises(GatewayError, match=f"cannot listen on 127.0.0.1 port {gateway.port}"):
            async with serving(nothing, Address("127.0.0.1", gateway.port)):
                pytest.fail("two on one port")
        await alive(gateway)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "console.example.com"])
def test_others_are_let_in_only_with_tls_and_on_purpose(host: str) -> None:
    with pytest.raises(GatewayError, match="from outside"):
        bind(Address(host, 0))
    with pytest.raises(GatewayError, match="from outside"):
        bind(Address(host, 0, certificate="x.pem"))
    with pytest.raises(GatewayError, match="takes TLS"):
        bind(Address(host, 0, public=True))


async def test_signals_stay_as_they_were(tmp_path: Path) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    async with running_gateway(tmp_path) as gateway:
        await alive(gateway)
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


async def test_it_speaks_tls_to_those_who_trust_it(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with pytest.raises(GatewayError, match="cannot be used"):
        async with serving(nothing, Address("127.0.0.1", 0, certificate=str(key))):
            pytest.fail("a key is no certificate")
    address = Address("127.0.0.1", 0, str(certificate), str(key), public=True)
    async with serving(nothing, address) as listening:
        assert listening.url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(verify=trusted, trust_env=False, timeout=60) as client:
            assert (await client.get(listening.url)).status_code == 204
        plain = listening.url.replace("https", "http")
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(plain)


async def test_leaving_waits_for_answers_on_their_way(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: object, receive: object, send: object) -> None:
        begun.set()
        await go_on.wait()
        await nothing(scope, receive, send)

    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        async with serving(slow, Address("127.0.0.1", 0)) as listening:
            asked = asyncio.create_task(client.get(listening.url))
            await begun.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)
        assert (await asked).status_code == 204
        with pytest.raises(httpx.TransportError):
            await client.get(listening.url)


async def test_a_store_that_was_removed_lets_nobody_in(tmp_path: Path) -> None:
    # The real thing: the file goes, and the gateway notices by itself when the circuit is asked for.
    clock = ManualClock()
    store = await open_store(store_url(tmp_path), clock)
    try:
        async with gateway_before(store, clock) as gateway:
            for file in (tmp_path / "state").iterdir():
                file.unlink()

            async def refused() -> httpx.Response | None:
                answer = await gateway.move({"action": "open"})
                return answer if answer.status_code == 503 else None

            told = problem(await until(refused), 503)
            assert "removed or replaced" in told["detail"]
    finally:
        await store.close()


async def nothing(scope: object, receive: object, send: object) -> None:
    """The smallest application."""
    await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]


class LostStore(Store):
    """A store that does not answer any more."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.read_only = False

    @property
    def name(self) -> str:
        return "lost"

    def read(self):  # type: ignore[no-untyped-def]
        raise StoreError("the store is gone")

    def write(self):  # type: ignore[no-untyped-def]
        raise StoreError("the store is gone")

    async def version(self) -> int:
        raise StoreError("the store is gone")

    async def server(self) -> StoreServer:
        raise StoreError("the store is gone")

    async def close(self) -> None:
        """Nothing is open."""
