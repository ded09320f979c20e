"""The answer of a command that has more to say than fits a toast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from services.vocabulary.text import display


class ResultScreen(ModalScreen[None]):
    """Lines to read and scroll; any of the usual keys leaves."""

    DEFAULT_CSS = """
    ResultScreen { align: center middle; }
    ResultScreen > Vertical {
        width: 94%; height: auto; max-height: 92%; background: $surface; border: round $rule-focus; padding: 0 1;
        border-title-color: $accent; border-subtitle-color: $text-quiet;
    }
    ResultScreen VerticalScroll { height: auto; max-height: 100%; overflow-x: auto; }
    ResultScreen Static { width: 1fr; }
    ResultScreen.-wide Static { width: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Close", id="result.close"),
        Binding("y", "copy", "Copy", id="result.copy"),
        Binding("j,down", "scroll(1)", "Down", id="result.down", show=False),
        Binding("k,up", "scroll(-1)", "Up", id="result.up", show=False),
        Binding("l,right", "sideways(1)", "Right", id="result.right", show=False, priority=True),
        Binding("h,left", "sideways(-1)", "Left", id="result.left", show=False, priority=True),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, wide: bool = False) -> None:
        """
        Args:
            title: the command (raw).
            lines: harmless already or not; they are made so here.
            wide: a table: its lines are kept whole and scroll sideways; prose wraps.
        """
        super().__init__(classes="-wide" if wide else "")
        self._title = title
        self._lines = [display(line) for line in lines]

    def compose(self) -> ComposeResult:
        """A framed scroll."""
        with Vertical() as box:
            box.border_title = Content(f" {display(self._title, 90)} ")
            sideways = "h l sideways  " if self.has_class("-wide") else ""
            box.border_subtitle = f" esc closes  {sideways}y copies "
            with VerticalScroll():
                yield Static(Content("\n".join(self._lines)))

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        """Back to where the person was."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """All lines to the clipboard of the terminal."""
        self.app.copy_to_clipboard("\n".join(self._lines))
        self.notify("Copied.", markup=False)

    def action_scroll(self, step: int) -> None:
        """One line."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def action_sideways(self, step: int) -> None:
        """A third of the page."""
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(x=step * max(1, scroll.size.width // 3), animate=False)
