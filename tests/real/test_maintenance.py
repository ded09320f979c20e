"""Maintenance that comes back, against a real Alertmanager, by two consoles of one store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.alerts.alertmanager import AlertmanagerReader, AlertmanagerWriter, Member
from services.alerts.commands import COMMANDS
from services.alerts.maintenance import AHEAD, LASTING, Maintainer, Maintenance
from services.alerts.matchers import parse_matcher
from services.alerts.needs import AlertsNeeds
from services.alerts.now import read_alerts
from services.command import Invocation, Result
from services.http import HttpSettings, ReadClient, WriteClient
from services.registry import Registry
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.storage.leases import Leases
from services.vocabulary.clock import SystemClock
from tests.support.alertmanager_server import AlertmanagerServer, alert, alertmanager_server, amtool
from tests.support.store import OPERATOR, agree, temporary_store

pytestmark = pytest.mark.real
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class AheadClock(SystemClock):
    """The time, and as much more as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Windows:
    """What the configuration would say."""

    def __init__(self, opens: datetime, closes: datetime) -> None:
        self.span = opens, closes

    def __call__(self, at: datetime) -> tuple[datetime, datetime] | None:
        return self.span


class Console:
    """One of several consoles."""

    def __init__(self, maintainer: Maintainer, registry: Registry, breaker: Breaker, told: list[str]) -> None:
        self.maintainer = maintainer
        self.registry = registry
        self.breaker = breaker
        self.told = told

    async def do(self, line: str) -> Result:
        return await self.registry.run(self.registry.parse(line), Invocation(OPERATOR, agree))


@asynccontextmanager
async def console(
    directory: Path, server: AlertmanagerServer, clock: AheadClock, windows: Windows, name: str
) -> AsyncIterator[Console]:
    async with temporary_store(directory, clock) as store:
        settings = HttpSettings("alertmanager prod", server.url)
        member = Member(ReadClient(settings), WriteClient(settings))
        reader = AlertmanagerReader("prod", "prod", [member.read])
        needs = AlertsNeeds(
            current=lambda: read_alerts([reader], clock),
            latest=tuple,
            readers={"prod": reader},
            writers={"prod": AlertmanagerWriter("prod", [member])},
            clock=clock,
        )
        guard = Guard(store, clock)
        registry = Registry(guard)
        registry.add(COMMANDS, needs)
        one = Maintenance("weekly-db", (parse_matcher("service=db"),), (), "vacuum", windows)
        told: list[str] = []
        leases = Leases(store, clock, name)
        maintainer = Maintainer(needs, guard, leases, OPERATOR, [one], lambda title, text: told.append(title))
        try:
            yield Console(maintainer, registry, Breaker(store, clock), told)
        finally:
            await member.read.close()
            await member.write.close()


async def silences(server: AlertmanagerServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await amtool(server, "silence", "query", "--output=json"))
    return found


async def test_the_silence_of_each_window_is_made_once_and_ahead(tmp_path: Path) -> None:
    clock = AheadClock()
    start = clock.now().replace(microsecond=0)
    windows = Windows(start + AHEAD + 30 * MINUTE, start + AHEAD + 90 * MINUTE)
    async with (
        alertmanager_server(tmp_path / "am") as server,
        console(tmp_path, server, clock, windows, "one") as one,
        console(tmp_path, server, clock, windows, "other") as other,
    ):
        assert await one.maintainer.round() == 0, "it is too early"
        windows.span = start + 30 * MINUTE, start + 90 * MINUTE
        assert await one.maintainer.round() == 1
        (made,) = await silences(server)
        assert made["status"]["state"] == "pending"
        assert made["comment"].startswith("maintenance weekly-db ")
        assert made["comment"].endswith(": vacuum")
        assert [one["value"] for one in made["matchers"]] == ["db"]
        assert await one.maintainer.round() == 0
        clock.ahead += LASTING + MINUTE
        assert await other.maintainer.round() == 0, "whoever goes on sees that it is there"
        # A person ends it early: it stays ended, for this window.
        assert (await other.do(f"/alerts expire prod/{made['id']}")).ok
        assert await silences(server) == []
        assert await other.maintainer.round() == 0
        assert await silences(server) == []
        # A window that is open already is silenced at once.
        windows.span = start - 10 * MINUTE, start + 2 * HOUR
        await server.post(alert({"alertname": "Slow", "service": "db"}), alert({"alertname": "Slow", "service": "web"}))
        assert await other.maintainer.round() == 1
        (now,) = await silences(server)
        assert now["status"]["state"] == "active"
        active = json.loads(await amtool(server, "alert", "query", "--output=json"))
        assert [one["labels"]["service"] for one in active] == ["web"]
        assert (one.told, other.told) == ([], [])


async def test_an_open_breaker_stops_it_and_says_so_once(tmp_path: Path) -> None:
    clock = AheadClock()
    start = clock.now().replace(microsecond=0)
    windows = Windows(start - MINUTE, start + HOUR)
    async with alertmanager_server(tmp_path / "am") as server, console(tmp_path, server, clock, windows, "one") as one:
        await one.breaker.open(OPERATOR, "stop", command="/circuit open")
        assert await one.maintainer.round() == 0
        assert await one.maintainer.round() == 0
        assert one.told == ["Maintenance weekly-db is not silenced"]
        assert await silences(server) == []
        await one.breaker.close(OPERATOR, "go on", command="/circuit close")
        assert await one.maintainer.round() == 1
