"""The operations screen under a person's keys, over a desk made by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from textual.widgets import Input

from console.app import ConsoleApp
from screens.confirm import ConfirmScreen
from screens.desk import Desk
from screens.operations import OperationsScreen
from services.alerts.model import Alert
from services.vocabulary.errors import FailureKind, SourceError
from tests.support.answering import answerable
from tests.support.clock import ManualClock
from tests.support.desk import CLOSED, make_desk
from tests.support.desk import make_alert as alert_of
from tests.support.stage import ByHand
from widgets.command_line import CommandLine
from widgets.pane import Pane, PaneNote
from widgets.top_bar import TopBar

SIZE = (120, 40)


def make_alert(clock: ManualClock, name: str, *, minutes: int, pod: str = "") -> Alert:
    """A critical alert of checkout that began so many minutes ago."""
    onset = clock.now() - timedelta(minutes=minutes)
    return alert_of(name, "critical", onset, environment="staging", service="checkout", pod=pod)


def console(desk: Desk, clock: ManualClock, **flags: Any) -> ConsoleApp:
    """The whole console over ``desk``."""

    async def connect(_: ConsoleApp) -> ByHand:
        return ByHand(desk)

    return ConsoleApp(connect, clock=clock, **flags)


def alerts_pane(app: ConsoleApp) -> Pane:
    """The first pane."""
    return app.screen.query_one("#alerts", Pane)


def title(app: ConsoleApp) -> str:
    """What stands in its frame."""
    return str(alerts_pane(app).border_title)


async def test_nothing_fires_is_said_only_with_when_it_was_checked() -> None:
    clock = ManualClock()
    desk = make_desk(clock, alerts={"prod": []}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "0 firing" in title(app)
        assert "checked 0s ago" in alerts_pane(app).query_one(PaneNote).words.plain
        desk.alerts["prod"].fail(SourceError(FailureKind.UNREACHABLE, "prod: no connection"))
        await pilot.pause()
        assert "UNKNOWN" in title(app)
        assert "0 firing" not in title(app)
        assert "no connection" in alerts_pane(app).query_one(PaneNote).words.plain


async def test_the_command_line_opens_before_any_source_has_answered() -> None:
    clock = ManualClock()
    app = console(make_desk(clock, alerts={"prod": None}), clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("slash", "h", "e")
        await pilot.pause()
        assert app.screen.query_one(CommandLine).line == "/he"


async def test_an_ack_of_an_alert_that_has_ended_asks_to_look_again() -> None:
    clock = ManualClock()
    first, second = (make_alert(clock, name, minutes=minutes) for name, minutes in (("First", 1), ("Second", 2)))
    desk = make_desk(clock, alerts={"prod": [first, second]}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert alerts_pane(app).table.cursor_key == first.id
        desk.alerts["prod"].publish([second])
        await pilot.pause()
        assert alerts_pane(app).table.cursor_key == second.id
        await pilot.press("a")
        await pilot.pause()
        assert any("under the cursor is gone" in note.message for note in app._notifications)


async def test_an_ack_of_the_alert_that_a_filter_left_asks_nothing() -> None:
    clock = ManualClock()
    first, second = (make_alert(clock, name, minutes=minutes) for name, minutes in (("First", 1), ("Second", 2)))
    desk = make_desk(clock, alerts={"prod": [first, second]}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("f", *"second", "enter")
        await pilot.pause()
        assert alerts_pane(app).table.cursor_key == second.id
        await pilot.press("a")
        await pilot.pause()
        assert not any("under the cursor is gone" in note.message for note in app._notifications)


async def test_the_cursor_follows_its_alert_into_a_group() -> None:
    clock = ManualClock()
    other = make_alert(clock, "Other", minutes=9)
    storm = [make_alert(clock, "Storm", minutes=minutes, pod=f"pod-{minutes}") for minutes in (3, 4, 5)]
    desk = make_desk(clock, alerts={"prod": [storm[0], other]}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert alerts_pane(app).table.cursor_key == storm[0].id
        desk.alerts["prod"].publish([*storm, other])
        await pilot.pause()
        row = alerts_pane(app).table.cursor_row
        assert row is not None
        assert row.count == 3


async def test_a_bulk_ack_names_the_environments_of_what_was_chosen() -> None:
    clock = ManualClock()
    chosen = [make_alert(clock, name, minutes=minutes) for name, minutes in (("A", 1), ("B", 2))]
    desk = make_desk(clock, alerts={"prod": chosen}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("space", "j", "space", "a")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        shown = "\n".join(str(widget.render()) for widget in app.screen.query("Static"))
        assert chosen[0].environment in shown
        assert "A" in shown
        await answerable(pilot, clock)
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, OperationsScreen)


async def test_a_store_that_no_longer_answers_does_not_say_closed() -> None:
    clock = ManualClock()
    desk = make_desk(clock, alerts={"prod": []}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        bar = app.screen.query_one(TopBar)
        assert bar.state is not None
        assert bar.state.circuit_open is False
        assert desk.circuit is not None
        desk.circuit.fail(SourceError(FailureKind.UNREACHABLE, "the store is gone"))
        await pilot.pause()
        assert bar.state.circuit_open is None


async def test_a_filter_narrows_says_so_and_is_cleared_by_escape() -> None:
    clock = ManualClock()
    two = [make_alert(clock, name, minutes=minutes) for name, minutes in (("Wanted", 1), ("Rest", 2))]
    app = console(make_desk(clock, alerts={"prod": two}, circuit=CLOSED), clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("f", *"wanted")
        await pilot.pause()
        assert len(alerts_pane(app).table.rows) == 1
        assert "filter: 1 of 2" in title(app)
        await pilot.press("escape")
        await pilot.pause()
        assert len(alerts_pane(app).table.rows) == 2


async def test_without_incident_response_there_is_no_pane_and_no_key() -> None:
    clock = ManualClock()
    app = console(make_desk(clock, alerts={"prod": []}, circuit=CLOSED), clock, incidents=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert not app.screen.query("#incidents")
        await pilot.press("i")
        await pilot.pause()
        assert not any(field.has_focus for field in app.screen.query(Input))


async def test_a_narrow_screen_shows_one_pane_and_its_keys_choose_it() -> None:
    clock = ManualClock()
    app = console(make_desk(clock, alerts={"prod": []}, circuit=CLOSED), clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.pause()
        shown = [pane.id for pane in app.screen.query(Pane) if pane.display and pane.size.width]
        assert shown == ["alerts"]
        await pilot.press("3")
        await pilot.pause()
        shown = [pane.id for pane in app.screen.query(Pane) if pane.display and pane.size.width]
        assert shown == ["deployments"]


async def test_what_came_since_the_first_look_is_marked_until_a_key_is_pressed() -> None:
    clock = ManualClock()
    old = make_alert(clock, "Old", minutes=60)
    desk = make_desk(clock, alerts={"prod": [old]}, circuit=CLOSED)
    app = console(desk, clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "new" not in title(app)
        clock.jump(timedelta(seconds=5))
        desk.alerts["prod"].publish([old, make_alert(clock, "Fresh", minutes=0)])
        await pilot.pause()
        assert "1 new" in title(app)
        await pilot.press("x")
        await pilot.pause()
        assert "new" not in title(app)


async def test_a_capital_g_goes_to_the_last_row() -> None:
    clock = ManualClock()
    two = [make_alert(clock, name, minutes=minutes) for name, minutes in (("First", 1), ("Last", 2))]
    app = console(make_desk(clock, alerts={"prod": two}, circuit=CLOSED), clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("G")
        await pilot.pause()
        assert alerts_pane(app).table.cursor_key == two[1].id
