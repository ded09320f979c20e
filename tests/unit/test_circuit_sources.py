"""``/circuit`` about one source, through the registry and a real store: words, effect, answer, record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.circuit.commands import COMMANDS, CircuitNeeds
from services.command import Invocation, Result
from services.registry import CommandError, Registry
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.safety.plan import Plan
from services.storage.engine import Store
from services.vocabulary.errors import NotFound, Refused
from tests.support.clock import ManualClock
from tests.support.store import OPERATOR, Outside, agree, decline, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

PROD, STAGE = "alertmanager prod", "alertmanager stage"


class Desk:
    """One console that can write to two sources."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        self.store = store
        self.breaker = Breaker(store, clock)
        self.guard = Guard(store, clock)
        self.registry = Registry(self.guard)
        needs = CircuitNeeds(self.breaker, clock, unfinished=self.guard.unfinished, sources=lambda: (PROD, STAGE))
        self.registry.add(COMMANDS, needs)

    async def run(self, line: str) -> Result:
        return await self.registry.run(self.registry.parse(line), Invocation(OPERATOR, decline))

    async def write(self, source: str) -> bool:
        """Whether a write to ``source`` goes through."""
        plan: Plan = replace(plan_for(Outside()), source=source)
        try:
            return (await self.guard.execute(plan, command="/thing", actor=OPERATOR, confirm=agree)).ok
        except Refused:
            return False


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        yield Desk(store, clock)


@pytest.mark.parametrize("line", ["/circuit open alertmanager prod", '/circuit open "alertmanager prod" --reason slow'])
async def test_one_source_is_opened_and_the_other_goes_on(desk: Desk, line: str) -> None:
    opened = await desk.run(line)
    assert opened.message.startswith(f"the breaker of {PROD} is open now since 19:31:07 UTC (0s), by op-a")
    assert not await desk.write(PROD)
    assert await desk.write(STAGE)
    # The circuit of everything stands where it stood, and its status names the one that is open.
    status = await desk.run("/circuit status")
    assert status.message.startswith("the circuit is closed")
    assert any(PROD in told and "open" in told for told in status.lines)
    assert not any(STAGE in told for told in status.lines)


async def test_one_source_is_closed_with_a_reason(desk: Desk) -> None:
    await desk.run("/circuit open alertmanager prod")
    with pytest.raises(CommandError):
        await desk.run("/circuit close alertmanager prod")
    assert not await desk.write(PROD)
    desk.clock.turn(60)
    closed = await desk.run("/circuit close alertmanager prod --reason 'the disk is free again'")
    assert (
        closed.message
        == f"the breaker of {PROD} is closed now since 19:32:07 UTC (0s), by op-a: the disk is free again"
    )
    assert await desk.write(PROD)


async def test_one_source_begins_to_count_anew_and_the_record_keeps_what_was(desk: Desk) -> None:
    await desk.run("/circuit open alertmanager prod --reason slow")
    told = await desk.run("/circuit reset alertmanager prod --reason 'new server'")
    assert told.message.startswith(f"the breaker of {PROD} is closed and begins to count anew")
    assert await desk.write(PROD)
    assert [one.command for one in reversed(await Audit(desk.store).list(10)) if one.command != "/thing"] == [
        "/circuit open alertmanager prod --reason slow",
        "/circuit reset alertmanager prod --reason 'new server'",
    ]


async def test_two_sources_that_are_open_open_everything(desk: Desk) -> None:
    await desk.run("/circuit open alertmanager prod")
    await desk.run("/circuit open alertmanager stage")
    assert (await desk.run("/circuit status")).message.startswith("the circuit is open")
    # One of them closed leaves everything as it is: whoever closes the circuit has looked at it.
    await desk.run("/circuit close alertmanager stage --reason fine")
    assert not await desk.write(STAGE)
    await desk.run("/circuit close --reason 'stage is fine'")
    assert await desk.write(STAGE)
    assert not await desk.write(PROD)


@pytest.mark.parametrize("verb", ["open", "close", "reset"])
async def test_a_source_that_nobody_knows_is_refused_with_those_there_are(desk: Desk, verb: str) -> None:
    reason = " --reason x" if verb != "open" else ""
    with pytest.raises(NotFound) as refused:
        await desk.run(f"/circuit {verb} alertmanager prd{reason}")
    assert "there is no source alertmanager prd" in str(refused.value)
    assert PROD in str(refused.value)
    assert STAGE in str(refused.value)
    assert [one.is_open for one in await desk.breaker.read_all()] == [False]


async def test_a_source_opened_by_hand_stays_open_however_long_it_takes(desk: Desk) -> None:
    await desk.run("/circuit open alertmanager prod")
    desk.clock.turn(timedelta(days=7).total_seconds())
    assert not await desk.write(PROD)
