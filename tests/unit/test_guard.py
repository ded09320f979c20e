"""The guard lets a write through once, or says why not; either way it is on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.safety.audit import Audit, AuditEntry
from services.safety.breaker import Breaker
from services.safety.guard import PERMIT_LIFE, Guard
from services.safety.outcome import OutcomeStatus
from services.safety.permit import PermitError, WritePermit
from services.safety.plan import Applied, Confirmation, Plan, Risk
from services.storage.engine import Store
from services.vocabulary.errors import FailureKind, Refused, SourceError, StoreError
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, die, lose_store, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

ASKS = Confirmation("mutes 14 alerts")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
def guard(store: Store, clock: ManualClock) -> Guard:
    return Guard(store, clock)


@pytest.fixture
def breaker(store: Store, clock: ManualClock) -> Breaker:
    return Breaker(store, clock)


async def last(store: Store) -> AuditEntry:
    (entry,) = await Audit(store).list(1)
    return entry


async def test_a_permitted_write_is_done_and_on_record(guard: Guard, store: Store) -> None:
    outside = Outside()
    outcome = await guard.execute(plan_for(outside), command="/thing change", actor=OPERATOR, confirm=decline)
    assert (outcome.status, outcome.message, outcome.data, outcome.undo, outcome.ok, outcome.recorded) == (
        OutcomeStatus.DONE,
        "the thing is changed",
        {"id": 1},
        "/undo thing",
        True,
        True,
    )
    assert outside.calls == ["thing"]
    entry = await last(store)
    assert (entry.operator, entry.os_user, entry.host, entry.surface) == ("op-a", "alpha", "desk-1", "console")
    assert (entry.command, entry.action, entry.source, entry.environment) == (
        "/thing change",
        "test.change",
        "outside prod",
        "prod",
    )
    assert (entry.decision, entry.outcome, entry.intent) == ("allowed", "done", outcome.intent)
    assert entry.targets == ({"kind": "thing", "name": "thing", "environment": "prod"},)
    assert await guard.unfinished() == ()
    assert (await Audit(store).verify()).whole


async def test_the_intent_is_in_the_store_before_anything_leaves(guard: Guard, store: Store) -> None:
    onlooker = Guard(store, store.clock)
    seen: list[int] = []

    async def apply(permit: WritePermit) -> Applied:
        seen.extend(lost.intent for lost in await onlooker.unfinished())
        assert await guard.unfinished() == ()  # its own running writes are not lost ones
        permit.spend("test.change", "thing")
        return Applied("done")

    outcome = await guard.execute(plan_for(Outside(), apply=apply), command="/x", actor=OPERATOR, confirm=agree)
    assert seen == [outcome.intent]


async def test_an_open_breaker_refuses_and_says_who_when_why_and_how_else(
    guard: Guard, breaker: Breaker, store: Store, clock: ManualClock
) -> None:
    await breaker.open(COLLEAGUE, "rollout storm")
    clock.turn(240)
    outside = Outside()
    with pytest.raises(Refused) as refused:
        await guard.execute(plan_for(outside), command="/thing change", actor=OPERATOR, confirm=agree)
    assert refused.value.message == "the circuit is open since 19:31:07 UTC (4m), by op-b: rollout storm"
    assert refused.value.equivalent == "outsidectl change thing"
    assert outside.calls == []
    entry = await last(store)
    assert (entry.decision, entry.rule, entry.outcome, entry.intent) == ("refused", "breaker", "", None)
    assert await guard.unfinished() == ()


async def test_an_open_breaker_is_said_before_anybody_is_asked(guard: Guard, breaker: Breaker) -> None:
    await breaker.open(COLLEAGUE)

    async def unwanted(plan: Plan) -> bool:
        raise AssertionError("asked for a write that is refused")

    with pytest.raises(Refused, match="no reason given"):
        await guard.execute(plan_for(Outside(), confirmation=ASKS), command="/x", actor=OPERATOR, confirm=unwanted)


async def test_a_breaker_opened_while_the_person_thinks_still_refuses(guard: Guard, breaker: Breaker) -> None:
    outside = Outside()

    async def slowly(plan: Plan) -> bool:
        await breaker.open(COLLEAGUE, "stop")
        return True

    with pytest.raises(Refused, match="by op-b: stop"):
        await guard.execute(plan_for(outside, confirmation=ASKS), command="/x", actor=OPERATOR, confirm=slowly)
    assert outside.calls == []


@pytest.mark.parametrize(
    ("actor", "confirmation", "hint"),
    [
        (OPERATOR, ASKS, ""),
        (COLLEAGUE, ASKS, "add --yes to agree"),
        (COLLEAGUE, Confirmation("stops it", "checkout"), "type it in the console, or add --confirm checkout"),
    ],
)
async def test_a_no_is_a_no(guard: Guard, store: Store, actor: object, confirmation: Confirmation, hint: str) -> None:
    outside = Outside()
    assert actor in (OPERATOR, COLLEAGUE)
    who = OPERATOR if actor is OPERATOR else COLLEAGUE
    with pytest.raises(Refused, match=confirmation.question) as refused:
        await guard.execute(plan_for(outside, confirmation=confirmation), command="/x", actor=who, confirm=decline)
    assert refused.value.hint == hint
    assert outside.calls == []
    entry = await last(store)
    assert (entry.decision, entry.rule) == ("refused", "confirmation")


async def test_read_only_refuses_everything_and_writes_nothing(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock):
        pass
    outside = Outside()
    async with temporary_store(tmp_path, clock, read_only=True) as store:
        with pytest.raises(Refused) as refused:
            await Guard(store, clock, read_only=True).execute(
                plan_for(outside), command="/x", actor=OPERATOR, confirm=agree
            )
        assert refused.value.equivalent == "outsidectl change thing"
        assert await Audit(store).list() == ()
    assert outside.calls == []


async def test_a_guard_on_a_read_only_store_refuses_even_if_nobody_told_it(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock):
        pass
    outside = Outside()
    async with temporary_store(tmp_path, clock, read_only=True) as store:
        with pytest.raises(Refused, match="for reading alone"):
            await Guard(store, clock).execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
    assert outside.calls == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (SourceError(FailureKind.TIMEOUT, "no answer"), OutcomeStatus.UNKNOWN),
        (SourceError(FailureKind.SERVER, "broke", status=500), OutcomeStatus.UNKNOWN),
        (SourceError(FailureKind.MALFORMED, "HTML"), OutcomeStatus.UNKNOWN),
        (SourceError(FailureKind.UNREACHABLE, "cut off"), OutcomeStatus.UNKNOWN),
        (SourceError(FailureKind.REJECTED, "bad matcher", status=400), OutcomeStatus.FAILED),
        (SourceError(FailureKind.DENIED, "forbidden", status=403), OutcomeStatus.FAILED),
        (SourceError(FailureKind.UNREACHABLE, "refused", sent=False), OutcomeStatus.NOT_SENT),
    ],
)
async def test_failures_say_how_far_the_write_came(
    guard: Guard, store: Store, failure: SourceError, status: OutcomeStatus
) -> None:
    outcome = await guard.execute(plan_for(Outside(failure)), command="/x", actor=OPERATOR, confirm=agree)
    assert (outcome.status, outcome.ok) == (status, False)
    assert failure.message in outcome.message
    assert (await last(store)).outcome == status.value
    assert await guard.unfinished() == ()


async def test_a_failure_before_the_permit_was_spent_was_not_sent(guard: Guard) -> None:
    outside = Outside(SourceError(FailureKind.TIMEOUT, "no answer"), fails_before_spending=True)
    outcome = await guard.execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
    assert outcome.status is OutcomeStatus.NOT_SENT


@pytest.mark.parametrize(("early", "status"), [(True, OutcomeStatus.NOT_SENT), (False, OutcomeStatus.UNKNOWN)])
async def test_a_fault_of_the_program_is_recorded_and_raised(
    guard: Guard, store: Store, early: bool, status: OutcomeStatus
) -> None:
    outside = Outside(KeyError("surprise"), fails_before_spending=early)
    with pytest.raises(KeyError):
        await guard.execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
    assert (await last(store)).outcome == status.value


async def test_a_write_that_claims_success_without_its_permit_is_a_fault(guard: Guard, store: Store) -> None:
    async def sneak(permit: WritePermit) -> Applied:
        return Applied("trust me")

    with pytest.raises(PermitError, match="never spent"):
        await guard.execute(plan_for(Outside(), apply=sneak), command="/x", actor=OPERATOR, confirm=agree)
    assert (await last(store)).outcome == "not sent"


async def test_verification_decides_what_was_done(guard: Guard) -> None:
    async def yes(applied: Applied) -> bool:
        return True

    async def no(applied: Applied) -> bool:
        return False

    async def blind(applied: Applied) -> bool:
        raise SourceError(FailureKind.TIMEOUT, "no answer")

    async def status(verify: object) -> OutcomeStatus:
        chosen = {"yes": yes, "no": no, "blind": blind}[str(verify)]
        plan = plan_for(Outside(), verify=chosen)
        outcome = await guard.execute(plan, command="/x", actor=OPERATOR, confirm=agree)
        assert outcome.undo == "/undo thing"
        return outcome.status

    assert await status("yes") is OutcomeStatus.DONE
    # It was accepted: whether it is there in another form, nobody knows. So it is no failure that changed nothing.
    assert await status("no") is OutcomeStatus.UNKNOWN
    assert await status("blind") is OutcomeStatus.UNKNOWN


async def test_a_cancelled_write_shows_as_unknown_and_is_settled_once(
    guard: Guard, store: Store, clock: ManualClock
) -> None:
    begun = asyncio.Event()

    async def hang(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(
        guard.execute(plan_for(Outside(), apply=hang), command="/thing change", actor=OPERATOR, confirm=agree)
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await guard.unfinished() == ()  # it goes on: nobody breaks off what is on its way
    await die("/thing change")
    guard = Guard(store, clock)
    (lost,) = await guard.unfinished()
    assert lost.command == "/thing change"
    assert lost.check == "unknown, check: test.change on outside prod, thing thing"
    assert lost.equivalent == "outsidectl change thing"

    assert await guard.settle(COLLEAGUE) == ()  # another console could still be at it
    clock.turn(PERMIT_LIFE.total_seconds())
    assert await guard.settle(COLLEAGUE) == (lost,)
    assert await guard.settle(COLLEAGUE) == ()
    assert await guard.unfinished() == ()
    entry = await last(store)
    assert (entry.outcome, entry.rule, entry.operator, entry.intent) == (
        "unknown",
        "found unfinished",
        "op-b",
        lost.intent,
    )
    assert (await Audit(store).verify()).whole


async def test_a_store_that_dies_after_the_write_is_told(guard: Guard, tmp_path: Path) -> None:
    async def apply(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        lose_store(tmp_path)
        return Applied("the thing is changed")

    outcome = await guard.execute(plan_for(Outside(), apply=apply), command="/x", actor=OPERATOR, confirm=agree)
    assert outcome.status is OutcomeStatus.DONE
    assert not outcome.recorded
    assert "could not be kept" in outcome.message


async def test_without_a_store_nothing_is_written_and_the_way_by_hand_is_given(guard: Guard, tmp_path: Path) -> None:
    lose_store(tmp_path)
    outside = Outside()
    for confirmation in (None, ASKS):
        with pytest.raises(Refused, match="nothing was sent") as refused:
            await guard.execute(
                plan_for(outside, confirmation=confirmation), command="/x", actor=OPERATOR, confirm=agree
            )
        assert refused.value.equivalent == "outsidectl change thing"
        assert isinstance(refused.value.__cause__, StoreError)
    assert outside.calls == []


@pytest.mark.parametrize(
    "plan",
    [
        plan_for(Outside(), risk=Risk.RECORD),
        plan_for(Outside(), targets=()),
        plan_for(Outside(), risk=Risk.DESTRUCTIVE),
        plan_for(Outside(), risk=Risk.DESTRUCTIVE, confirmation=Confirmation("sure?")),
    ],
)
async def test_plans_that_contradict_themselves_are_faults(guard: Guard, plan: Plan) -> None:
    with pytest.raises(ValueError, match=r"test\.change"):
        await guard.execute(plan, command="/x", actor=OPERATOR, confirm=agree)


async def test_a_console_that_is_left_waits_for_its_writes(guard: Guard, store: Store) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        begun.set()
        await go_on.wait()
        return Applied("the thing is changed")

    task = asyncio.create_task(
        guard.execute(plan_for(Outside(), apply=slow), command="/x", actor=OPERATOR, confirm=agree)
    )
    await begun.wait()
    task.cancel()
    leaving = asyncio.create_task(guard.drain(OPERATOR))
    await asyncio.sleep(0)
    go_on.set()
    assert await leaving == ()
    assert (await last(store)).outcome == "done"
    assert await guard.drain(OPERATOR) == ()


async def test_what_does_not_end_in_time_is_put_down_as_unknown(guard: Guard, store: Store) -> None:
    begun = asyncio.Event()

    async def hang(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(
        guard.execute(plan_for(Outside(), apply=hang), command="/x", actor=OPERATOR, confirm=agree)
    )
    await begun.wait()
    (left,) = await guard.drain(OPERATOR, patience=0)
    assert left.check == "unknown, check: test.change on outside prod, thing thing"
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ((await last(store)).outcome, (await last(store)).rule) == ("unknown", "left unfinished")
    assert await guard.unfinished() == ()


async def test_what_takes_service_from_users_is_asked_with_its_target_and_environment(guard: Guard) -> None:
    seen: list[Confirmation | None] = []

    async def person(plan: Plan) -> bool:
        seen.append(plan.confirmation)
        return True

    plan = plan_for(Outside(), risk=Risk.DESTRUCTIVE, confirmation=Confirmation("stops it", "thing"))
    assert (await guard.execute(plan, command="/x", actor=OPERATOR, confirm=person)).ok
    assert seen == [Confirmation("stops it; thing thing in prod", "thing")]
