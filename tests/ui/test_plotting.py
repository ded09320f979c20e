"""The page of a command that plots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.operations import OperationsScreen
from screens.plotting import PlotScreen
from tests.support.pictures import type_command
from tests.support.stage import demo_stage, quiet

STORM = 300.0
LINE = '/metrics range --since 10m sum by (service) (rate(http_requests_total{code=~"5.."}[1m]))'


async def plotted(pilot: Pilot[Any], line: str = LINE) -> PlotScreen:
    """The page of ``line``, once it is drawn."""
    await type_command(pilot, line)
    await pilot.press("enter")
    await quiet(pilot, lambda: isinstance(pilot.app.screen, PlotScreen))
    await quiet(pilot)
    assert isinstance(pilot.app.screen, PlotScreen)
    return pilot.app.screen


async def another(pilot: Pilot[Any], key: str) -> PlotScreen:
    """The page that comes for the one that is open."""
    before = pilot.app.screen
    await pilot.press(key)
    await quiet(pilot, lambda: isinstance(pilot.app.screen, PlotScreen) and pilot.app.screen is not before)
    await quiet(pilot)
    assert isinstance(pilot.app.screen, PlotScreen)
    return pilot.app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_looks(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def look(pilot: Pilot[Any]) -> None:
        await plotted(pilot)

    assert snap_compare(demo_stage(STORM), terminal_size=size, run_before=look)


async def test_keys_move_through_the_time() -> None:
    app = demo_stage(STORM)
    async with app.run_test(size=(120, 40)) as pilot:
        first = (await plotted(pilot))._plot
        assert first.end - first.start == 600
        earlier = (await another(pilot, "h"))._plot
        assert (earlier.start, earlier.end) == (first.start - 300, first.end - 300)
        wider = (await another(pilot, "minus"))._plot
        assert (wider.start, wider.end) == (earlier.start - 300, earlier.end + 300)
        closer = (await another(pilot, "plus"))._plot
        assert (closer.start, closer.end) == (earlier.start, earlier.end)
        later = (await another(pilot, "right"))._plot
        assert (later.start, later.end) == (first.start, first.end)
        await pilot.press("escape")
        await quiet(pilot, lambda: isinstance(pilot.app.screen, OperationsScreen))


async def test_a_question_without_an_answer_is_no_plot() -> None:
    app = demo_stage(STORM)
    async with app.run_test(size=(120, 40)) as pilot:
        await type_command(pilot, "/metrics range no_such_metric")
        await pilot.press("enter")
        await quiet(pilot, lambda: bool(app._notifications))
        assert isinstance(app.screen, OperationsScreen)
        assert [note.message.split(",")[0] for note in app._notifications] == ["0 series"]
