"""The plot on the screen."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from services.vocabulary.plot import Plot
from services.vocabulary.text import display
from widgets.plot import gate
from widgets.record_table.cells import exactly
from widgets.record_table.styles import StyleBook


class TimePlot(Widget):
    """Lines over time with a threshold and marks, or a sentence where there is nothing to draw.

    Drawn in a thread; until a drawing is ready the last one stays. As high as it is given, from five rows up.
    """

    DEFAULT_CSS = """
    TimePlot { height: 1fr; min-height: 5; }
    TimePlot > .time-plot--axis { color: $text-muted; }
    TimePlot > .time-plot--mark { color: $foreground; }
    TimePlot > .time-plot--threshold { color: $text-warning; }
    TimePlot > .time-plot--line-1 { color: $primary; }
    TimePlot > .time-plot--line-2 { color: $secondary; }
    TimePlot > .time-plot--line-3 { color: $accent; }
    TimePlot > .time-plot--line-4 { color: $foreground; }
    TimePlot > .time-plot--line-5 { color: $text-primary; }
    TimePlot > .time-plot--line-6 { color: $text-secondary; }
    TimePlot > .time-plot--sentence { color: $text-muted; }
    TimePlot:ansi > .time-plot--axis, TimePlot:ansi > .time-plot--sentence { color: ansi_default; text-style: dim; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "time-plot--axis",
        "time-plot--mark",
        "time-plot--threshold",
        "time-plot--sentence",
        *(f"time-plot--line-{number}" for number in range(1, gate.MOST_LINES + 1)),
    }

    ALLOW_SELECT = False

    def __init__(self, sentence: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        """Shows ``sentence`` until :meth:`show` or :meth:`say` is called."""
        super().__init__(id=id, classes=classes)
        self._sentence = sentence
        self._plot: Plot | None = None
        self._rows: tuple[gate.Row, ...] = ()
        self._book = StyleBook(self)

    def show(self, plot: Plot) -> None:
        """Draw ``plot``."""
        self._plot = plot
        self._draw_soon()

    def say(self, sentence: str) -> None:
        """Show a sentence in place of a plot: why there is none, or that it is awaited. Raw text."""
        self._plot = None
        self._rows = ()
        self._sentence = sentence
        self.workers.cancel_node(self)
        self.refresh()

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._restyle())

    def on_resize(self) -> None:
        """Draw at the new size."""
        self._draw_soon()

    def notify_style_update(self) -> None:
        """The style sheet changed."""
        super().notify_style_update()
        self._restyle()

    def _restyle(self) -> None:
        self._book.forget()
        self.refresh()

    def _draw_soon(self) -> None:
        if self._plot is not None and self.is_mounted and self.size:
            # A callable: one that is replaced before it began leaves no coroutine that nobody awaits.
            draw: Any = partial(self._draw, self._plot, self.size.width, self.size.height)
            self.run_worker(draw, exclusive=True)

    async def _draw(self, plot: Plot, width: int, height: int) -> None:
        rows = await asyncio.to_thread(gate.draw, plot, width, height)
        if plot is not self._plot:
            return
        self._rows = rows
        if not rows:
            small = width < gate.LEAST_WIDTH or height < gate.LEAST_HEIGHT
            self._sentence = "no room for a plot" if small else "no values in this time"
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line ``y``."""
        width = self.size.width
        style = self._book.of
        if self._rows:
            row = self._rows[y] if y < len(self._rows) else ()
            segments = [Segment(piece.text, style(piece.style)) for piece in row]
        elif y == 0:
            segments = [Segment(exactly(display(self._sentence, 4 * width), width), style(".time-plot--sentence"))]
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, style(""))
