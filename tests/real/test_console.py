"""The whole program on a terminal, in front of a real Prometheus whose rules fire and a real Alertmanager.

What is done is looked at from both sides: on the screen, and through ``amtool`` and ``exec``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.alertmanager_server import AlertmanagerServer, alertmanager_server, amtool
from tests.support.program import END, ENTER, ESCAPE, Desk, console
from tests.support.prometheus_server import prometheus_server
from tests.support.tap import tap

pytestmark = pytest.mark.real

RULES = """\
groups:
- name: checks
  rules:
  - alert: HighErrorRate
    expr: up{job="prometheus"} > 0
    labels: {severity: critical, service: checkout}
    annotations: {summary: "12 % of the checkouts fail"}
  - alert: CrashLooping
    expr: vector(2) > 1
    labels: {severity: warning, service: cart, pod: cart-a}
  - alert: CrashLooping
    expr: vector(2) > 1
    labels: {severity: warning, service: cart, pod: cart-b}
  - alert: DiskFilling
    expr: vector(91) > 90
    labels: {severity: warning, service: orders}
"""


@asynccontextmanager
async def production(directory: Path) -> AsyncIterator[tuple[AlertmanagerServer, str]]:
    """An Alertmanager and a Prometheus whose rules fire; yields the former and the URL of the latter."""
    async with (
        alertmanager_server(directory / "am") as alertmanager,
        prometheus_server(directory / "prometheus", rules=RULES, alertmanagers=[alertmanager]) as prometheus,
    ):
        yield alertmanager, prometheus.url


async def silences(server: AlertmanagerServer) -> list[dict[str, Any]]:
    """What amtool lists."""
    found: list[dict[str, Any]] = json.loads(await amtool(server, "silence", "query", "-o", "json"))
    return found


def matchers(silence: dict[str, Any]) -> dict[str, str]:
    """The matchers of a silence of amtool's."""
    return {one["name"]: one["value"] for one in silence["matchers"]}


async def test_a_person_acks_silences_and_opens_the_breaker(tmp_path: Path) -> None:
    async with production(tmp_path) as (server, prometheus), console(tmp_path / "c", server.url, prometheus) as desk:
        await desk.asks_again_until("HighErrorRate")
        await desk.asks_again_until("DiskFilling")
        await desk.sees("1 critical", "breaker closed", "staging")
        # The cursor stands on what is worst. Its strip tells what Prometheus knows of it.
        await desk.sees("12 % of the checkouts fail")

        desk.types("a")
        await desk.sees("is muted in Alertmanager", "1 acked", "a pager that rang stays open")
        (ack,) = await silences(server)
        assert ack["comment"].startswith("ACK! ")
        assert ack["createdBy"] == "op-a"
        labels = {"alertname": "HighErrorRate", "severity": "critical", "service": "checkout"}
        assert labels.items() <= matchers(ack).items()

        # Two pods crash: the silence leaves the pod out, so it hits both, and that is asked for.
        desk.types("f", "CrashLooping", ENTER)
        await desk.sees("filter: 2 of 4")
        desk.types("s")
        await desk.sees("--comment")
        desk.types("bad build", END, " --without pod")
        await desk.sees("⏎ silences 2 alerts of prod")
        desk.types(ENTER)
        await desk.sees("Confirm", "mutes 2 alerts in staging (prod)", 'alertname="CrashLooping"', "y do it")
        assert len(await silences(server)) == 1
        # Letters answer once the question was there for a moment.
        await desk.no_longer_sees("leave it as it is  …")
        desk.types("y")
        await desk.sees("2 alerts of prod silenced in Alertmanager until")
        (wide,) = [one for one in await silences(server) if one["id"] != ack["id"]]
        assert wide["comment"] == "bad build"
        assert "pod" not in matchers(wide)
        assert matchers(wide)["alertname"] == "CrashLooping"
        desk.types(ESCAPE)
        await desk.no_longer_sees("filter: ")

        desk.types("b")
        await desk.sees("CIRCUIT OPEN: every write to an outside system is refused")
        desk.types("f", "DiskFilling", ENTER)
        await desk.sees("filter: 1 of 4")
        desk.types("a")
        await desk.sees("Refused. the circuit is open since", "The same by hand:")
        await desk.sees(f"amtool silence add --alertmanager.url={server.url} --author=op-a")
        assert len(await silences(server)) == 2
        desk.types(ESCAPE)
        await desk.no_longer_sees("The same by hand:")

        entries = await desk.executes("/audit list")
        told = [(one["action"], one["decision"], one["rule"], one["outcome"]) for one in reversed(entries)]
        assert told == [
            ("alertmanager.ack", "allowed", "breaker closed", "done"),
            ("alertmanager.silence.create", "allowed", "breaker closed, confirmed", "done"),
            ("circuit.open", "allowed", "always allowed", "done"),
            ("alertmanager.ack", "refused", "breaker", ""),
        ], told

        # Another console closes it: this one sees that, and lets the ack through again.
        await desk.executes('/circuit close --reason "vendor is back"')
        await desk.sees("breaker closed")
        await desk.no_longer_sees("CIRCUIT OPEN")
        desk.types("a")
        await desk.sees("2 acked · 2 muted")
        assert len(await silences(server)) == 3


