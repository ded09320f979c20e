"""The breaker is one durable switch: who, when and why, and exactly one winner where several reach for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.audit.search import AuditSearch
from services.safety.actor import Surface
from services.safety.audit import Audit
from services.safety.audit_entry import AuditEntry
from services.safety.breaker import Breaker
from services.safety.circuit import Circuit, CircuitState
from services.storage.engine import Store
from services.storage.keys import ChainKeys, chain_key
from services.vocabulary.errors import Conflict, Refused, StoreError
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, temporary_store

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path) as store:
        yield store


@pytest.fixture
def breaker(store: Store) -> Breaker:
    return Breaker(store, store.clock)


async def test_it_begins_closed_and_untouched(breaker: Breaker) -> None:
    circuit = await breaker.read()
    assert circuit == Circuit()
    assert circuit.since(EPOCH) == ""


async def test_opening_needs_no_reason_and_closing_does(breaker: Breaker) -> None:
    opened = await breaker.open(OPERATOR)
    assert opened == Circuit(CircuitState.OPEN, 1, "op-a", EPOCH, "", manual=True)
    for blank in ("", "  \t"):
        with pytest.raises(Refused, match="needs a reason"):
            await breaker.close(OPERATOR, blank)
    assert (await breaker.read()).is_open
    closed = await breaker.close(COLLEAGUE, " rolled back ")
    assert closed == Circuit(CircuitState.CLOSED, 2, "op-b", EPOCH, "rolled back", manual=True)


async def test_it_survives_the_console(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        await Breaker(store, clock).open(OPERATOR, "storm")
    clock.jump(timedelta(hours=-1))  # a clock that goes back changes nothing
    async with temporary_store(tmp_path, clock) as store:
        circuit = await Breaker(store, clock).read()
    assert circuit.is_open
    assert circuit.since(clock.now()) == "since 19:31:07 UTC (0s), by op-a: storm"


def test_it_says_the_date_where_it_is_another_day() -> None:
    circuit = Circuit(CircuitState.OPEN, 1, "op-a", EPOCH, "", manual=True)
    assert circuit.since(EPOCH + timedelta(days=1)) == "since 2026-03-02 19:31:07 UTC (24h), by op-a, no reason given"


async def test_asking_for_what_is_so_already_changes_nothing(breaker: Breaker, store: Store) -> None:
    first = await breaker.open(OPERATOR, "storm")
    assert await breaker.open(COLLEAGUE, "me too") == first
    assert len(await Audit(store).list()) == 1


async def test_a_toggle_on_an_old_revision_is_a_conflict_that_says_who(breaker: Breaker) -> None:
    await breaker.open(OPERATOR, "storm")
    with pytest.raises(Conflict, match=r"it is open since .* by op-a: storm"):
        await breaker.close(COLLEAGUE, "looked fine", seen=0)
    assert (await breaker.read()).is_open


async def test_every_toggle_is_audited(breaker: Breaker, store: Store) -> None:
    await breaker.open(OPERATOR, "storm")
    await breaker.close(COLLEAGUE, "over")
    newest, oldest = await Audit(store).list()
    assert (oldest.action, oldest.operator, oldest.message) == (
        "circuit.open",
        "op-a",
        "circuit open, revision 1: storm",
    )
    assert (newest.action, newest.operator, newest.message) == (
        "circuit.close",
        "op-b",
        "circuit closed, revision 2: over",
    )
    assert (await Audit(store).verify()).whole


async def test_of_twenty_racing_toggles_one_wins_each_revision(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock) as other:
        breakers = [Breaker(store, clock) for store in (one, other)]
        for revision in range(6):

            async def toggle(index: int, revision: int = revision) -> bool:
                breaker = breakers[index % 2]
                try:
                    if revision % 2:
                        await breaker.close(OPERATOR, f"racer {index}", seen=revision)
                    else:
                        await breaker.open(OPERATOR, f"racer {index}", seen=revision)
                except Conflict:
                    return False
                return True

            wins = await asyncio.gather(*(toggle(index) for index in range(20)))
            assert sum(wins) == 1
            circuit = await breakers[0].read()
            assert (circuit.revision, circuit.reason) == (revision + 1, f"racer {wins.index(True)}")
        assert (await Audit(one).verify()).entries == 6


async def test_another_console_sees_it_and_an_idle_poll_reads_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock, read_only=True) as other:
        changes = Breaker(other, clock).changes()
        first = await changes.read()
        assert first == (Circuit(),)
        assert await changes.read() is first
        await Breaker(one, clock).open(OPERATOR, "storm")
        (circuit,) = await changes.read()
        assert circuit.is_open
        with pytest.raises(StoreError, match="for reading alone"):
            await Breaker(other, clock).close(OPERATOR, "no")


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM breakers", "lift; UPDATE breakers SET state = 'ajar'"],
)
async def test_a_breaker_that_cannot_be_understood_is_never_taken_for_closed(
    breaker: Breaker, store: Store, damage: str, engine: str
) -> None:
    lift = {
        "sqlite": "PRAGMA ignore_check_constraints = ON",
        "postgresql": "ALTER TABLE breakers DROP CONSTRAINT ck_breakers_state",
    }
    async with store.write() as connection:
        for statement in damage.split(";"):
            await connection.exec_driver_sql(lift[engine] if statement == "lift" else statement)
    with pytest.raises(StoreError):
        await breaker.read()


async def test_who_toggled_it_is_whom_the_database_knows(breaker: Breaker, store: Store) -> None:
    await breaker.open(OPERATOR)
    (entry,) = [one async for one in _entries(store)]
    assert entry.database_user == store.database_user
    assert bool(entry.database_user) is (store.name.startswith("postgresql"))


async def _entries(store: Store) -> AsyncIterator[AuditEntry]:
    for number in range(1, (await Audit(store).head()).sequence + 1):
        yield await AuditSearch(store).get(number)


async def test_a_script_may_open_it_and_a_person_closes_it(breaker: Breaker) -> None:
    script = replace(OPERATOR, automation=True)
    await breaker.open(script, "storm")
    for close in (breaker.close, breaker.reset):
        with pytest.raises(Refused, match="a script may open the breaker and not"):
            await close(script, "all is well")
    assert (await breaker.read()).is_open
    # A token of the gateway was given just this right by a person.
    assert not (await breaker.close(replace(script, surface=Surface.GATEWAY), "all is well")).is_open


async def test_an_emergency_stop_of_a_second_source_waits_for_no_key_either(store: Store, breaker: Breaker) -> None:
    store.keys = ChainKeys(chain_key("0123456789abcdef0123456789abcdef"))
    await breaker.open(OPERATOR, "storm", scope="alertmanager a")
    store.keys = ChainKeys()
    await breaker.open(OPERATOR, "storm", scope="alertmanager b")
    assert (await breaker.read()).is_open, "two that are open open everything"
