"""An incident with one key: from the alert under the cursor to the store, and back onto the screen."""

from __future__ import annotations

from pathlib import Path

from screens.operations import OperationsScreen
from services.alerts.view import AlertRow
from services.incidents.commands import COMMANDS, IncidentsNeeds
from services.incidents.model import LONGEST_TITLE
from services.incidents.repository import IncidentRepository
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import desk_stage, quiet, ready
from tests.support.store import temporary_store
from tests.support.tapped import Tapped, tapped
from widgets.command_line import CommandLine
from widgets.detail import DetailStrip
from widgets.pane import Pane


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: object) -> Outcome:
        raise AssertionError("an incident is written to the console's own store")


async def test_the_key_begins_an_incident_that_enter_creates_and_the_list_shows(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        screen = desk.app.screen
        row = screen.query_one("#alerts", Pane).table.cursor_row
        assert isinstance(row, AlertRow)
        assert row.alert is not None
        title = f"{row.alert.name} checkout"
        records = desk.backend.records
        assert records is not None
        assert await records.incidents.list() == ()
        await desk.press("i")
        line = screen.query_one(CommandLine)
        assert line.line == f"/incident create '{title}'"
        assert await records.incidents.list() == (), "nothing is done before enter"
        await desk.press(*" --severity sev2", "enter")
        (incident,) = await records.incidents.list()
        assert (incident.title, incident.severity, incident.commander) == (title, 2, "op-a")
        assert "incident #1 is open (SEV2), commander op-a" in "\n".join(n.message for n in desk.app._notifications)
        assert isinstance(desk.app.screen, OperationsScreen)
        assert not line.is_open
        await desk.press("2")
        shown = screen.query_one("#incidents", Pane).table.rows
        assert [row.title for row in shown] == [incident.title]
        assert desk.writes == [], "it is a record of ours"


async def test_the_key_suggests_a_title_that_can_be_created_whatever_the_alert_is_called(tmp_path: Path) -> None:
    clock = ManualClock()
    name = 'Name "quoted" \\ ' + "n" * 300
    alert = make_alert(name, "critical", EPOCH, service="the end of the service's name")
    async with temporary_store(tmp_path, clock) as store:
        repository = IncidentRepository(store, clock)
        registry = Registry(Nobody())
        registry.add(COMMANDS, IncidentsNeeds(repository, tuple, clock))
        app = desk_stage(clock, make_desk(clock, alerts={"prod": [alert]}, registry=registry))
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot)
            await pilot.press("i", "enter")
            await quiet(pilot, workers=False)
            (incident,) = await repository.list()
            assert len(incident.title) == LONGEST_TITLE
            # What tells it from others of its kind stands at both ends.
            assert incident.title.startswith('Name "quoted" \\ n')
            assert incident.title.endswith("the end of the service's name")


async def test_an_alert_is_escalated_and_attached_with_keys_and_both_details_tell(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        screen = desk.app.screen
        table = screen.query_one("#alerts", Pane).table
        first = table.cursor_row
        assert isinstance(first, AlertRow)
        assert first.alert is not None
        await desk.press("e")
        line = screen.query_one(CommandLine)
        assert line.line == f"/alerts escalate {first.alert.id} "
        await desk.press("enter")
        records = desk.backend.records
        assert records is not None
        (incident,) = await records.incidents.list()
        assert [one.id for one in incident.alerts] == [first.alert.id]
        assert "incident #1 is open" in "\n".join(note.message for note in desk.app._notifications)
        assert f"of incident #1 SEV{incident.severity}" in detail(desk)
        await desk.press("j")
        second = table.cursor_row
        assert isinstance(second, AlertRow)
        assert second.alert is not None
        assert second.alert.id != first.alert.id
        assert "of incident" not in detail(desk)
        await desk.press("E", *"1", "enter")
        (incident,) = await records.incidents.list()
        assert {one.id for one in incident.alerts} == {first.alert.id, second.alert.id}
        assert "of incident #1" in detail(desk)
        await desk.press("2")
        assert "owns 2 alerts" in detail(desk)
        assert desk.writes == [], "they are records of ours"


def detail(desk: Tapped) -> str:
    """What the strip below the lists says."""
    strip = desk.app.screen.query_one(DetailStrip)
    return "\n".join("".join(segment.text for segment in part) for part in strip.screen._compositor.render_strips())
