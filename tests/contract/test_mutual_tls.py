"""Both sides prove who they are: an HTTP source and an API server that let nobody in without a certificate."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from services.clusters.access import ClusterSettings
from services.clusters.client import ClusterReader
from services.http import HttpSettings, ReadClient
from services.vocabulary.errors import FailureKind, SourceError
from tests.support.certificates import Authority, Certified
from tests.support.clock import ManualClock
from tests.support.kubernetes_double import write_kubeconfig

HOST = "127.0.0.1"


@dataclass(frozen=True)
class House:
    """A server that asks for certificates, and those who signed them.

    Attributes:
        url: where it is.
        authority: signs what it trusts; its own too.
        stranger: signs what it does not trust.
    """

    url: str
    authority: Authority
    stranger: Authority


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs", "a stranger")
    async with _serving(authority) as url:
        yield House(url, authority, stranger)


@asynccontextmanager
async def _serving(authority: Authority) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        who = request.transport.get_extra_info("peercert") if request.transport is not None else None
        name = dict(pair for part in (who or {}).get("subject", ()) for pair in part).get("commonName", "nobody")
        return web.json_response({"gitVersion": f"v1.36.0, {name}"})

    own = authority.sign(HOST)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(own.certificate, own.key)
    context.verify_mode = ssl.CERT_REQUIRED
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
    try:
        yield f"https://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _joined(one: Certified) -> str:
    """One file with certificate and key, as the configuration wants it."""
    path = one.certificate.with_suffix(".both")
    path.touch(mode=0o600)
    path.write_bytes(one.certificate.read_bytes() + one.key.read_bytes())
    return str(path)


async def _asked(house: House, **how: str) -> str:
    client = ReadClient(HttpSettings("prod", house.url, **how))  # type: ignore[arg-type]
    try:
        return str(json.loads(await client.get("/version"))["gitVersion"])
    finally:
        await client.close()


async def test_who_has_a_certificate_that_is_trusted_is_let_in_by_name(house: House) -> None:
    own = _joined(house.authority.sign("op-a"))
    assert await _asked(house, ca_file=str(house.authority.certificate), client_cert=own) == "v1.36.0, op-a"


async def test_who_has_none_or_a_strangers_is_told_so(house: House) -> None:
    trusted = str(house.authority.certificate)
    for how in ({}, {"client_cert": _joined(house.stranger.sign("op-x"))}):
        with pytest.raises(SourceError) as caught:
            await _asked(house, ca_file=trusted, **how)
        assert caught.value.kind is FailureKind.UNREACHABLE
        # The refusal comes behind the greeting or in the midst of it.
        assert "client_cert" in str(caught.value) or "alert" in str(caught.value)


async def test_a_server_that_strangers_signed_is_not_believed(house: House) -> None:
    with pytest.raises(SourceError, match=r"(?i)certificate") as caught:
        await _asked(house, ca_file=str(house.stranger.certificate))
    assert caught.value.sent is False


def _kubeconfig(path: Path, house: House, user: Certified | None) -> str:
    keys = {} if user is None else {"client-certificate": str(user.certificate), "client-key": str(user.key)}
    write_kubeconfig(path, house.url, user=keys)
    config = json.loads(path.read_text())
    config["clusters"][0]["cluster"]["certificate-authority"] = str(house.authority.certificate)
    path.write_text(json.dumps(config))
    return str(path)


async def _version(kubeconfig: str) -> str:
    reader = ClusterReader(ClusterSettings("kubernetes prod", kubeconfig=kubeconfig), ManualClock())
    try:
        return (await reader.version()).version
    finally:
        await reader.close()


async def test_a_kubeconfig_with_a_client_certificate_is_let_in_by_name(house: House, tmp_path: Path) -> None:
    user = house.authority.sign("operator")
    assert await _version(_kubeconfig(tmp_path / "config", house, user)) == "v1.36.0, operator"


async def test_a_kubeconfig_without_one_or_with_a_strangers_is_told_so(house: House, tmp_path: Path) -> None:
    for number, user in enumerate((None, house.stranger.sign("operator"))):
        with pytest.raises(SourceError) as caught:
            await _version(_kubeconfig(tmp_path / f"config{number}", house, user))
        assert caught.value.kind is FailureKind.UNREACHABLE
        assert "kubernetes prod" in str(caught.value)
