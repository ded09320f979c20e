"""Alerts made by hand and kept acks against a real Alertmanager; amtool looks on."""

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
from services.alerts.keeper import Keeper, Kept
from services.alerts.kept_repository import KeptRepository
from services.alerts.making import MakingNeeds
from services.alerts.making_commands import COMMANDS as MAKING_COMMANDS
from services.alerts.needs import AlertsNeeds
from services.alerts.now import read_alerts
from services.alerts.wire import fingerprint
from services.command import Invocation, Result
from services.http import HttpSettings, ReadClient, WriteClient
from services.registry import Registry
from services.safety.guard import Guard
from services.storage.leases import Leases
from services.undo.repository import UndoRepository
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import ConsoleError
from tests.support.alertmanager_server import AlertmanagerServer, alert, alertmanager_server, amtool
from tests.support.store import OPERATOR, agree, temporary_store

pytestmark = pytest.mark.real


class AheadClock(SystemClock):
    """The time, and as much more as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Console:
    """One of several consoles over one store and one Alertmanager."""

    def __init__(self, registry: Registry, keeper: Keeper, writes: UndoRepository) -> None:
        self.registry = registry
        self.keeper = keeper
        self.writes = writes
        self.told: list[str] = []

    async def do(self, line: str) -> Result:
        return await self.registry.run(self.registry.parse(line), Invocation(OPERATOR, agree))


@asynccontextmanager
async def console(directory: Path, server: AlertmanagerServer, clock: AheadClock, name: str) -> AsyncIterator[Console]:
    async with temporary_store(directory, clock) as store:
        settings = HttpSettings("alertmanager prod", server.url)
        member = Member(ReadClient(settings), WriteClient(settings))
        reader = AlertmanagerReader("prod", "prod", [member.read])
        kept = KeptRepository(store, clock)
        needs = AlertsNeeds(
            current=lambda: read_alerts([reader], clock),
            latest=tuple,
            readers={"prod": reader},
            writers={"prod": AlertmanagerWriter("prod", [member])},
            clock=clock,
            kept=kept,
            ack_max=timedelta(minutes=40),
        )
        guard = Guard(store, clock)
        registry = Registry(guard)
        registry.add(COMMANDS, needs)
        making = MakingNeeds(needs, kept)
        registry.add(MAKING_COMMANDS, making)
        told: list[str] = []
        keeper = Keeper(making, guard, Leases(store, clock, name), lambda _, text: told.append(text))
        one = Console(registry, keeper, UndoRepository(store))
        one.told = told
        try:
            yield one
        finally:
            await member.read.close()
            await member.write.close()


async def firing(server: AlertmanagerServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await amtool(server, "alert", "query", "--output=json", "--silenced"))
    active: list[dict[str, Any]] = json.loads(await amtool(server, "alert", "query", "--output=json"))
    return found + active


async def test_an_alert_made_by_hand_survives_a_restart_and_is_resolved(tmp_path: Path) -> None:
    clock = AheadClock()
    create = '/alerts create MailStuck severity=warning "service=mail \\"out\\"" --for 1h --summary "queue grows"'
    async with alertmanager_server(tmp_path / "am") as server, console(tmp_path, server, clock, "one") as one:
        assert (await one.do(create)).ok
        undo = (await one.writes.get(1)).recipe
        assert undo.startswith("/alerts resolve prod/")
        (seen,) = await firing(server)
        assert seen["labels"] == {"alertname": "MailStuck", "severity": "warning", "service": 'mail "out"'}
        assert seen["annotations"] == {"summary": "queue grows", "created_by": "op-a"}
        with pytest.raises(ConsoleError, match="fires already"):
            await one.do(create)
        assert await one.keeper.round() == Kept()
        await server.kill()
        address = server.address
        async with alertmanager_server(tmp_path / "again", address=address) as later:
            assert await firing(later) == []
            clock.ahead = timedelta(seconds=100)  # the lease of the first one has ended
            async with console(tmp_path, later, clock, "two") as two:
                assert await two.keeper.round() == Kept(posted=1)  # a console of later takes it up
                assert await one.keeper.round() == Kept()  # and only one does
                assert len(await firing(later)) == 1
                clock.ahead = timedelta(0)
                assert (await two.do(undo)).ok
                assert await firing(later) == []
                clock.ahead = timedelta(minutes=10)
                assert await two.keeper.round() == Kept()


async def test_what_others_fire_is_not_resolved_but_the_silence_is_named(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, console(tmp_path, server, AheadClock(), "one") as one:
        labels = {"alertname": "Down", "instance": "a"}
        await server.post(alert(labels))
        with pytest.raises(ConsoleError, match="page twice") as refused:
            await one.do(f"/alerts resolve {fingerprint(labels)}")
        assert f"/alerts silence prod/{fingerprint(labels)} --for 1h" in refused.value.hint


async def test_an_ack_is_prolonged_by_one_console_while_it_fires_and_no_longer_than_it_may(tmp_path: Path) -> None:
    clock, labels = AheadClock(), {"alertname": "Down", "instance": "a"}
    async with (
        alertmanager_server(tmp_path / "am") as server,
        console(tmp_path, server, clock, "one") as one,
        console(tmp_path, server, clock, "two") as two,
    ):
        await server.post(alert(labels))
        await one.do(f'/alerts ack {fingerprint(labels)} --note "looking" --to op-b')
        listed = (await two.do("/alerts acks")).data
        assert [(row["owner"], row["note"], row["kept_for"]) for row in listed] == [("op-b", "looking", "op-a")]
        assert await one.keeper.round() == Kept()
        before = json.loads(await amtool(server, "silence", "query", "--output=json"))
        clock.ahead = timedelta(minutes=11)
        assert await one.keeper.round() == Kept(prolonged=1)
        assert await two.keeper.round() == Kept()
        (after,) = json.loads(await amtool(server, "silence", "query", "--output=json"))
        assert (after["id"], after["comment"], after["createdBy"]) == (before[0]["id"], "ACK! looking", "op-b")
        assert after["endsAt"] > before[0]["endsAt"]
        clock.ahead = timedelta(minutes=22)
        assert await one.keeper.round() == Kept(prolonged=1)
        clock.ahead = timedelta(minutes=33)
        assert await one.keeper.round() == Kept(prolonged=1)
        clock.ahead = timedelta(minutes=39)
        assert await one.keeper.round() == Kept()
        assert ["still fires and notifies again" in text for text in one.told] == [True]
        clock.ahead = timedelta(minutes=0)
        assert (await one.do((await one.writes.get(1)).recipe)).ok  # although it is another one by now
        assert json.loads(await amtool(server, "silence", "query", "--output=json")) == []
        assert (await two.do("/alerts acks")).data == []
        assert await one.keeper.round() == Kept()


async def test_an_ack_with_an_end_is_not_prolonged(tmp_path: Path) -> None:
    clock, labels = AheadClock(), {"alertname": "Down", "instance": "a"}
    async with alertmanager_server(tmp_path / "am") as server, console(tmp_path, server, clock, "one") as one:
        await server.post(alert(labels))
        await one.do(f"/alerts ack {fingerprint(labels)} --for 15m")
        clock.ahead = timedelta(minutes=12)
        assert await one.keeper.round() == Kept()
        (row,) = (await one.do("/alerts acks")).data
        assert row["kept_until"] is None
