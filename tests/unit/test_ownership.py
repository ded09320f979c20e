"""Which incident owns which alert: one at most, whoever says so at the same moment, and on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.alerts.model import Alert
from services.alerts.naming import title
from services.command import Invocation, Result
from services.incidents.model import IncidentState, OwnedAlert
from services.incidents.ownership import OwnershipRepository
from services.incidents.ownership_commands import COMMANDS, OwnershipNeeds
from services.incidents.repository import Change, IncidentRepository
from services.registry import CommandError, Registry
from services.safety.outcome import Outcome
from services.safety.plan import Plan
from services.storage.engine import Store
from services.vocabulary.errors import Conflict, ConsoleError, NotFound
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert
from tests.support.store import OPERATOR, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

A, B, C = (OwnedAlert(f"prod/{letter * 16}", f"Alert {letter}") for letter in "abc")
EARLIER = EPOCH - timedelta(minutes=10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
def incidents(store: Store, clock: ManualClock) -> IncidentRepository:
    return IncidentRepository(store, clock)


@pytest.fixture
def ownership(store: Store, clock: ManualClock) -> OwnershipRepository:
    return OwnershipRepository(store, clock)


async def test_an_alert_that_nobody_owns_opens_an_incident_that_owns_it(
    ownership: OwnershipRepository, incidents: IncidentRepository
) -> None:
    done = await ownership.escalate([A, B], "Alert a and 1 more", 2, "op-a", EARLIER)
    assert (done.opened, done.severity_before, done.attached) == (True, None, (A, B))
    found = await incidents.get(1)
    assert (found.title, found.severity, found.commander, found.started_at) == (
        "Alert a and 1 more",
        2,
        "op-a",
        EARLIER,
    )
    assert found.alerts == (A, B)
    assert [(line.kind, line.operator) for line in found.timeline] == [("created", "op-a"), ("alerts", "op-a")]
    assert found.timeline[1].text == f"owns Alert a ({A.id}), Alert b ({B.id})"
    assert (await incidents.verify(1)).entries == 2
    assert (await incidents.list())[0].alerts == (A, B)


async def test_the_incident_that_owns_it_becomes_worse_and_owns_the_rest_too(
    ownership: OwnershipRepository, incidents: IncidentRepository
) -> None:
    await ownership.escalate([A], "a", 3, "op-a", EARLIER)
    again = await ownership.escalate([A, B], "other words", 3, "op-b", EARLIER)
    assert (again.opened, again.severity_before, again.incident.severity, again.attached) == (False, 3, 2, (B,))
    assert (await ownership.escalate([B], "x", 3, "op-b", EARLIER)).incident.severity == 1
    worst = await ownership.escalate([B], "x", 3, "op-b", EARLIER)
    assert (worst.severity_before, worst.incident.severity) == (1, 1)
    found = await incidents.get(1)
    assert [line.text for line in found.timeline if line.kind == "severity"] == ["SEV3 to SEV2", "SEV2 to SEV1"]
    assert (found.commander, found.title, found.revision) == ("op-a", "a", 3)
    assert await incidents.list() == (found.__class__(**{**_fields(found), "timeline": ()}),)


async def test_a_severity_that_is_named_is_taken_for_both(ownership: OwnershipRepository) -> None:
    assert (await ownership.escalate([A], "a", 3, "op-a", EARLIER, to=1)).incident.severity == 1
    lowered = await ownership.escalate([A], "a", 3, "op-a", EARLIER, to=4)
    assert (lowered.severity_before, lowered.incident.severity) == (1, 4)


async def test_an_ended_incident_owns_nothing_any_more(
    ownership: OwnershipRepository, incidents: IncidentRepository
) -> None:
    await ownership.escalate([A], "a", 3, "op-a", EARLIER)
    await incidents.change(1, 1, "op-a", Change(kind="state", text="resolved", state=IncidentState.RESOLVED))
    done = await ownership.escalate([A], "again", 3, "op-a", EARLIER)
    assert (done.opened, done.incident.number) == (True, 2)
    with pytest.raises(Conflict, match="incident #1 is resolved"):
        await ownership.attach(1, [B], "op-a")
    assert (await incidents.get(1)).alerts == (A,), "what it owned stays on record"


async def test_an_alert_goes_from_one_incident_to_another_and_both_tell(
    ownership: OwnershipRepository, incidents: IncidentRepository
) -> None:
    await ownership.escalate([A, B], "first", 3, "op-a", EARLIER)
    await ownership.escalate([C], "second", 3, "op-a", EARLIER)
    done = await ownership.attach(2, [B, C], "op-b")
    assert (done.alerts, done.taken_from, done.incident.alerts) == ((B,), (1,), (B, C))
    first, second = await incidents.get(1), await incidents.get(2)
    assert (first.alerts, first.timeline[-1].text) == ((A,), f"to incident #2: Alert b ({B.id})")
    assert second.timeline[-1].text == f"owns Alert b ({B.id})"
    for number in (1, 2):
        assert (await incidents.verify(number)).whole
    again = await ownership.attach(2, [B], "op-b")
    assert (again.alerts, again.taken_from) == ((), ())


async def test_alerts_of_several_incidents_are_not_escalated_together(ownership: OwnershipRepository) -> None:
    await ownership.escalate([A], "first", 3, "op-a", EARLIER)
    await ownership.escalate([B], "second", 3, "op-a", EARLIER)
    with pytest.raises(Conflict, match="several incidents: #1, #2"):
        await ownership.escalate([A, B, C], "x", 3, "op-a", EARLIER)


async def test_an_alert_can_be_taken_off(ownership: OwnershipRepository, incidents: IncidentRepository) -> None:
    await ownership.escalate([A, B], "first", 3, "op-a", EARLIER)
    assert await ownership.detach([A, C], "op-b") == {A.id: 1}
    found = await incidents.get(1)
    assert (found.alerts, found.timeline[-1].text) == ((B,), f"no longer of it: Alert a ({A.id})")
    with pytest.raises(NotFound, match="no open incident owns any of them"):
        await ownership.detach([A], "op-b")
    with pytest.raises(NotFound, match="no incident #9"):
        await ownership.attach(9, [A], "op-b")


async def test_two_who_escalate_at_the_same_moment_open_one_incident(
    tmp_path: Path, store: Store, clock: ManualClock, incidents: IncidentRepository
) -> None:
    async with temporary_store(tmp_path, clock) as other:
        repositories = [OwnershipRepository(one, clock) for one in (store, other)]
        done = await asyncio.gather(
            *(repositories[index % 2].escalate([A], "a", 4, f"op-{index}", EARLIER) for index in range(4))
        )
        assert sorted(one.opened for one in done) == [False, False, False, True]
    (found,) = await incidents.list()
    assert (found.severity, found.alerts) == (1, (A,))


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: object, confirm: object) -> Outcome:
        raise AssertionError("an incident is written to the console's own store")


@pytest.fixture
def run(ownership: OwnershipRepository, incidents: IncidentRepository) -> Any:
    """A command line to its answer, over three alerts."""
    alerts = [
        make_alert("Slow", "warning", EPOCH, service="web"),
        make_alert("Down", "critical", EARLIER, service="api"),
        make_alert("Note", "info", EPOCH, service="web"),
    ]

    async def find(ids: Sequence[str]) -> list[Alert]:
        known = {alert.name: alert for alert in alerts}
        if missing := [one for one in ids if one not in known]:
            raise NotFound(f"no alert has the id {missing[0]!r}")
        return [known[one] for one in ids]

    registry = Registry(Nobody())
    registry.add(COMMANDS, OwnershipNeeds(ownership, find, title, tuple, lambda prefix: []))  # type: ignore[arg-type]

    async def line(text: str, **selection: tuple[str, ...]) -> Result:
        request = registry.parse(text, selection)
        return await registry.run(request, Invocation(OPERATOR, _never, selection))

    return line


async def test_the_commands_say_what_came_of_it(run: Any, incidents: IncidentRepository) -> None:
    opened = await run("/alerts escalate Slow Down")
    assert opened.message == "incident #1 is open (SEV2), commander op-a; it owns 2 alerts"
    found = await incidents.get(1)
    assert (found.title, found.started_at) == ("Down api and 1 more", EARLIER)
    assert (await run("/alerts escalate", alert=("Down",))).message == (
        "incident #1 is SEV1 now (it was SEV2); it owns 2 alerts"
    )
    assert (await run("/alerts escalate Down")).message == (
        "incident #1 is SEV1, already the worst there is; it owns 2 alerts"
    )
    assert (await run("/alerts escalate Note --title 'disk is full' --severity 5")).data["title"] == "disk is full"
    moved = await run("/alerts group Slow Note --incident #2")
    assert moved.message == "incident #2 owns 2 alerts, 1 of them new (taken from #1)"
    assert (await run("/alerts group Slow --remove")).message == "1 alert no longer of incident #2"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/alerts escalate", "the id is missing"),
        ("/alerts escalate Slow --severity 9", "severity"),
        ("/alerts group Slow --incident x", "not an incident's number"),
    ],
)
async def test_what_is_wrong_with_a_line_is_said(run: Any, line: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        await run(line)


@pytest.mark.parametrize("line", ["/alerts group Slow", "/alerts group Slow --incident 1 --remove"])
async def test_which_incident_must_be_said(run: Any, line: str) -> None:
    with pytest.raises(ConsoleError, match="which incident"):
        await run(line)


async def test_nothing_is_opened_for_an_alert_that_is_not_there(run: Any, incidents: IncidentRepository) -> None:
    with pytest.raises(NotFound, match="'Gone'"):
        await run("/alerts escalate Down Gone")
    assert await incidents.list() == ()


def _fields(incident: Any) -> dict[str, Any]:
    return {name: getattr(incident, name) for name in incident.__slots__}


async def _never(plan: Plan) -> bool:
    return False
