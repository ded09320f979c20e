"""Views of the alerts on the screen: picked by a key, told in the title, unfolded, and filtered by a label."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from textual.app import App

from screens.picking import PickScreen
from services.alerts.model import Alert
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import desk_stage, quiet, ready
from widgets.pane import Pane


def storm() -> list[Alert]:
    began = [("Slow", "shop", "a"), ("Slow", "shop", "b"), ("Down", "shop", "c"), ("Full", "data", "d")]
    return [
        make_alert(name, "warning", EPOCH - timedelta(minutes=number), team=team, pod=pod)
        for number, (name, team, pod) in enumerate(began)
    ]


def pane_of(app: App[Any]) -> Pane:
    return app.screen.query_one("#alerts", Pane)


async def test_a_label_is_picked_to_filter_by_and_a_view_to_group_by() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": storm()}))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("o")
        await quiet(pilot)
        assert isinstance(app.screen, PickScreen)
        picks = [pick.value for _, pick in app.screen._picks]
        at = [value for value in picks if value].index('team="shop"')
        await pilot.press(*["down"] * at, "enter")
        await quiet(pilot)
        pane = pane_of(app)
        assert pane.filter == 'team="shop"'
        assert "3 of 4" in str(pane.border_title)
        await pilot.press("o")
        await quiet(pilot)
        picks = [pick.value for _, pick in app.screen._picks if pick.value]
        assert 'team="data"' not in picks, "only what passes the filter is looked over"
        await pilot.press(*["down"] * picks.index('pod="b"'), "x")
        await quiet(pilot)
        assert pane.filter == 'team="shop" pod!="b"'
        assert "2 of 4" in str(pane.border_title)

        presenter = app.screen._furniture.alerts  # type: ignore[attr-defined]
        await pilot.press("escape")
        presenter.chosen.switch(presenter.chosen.views["services"])
        await quiet(pilot)
        assert "by namespace,@service: 1" in str(pane.border_title)
        (head,) = presenter.view.rows
        assert (head.title, head.count) == ("no namespace / no service", 4)
        await pilot.press("plus")
        await quiet(pilot)
        assert len(presenter.view.rows) == 5
        await pilot.press("minus")
        await quiet(pilot)
        assert len(presenter.view.rows) == 1
        await pilot.press("v")
        await quiet(pilot)
        assert isinstance(app.screen, PickScreen)
        assert app.screen._table.cursor_key == "3", "the cursor begins on the view that is shown"
        await pilot.press("escape")
        await quiet(pilot)
        assert not isinstance(app.screen, PickScreen)
