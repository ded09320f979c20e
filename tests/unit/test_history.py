"""The history of alerts: what one look after another tells, who writes it down, and what it says in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.alerts.model import Alert
from services.command import Invocation, Result
from services.history.commands import COMMANDS, Backfill, HistoryNeeds
from services.history.episodes import episodes_of, joined, per_day, summarize
from services.history.historian import LASTING, Historian
from services.history.model import Episode, Event, EventKind
from services.history.repository import HistoryRepository
from services.history.watching import Standing, look, standing_after
from services.incidents.model import Incident
from services.registry import Registry
from services.safety.outcome import Outcome
from services.safety.plan import Plan
from services.storage.leases import Leases
from services.vocabulary.errors import FailureKind, NotFound, SourceError
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert
from tests.support.store import OPERATOR, temporary_store

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
FIRED, RESOLVED, ACKED, SILENCED, UNMUTED = EventKind


def told(events: Sequence[Event]) -> list[tuple[str, str, int]]:
    """Name, kind and minutes after the start of the test."""
    return [(one.name, one.kind.value, round((one.at - EPOCH) / MINUTE)) for one in events]


def at(minutes: float) -> datetime:
    return EPOCH + minutes * MINUTE


def test_what_fires_at_the_first_look_fired_when_it_began() -> None:
    alert = make_alert("A", "critical", at(-30), acked_by="op-b", until=at(60))
    known, events = look({}, "prod", [alert], at(0))
    assert told(events) == [("A", "fired", -30), ("A", "acked", -30)]
    assert (events[0].labels, events[1].operator, events[1].text) == (alert.labels, "op-b", "seen")
    assert look(known, "prod", [alert], at(1)) == (known, [])


def test_what_is_gone_was_resolved_and_comes_again_as_another_firing() -> None:
    alert = make_alert("A", "critical", at(0))
    known, _ = look({}, "prod", [alert], at(1))
    known, events = look(known, "prod", [], at(5))
    assert told(events) == [("A", "resolved", 5)]
    _, events = look(known, "prod", [structs.replace(alert, starts_at=at(7))], at(8))
    assert told(events) == [("A", "fired", 7)]


def test_an_end_between_two_looks_shows_by_the_later_beginning() -> None:
    alert = make_alert("A", "critical", at(0))
    known, _ = look({}, "prod", [alert], at(1))
    later, events = look(known, "prod", [structs.replace(alert, starts_at=at(3))], at(4))
    assert told(events) == [("A", "resolved", 3), ("A", "fired", 3)]
    assert later[alert.fingerprint].started_at == at(3)
    # Members of a cluster round differently, and one of them may know an earlier beginning.
    for other in (at(0) + timedelta(milliseconds=900), at(-5)):
        assert look(known, "prod", [structs.replace(alert, starts_at=other)], at(4))[1] == []


def test_a_silence_that_ends_while_it_fires_and_another_that_begins() -> None:
    alert = make_alert("A", "critical", at(0))
    silenced = make_alert("A", "critical", at(0), silenced_by="op-c", until=at(9))
    known, _ = look({}, "prod", [alert], at(1))
    known, events = look(known, "prod", [silenced], at(2))
    assert told(events) == [("A", "silenced", 0)]
    assert events[0].reference == silenced.silences[0].id
    _, events = look(known, "prod", [alert], at(3))
    assert (told(events), events[0].reference) == ([("A", "unmuted", 3)], silenced.silences[0].id)


ALERTS = {name: make_alert(name, "warning", EPOCH) for name in "ABC"}
LOOKS = st.lists(st.frozensets(st.sampled_from("ABC")), max_size=12)


@given(LOOKS)
def test_whoever_goes_on_from_what_was_put_down_knows_what_the_one_before_knew(looks: list[frozenset[str]]) -> None:
    known: Mapping[str, Standing] = {}
    written: list[Event] = []
    began: dict[str, datetime] = {}
    for minute, names in enumerate(looks):
        began = {name: began.get(name, at(minute)) for name in names}
        alerts = [structs.replace(ALERTS[name], starts_at=began[name]) for name in sorted(names)]
        known, events = look(known, "prod", alerts, at(minute))
        written += events
    assert standing_after(written).get("prod", {}) == known
    episodes = episodes_of(written)
    assert {one.name for one in episodes if one.ended_at is None} == (looks[-1] if looks else set())
    kinds = [one.kind for one in written]
    assert len(episodes) == kinds.count(FIRED)
    assert kinds.count(FIRED) - kinds.count(RESOLVED) == len(known)


def episode(start: float, end: float | None, alert: str = "prod/a", **more: Any) -> Episode:
    return Episode(alert, "A", at(start), None if end is None else at(end), **more)


def test_a_summary_counts_what_came_again_at_once() -> None:
    now = at(200)
    several = [episode(0, 10), episode(15, 20), episode(60, 61), episode(75, 80), episode(190, None)]
    found = summarize(several, now)
    assert (found.times, found.again, found.firing, found.flaps) == (5, 2, 1, True)
    assert (found.fired_for, found.usual, found.last_at) == (31 * MINUTE, 5 * MINUTE, at(190))
    assert found.flapping == 0.5
    apart = [episode(0, 10, "prod/a"), episode(11, 12, "prod/b"), episode(13, 14, "prod/c"), episode(15, 16, "prod/d")]
    assert summarize(apart, now).again == 0, "another alert is not the same one again"
    none = summarize([], now)
    assert (none.times, none.flapping, none.usual, none.last_at) == (0, 0.0, timedelta(0), None)


@pytest.mark.parametrize(("times", "flaps"), [(1, False), (2, False), (3, False), (4, True), (9, True)])
def test_an_alert_flaps_from_the_third_return_on(times: int, flaps: bool) -> None:
    assert summarize([episode(10 * n, 10 * n + 5) for n in range(times)], at(500)).flaps is flaps


def test_days_are_those_of_utc() -> None:
    midnight = datetime.combine(EPOCH.date(), datetime.min.time(), EPOCH.tzinfo)
    several = [Episode("prod/a", "A", midnight + hours * timedelta(hours=1), None) for hours in (-25, -1, 0, 23, 24)]
    assert per_day(several, EPOCH.date() - 2 * DAY, EPOCH.date() + DAY) == [1, 1, 2, 1]
    assert per_day(several, EPOCH.date(), EPOCH.date()) == [2]


def test_prometheus_fills_in_what_no_console_saw() -> None:
    seen = [episode(100, 130), episode(200, None)]
    remembered = [episode(0, 20, observed=False), episode(99, 128, observed=False), episode(201, 300, observed=False)]
    assert joined(seen, remembered, MINUTE) == [remembered[0], *seen]
    other = [episode(101, 110, "prod/b", observed=False)]
    assert joined(seen, other, MINUTE) == [seen[0], other[0], seen[1]]


class World:
    """What the Alertmanager holds, for several consoles over one store."""

    def __init__(self) -> None:
        self.alerts: Sequence[Alert] | None = ()

    async def __call__(self) -> Mapping[str, Sequence[Alert] | None]:
        return {"prod": self.alerts}


@pytest.mark.usefixtures("engine")
async def test_one_console_writes_and_the_next_one_goes_on(tmp_path: Path) -> None:
    clock, world = ManualClock(), World()
    async with temporary_store(tmp_path, clock) as first, temporary_store(tmp_path, clock) as second:
        one, other = (
            Historian(HistoryRepository(store), Leases(store, clock, name), world, clock, 30 * DAY)
            for name, store in (("one", first), ("other", second))
        )
        world.alerts = [make_alert("A", "critical", at(-5), acked_by="op-b"), make_alert("B", "critical", at(-1))]
        assert await one.round() == 3
        assert await other.round() == 0, "the other one has the lease"
        assert await one.round() == 0
        world.alerts = None
        assert await one.round() == 0, "an answer that is not fresh says nothing"
        world.alerts = [make_alert("B", "critical", at(-1))]
        clock.turn(LASTING.total_seconds() + 1)
        assert await other.round() == 1, "only what happened since"
        assert await one.round() == 0
        repository = HistoryRepository(first)
        events = await repository.events(at(-60))
        assert [(name, kind) for name, kind, _ in told(events)] == [
            ("A", "fired"),
            ("A", "acked"),
            ("B", "fired"),
            ("A", "resolved"),
        ]
        assert [one.name for one in await repository.events(at(-60), name="B")] == ["B"]
        assert await repository.first_at("prod") == at(0), "when it was seen, not when it began"
        assert await repository.first_at("eu") is None


@pytest.mark.usefixtures("engine")
async def test_what_is_older_than_asked_for_is_forgotten(tmp_path: Path) -> None:
    clock, world = ManualClock(), World()
    async with temporary_store(tmp_path, clock) as store:
        repository = HistoryRepository(store)
        historian = Historian(repository, Leases(store, clock, "one"), world, clock, 2 * DAY)
        world.alerts = [make_alert("A", "critical", at(0))]
        await historian.round()
        world.alerts = ()
        await historian.round()
        clock.turn((3 * DAY).total_seconds())
        world.alerts = [make_alert("B", "critical", clock.now())]
        await historian.round()
        assert [one.name for one in await repository.events(at(-60))] == ["B"]


@pytest.mark.usefixtures("engine")
async def test_ten_thousand_alerts_are_put_down_at_once_and_known_again(tmp_path: Path) -> None:
    clock, world = ManualClock(), World()
    world.alerts = [make_alert(f"A{number}", "warning", EPOCH) for number in range(10_000)]
    async with temporary_store(tmp_path, clock) as store:
        historian = Historian(HistoryRepository(store), Leases(store, clock, "one"), world, clock, DAY)
        assert await historian.round() == 10_000
        again = Historian(HistoryRepository(store), Leases(store, clock, "one"), world, clock, DAY)
        assert await again.round() == 0


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: object, confirm: object) -> Outcome:
        raise AssertionError("nothing is written")


class Teller:
    """The command over a store, with what Prometheus remembers."""

    def __init__(self, repository: HistoryRepository, clock: ManualClock) -> None:
        self.repository = repository
        self.alert = make_alert("A", "critical", at(0), service="web")
        self.remembers: Backfill | SourceError | None = None
        self.asked: list[tuple[datetime, datetime]] = []
        self.registry = Registry(Nobody())
        needs = HistoryNeeds(
            repository,
            self._find,
            self._remembered,
            self._incidents,
            clock,
            90 * DAY,
            lambda prefix: [],  # type: ignore[arg-type]
        )
        self.registry.add(COMMANDS, needs)

    async def _find(self, id: str) -> Alert:
        if id != "a":
            raise NotFound(f"no alert has the id {id!r}")
        return self.alert

    async def _remembered(self, alert: Alert, start: datetime, end: datetime) -> Backfill | None:
        self.asked.append((start, end))
        if isinstance(self.remembers, SourceError):
            raise self.remembers
        return self.remembers

    async def _incidents(self, ids: Sequence[str]) -> Sequence[Incident]:
        return ()

    async def tell(self, line: str) -> Result:
        return await self.registry.run(self.registry.parse(line), Invocation(OPERATOR, _never))


async def _never(plan: Plan) -> bool:
    return False


async def test_one_alert_is_told_with_what_prometheus_remembers(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        repository = HistoryRepository(store)
        teller = Teller(repository, clock)
        begun = clock.now()
        cluster, fingerprint, name = "prod", teller.alert.fingerprint, "A"
        await repository.add(
            clock.now(),
            [
                Event(at(-60), cluster, fingerprint, FIRED, name, teller.alert.labels),
                Event(at(-58), cluster, fingerprint, ACKED, name, operator="op-b", text="looking", reference="s1"),
                Event(at(-30), cluster, fingerprint, RESOLVED, name),
                Event(at(-20), cluster, "f" * 16, FIRED, "Other"),
                Event(at(0), cluster, fingerprint, FIRED, name, teller.alert.labels),
            ],
        )
        clock.turn(300)
        first = Episode(teller.alert.id, name, at(-3000), at(-2990), observed=False)
        teller.remembers = Backfill((first,), MINUTE)
        found = await teller.tell("/alerts history a")
        assert found.message == "A: 3 times in 30d, fires now"
        assert teller.asked == [(clock.now() - 30 * DAY, begun)]
        assert found.table is not None
        assert [row[1:] for row in found.table.rows] == [
            ("5m yet", "", "", "", "consoles"),
            ("30m", "op-b", "", "looking", "consoles"),
            ("10m", "", "", "", "Prometheus"),
        ]
        assert "\n".join(found.lines).count("from Prometheus, to within 1m") == 1
        teller.remembers = SourceError(FailureKind.UNREACHABLE, "prometheus does not answer")
        lines = "\n".join((await teller.tell("/alerts history a")).lines)
        assert "cannot be read: prometheus does not answer" in lines
        teller.remembers = None
        assert "no Prometheus belongs to prod" in "\n".join((await teller.tell("/alerts history a")).lines)
        with pytest.raises(NotFound):
            await teller.tell("/alerts history b")


async def test_without_an_id_the_noisiest_come_first_and_what_flaps_is_named(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        repository = HistoryRepository(store)
        teller = Teller(repository, clock)
        assert (await teller.tell("/alerts history")).lines == (
            "nothing is written down yet; a console does it while it runs",
        )
        events = [Event(at(-500), "prod", "b" * 16, FIRED, "Calm")]
        for number in range(5):
            start = -300 + 20 * number
            events += [
                Event(at(start), "prod", "a" * 16, FIRED, "Noisy"),
                Event(at(start + 10), "prod", "a" * 16, RESOLVED, "Noisy"),
            ]
        await repository.add(clock.now(), events)
        found = await teller.tell("/alerts history --since 2d")
        assert found.message == "6 firings of 2 alerts in 2d, 1 flap"
        assert found.table is not None
        assert [(row[0], row[1], row[3]) for row in found.table.rows] == [("Noisy", "5", "4 flaps"), ("Calm", "1", "")]
        assert [(one["name"], one["flapping"], one["firing"]) for one in found.data] == [
            ("Noisy", 1.0, 0),
            ("Calm", 0.0, 1),
        ]
