"""What a reader of a cluster says when something is wrong. Only the double: a real server cannot be told to fail."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.clusters.access import ClusterSettings
from services.clusters.client import ClusterReader
from services.clusters.failures import VersionUnusable
from services.clusters.listing import FROM_STORE, list_objects
from services.clusters.objects import DEPLOYMENTS, PODS, KubernetesObject
from services.clusters.watching import watch_objects
from services.vocabulary.errors import FailureKind, SourceError
from tests.support import kubernetes_objects as make
from tests.support.clock import EPOCH, ManualClock
from tests.support.kubernetes_double import Call, KubernetesDouble, refusal, serve, write_kubeconfig


@pytest.fixture
async def double() -> AsyncIterator[KubernetesDouble]:
    double = KubernetesDouble()
    async with serve(double):
        yield double


@pytest.fixture
async def build(tmp_path: Path, double: KubernetesDouble) -> AsyncIterator[Callable[..., ClusterReader]]:
    readers = []

    def make_reader(*, user: Any = None, server: str = "", clock: ManualClock | None = None, **settings: Any):  # type: ignore[no-untyped-def]
        config = write_kubeconfig(tmp_path / "config", server or double.url, user=user)
        fields = {"kubeconfig": str(config), **settings}
        readers.append(ClusterReader(ClusterSettings("kubernetes prod", **fields), clock or ManualClock()))
        return readers[-1]

    yield make_reader
    for reader in readers:
        await reader.close()


Build = Callable[..., ClusterReader]


def name_of(obj: KubernetesObject) -> str:
    return obj.metadata.name


async def listing(reader: ClusterReader, version: str = "0") -> list[str]:
    names, _ = await list_objects(reader, DEPLOYMENTS, name_of, version=version)
    return names


async def failing(reader: ClusterReader) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await listing(reader)
    return caught.value


def always(call: Call) -> bool:
    return True


def body(content: bytes, code: int = 200, kind: str = "application/json") -> Callable[[], web.Response]:
    return lambda: web.Response(body=content, status=code, content_type=kind)


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (
            lambda: refusal(403, "Forbidden", 'deployments.apps is forbidden: User "op-a" cannot list'),
            FailureKind.DENIED,
            'kubernetes prod answered 403: deployments.apps is forbidden: User "op-a" cannot list',
        ),
        (
            lambda: refusal(401, "Unauthorized", "Unauthorized"),
            FailureKind.DENIED,
            "kubernetes prod answered 401: Unauthorized",
        ),
        (
            lambda: refusal(429, "TooManyRequests", "slow down"),
            FailureKind.SERVER,
            "kubernetes prod answered 429: slow down",
        ),
        (
            lambda: refusal(500, "InternalError", "etcd is away"),
            FailureKind.SERVER,
            "kubernetes prod answered 500: etcd is away",
        ),
        (
            lambda: refusal(404, "NotFound", "no such thing"),
            FailureKind.REJECTED,
            "kubernetes prod answered 404: no such thing",
        ),
        (
            body(b"<html>login</html>", 502, "text/html"),
            FailureKind.SERVER,
            "kubernetes prod answered 502: an HTML page, not the API (is a proxy or a login in front of it?)",
        ),
        (
            body(b"  <html>login</html>", 200, "text/html"),
            FailureKind.MALFORMED,
            "kubernetes prod answered with an HTML page, not the API",
        ),
        (
            body(b"upstream gone\n", 503, "text/plain"),
            FailureKind.SERVER,
            "kubernetes prod answered 503: upstream gone",
        ),
    ],
)
async def test_refusals(
    build: Build, double: KubernetesDouble, answer: Callable[[], web.Response], kind: FailureKind, sentence: str
) -> None:
    double.fault(always, answer)
    error = await failing(build())
    assert error.kind is kind
    assert error.message == sentence


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}},{"metadata":{"na',
        b'{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}}]',
        b'{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":7}}]}',
        b'{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":7}},{"metadata":{"name":"b"}}]}',
        b'{"metadata":{"resourceVersion":"1"},"items":{"metadata":{}}}',
        b'{"metadata":{"resourceVersion":"1"},"items":["a"]}',
    ],
)
async def test_what_is_no_list_is_malformed(build: Build, double: KubernetesDouble, content: bytes) -> None:
    double.fault(always, body(content))
    error = await failing(build())
    assert error.kind is FailureKind.MALFORMED
    assert error.message.startswith("kubernetes prod: the answer is not what the API promises: list of deployments")


async def test_an_empty_list_may_be_null(build: Build, double: KubernetesDouble) -> None:
    double.fault(always, body(b'{"items":null,"metadata":{"resourceVersion":"1"}}'))
    assert await listing(build()) == []


async def test_refused_and_silent(build: Build) -> None:
    error = await failing(build(server="http://127.0.0.1:9"))
    assert error.kind is FailureKind.UNREACHABLE
    assert not error.sent
    assert "no connection to http://127.0.0.1:9" in error.message

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failing(build(server=f"http://127.0.0.1:{port}", timeout=0.1))
    assert error.kind is FailureKind.TIMEOUT


async def test_an_answer_that_breaks_off(build: Build) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"items":[')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failing(build(server=f"http://127.0.0.1:{port}"))
    assert error.kind is FailureKind.UNREACHABLE
    assert "broke" in error.message


async def test_a_body_over_the_cap(build: Build, double: KubernetesDouble) -> None:
    for number in range(40):
        double.put("deployments", make.deployment(f"d{number}"))
    error = await failing(build(max_body=10_000))
    assert error.kind is FailureKind.TOO_LARGE


async def test_pages_and_a_token_that_expires_on_the_way(build: Build, double: KubernetesDouble) -> None:
    for number in range(1100):
        double.put("pods", make.pod(f"p{number:04}", "Job", {"metadata": {"name": "j", "namespace": "n", "uid": "u"}}))
    reader = build()
    names, version = await list_objects(reader, PODS, name_of, version=FROM_STORE)
    assert names == [f"p{number:04}" for number in range(1100)]
    assert version == str(double.version)
    assert [("continue" in call.query, call.query.get("limit")) for call in double.lists("pods")] == [
        (False, "500"),
        (True, "500"),
        (True, "500"),
    ]
    double.calls.clear()
    double.fault(lambda call: "continue" in call.query, lambda: refusal(410, "Expired", "too old"))
    names, _ = await list_objects(reader, PODS, name_of, version=FROM_STORE)
    assert len(names) == 1100
    assert [call.query.get("limit") for call in double.lists("pods")] == ["500", "500", None]


async def test_versions_that_cannot_be_used(build: Build, double: KubernetesDouble) -> None:
    reader = build()
    with pytest.raises(VersionUnusable):
        await listing(reader, version="999999")  # ahead of this server
    double.compact()
    with pytest.raises(VersionUnusable):
        async for _ in watch_objects(reader, DEPLOYMENTS, namespace="", version="1", seconds=300):
            pass


async def test_a_silent_watch_counts_as_broken(build: Build) -> None:
    reader = build(watch_silence=0.05)
    with pytest.raises(SourceError) as caught:
        async for _ in watch_objects(reader, DEPLOYMENTS, namespace="", version="1000", seconds=300):
            pass
    assert caught.value.kind is FailureKind.TIMEOUT


async def test_the_token_goes_over_the_wire_and_a_renewed_one_is_picked_up(
    build: Build, double: KubernetesDouble, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("letmein")
    reader = build(user={"tokenFile": str(token)})
    await listing(reader)
    assert double.calls[-1].authorization == "Bearer letmein"
    double.tokens = {"second"}
    token.write_text("second")
    await listing(reader)
    assert [call.authorization for call in double.calls[-2:]] == ["Bearer letmein", "Bearer second"]
    double.tokens = {"third"}
    error = await failing(reader)  # refused, nothing new in the file: asked once only
    assert error.kind is FailureKind.DENIED
    assert double.calls[-2].authorization == "Bearer second"
    assert len(double.calls) == 4


def plugin(directory: Path, script: str) -> Path:
    path = directory / "login"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def asking(command: str, **fields: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, **fields}}


def credential(token: str, expiry: str = "") -> str:
    status = {"token": token} | ({"expirationTimestamp": expiry} if expiry else {})
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return json.dumps(answer)


async def test_a_credential_plugin_beside_the_kubeconfig_runs_and_runs_again_when_it_expires(
    build: Build, double: KubernetesDouble, tmp_path: Path
) -> None:
    soon = (EPOCH + timedelta(minutes=10)).isoformat()
    plugin(tmp_path, f"echo run >> {tmp_path}/runs; test \"$MOOD\" = good && echo '{credential('letmein', soon)}'")
    clock = ManualClock()
    reader = build(user=asking("./login", env=[{"name": "MOOD", "value": "good"}]), clock=clock)
    await listing(reader)
    await listing(reader)
    assert (tmp_path / "runs").read_text().count("run") == 1
    clock.turn(600)
    await listing(reader)
    assert (tmp_path / "runs").read_text().count("run") == 2


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo who are you >&2; exit 3", "ended with code 3: who are you"),
        ("echo hello", "did not print an ExecCredential"),
        (f"echo '{credential('')}'", "gave neither a token nor a certificate with its key"),
        ("read answer </dev/tty || exit 4", "ended with code"),  # there is no terminal to ask on
    ],
)
async def test_a_credential_plugin_that_fails(build: Build, tmp_path: Path, script: str, sentence: str) -> None:
    plugin(tmp_path, script)
    error = await failing(build(user=asking("./login")))
    assert error.kind is FailureKind.DENIED
    assert f"the credential plugin login {sentence}" in error.message
    assert "kubectl" in error.hint
    assert not error.sent


async def test_no_plugin_is_taken_from_the_working_directory(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    plugin(here, f"touch {tmp_path}/ran; echo '{credential('letmein')}'")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    assert (await failing(build(user=asking("login")))).kind is FailureKind.CONFIGURATION
    assert (await failing(build(user=asking("./login")))).kind is FailureKind.CONFIGURATION
    assert not (tmp_path / "ran").exists()


async def test_a_kubeconfig_that_others_may_write_runs_no_plugin(build: Build, tmp_path: Path) -> None:
    plugin(tmp_path, f"touch {tmp_path}/ran")
    reader = build(user=asking("./login"))
    (tmp_path / "config").chmod(0o666)
    error = await failing(reader)
    assert error.kind is FailureKind.CONFIGURATION
    assert not (tmp_path / "ran").exists()


async def test_kubeconfigs_that_cannot_be_used(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = await failing(build(kubeconfig=str(tmp_path / "nowhere")))
    assert (error.kind, error.sent) == (FailureKind.CONFIGURATION, False)
    assert "there is no kubeconfig at" in error.message
    error = await failing(build(kubeconfig="config"))
    assert error.message == "kubernetes prod: the kubeconfig path 'config' is relative"
    monkeypatch.setenv("KUBECONFIG", "config")
    error = await failing(build(kubeconfig=""))
    assert error.message == "kubernetes prod: the kubeconfig path 'config' is relative"
    error = await failing(build(context="elsewhere"))
    assert "elsewhere" in error.message
    (tmp_path / "broken").write_text("a: [")
    assert (await failing(build(kubeconfig=str(tmp_path / "broken")))).kind is FailureKind.CONFIGURATION
    (tmp_path / "list").write_text("[1]")
    assert (await failing(build(kubeconfig=str(tmp_path / "list")))).kind is FailureKind.CONFIGURATION
    assert (await failing(build(server="ftp://127.0.0.1"))).kind is FailureKind.CONFIGURATION


async def test_a_proxy_of_the_environment_is_not_asked_for_the_loopback(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await listing(build()) == []


async def test_a_redirect_is_not_followed(build: Build, double: KubernetesDouble) -> None:
    elsewhere = KubernetesDouble()
    async with serve(elsewhere):
        to = f"{elsewhere.url}/apis/apps/v1/deployments"
        double.fault(always, lambda: web.Response(status=302, headers={"Location": to}))
        error = await failing(build())
        assert elsewhere.calls == []
    assert (error.kind, error.status) == (FailureKind.CONFIGURATION, 302)
    assert "a redirect, which is not followed" in error.message
