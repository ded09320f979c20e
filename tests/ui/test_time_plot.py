"""The plot in a small app."""

from __future__ import annotations

import gc
import warnings

import pytest
from textual.app import App, ComposeResult

from widgets.plot import Line, Mark, Plot, TimePlot

PLOT = Plot(
    [Line("x", [float(at) for at in range(0, 3601, 15)], [float(at % 600) for at in range(0, 3601, 15)])],
    0.0,
    3600.0,
    300.0,
    [Mark(1800.0, "rev 12")],
)


class Bench(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.plot = TimePlot("asking prometheus …")

    def compose(self) -> ComposeResult:
        yield self.plot

    async def drawn(self) -> list[str]:
        await self.workers.wait_for_complete()
        return [self.plot.render_line(y).text for y in range(self.plot.size.height)]


async def test_a_sentence_until_there_is_a_plot_and_again_when_there_is_none() -> None:
    app = Bench()
    async with app.run_test(size=(60, 8)) as pilot:
        assert (await app.drawn())[0].strip() == "asking prometheus …"
        app.plot.show(PLOT)
        assert "rev 12" in (await app.drawn())[0]
        app.plot.say("prometheus answered 503: \x1b[31m[b]starting")
        await pilot.pause()
        lines = await app.drawn()
        assert lines[0].strip() == "prometheus answered 503: ␛[31m[b]starting"
        assert not "".join(lines[1:]).strip()
        app.plot.show(Plot([Line("x", [], [])], 0.0, 1.0))
        assert (await app.drawn())[0].strip() == "no values in this time"


async def test_a_plot_that_is_replaced_before_it_was_drawn_leaves_nothing_behind() -> None:
    app = Bench()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with app.run_test(size=(60, 8)) as pilot:
            for _ in range(3):
                app.plot.show(PLOT)
            while any(not worker.is_finished for worker in app.workers):
                await pilot.pause()
            assert "rev 12" in (await app.drawn())[0]
        gc.collect()
    assert [str(one.message) for one in warned if "never awaited" in str(one.message)] == []


@pytest.mark.parametrize("size", [(60, 5), (60, 8), (100, 20), (200, 60)])
async def test_it_is_as_large_as_it_is_given(size: tuple[int, int]) -> None:
    app = Bench()
    async with app.run_test(size=(40, 6)) as pilot:
        app.plot.show(PLOT)
        await app.drawn()
        await pilot.resize_terminal(*size)
        await pilot.pause()
        lines = await app.drawn()
        assert len(lines) == size[1]
        assert all(len(line) == size[0] for line in lines)
        assert any(line[-1] not in " │" for line in lines)


async def test_without_room_it_says_so() -> None:
    app = Bench()
    async with app.run_test(size=(15, 6)):
        app.plot.show(PLOT)
        assert "no room" in (await app.drawn())[0]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_a_theme_change_recolours_without_drawing_again(theme: str) -> None:
    app = Bench()
    async with app.run_test(size=(60, 8)) as pilot:
        app.theme = "nord"
        app.plot.show(PLOT)
        await app.drawn()
        before = {segment.style for y in range(8) for segment in app.plot.render_line(y)}
        app.theme = theme
        await pilot.pause()
        after = {segment.style for y in range(8) for segment in app.plot.render_line(y)}
        assert len(after) == len(before)
        assert after.isdisjoint(before)


async def test_the_lines_are_told_apart_without_colour() -> None:
    app = Bench()
    async with app.run_test(size=(60, 12)):
        times = [float(at) for at in range(0, 3601, 15)]
        app.plot.show(Plot([Line(str(level), times, [float(level)] * 241) for level in (1, 2, 3)], 0.0, 3600.0))
        text = "".join((await app.drawn())[1:])
        assert all(glyph in text for glyph in "•×")
