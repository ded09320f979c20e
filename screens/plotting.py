"""The answer of a command that plots: the plot above, its figures below, other times by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from services.vocabulary.plot import Plot
from services.vocabulary.text import display
from widgets.plot import TimePlot

_SHORTEST = 60.0  # seconds; closer than that there is nothing to see between two scrapes


class PlotScreen(ModalScreen[str]):
    """A plot to look at. Leaves with the line that plots another stretch of time, or with an empty one."""

    DEFAULT_CSS = """
    PlotScreen { align: center middle; }
    PlotScreen > Vertical {
        width: 96%; height: 94%; background: $surface; border: round $rule-focus; padding: 0 1;
        border-title-color: $accent; border-subtitle-color: $text-quiet;
    }
    PlotScreen TimePlot { height: 3fr; min-height: 8; }
    PlotScreen VerticalScroll { height: auto; max-height: 1fr; overflow-x: auto; margin-top: 1; }
    PlotScreen Static { width: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Close", id="plot.close"),
        Binding("plus,equals_sign", "zoom(0.5)", "Closer", id="plot.closer", key_display="+"),
        Binding("minus", "zoom(2.0)", "Wider", id="plot.wider", key_display="-"),
        Binding("h,left", "pan(-0.5)", "Earlier", id="plot.earlier", priority=True),
        Binding("l,right", "pan(0.5)", "Later", id="plot.later", priority=True),
        Binding("j,down", "scroll(1)", "Down", id="plot.down", show=False),
        Binding("k,up", "scroll(-1)", "Up", id="plot.up", show=False),
        Binding("y", "copy", "Copy", id="plot.copy"),
    ]

    def __init__(
        self, title: str, lines: Sequence[str], plot: Plot, elsewhere: Callable[[float, float], str] | None
    ) -> None:
        """
        Args:
            title: the command (raw).
            lines: its figures, harmless already or not; they are made so here.
            plot: what is drawn.
            elsewhere: the line that plots another stretch of time, from and to in Unix seconds; None where there is
                none.
        """
        super().__init__()
        self._title = title
        self._lines = [display(line) for line in lines]
        self._plot = plot
        self._elsewhere = elsewhere

    def compose(self) -> ComposeResult:
        """The plot and a scroll of figures in one frame."""
        with Vertical() as box:
            box.border_title = Content(f" {display(self._title, 90)} ")
            times = "h l earlier later  + - closer wider  " if self._elsewhere is not None else ""
            box.border_subtitle = f" esc closes  {times}y copies "
            yield TimePlot("drawing …")
            with VerticalScroll():
                yield Static(Content("\n".join(self._lines)))

    def on_mount(self) -> None:
        """Draw, and let arrow keys scroll at once."""
        self.query_one(TimePlot).show(self._plot)
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        """Back to where the person was."""
        self.dismiss("")

    def action_zoom(self, factor: float) -> None:
        """Half or twice the time around the middle."""
        length = max(_SHORTEST, (self._plot.end - self._plot.start) * factor)
        middle = (self._plot.start + self._plot.end) / 2
        self._go(middle - length / 2, middle + length / 2)

    def action_pan(self, share: float) -> None:
        """Earlier or later by a share of the time."""
        by = (self._plot.end - self._plot.start) * share
        self._go(self._plot.start + by, self._plot.end + by)

    def action_scroll(self, step: int) -> None:
        """One line."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def action_copy(self) -> None:
        """All figures to the clipboard of the terminal."""
        self.app.copy_to_clipboard("\n".join(self._lines))
        self.notify("Copied.", markup=False)

    def _go(self, start: float, end: float) -> None:
        if self._elsewhere is not None:
            self.dismiss(self._elsewhere(start, end))
