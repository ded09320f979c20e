"""Incidents: numbers without gaps, changes that cannot overwrite each other, a timeline that shows tampering."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.incidents.model import Incident, IncidentState
from services.incidents.repository import Change, IncidentRepository
from services.incidents.view import age, arrange, count, severity_label, title_line, updated
from services.storage.engine import Store
from services.vocabulary.errors import Conflict, NotFound
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import temporary_store

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
def repository(store: Store, clock: ManualClock) -> IncidentRepository:
    return IncidentRepository(store, clock)


async def test_a_new_incident_is_in_triage_with_its_creator_in_command(repository: IncidentRepository) -> None:
    created = await repository.create(" Checkout errors ", 2, "op-a")
    assert (created.number, created.title, created.severity, created.state, created.commander) == (
        1,
        "Checkout errors",
        2,
        IncidentState.TRIAGE,
        "op-a",
    )
    assert created.started_at == created.detected_at == created.updated_at == EPOCH
    assert [(entry.sequence, entry.kind, entry.text) for entry in created.timeline] == [
        (1, "created", "SEV2 Checkout errors")
    ]
    assert await repository.get(1) == created
    assert (await repository.verify(1)).entries == 1


@pytest.mark.parametrize(("title", "severity", "detected"), [(" ", 2, 0), ("x", 0, 0), ("x", 6, 0), ("x", 1, -1)])
async def test_nonsense_is_refused_and_costs_no_number(
    repository: IncidentRepository, title: str, severity: int, detected: int
) -> None:
    with pytest.raises(ValueError, match="an incident has a title"):
        await repository.create(title, severity, "op-a", detected_at=EPOCH + timedelta(minutes=detected))
    assert (await repository.create("x", 3, "op-a")).number == 1


async def test_two_consoles_number_without_gap_or_double(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock) as other:
        repositories = [IncidentRepository(store, clock) for store in (one, other)]
        created = await asyncio.gather(
            *(repositories[index % 2].create(f"incident {index}", 3, "op-a") for index in range(30))
        )
        assert sorted(incident.number for incident in created) == list(range(1, 31))


async def test_what_another_changed_first_is_a_conflict_and_nothing_is_lost(repository: IncidentRepository) -> None:
    created = await repository.create("Checkout errors", 3, "op-a")
    raised = await repository.change(1, created.revision, "op-b", Change(kind="severity", text="worse", severity=1))
    assert (raised.severity, raised.revision) == (1, 2)
    stale = Change(kind="state", text="found it", state=IncidentState.IDENTIFIED)
    with pytest.raises(Conflict, match="revision 2, you saw 1"):
        await repository.change(1, created.revision, "op-a", stale)
    assert (await repository.get(1)).state is IncidentState.TRIAGE
    assert (await repository.change(1, 2, "op-a", stale)).state is IncidentState.IDENTIFIED
    assert [entry.kind for entry in (await repository.get(1)).timeline] == ["created", "severity", "state"]
    assert (await repository.verify(1)).whole


async def test_of_twenty_racing_changes_one_wins(repository: IncidentRepository) -> None:
    await repository.create("Checkout errors", 3, "op-a")

    async def take_command(racer: int) -> bool:
        try:
            await repository.change(1, 1, f"op-{racer}", Change(kind="handover", text="", commander=f"op-{racer}"))
        except Conflict:
            return False
        return True

    wins = await asyncio.gather(*(take_command(racer) for racer in range(20)))
    assert sum(wins) == 1
    incident = await repository.get(1)
    assert (incident.commander, incident.revision, len(incident.timeline)) == (f"op-{wins.index(True)}", 2, 2)


async def test_notes_conflict_with_nothing_and_keep_both_times(
    repository: IncidentRepository, clock: ManualClock
) -> None:
    created = await repository.create("Checkout errors", 3, "op-a")
    clock.turn(600)
    entry = await repository.note(1, "op-b", "customers call", at=EPOCH)
    assert (entry.at, entry.entered_at) == (EPOCH, EPOCH + timedelta(minutes=10))
    incident = await repository.get(1)
    assert (incident.timeline[-1], incident.revision) == (entry, created.revision)
    assert incident.updated_at == clock.now()


async def test_what_does_not_exist_is_not_found(repository: IncidentRepository) -> None:
    change = Change(kind="x", text="")
    for attempt in (
        repository.get(9),
        repository.verify(9),
        repository.note(9, "op", "x"),
        repository.change(9, 1, "o", change),
    ):
        with pytest.raises(NotFound, match="no incident #9"):
            await attempt


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE timeline SET text = 'nothing happened' WHERE sequence = 2",
        "UPDATE timeline SET at = '2020-01-01 00:00:00.000000' WHERE sequence = 2",
        "UPDATE timeline SET operator = 'op-x' WHERE sequence = 2",
        "DELETE FROM timeline WHERE sequence = 2",
        "DELETE FROM timeline WHERE sequence = 3",
    ],
)
async def test_a_changed_timeline_shows(repository: IncidentRepository, store: Store, damage: str) -> None:
    await repository.create("Checkout errors", 3, "op-a")
    await repository.note(1, "op-a", "one")
    await repository.note(1, "op-a", "two")
    assert (await repository.verify(1)).whole
    async with store.write() as connection:
        await connection.exec_driver_sql(damage)
    assert not (await repository.verify(1)).whole


async def test_hostile_titles_come_back_exactly(repository: IncidentRepository) -> None:
    title = "[red]x[/] \x1b]52;c;eA==\x07 \u202e </b> " + "x" * 10_000
    assert (await repository.create(title, 3, "op-a")).title == title
    assert (await repository.get(1)).title == title


async def test_the_list_is_open_first_then_the_latest_ended(repository: IncidentRepository, clock: ManualClock) -> None:
    for severity in (3, 1, 3, 2):
        await repository.create("x", severity, "op-a")
        clock.turn(60)
    for number in (2, 3):
        await repository.change(number, 1, "op-a", Change(kind="state", text="", state=IncidentState.RESOLVED))
        clock.turn(60)
    assert [incident.number for incident in await repository.list()] == [4, 1]
    assert [incident.number for incident in await repository.list(ended=9)] == [4, 1, 3, 2]
    assert [incident.number for incident in await repository.list(ended=1)] == [4, 1, 3]


async def test_a_feed_reads_again_only_when_something_was_written(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock, read_only=True) as wallboard:
        changes = IncidentRepository(wallboard, clock).changes()
        first = await changes.read()
        assert await changes.read() is first
        await IncidentRepository(one, clock).create("Checkout errors", 1, "op-a")
        assert [incident.title for incident in await changes.read()] == ["Checkout errors"]


def incident(number: int, severity: int, state: IncidentState, minutes: int) -> Incident:
    at = EPOCH - timedelta(minutes=minutes)
    return Incident(number, f"title {number}", severity, state, "op-a", at, at, at)


def test_the_worst_then_the_oldest_open_one_is_on_top_and_cancelled_ones_last() -> None:
    arranged = arrange(
        [
            incident(1, 1, IncidentState.CANCELLED, 1),
            incident(2, 1, IncidentState.RESOLVED, 5),
            incident(3, 2, IncidentState.TRIAGE, 5),
            incident(4, 2, IncidentState.MONITORING, 9),
            incident(5, 1, IncidentState.IDENTIFIED, 1),
            incident(6, 3, IncidentState.CLOSED, 2),
        ]
    )
    assert [one.number for one in arranged] == [5, 4, 3, 6, 2, 1]


def test_counts_and_words() -> None:
    some = [
        incident(1, 2, IncidentState.TRIAGE, 14),
        incident(2, 3, IncidentState.TRIAGE, 1),
        incident(3, 1, IncidentState.CLOSED, 1),
    ]
    counts = count(some)
    assert (counts.open, counts.major, counts.ended, counts.sentence) == (2, 1, 1, "2 open, 1 major")
    assert count([]).sentence == "no open incident"
    assert (severity_label(some[0]), age(some[0], EPOCH), updated(some[1], EPOCH)) == ("SEV2", "14m", "1m")
    assert title_line(some[0]) == "SEV2 #1 title 1"
