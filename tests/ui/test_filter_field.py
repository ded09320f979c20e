"""Typing a filter into the alerts pane: how it goes on, and what it narrows."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from services.alerts.model import Alert
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import Stage, desk_stage, quiet, ready
from widgets.pane import Pane


def stage(*alerts: Alert) -> Stage:
    clock = ManualClock()
    return desk_stage(clock, make_desk(clock, alerts={"prod": list(alerts)}))


async def typed(pilot: Pilot[Any], text: str) -> Input:
    """The field of the alerts pane with ``text`` in it."""
    await pilot.press("f", *text)
    await quiet(pilot)
    field = pilot.app.screen.query_one("#alerts", Pane).query_one(Input)
    assert field.value == text
    return field


async def test_tab_takes_what_is_suggested() -> None:
    app = stage(make_alert("Down", "critical", EPOCH, region="eu"), make_alert("Full", "warning", EPOCH, region="us"))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        field = await typed(pilot, "reg")
        await quiet(pilot, lambda: bool(field._suggestion))
        await pilot.press("tab")
        assert field.value == "region="
        await pilot.press("u")
        await quiet(pilot, lambda: field._suggestion == "region=us")
        await pilot.press("tab")
        await quiet(pilot)
        assert field.value == "region=us"
        pane = app.screen.query_one("#alerts", Pane)
        assert len(pane.table.rows) == 1
        await pilot.press("tab")
        await quiet(pilot)
        assert app.focused is not field  # with nothing to take, tab goes on to the next pane


async def test_what_would_not_be_drawn_as_it_is_is_not_suggested() -> None:
    app = stage(make_alert("Down", "critical", EPOCH, region="e\x1b[31mu"))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        field = await typed(pilot, "region=e")
        assert field._suggestion == ""


async def test_facets_narrow_the_list() -> None:
    app = stage(make_alert("Down", "critical", EPOCH), make_alert("Mine", "critical", EPOCH, acked_by="op-b"))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await typed(pilot, "@state=acked")
        pane = app.screen.query_one("#alerts", Pane)
        assert len(pane.table.rows) == 1
        await pilot.press("escape")
        await quiet(pilot)
        assert len(pane.table.rows) == 2
