"""What other consoles and the audit know: of writes that last long, of refusals, of a chain written anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from services.command import Arguments, Command, Invocation, Result
from services.registry import Registry
from services.safety.audit import Audit, Decision
from services.safety.audit_entry import hashed_fields
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.safety.heartbeat import EVERY
from services.safety.issuing import PERMIT_LIFE
from services.safety.keying import BEGUN, begin_key
from services.safety.outcome import OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk
from services.safety.refusals import Refusals
from services.storage import tables
from services.storage.chain import GENESIS, digest
from services.storage.engine import Store
from services.storage.keys import NO_KEYS, ChainKeys, chain_key
from services.vocabulary.errors import Conflict, ConsoleError, NotFound, Refused
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, die, plan_for, temporary_store
from tests.unit.test_audit import record

pytestmark = pytest.mark.usefixtures("engine")
KEY = ChainKeys(chain_key("0123456789abcdef0123456789abcdef"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


async def test_a_write_that_lasts_is_not_taken_for_lost_by_another_console(
    tmp_path: Path, store: Store, clock: ManualClock
) -> None:
    outside, free = Outside(), asyncio.Event()

    async def slow(permit: WritePermit) -> Applied:
        applied = await outside.apply(permit)
        await free.wait()
        return applied

    async with temporary_store(tmp_path, clock) as elsewhere:
        mine, other = Guard(store, clock), Guard(elsewhere, clock)
        writing = asyncio.create_task(
            mine.execute(plan_for(outside, apply=slow), command="/thing", actor=OPERATOR, confirm=agree)
        )
        async with asyncio.timeout(60):
            while not outside.calls:
                await asyncio.sleep(0.002)
            (begun,) = await other.unfinished()
            # Ten minutes, beat by beat.
            for _ in range(60):
                before = (await other.unfinished())[0].expires_at
                await clock.advance(EVERY.total_seconds())
                while (await other.unfinished())[0].expires_at == before:
                    await asyncio.sleep(0.002)
                assert await other.settle(COLLEAGUE) == ()
            assert clock.now() - begun.at > 10 * PERMIT_LIFE
            free.set()
            outcome = await writing
        assert outcome.status is OutcomeStatus.DONE
        clock.turn(10 * PERMIT_LIFE.total_seconds())
        assert await other.settle(COLLEAGUE) == ()
        assert not (await Breaker(elsewhere, clock).read()).is_open
        assert [entry.outcome for entry in await Audit(elsewhere).list()] == ["done"]


async def test_a_write_whose_console_is_gone_is_taken_for_lost(
    tmp_path: Path, store: Store, clock: ManualClock
) -> None:
    outside = Outside()

    async def hangs(permit: WritePermit) -> Applied:
        await outside.apply(permit)
        await asyncio.Event().wait()
        raise AssertionError("nobody waits for it")

    guard = Guard(store, clock)
    writing = asyncio.create_task(
        guard.execute(plan_for(outside, apply=hangs), command="/thing", actor=OPERATOR, confirm=agree)
    )
    async with asyncio.timeout(60):
        while not outside.calls:
            await asyncio.sleep(0.002)
    await die("/thing")
    await asyncio.gather(writing, return_exceptions=True)
    clock.turn(PERMIT_LIFE.total_seconds() + 1)
    async with temporary_store(tmp_path, clock) as elsewhere:
        (lost,) = await Guard(elsewhere, clock).settle(COLLEAGUE)
        assert lost.command == "/thing"


async def test_a_chain_that_was_written_anew_without_the_key_is_not_whole(store: Store) -> None:
    audit = Audit(store)
    store.keys = KEY
    for name in "abc":
        await audit.record(record(name))
    assert (await audit.verify()).whole
    await forge(store)
    store.keys = NO_KEYS
    assert (await audit.verify()).whole, "whoever has no key cannot tell"
    store.keys = KEY
    found = await audit.verify()
    assert (found.whole, found.sequence, found.keyed) == (False, 1, 0)
    assert "written the whole chain anew" in found.problem


async def forge(store: Store) -> None:
    """All that somebody can do who may write the store and has no key: other entries, and every hash anew."""
    async with store.write() as connection:
        rows = (await connection.execute(select(tables.audit).order_by(tables.audit.c.sequence))).mappings().all()
        previous = GENESIS
        for row in rows:
            forged: dict[str, Any] = {**row, "operator": "mallory", "key_id": "", "previous": previous}
            fields = hashed_fields(forged)
            assert fields is not None
            own = digest(previous, fields)
            await connection.execute(
                update(tables.audit)
                .where(tables.audit.c.sequence == row["sequence"])
                .values(operator="mallory", key_id="", previous=previous, hash=own)
            )
            previous = own
        await connection.execute(update(tables.chain_heads).values(hash=previous, key_id=""))


async def test_where_a_key_begins_there_is_an_entry_that_says_so(store: Store) -> None:
    audit = Audit(store)
    store.keys = KEY
    assert not await begin_key(store, audit, OPERATOR), "an empty chain needs none"
    store.keys = NO_KEYS
    assert not await begin_key(store, audit, OPERATOR)
    await audit.record(record("a"))
    store.keys = KEY
    assert not (await audit.verify()).whole
    assert await begin_key(store, audit, OPERATOR)
    assert not await begin_key(store, audit, OPERATOR)
    found = await audit.verify()
    assert (found.whole, found.keyed, found.keyed_from) == (True, 1, 2)
    (entry, _) = await audit.list()
    assert (entry.action, entry.operator) == (BEGUN, OPERATOR.operator)


class Nobody(Arguments):
    """No words."""


def registry(guard: Guard, store: Store, failure: ConsoleError | None, risk: Risk = Risk.RECORD) -> Registry:
    """Commands that record, and that write."""

    async def run(needs: None, request: Nobody, invocation: Invocation) -> Result:
        if failure is not None:
            raise failure
        return Result("done")

    async def plan(needs: None, request: Nobody, invocation: Invocation) -> Plan:
        if failure is not None:
            raise failure
        return plan_for(Outside())

    made = Registry(guard)
    made.keep_refusals(Refusals(store, Audit(store)).keep)
    made.add((Command(name="approval approve", summary="x", arguments=Nobody, risk=risk, run=run),), None)
    made.add((Command(name="thing change", summary="x", arguments=Nobody, risk=Risk.WRITE, plan=plan),), None)
    return made


@pytest.mark.parametrize("line", ["/approval approve", "/thing change"])
@pytest.mark.parametrize("failure", [Refused("nobody approves their own"), Conflict("somebody was first")])
async def test_a_refusal_outside_the_guard_is_on_record(
    store: Store, clock: ManualClock, line: str, failure: ConsoleError
) -> None:
    made = registry(Guard(store, clock), store, failure)
    with pytest.raises(type(failure)):
        await made.run(made.parse(line), Invocation(COLLEAGUE, agree))
    (entry,) = await Audit(store).list()
    assert (entry.decision, entry.command, entry.action) == (
        Decision.REFUSED.value,
        line,
        line.removeprefix("/").replace(" ", "."),
    )
    assert (entry.operator, entry.message, entry.rule) == (
        COLLEAGUE.operator,
        failure.message,
        type(failure).__name__.lower(),
    )


async def test_what_is_no_refusal_or_on_record_already_is_not_put_down_twice(store: Store, clock: ManualClock) -> None:
    guard, audit = Guard(store, clock), Audit(store)
    for made, line, error in (
        (registry(guard, store, NotFound("there is none")), "/approval approve", NotFound),
        (registry(guard, store, Refused("not now"), Risk.READ), "/approval approve", Refused),
    ):
        with pytest.raises(error):
            await made.run(made.parse(line), Invocation(OPERATOR, agree))
        assert await audit.list() == ()
    await Breaker(store, clock).open(OPERATOR, "stop", command="/circuit open")
    made = registry(guard, store, None)
    with pytest.raises(Refused):
        await made.run(made.parse("/thing change"), Invocation(OPERATOR, decline))
    assert [entry.decision for entry in await audit.list()] == ["refused", "allowed"]