async def test_an_alertmanager_that_dies_is_unknown_and_fills_in_again(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server, prometheus = await stack.enter_async_context(production(tmp_path))
        desk = await stack.enter_async_context(console(tmp_path / "c", server.url, prometheus))
        await desk.asks_again_until("HighErrorRate")
        await desk.asks_again_until("DiskFilling")
        await desk.no_longer_sees("UNKNOWN")

        await server.kill()
        desk.types("r")
        await desk.sees("stale for", "Connection refused")
        # The last that was known stays, and is not passed off as all there is.
        await desk.sees("HighErrorRate", "or more")
        # The rest lives: an incident is created in the store, and asked for by another program.
        desk.types("/", "incident create Checkout is down", ENTER)
        await desk.sees("Checkout is down")
        (incident,) = await desk.executes("/incident list")
        assert incident["title"] == "Checkout is down"
        # A write goes nowhere and says so.
        desk.types("a")
        await desk.sees("Connection refused")

        again = await stack.enter_async_context(alertmanager_server(tmp_path / "again", address=server.address))
        await desk.asks_again_until("checked ")
        await desk.no_longer_sees("stale for")
        # Prometheus tells the new one of what fires, and nothing was silenced there.
        await desk.asks_again_until("1 critical")
        await desk.no_longer_sees("or more")
        desk.types("a")
        await desk.sees("1 acked")
        (ack,) = await silences(again)
        assert ack["comment"].startswith("ACK! ")


async def test_a_wallboard_goes_blind_sees_again_and_never_writes(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server, prometheus = await stack.enter_async_context(production(tmp_path))
        wire = await stack.enter_async_context(tap(server.url))
        wall = await stack.enter_async_context(console(tmp_path / "c", wire.url, prometheus, "--wallboard"))
        await wall.sees("critical")
        await wall.sees_until(lambda text: "CrashLooping" in text and "DiskFilling" in text, "both warnings")
        await _press_everything(wall)
        assert ("GET", "/api/v2/alerts") in wire.requests
        assert wire.writes == []
        assert await silences(server) == []
        assert not (tmp_path / "c" / "state").exists(), "a wallboard makes no store"

        await server.kill()
        await wall.sees("blind since")
        await _press_everything(wall)
        again = await stack.enter_async_context(alertmanager_server(tmp_path / "again", address=server.address))
        await wall.no_longer_sees("blind since")
        await wall.sees("HighErrorRate")
        assert wire.writes == []
        assert await silences(again) == []


async def _press_everything(wall: Desk) -> None:
    """Every key that prints, every function key, and what else a keyboard has, but for the one that quits."""
    printable = [chr(code) for code in range(0x20, 0x7F)]
    control = [chr(code) for code in range(1, 0x1B) if chr(code) not in "\x11\x13"]
    functions = ["\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", *[f"\x1b[{code}~" for code in (15, *range(17, 22), 23, 24)]]
    cursor = ["\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[H", "\x1b[F", "\x1b[5~", "\x1b[6~", "\x1b[3~", "\x1b[Z"]
    for key in (*functions, *cursor, *control, *printable):
        wall.types(key)
    # The help opens on ? and F1, and a palette on ctrl+p: whatever is open now is left, and the wall is there.
    for _ in range(3):
        wall.types(ESCAPE)
    wall.types("?")
    await wall.sees("Nothing can be written from here")
    wall.types("?")
    await wall.no_longer_sees("Nothing can be written from here")
    assert wall.terminal.process.poll() is None
