"""The gateway in front of whole consoles: what one moves, all see; what it cannot do, costs nobody else anything."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from console.configuration.model import Settings
from console.gateway import gateway, serve_beside
from console.preferences import Preferences
from console.wiring import Backend
from services.gateway.model import Scope
from services.gateway.tokens import TokenRepository
from services.safety.actor import Surface
from services.vocabulary.clock import Clock, SystemClock
from services.vocabulary.errors import ConsoleError, Refused
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import ManualClock
from tests.support.gateway import problem
from tests.support.store import OPERATOR, Outside, agree, plan_for, store_url
from tests.support.waiting import until

T = TypeVar("T")


def built(directory: Path, surface: Surface = Surface.CONSOLE, clock: Clock | None = None, port: int = 0) -> Backend:
    """A console whose Alertmanager does not exist."""
    settings = Settings.model_validate(
        {
            "gateway": {"enabled": True, "port": port},
            "sre": {
                "operator": "op-a",
                "alertmanager": [{"name": "prod", "urls": ["http://127.0.0.1:1"]}],
                "store": {"url": store_url(directory)},
            },
        }
    )
    return Backend(settings, clock or SystemClock(), surface, Preferences(directory))


@asynccontextmanager
async def console(backend: Backend) -> AsyncIterator[Backend]:
    """A started console, without a gateway beside it."""
    backend.start(serve=False)
    try:
        yield backend
    finally:
        await backend.close()


async def token(backend: Backend, *scopes: Scope) -> str:
    """The secret of a new token."""
    records = await backend.open_records()
    _, secret = await TokenRepository(records.store, backend.clock).create(OPERATOR, "", scopes or tuple(Scope))
    return secret


async def lines_of(backend: Backend, line: str) -> tuple[str, ...]:
    """What a slash command tells."""
    result = await backend.registry.run(backend.registry.parse(line), backend.invocation({}, agree))
    return (result.message, *result.lines)


async def turning(clock: ManualClock, ask: Callable[[], Awaitable[T | None]]) -> T:
    """Like ``until``, while the clock goes on."""

    async def asked() -> T | None:
        clock.turn(0.5)
        return await ask()

    return await until(asked)


@pytest.mark.usefixtures("engine")
async def test_what_the_gateway_opens_every_console_refuses(tmp_path: Path) -> None:
    async with console(built(tmp_path, Surface.GATEWAY)) as first, console(built(tmp_path)) as second:
        secret = await token(first)
        records = await second.open_records()
        assert records.guard is not None
        await records.guard.execute(plan_for(Outside()), command="/thing", actor=second.actor, confirm=agree)
        async with gateway(first) as serving, httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(
                f"{serving.url}/api/sre/circuit",
                json={"action": "open", "reason": "storm"},
                headers={"Authorization": f"Bearer {secret}", "If-Match": "*"},
            )
            assert answer.status_code == 200
            # From that instant, whatever its screen shows.
            with pytest.raises(Refused, match="token-1"):
                await records.guard.execute(plan_for(Outside()), command="/thing", actor=second.actor, confirm=agree)

            async def seen() -> bool | None:
                items = second.live.circuit.snapshot.items
                return bool(items and items[0].is_open) or None

            assert await until(seen)
            # And the other way round: the gateway tells what a person does on another console.
            assert records.breaker is not None
            await records.breaker.close(OPERATOR, "calm")

            async def told() -> str | None:
                headers = {"Authorization": f"Bearer {secret}"}
                status = (await client.get(f"{serving.url}/api/sre/status", headers=headers)).json()
                return "closed" if status["circuit"]["state"] == "closed" else None

            assert await until(told) == "closed"


async def test_a_whole_console_is_told(tmp_path: Path) -> None:
    async with console(built(tmp_path, Surface.GATEWAY)) as backend:
        secret = await token(backend)
        headers = {"Authorization": f"Bearer {secret}"}
        async with (
            gateway(backend) as serving,
            httpx.AsyncClient(base_url=serving.url, headers=headers, trust_env=False, timeout=60) as client,
        ):

            async def complete() -> dict[str, object] | None:
                status = (await client.get("/api/sre/status")).json()
                return status if status["audit"] and status["circuit"] and status["incidents"]["trusted"] else None

            status = await until(complete)
            assert [one["name"] for one in status["sources"]] == ["alertmanager prod", "incidents", "circuit"]  # type: ignore[attr-defined]
            assert status["alerts"]["total"] is None  # type: ignore[index]
            head = await (await backend.open_records()).audit.head()
            assert status["audit"] == {"sequence": head.sequence, "hash": head.hash}
            trust = (await client.get("/api/sre/trust")).json()
            assert trust["levels"] == []
            assert "sre_console_audit_entries" in (await client.get("/metrics")).text


async def test_a_revoked_token_is_forgotten_by_itself(tmp_path: Path) -> None:
    async with console(built(tmp_path, Surface.GATEWAY)) as backend:
        secret = await token(backend)
        async with gateway(backend) as serving, httpx.AsyncClient(trust_env=False, timeout=60) as client:
            store = (await backend.open_records()).store
            await TokenRepository(store, backend.clock).revoke(OPERATOR, 1)

            async def refused() -> bool | None:
                headers = {"Authorization": f"Bearer {secret}"}
                return (await client.get(f"{serving.url}/api/sre/status", headers=headers)).status_code == 401 or None

            assert await until(refused)


async def test_a_wallboard_serves_and_moves_nothing(tmp_path: Path) -> None:
    async with console(built(tmp_path)) as maker:
        secret = await token(maker)
    async with console(built(tmp_path, Surface.WALLBOARD)) as backend:
        headers = {"Authorization": f"Bearer {secret}", "If-Match": "*"}
        async with (
            gateway(backend) as serving,
            httpx.AsyncClient(base_url=serving.url, headers=headers, trust_env=False, timeout=60) as client,
        ):
            told = problem(await client.post("/api/sre/circuit", json={"action": "open"}), 403)
            assert "read-only" in told["detail"]
            assert (await client.get("/api/sre/circuit")).json()["circuit"]["revision"] == 0


async def test_no_token_no_start(tmp_path: Path) -> None:
    async with console(built(tmp_path, Surface.GATEWAY)) as backend:
        with pytest.raises(ConsoleError, match="no valid token"):
            async with gateway(backend):
                pytest.fail("it listens")
        await token(backend)
        store = (await backend.open_records()).store
        await TokenRepository(store, backend.clock).revoke(OPERATOR, 1)
        with pytest.raises(ConsoleError, match="no valid token"):
            async with gateway(backend):
                pytest.fail("it listens")


async def test_beside_a_screen_it_begins_once_it_can(tmp_path: Path) -> None:
    clock = ManualClock()
    backend = built(tmp_path, clock=clock)
    notices: list[tuple[str, str]] = []
    backend.notice = lambda title, text: notices.append((title, text))
    beside = asyncio.create_task(serve_beside(backend))
    try:

        async def noticed() -> bool | None:
            return bool(notices) or None

        await until(noticed)
        assert "no valid token" in notices[0][1]
        assert "the gateway does not listen: the gateway has no valid token" in await lines_of(
            backend, "/circuit status"
        )
        await token(backend)

        async def listening() -> str | None:
            return next(
                (line for line in await lines_of(backend, "/circuit status") if "listens on http" in line), None
            )

        line = await turning(clock, listening)
        assert len(notices) == 1  # each reason once
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            assert (await client.get(f"{line.rpartition(' ')[2]}/healthz")).status_code == 200
    finally:
        beside.cancel()
        await asyncio.wait({beside})
        await backend.close()
    assert backend.gateway == "the gateway does not listen"


async def test_a_port_that_is_taken_costs_the_screen_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        backend = built(tmp_path, port=taken.getsockname()[1])
        notices: list[tuple[str, str]] = []
        backend.notice = lambda title, text: notices.append((title, text))
        await token(backend)
        backend.start()
        try:

            async def noticed() -> bool | None:
                return bool(notices) or None

            await until(noticed)
            title, text = notices[0]
            assert title == "The gateway does not listen"
            assert "cannot listen on 127.0.0.1 port" in text

            async def read() -> bool | None:
                return backend.live.circuit.snapshot.freshness.state is FreshnessState.FRESH or None

            await until(read)
            assert backend.background.fault is None
            assert (await lines_of(backend, "/circuit open"))[0].startswith("the circuit is open now")
        finally:
            await backend.close()
