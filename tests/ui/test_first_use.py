"""What somebody meets who uses the console for the first time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Static

from console.preferences import Preferences
from console.theme_command import COMMANDS, ThemeNeeds
from screens.help import HelpScreen
from services.oncall.model import Duty
from services.registry import Registry
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import desk_stage, quiet, ready
from widgets.band import Band
from widgets.detail import DetailStrip
from widgets.wall_canvas import WallCanvas
from widgets.wall_duty import duty_line


async def test_the_band_of_the_demo_is_whole_on_a_small_screen() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, demo=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        band = app.screen.query_one(".-demo", Band)
        assert band.render_line(0).text.rstrip().endswith("all is gone when you leave")


async def test_help_names_every_key_once() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("question_mark")
        await quiet(pilot)
        assert isinstance(app.screen, HelpScreen)
        lines = str(app.screen.query_one(Static).render()).splitlines()
        assert [line.split() for line in lines if line.endswith("Help")] == [["?", "f1", "Help"]]
        panes = [line for line in lines if "deployments, on-call" in line]
        assert [line.split()[:4] for line in panes] == [["1", "2", "3", "4"]]
        assert not [line for line in lines if "Second pane" in line or "1-4" in line]


def test_a_handoff_of_another_week_has_an_hour() -> None:
    until = EPOCH + timedelta(days=12)
    line = duty_line([Duty("primary", "UTC", "op-a", None, until)], EPOCH, 120, 0, known=True)
    assert "until 2026-03-14 19:31 UTC" in "".join(piece.text for piece in line)


@pytest.mark.parametrize("wallboard", [False, True])
async def test_a_theme_of_the_palette_is_remembered(tmp_path: Path, wallboard: bool) -> None:
    clock, preferences = ManualClock(), Preferences(tmp_path)
    registry = Registry(None)
    registry.add(COMMANDS, ThemeNeeds(preferences))
    app = desk_stage(clock, make_desk(clock, registry=registry), wallboard=wallboard)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        (light,) = [one for one in app.get_system_commands(app.screen) if one.title == "Theme sre-light"]
        light.callback()
        await quiet(pilot)
        assert app.theme == "sre-light"
        assert preferences.theme == "sre-light"
        assert app.screen.query(WallCanvas) if wallboard else True


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
@pytest.mark.parametrize("detailed", [False, True])
async def test_what_came_of_a_command_does_not_cover_the_detail(size: tuple[int, int], detailed: bool) -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": [make_alert("Down", "critical", EPOCH)]}))
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        if detailed:
            await pilot.press("enter")
        app.screen.notify("done", timeout=60)
        await quiet(pilot)
        (toast,) = app.screen.query("Toast")
        assert not toast.region.intersection(app.screen.query_one(DetailStrip).region).area
        assert toast.region.bottom <= size[1]
