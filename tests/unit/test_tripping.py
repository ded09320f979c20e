"""The breakers of sources: tripped by what came of writes, healed by one probe, and by nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.safety.gate import Asked
from services.safety.guard import PERMIT_LIFE, Guard
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Confirmation, Plan, Risk
from services.safety.window import Thresholds
from services.storage.engine import Store
from services.vocabulary.errors import Conflict, FailureKind, Refused, SourceError
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

TIMEOUT = SourceError(FailureKind.TIMEOUT, "no answer")
SCRIPT = replace(COLLEAGUE, automation=True)
SOURCE = "outside prod"


class Console:
    """One console on a store, a thing to write to in each of several sources, and a clock."""

    def __init__(self, store: Store, clock: ManualClock, thresholds: Thresholds | None = None) -> None:
        self.store, self.clock = store, clock
        self.guard = Guard(store, clock, thresholds=thresholds)
        self.breaker = Breaker(store, clock, thresholds=thresholds)
        self.questions: list[str] = []

    async def write(
        self,
        failure: Exception | None = None,
        *,
        source: str = SOURCE,
        actor: Actor = OPERATOR,
        reversible: bool = True,
        outside: Outside | None = None,
        **more: object,
    ) -> Outcome:
        plan = replace(plan_for(outside or Outside(failure)), source=source, reversible=reversible, **more)  # type: ignore[arg-type]
        return await self.guard.execute(plan, command="/thing change", actor=actor, confirm=self._agree)

    async def _agree(self, plan: Plan) -> bool:
        assert plan.confirmation is not None
        self.questions.append(plan.confirmation.question)
        return True

    async def trip(self, source: str = SOURCE) -> Circuit:
        for _ in range(3):
            await self.write(TIMEOUT, source=source)
        circuit = await self.breaker.read(source)
        assert circuit.is_open
        return circuit

    async def standing(self, scope: str = SOURCE) -> CircuitState:
        return (await self.breaker.read(scope)).standing(self.clock.now())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
def console(store: Store, clock: ManualClock) -> Console:
    return Console(store, clock)


async def test_three_failures_in_a_row_open_the_breaker_of_their_source_alone(console: Console, store: Store) -> None:
    circuit = await console.trip()
    assert (circuit.manual, circuit.changed_by, circuit.trips) == (False, "", 1)
    assert circuit.retry_at == EPOCH + timedelta(seconds=60)
    outside = Outside()
    with pytest.raises(Refused) as refused:
        await console.write(outside=outside)
    assert refused.value.message == (
        "the breaker of outside prod is open since 19:31:07 UTC (0s), by itself: the last 3 writes failed"
    )
    assert refused.value.hint == (
        "nothing was sent; a probe may be tried in 1m; "
        '/circuit reset outside prod --reason "…" lets writes through again'
    )
    assert refused.value.equivalent == "outsidectl change thing"
    assert outside.calls == []
    assert (await console.write(source="elsewhere")).ok
    assert not (await console.breaker.read()).is_open
    entries = [(entry.action, entry.source) for entry in await Audit(store).list()]
    assert ("circuit.trip", SOURCE) in entries
    assert (await Audit(store).verify()).whole


async def test_half_of_five_open_it_and_a_success_never_does(console: Console) -> None:
    for failure in (None, TIMEOUT, None, TIMEOUT):
        await console.write(failure)
    assert await console.standing() is CircuitState.CLOSED
    await console.write()  # 2 of 5
    await console.write(TIMEOUT)  # 3 of 6
    assert (await console.breaker.read(SOURCE)).reason == "3 of 6 writes within 300 s failed"


@pytest.mark.parametrize(
    "failure",
    [
        SourceError(FailureKind.REJECTED, "no", status=400),
        SourceError(FailureKind.DENIED, "no", status=403),
        SourceError(FailureKind.UNREACHABLE, "refused", sent=False),
    ],
)
async def test_what_never_reached_the_other_side_or_was_refused_there_does_not_count(
    console: Console, failure: SourceError
) -> None:
    for _ in range(6):
        await console.write(failure)
    assert await console.standing() is CircuitState.CLOSED
    for _ in range(2):
        await console.write(TIMEOUT)
        await console.write(failure)
    assert await console.standing() is CircuitState.CLOSED
    await console.write(TIMEOUT)  # what does not count does not break a row, either
    assert await console.standing() is CircuitState.OPEN


async def test_a_no_and_a_refusal_do_not_count(console: Console) -> None:
    for _ in range(5):
        with pytest.raises(Refused):
            await console.guard.execute(
                plan_for(Outside(), confirmation=Confirmation("sure?")), command="/x", actor=OPERATOR, confirm=decline
            )
    assert await console.standing() is CircuitState.CLOSED


@pytest.mark.parametrize("kind", ["verification", "blind", "fault"])
async def test_what_may_have_happened_counts(console: Console, kind: str) -> None:
    async def no(applied: Applied) -> bool:
        return False

    async def blind(applied: Applied) -> bool:
        raise TIMEOUT

    for _ in range(3):
        if kind == "fault":
            with pytest.raises(KeyError):
                await console.write(KeyError("surprise"))
        else:
            await console.write(verify={"verification": no, "blind": blind}[kind])
    assert await console.standing() is CircuitState.OPEN


async def test_a_probe_heals_it_after_the_cooldown(console: Console, store: Store) -> None:
    await console.trip()
    console.clock.turn(59)
    with pytest.raises(Refused, match="is open"):
        await console.write()
    console.clock.turn(1)
    assert await console.standing() is CircuitState.HALF_OPEN
    assert (await console.write()).ok
    assert console.questions == [
        "this is the one probe of the breaker of outside prod: done closes it, a failure opens it again for 2m"
    ]
    healed = await console.breaker.read(SOURCE)
    assert (healed.state, healed.probe, healed.reason) == (CircuitState.CLOSED, None, "the probe of op-a succeeded")
    entries = await Audit(store).list()
    assert [entry.action for entry in entries[:2]] == ["circuit.heal", "test.change"]
    assert entries[1].rule == "probe, confirmed"
    for _ in range(2):  # what failed before is forgotten
        await console.write(TIMEOUT)
    assert await console.standing() is CircuitState.CLOSED


async def test_a_probe_that_fails_opens_it_for_twice_as_long(console: Console) -> None:
    await console.trip()
    for trips, cooldown in ((2, 120), (3, 240), (4, 480)):
        console.clock.turn(10_000)
        await console.write(TIMEOUT)
        circuit = await console.breaker.read(SOURCE)
        assert (circuit.trips, circuit.retry_at) == (trips, console.clock.now() + timedelta(seconds=cooldown))
        assert circuit.reason == "the probe of op-a failed"


async def test_a_probe_that_was_not_sent_or_refused_there_leaves_it_half_open(console: Console) -> None:
    await console.trip()
    console.clock.turn(60)
    await console.write(SourceError(FailureKind.REJECTED, "no", status=422))
    assert await console.standing() is CircuitState.HALF_OPEN
    assert (await console.breaker.read(SOURCE)).probe is None
    assert (await console.write()).ok
    assert await console.standing() is CircuitState.CLOSED


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"reversible": False}, "cannot"),
        ({"actor": SCRIPT}, "no script's"),
        ({"risk": Risk.DESTRUCTIVE, "confirmation": Confirmation("stops it", "thing")}, "cannot"),
    ],
)
async def test_a_probe_is_a_persons_and_can_be_taken_back(console: Console, more: dict[str, object], why: str) -> None:
    await console.trip()
    console.clock.turn(60)
    with pytest.raises(Refused, match=why):
        await console.write(**more)  # type: ignore[arg-type]
    assert console.questions == []
    assert await console.standing() is CircuitState.HALF_OPEN


async def test_without_probes_half_open_only_reads(store: Store, clock: ManualClock) -> None:
    console = Console(store, clock, Thresholds(probe=False))
    await console.trip()
    clock.turn(60)
    with pytest.raises(Refused, match="switched off"):
        await console.write()
    await console.breaker.close(OPERATOR, "looked at it", scope=SOURCE)
    assert (await console.write()).ok


async def test_while_one_probe_is_under_way_there_is_no_other(console: Console) -> None:
    await console.trip()
    console.clock.turn(60)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        begun.set()
        await go_on.wait()
        return Applied("done")

    probe = asyncio.create_task(console.write(apply=slow))
    await begun.wait()
    with pytest.raises(Refused, match="its probe is under way"):
        await console.write()
    go_on.set()
    assert (await probe).ok
    assert (await console.write()).ok


async def test_a_probe_whose_console_died_counts_as_failed(console: Console, clock: ManualClock) -> None:
    await console.trip()
    clock.turn(60)

    async def dies(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await console.write(apply=dies)
    assert (await console.breaker.read(SOURCE)).probe is not None
    clock.turn(PERMIT_LIFE.total_seconds())
    other = Guard(console.store, clock)
    assert len(await other.settle(COLLEAGUE)) == 1
    circuit = await console.breaker.read(SOURCE)
    assert (circuit.standing(clock.now()), circuit.probe, circuit.trips) == (CircuitState.OPEN, None, 2)


async def test_writes_that_nobody_ended_trip_it(console: Console, clock: ManualClock) -> None:
    async def dies(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        raise asyncio.CancelledError

    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await console.write(apply=dies)
    clock.turn(PERMIT_LIFE.total_seconds())
    assert len(await Guard(console.store, clock).settle(COLLEAGUE)) == 3
    assert await console.standing() is CircuitState.OPEN


async def test_a_write_that_ends_after_it_was_put_down_is_counted_once_as_what_it_was(
    console: Console, clock: ManualClock
) -> None:
    for _ in range(2):
        await console.write(TIMEOUT)

    async def slow(permit: WritePermit) -> Applied:
        permit.spend("test.change", "thing")
        clock.turn(PERMIT_LIFE.total_seconds())
        return Applied("done")

    async def settled(applied: Applied) -> bool:
        await Guard(console.store, clock).settle(COLLEAGUE)
        return True

    outcome = await console.write(apply=slow, verify=settled)
    assert outcome.status is OutcomeStatus.DONE
    assert await console.standing() is CircuitState.OPEN  # it looked like the third failure
    await console.breaker.close(OPERATOR, "it was done", scope=SOURCE)
    await console.write(TIMEOUT)
    assert await console.standing() is CircuitState.CLOSED  # 3 of 4, and no three in a row


async def test_two_open_sources_open_everything_and_a_probe_heals_both(console: Console) -> None:
    await console.trip("a")
    assert not (await console.breaker.read()).is_open
    await console.trip("b")
    circuit = await console.breaker.read()
    assert (circuit.is_open, circuit.manual) == (True, False)
    assert circuit.reason == "2 sources are open at once: a, b"
    with pytest.raises(Refused, match="the circuit is open"):
        await console.write(source="c")
    console.clock.turn(60)
    assert (await console.write(source="a")).ok
    assert "the circuit and the breaker of a" in console.questions[0]
    states = {one.scope: one.standing(console.clock.now()).value for one in await console.breaker.read_all()}
    assert states == {GLOBAL: "closed", "a": "closed", "b": "half-open"}
    assert (await console.write(source="c")).ok


async def test_a_persons_open_is_sticky_whatever_opened_before(console: Console, clock: ManualClock) -> None:
    await console.trip()
    await console.breaker.open(OPERATOR, "hands off", scope=SOURCE)
    clock.turn(1_000_000)
    with pytest.raises(Refused, match="by op-a: hands off"):
        await console.write()
    await console.breaker.open(OPERATOR)
    clock.turn(1_000_000)
    with pytest.raises(Refused, match="the circuit is open"):
        await console.write(source="elsewhere")


async def test_a_clock_that_jumps_back_leaves_it_open(console: Console, clock: ManualClock) -> None:
    await console.trip()
    clock.turn(30)
    clock.jump(timedelta(hours=-1))
    for _ in range(3):
        clock.turn(60)
        assert await console.standing() is CircuitState.OPEN
        with pytest.raises(Refused, match="is open"):
            await console.write()


async def test_it_survives_every_console(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock) as store:
        before = await Console(store, clock).trip()
    async with temporary_store(tmp_path, clock) as store:
        console = Console(store, clock)
        assert await console.breaker.read(SOURCE) == before
        with pytest.raises(Refused, match="is open"):
            await console.write()


async def test_closed_by_hand_what_was_counted_stays_counted_and_a_reset_forgets(console: Console) -> None:
    await console.trip()
    await console.breaker.close(OPERATOR, "cause found", scope=SOURCE)
    await console.write(TIMEOUT)
    again = await console.breaker.read(SOURCE)
    assert (again.is_open, again.trips) == (True, 2)
    (reset,) = await console.breaker.reset(OPERATOR, "replaced", scope=SOURCE)
    assert (reset.state, reset.trips, reset.revision) == (CircuitState.CLOSED, 0, again.revision + 1)
    for _ in range(2):
        await console.write(TIMEOUT)
    assert await console.standing() is CircuitState.CLOSED
    await console.write(TIMEOUT)
    assert (await console.breaker.read(SOURCE)).trips == 1


async def test_a_reset_of_everything_closes_everything(console: Console) -> None:
    await console.trip("a")
    await console.trip("b")
    with pytest.raises(Refused, match="resetting the circuit needs a reason"):
        await console.breaker.reset(OPERATOR, " ")
    done = await console.breaker.reset(OPERATOR, "network is back")
    assert [one.scope for one in done] == [GLOBAL, "a", "b"]
    assert not any(one.is_open for one in await console.breaker.read_all())


async def test_a_toggle_of_a_source_on_an_old_revision_is_a_conflict(console: Console) -> None:
    await console.trip()
    for move in (console.breaker.close, console.breaker.reset, console.breaker.open):
        with pytest.raises(Conflict, match="somebody toggled the breaker of outside prod meanwhile: it is open"):
            await move(COLLEAGUE, "looked fine", seen=0, scope=SOURCE)
    assert await console.standing() is CircuitState.OPEN


async def test_who_witnesses_is_told_within_the_transaction_and_can_break_nothing(
    store: Store, clock: ManualClock
) -> None:
    seen: list[tuple[bool | None, list[str]]] = []

    class Onlooker:
        async def witness(
            self, asked: Asked, outcome: Outcome, connection: AsyncConnection, *, failed: bool | None, moved: object
        ) -> None:
            assert isinstance(moved, tuple)
            seen.append((failed, [circuit.scope for circuit in moved]))
            await connection.exec_driver_sql("UPDATE counters SET value = value + 1")
            if len(seen) == 1:
                raise KeyError("surprise")

    guard = Guard(store, clock, witnesses=(Onlooker(),))
    for _ in range(3):
        outcome = await guard.execute(plan_for(Outside(TIMEOUT)), command="/x", actor=OPERATOR, confirm=agree)
        assert outcome.recorded
    assert seen == [(True, []), (True, []), (True, [SOURCE])]
    async with store.read() as connection:
        value = (await connection.exec_driver_sql("SELECT value FROM counters WHERE name = 'incidents'")).scalar_one()
    assert value == 2  # of the one that failed nothing was kept


async def test_beside_a_witness_that_breaks_the_transaction_the_others_are_heard_and_the_end_is_kept_once(
    store: Store, clock: ManualClock
) -> None:
    heard: list[str] = []

    class Breaking:
        async def witness(
            self, asked: Asked, outcome: Outcome, connection: AsyncConnection, *, failed: bool | None, moved: object
        ) -> None:
            await connection.exec_driver_sql("UPDATE counters SET value = 7")
            await connection.exec_driver_sql("SELECT * FROM nowhere")

    class Listening:
        async def witness(
            self, asked: Asked, outcome: Outcome, connection: AsyncConnection, *, failed: bool | None, moved: object
        ) -> None:
            heard.append(outcome.message)
            await connection.exec_driver_sql("UPDATE counters SET value = value + 1")

    guard = Guard(store, clock, witnesses=(Listening(), Breaking(), Listening()))
    outcome = await guard.execute(plan_for(Outside()), command="/x", actor=OPERATOR, confirm=agree)
    assert (outcome.recorded, outcome.ok) == (True, True)
    async with store.read() as connection:
        value = (await connection.exec_driver_sql("SELECT value FROM counters WHERE name = 'incidents'")).scalar_one()
    assert value == 2  # those that listen, each once
    assert [one.outcome for one in await Audit(store).list()] == ["done"]
    assert (await Audit(store).verify()).whole
    assert heard == [outcome.message] * 3  # the first one heard what was then dropped, too
