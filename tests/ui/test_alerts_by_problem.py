"""The alerts pane by problem: the key, the row, the evidence, and a cursor that stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from textual.app import App

from services.alerts.model import Alert
from services.alerts.view import RowKind
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_deployment, make_desk
from tests.support.stage import desk_stage, quiet, ready
from widgets.detail import DetailStrip
from widgets.pane import Pane

SIZE = (120, 40)


def storm(crowd: int) -> list[Alert]:
    """A node that is lost with so many pods, and alerts of other days."""
    pods = [
        make_alert("PodNotReady", "warning", EPOCH, node="worker-7", pod=f"web-{index}", namespace="shop")
        for index in range(crowd)
    ]
    old = [
        make_alert(f"Odd{index}", "info", EPOCH - timedelta(hours=9 * index), box=f"odd-{index}")
        for index in range(1, 8)
    ]
    return [make_alert("NodeNotReady", "critical", EPOCH, node="worker-7"), *pods, *old]


def presenter_of(app: App[Any]) -> Any:
    return app.screen._furniture.alerts  # type: ignore[attr-defined]


def title_of(app: App[Any]) -> str:
    return str(app.screen.query_one("#alerts", Pane).border_title)


def detail_of(app: App[Any]) -> str:
    strip = app.screen.query_one(DetailStrip)
    return " ".join(str(strip.query_one("#facts").render()).split())


@pytest.mark.parametrize("crowd", [6, 400], ids=["at once", "in a thread"])
async def test_c_groups_by_problem_and_back(crowd: int) -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": storm(crowd)}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "by problem" not in title_of(app)
        await pilot.press("c")
        await quiet(pilot)
        rows = presenter_of(app).view.rows
        assert rows[0].kind is RowKind.PROBLEM
        assert rows[0].count == crowd + 1
        assert "by problem: 1" in title_of(app)
        await pilot.press("g")
        await quiet(pilot)
        assert "probable cause: node worker-7: NodeNotReady" in detail_of(app)
        assert f"because {crowd + 1} of {crowd + 1} name node worker-7" in detail_of(app)
        await pilot.press("c")
        await quiet(pilot)
        assert all(row.kind is not RowKind.PROBLEM for row in presenter_of(app).view.rows)
        assert "by problem" not in title_of(app)


async def test_enter_unfolds_and_an_alert_says_why_it_is_there() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": storm(6)}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("c")
        await quiet(pilot)
        await pilot.press("g", "enter", "j", "j")
        await quiet(pilot)
        row = presenter_of(app).row(presenter_of(app).table.cursor_key)
        assert (row.alert.name, row.depth) == ("PodNotReady", 1)
        assert "a symptom in a problem of 7: node worker-7: NodeNotReady" in detail_of(app)
        assert "it is about node worker-7, which 6 of 6 others name too" in detail_of(app)


async def test_the_cursor_stays_on_its_problem_when_alerts_come_and_go() -> None:
    clock = ManualClock()
    desk = make_desk(clock, alerts={"prod": storm(6)})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("c")
        await quiet(pilot)
        await pilot.press("g")
        key = presenter_of(app).table.cursor_key
        worse = [make_alert("Elsewhere", "critical", EPOCH + timedelta(hours=1), service="other")]
        desk.alerts["prod"].publish([*worse, *storm(8)[1:]])
        await quiet(pilot)
        assert presenter_of(app).table.cursor_key == key
        assert presenter_of(app).row(key).count == 8


async def test_a_rollout_is_told_as_the_cause() -> None:
    clock = ManualClock()
    crashing = [
        make_alert("PodCrashLooping", "critical", EPOCH, namespace="shop", pod=f"checkout-7d9f8b6c5-x2x{index}z")
        for index in range(4)
    ]
    deployment = make_deployment("checkout", changed_at=EPOCH - timedelta(minutes=4))
    desk = make_desk(clock, alerts={"prod": crashing}, deployments={"prod": [deployment]})
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("c")
        await quiet(pilot)
        await pilot.press("g")
        await quiet(pilot)
        assert "probably a rollout: began 4m after revision" in detail_of(app)
        assert "checkout" in detail_of(app)
