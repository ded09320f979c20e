"""A screen that is put together sparingly shows what Textual's own way would, and asks only what has changed."""

from __future__ import annotations

from random import Random

import pyte
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Label

from widgets.composition import SparingCompositor

WIDTH, HEIGHT = 60, 20


class Counting:
    """Notes how many lines of a widget were wanted."""

    wanted = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        self.wanted += crop.height
        lines: list[Strip] = super().render_lines(crop)  # type: ignore[misc]
        return lines


class Noted(Counting, Label):
    """Words."""


class Box(Counting, VerticalScroll):
    """Lies behind words."""


class Sparing(Counting, Screen[None]):
    CSS = """
    Sparing { layers: below above; }
    Grid { grid-size: 2; height: 14; }
    VerticalScroll { border: round red; }
    .long { height: 30; background: blue; }
    #first, #last { width: 1fr; }
    #over { layer: above; offset: 20 6; width: 25; height: 5; background: green; border: round white; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparingCompositor()

    def compose(self) -> ComposeResult:
        yield Noted("the clock", id="first")
        with Grid():
            for number in range(4):
                with Box(id=f"scroll{number}"):
                    yield Noted("\n".join(f"{number} line {line}" for line in range(30)), classes="long")
        yield Noted("the age", id="last")
        yield Noted("in front", id="over")


class Stage(App[None]):
    def get_default_screen(self) -> Screen[None]:
        return Sparing()


def shown(app: App[None], compositor: Compositor, draw: type[Compositor], regions: list[Region]) -> object:
    """Every cell of a terminal that is handed what changed in ``regions``."""
    terminal = pyte.Screen(WIDTH, HEIGHT)
    compositor._dirty_regions = set(regions)
    update = draw.render_partial_update(compositor)
    assert update is not None
    pyte.Stream(terminal).feed(update.render_segments(app.console))
    return [[terminal.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]


async def test_the_same_cells_are_drawn() -> None:
    app, random = Stage(), Random(7)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        app.screen.query_one("#scroll1", Box).scroll_to(y=7, animate=False)
        await pilot.pause()
        compositor = app.screen._compositor
        for _ in range(150):
            regions = []
            for _ in range(random.randint(1, 4)):
                x, y = random.randrange(WIDTH), random.randrange(HEIGHT)
                regions.append(Region(x, y, random.randint(1, WIDTH - x), random.randint(1, HEIGHT - y)))
            assert shown(app, compositor, SparingCompositor, regions) == shown(app, compositor, Compositor, regions)


async def test_only_what_changed_is_asked_and_only_for_its_lines() -> None:
    app = Stage()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        counted = [one for one in (app.screen, *app.screen.query("*")) if isinstance(one, Counting)]
        for one in counted:
            one.wanted = 0
        app.screen.query_one("#first", Noted).refresh()
        app.screen.query_one("#last", Noted).refresh()
        app.screen.query_one("#scroll0 Noted", Noted).refresh(Region(0, 2, 5, 1))
        await pilot.pause()
        # What lies behind words that cover the change is not asked either.
        wanted = {_name(one): one.wanted for one in counted if one.wanted}
        assert wanted == {"first": 1, "last": 1, "scroll0": 1}


def _name(one: object) -> str | None:
    assert isinstance(one, Widget)
    return one.id or (one.parent.id if one.parent is not None else None)
