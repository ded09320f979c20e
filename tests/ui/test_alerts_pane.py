"""What the alerts pane says of what it shows: how far it is true, what is new, what tells two alerts apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from textual import events
from textual.app import App

from screens.alerts_presenter import AlertsPage, page_of
from services.alerts.model import Alert
from services.vocabulary.errors import ConsoleError
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_deployment, make_desk
from tests.support.stage import desk_stage, quiet, ready
from widgets.pane import Pane, PaneNote
from widgets.wall_canvas import WallCanvas

SIZE = (120, 40)


def pane_of(app: App[Any]) -> Pane:
    return app.screen.query_one("#alerts", Pane)


def title_of(app: App[Any]) -> str:
    return str(pane_of(app).border_title)


def note_of(app: App[Any]) -> str:
    return pane_of(app).query_one(PaneNote).words.plain


def unreadable() -> Alert:
    """An alert that no page can be made of."""
    alert = make_alert("Odd", "critical", EPOCH)
    return Alert(**{**{name: getattr(alert, name) for name in alert.__struct_fields__}, "labels": {"severity": []}})


@pytest.mark.parametrize("crowd", [1, 2000], ids=["at once", "in a thread"])
async def test_rows_that_could_not_be_arranged_anew_do_not_stand_there_as_fresh(crowd: int) -> None:
    clock = ManualClock()
    good = [make_alert("Good", "critical", EPOCH, instance=f"node-{number}") for number in range(crowd)]
    desk = make_desk(clock, alerts={"prod": good})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "checked 0s ago" in note_of(app)
        clock.jump(timedelta(seconds=3))
        desk.alerts["prod"].publish([*good, unreadable()])
        await quiet(pilot)
        clock.jump(timedelta(seconds=4))
        app.screen._furniture.tick()  # type: ignore[attr-defined]
        await pilot.pause()
        assert "failing for 4s: the console failed to arrange it: TypeError" in note_of(app)
        assert "UNKNOWN" in title_of(app)
        assert pane_of(app).table.stale
        desk.alerts["prod"].publish(good)
        await quiet(pilot)
        assert "checked 0s ago" in note_of(app)
        assert "UNKNOWN" not in title_of(app)
        assert not pane_of(app).table.stale


async def test_a_first_page_that_fails_is_told_in_the_place_of_rows() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": [unreadable()]}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "UNKNOWN" in title_of(app)
        assert "UNKNOWN: the console failed to arrange it" in pane_of(app).table.render_line(1).text


@pytest.mark.parametrize("crowd", [1, 2000], ids=["at once", "in a thread"])
async def test_the_wallboard_is_blind_where_it_cannot_count(crowd: int) -> None:
    clock = ManualClock()
    good = [make_alert("Good", "critical", EPOCH, instance=f"node-{number}") for number in range(crowd)]
    desk = make_desk(clock, alerts={"prod": good})
    app = desk_stage(clock, desk, wallboard=True)
    async with app.run_test(size=(200, 60)) as pilot:
        await ready(pilot)
        clock.jump(timedelta(seconds=3))
        desk.alerts["prod"].publish([*good, unreadable()])
        await quiet(pilot)
        text = "\n".join(app.screen.query_one(WallCanvas).lines)
        assert "alertmanager prod blind since" in text
        assert "the console failed to count the alerts: TypeError" in text
        desk.alerts["prod"].publish(good)
        await quiet(pilot)
        assert "blind" not in "\n".join(app.screen.query_one(WallCanvas).lines)


async def test_a_page_is_made_of_what_was_true_when_it_was_begun() -> None:
    clock = ManualClock()
    wanted, rest = (make_alert(name, "critical", EPOCH) for name in ("Wanted", "Rest"))
    app = desk_stage(clock, make_desk(clock, alerts={"prod": [wanted, rest]}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("f", *"wanted")
        await quiet(pilot)
        presenter = app.screen._furniture.alerts  # type: ignore[attr-defined]
        work = presenter._page([wanted, rest])
        await pilot.press("escape")
        await quiet(pilot)
        page: AlertsPage = work()
        assert [row.alert for row in page.view.rows] == [wanted]
        assert presenter.view.shown == 2


def test_a_filter_that_cannot_be_read_is_told_in_its_own_page() -> None:
    page = page_of([make_alert("A", "critical", EPOCH)], "pod=~(", {}, frozenset())
    assert "no regular expression" in page.filter_error
    assert page.view.shown == 1


async def test_what_is_new_is_marked_cluster_by_cluster() -> None:
    clock = ManualClock()
    old = {name: make_alert("Old", "critical", EPOCH, cluster=name) for name in ("eu", "us")}
    fresh = {name: make_alert("Fresh", "critical", EPOCH, cluster=name) for name in ("eu", "us")}
    desk = make_desk(clock, alerts={"eu": [old["eu"]], "us": None})
    desk.alerts["us"].fail(ConsoleError("us does not answer"))
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "new" not in title_of(app)
        desk.alerts["eu"].publish([old["eu"], fresh["eu"]])
        await quiet(pilot)
        assert "1 new" in title_of(app)
        desk.alerts["us"].publish([old["us"]])
        await quiet(pilot)
        assert "1 new" in title_of(app)
        desk.alerts["us"].publish([old["us"], fresh["us"]])
        await quiet(pilot)
        assert "2 new" in title_of(app)
        await pilot.press("x")
        await quiet(pilot)
        assert "new" not in title_of(app)


async def test_what_a_filter_hid_at_the_first_look_is_not_new_without_it() -> None:
    clock = ManualClock()
    hidden = make_alert("Hidden", "critical", EPOCH)
    desk = make_desk(clock, alerts={"prod": None})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("f", *"wanted")
        desk.alerts["prod"].publish([hidden])
        await quiet(pilot)
        await pilot.press("escape")
        await quiet(pilot)
        assert pane_of(app).table.cursor_key == hidden.id
        assert "new" not in title_of(app)


def lines_of(app: App[Any], name: str = "#alerts") -> list[str]:
    table = app.screen.query_one(name, Pane).table
    return [table.render_line(y).text for y in range(table.size.height)]


def line_with(app: App[Any], words: str, name: str = "#alerts") -> str:
    return next(line for line in lines_of(app, name) if words in line)


async def test_the_rows_of_one_dead_source_among_live_ones_are_marked_and_dim() -> None:
    clock = ManualClock()
    desk = make_desk(
        clock,
        alerts={name: [make_alert(f"Down-{name}", "critical", EPOCH, cluster=name)] for name in ("eu", "us")},
        deployments={name: [make_deployment(f"shop-{name}", context=name)] for name in ("eu", "us")},
    )
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "◐" not in line_with(app, "Down-us")
        desk.alerts["us"].fail(ConsoleError("us does not answer"))
        desk.deployments["us"].fail(ConsoleError("us does not answer"))
        await quiet(pilot)
        table = pane_of(app).table
        assert "◐" in line_with(app, "Down-us")
        assert "◐" not in line_with(app, "Down-eu")
        strips = [table.render_line(y) for y in (1, 2)]
        dim = [bool(part.style and part.style.dim) for strip in strips for part in strip if "Down" in part.text]
        assert dim == ["Down-us" in strip.text for strip in strips]
        assert "◐" in line_with(app, "shop-us", "#deployments")
        assert "◐" not in line_with(app, "shop-eu", "#deployments")
        desk.alerts["us"].confirm()
        await quiet(pilot)
        assert "◐" not in line_with(app, "Down-us")


async def test_two_alerts_that_differ_in_one_label_do_not_look_alike() -> None:
    clock = ManualClock()
    first, second = (
        make_alert("DiskFull", "critical", EPOCH, service="db", instance="db-1", device=device)
        for device in ("sda", "sdb")
    )
    app = desk_stage(clock, make_desk(clock, alerts={"prod": [first, second]}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "db sda" in line_with(app, "sda")
        assert "db sdb" in line_with(app, "sdb")
        assert "db-1" not in line_with(app, "sdb")
        await pilot.press("space", "j", "space", "a")
        await pilot.pause()
        question = "\n".join(str(widget.render()) for widget in app.screen.query("Static"))
        assert "DiskFull db device=sda" in question
        assert "DiskFull db device=sdb" in question
        await pilot.press("n")


async def test_a_group_unfolds_into_rows_that_can_be_told_apart() -> None:
    clock = ManualClock()
    storm = [make_alert("Storm", "critical", EPOCH, service="web", code=str(code)) for code in (500, 502, 503)]
    app = desk_stage(clock, make_desk(clock, alerts={"prod": storm}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await quiet(pilot)
        for code in (500, 502, 503):
            assert f"code={code}" in line_with(app, f"={code}")


async def test_the_wallboard_tells_two_alerts_apart() -> None:
    clock = ManualClock()
    two = [make_alert("DiskFull", "critical", EPOCH, service="db", instance=f"db-{number}") for number in (1, 2)]
    app = desk_stage(clock, make_desk(clock, alerts={"prod": two}), wallboard=True)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        text = "\n".join(app.screen.query_one(WallCanvas).lines)
        assert "db db-1" in text
        assert "db db-2" in text


async def test_a_filter_that_fits_nothing_says_what_would() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": [make_alert("Down", "critical", EPOCH)]}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("f", *"sev=crit")
        await quiet(pilot)
        assert "did you mean severity=critical?" in "".join(lines_of(app))


def muted(count: int) -> list[Alert]:
    """Alerts that somebody silenced."""
    return [make_alert(f"Muted{number}", "warning", EPOCH, silenced_by="op-b") for number in range(count)]


@pytest.mark.parametrize("crowd", [3, 60, 2000], ids=["all in sight", "at the lower edge", "in a thread"])
async def test_what_is_unfolded_at_the_lower_edge_comes_into_sight(crowd: int) -> None:
    clock = ManualClock()
    firing = [make_alert(f"Firing{number}", "critical", EPOCH) for number in range(crowd)]
    desk = make_desk(clock, alerts={"prod": [*firing, *muted(5)]})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("G")
        await quiet(pilot)
        assert "Muted4" not in drawn(app)
        await pilot.press("enter")
        await quiet(pilot)
        for number in range(5):
            assert f"Muted{number}" in drawn(app)
        # What is folded again moves nothing.
        await pilot.press("enter")
        await quiet(pilot)
        assert "5 silenced or inhibited" in drawn(app)
        assert "Muted4" not in drawn(app)


async def test_more_than_fits_is_unfolded_below_its_own_line() -> None:
    clock = ManualClock()
    firing = [make_alert(f"Firing{number}", "critical", EPOCH) for number in range(40)]
    desk = make_desk(clock, alerts={"prod": [*firing, *muted(40)]})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("G", "enter")
        await quiet(pilot)
        lines = drawn(app).splitlines()
        assert "40 silenced or inhibited" in lines[0]
        assert all("Muted" in line for line in lines[1:10])


async def test_a_key_that_leads_to_another_pane_takes_no_unfolding_along() -> None:
    clock = ManualClock()
    desk = make_desk(clock, alerts={"prod": muted(4)})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        for key in ("enter", "2"):
            app.post_message(events.Key(key, None))
        await quiet(pilot)
        assert len(pane_of(app).table.rows) == 5
        assert not app.screen.has_class("-detailed")


async def test_an_alert_that_ended_is_news_when_it_comes_again() -> None:
    clock = ManualClock()
    first, second = make_alert("First", "critical", EPOCH), make_alert("Second", "critical", EPOCH)
    desk = make_desk(clock, alerts={"prod": [first, second]})
    app = desk_stage(clock, desk)
    feed = desk.alerts["prod"]
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "new" not in title_of(app)
        feed.publish([first])
        await quiet(pilot)
        feed.publish([first, second])
        await quiet(pilot)
        assert "1 new" in title_of(app)
        await pilot.press("j")
        await quiet(pilot)
        assert "new" not in title_of(app)


async def test_what_only_a_filter_or_a_silent_source_hides_is_no_news_afterwards() -> None:
    clock = ManualClock()
    first, second = make_alert("First", "critical", EPOCH), make_alert("Second", "critical", EPOCH)
    desk = make_desk(clock, alerts={"prod": [first, second]})
    app = desk_stage(clock, desk)
    feed = desk.alerts["prod"]
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("f", *"First", "enter")
        await quiet(pilot)
        feed.publish([first, second])
        await quiet(pilot)
        await pilot.press("escape")
        await quiet(pilot)
        feed.fail(ConsoleError("gone"))
        await quiet(pilot)
        feed.publish([first, second])
        await quiet(pilot)
        assert "new" not in title_of(app)


def drawn(app: App[Any]) -> str:
    """The rows of the list that are in sight."""
    table = pane_of(app).table
    return "\n".join(table.render_line(y).text for y in range(1, table.size.height))
