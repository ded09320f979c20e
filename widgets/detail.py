"""The strip under the lists: what is known of the selected item, and beside it what it looks like over time."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static


class DetailStrip(Horizontal):
    """Text on the left; on the right whatever picture the screen hands in."""

    DEFAULT_CSS = """
    DetailStrip {
        height: 11; border: round $rule-quiet; padding: 0 1;
        border-title-color: $foreground; border-subtitle-color: $text-quiet;
    }
    DetailStrip VerticalScroll { width: 1fr; scrollbar-size-vertical: 1; }
    DetailStrip #facts { width: 1fr; height: auto; }
    DetailStrip #picture { width: 1.2fr; height: 1fr; margin-left: 2; }
    DetailStrip.-plain #picture { display: none; }
    """

    def __init__(self, *, id: str = "detail") -> None:
        super().__init__(id=id, classes="-plain")
        self._title = Content()

    def compose(self) -> ComposeResult:
        """The facts; the picture comes with :meth:`hang`."""
        with VerticalScroll(can_focus=False):
            yield Static(id="facts", markup=False)

    def hang(self, picture: Widget) -> None:
        """Put the picture on the right."""
        picture.id = "picture"
        self.mount(picture)

    def scroll_part(self, step: int) -> None:
        """Scroll the text by half of what is seen, down or up."""
        text = self.query_one(VerticalScroll)
        text.scroll_relative(y=step * max(1, text.size.height // 2), animate=False)

    def tell(self, title: Content, lines: Sequence[Content], *, picture: bool) -> None:
        """Show an item.

        Args:
            title: its name.
            lines: what is known of it, the most useful first.
            picture: whether the picture belongs to it.
        """
        if title != self._title:
            # A border's text redraws everything inside it.
            self._title = title
            self.border_title = Content.assemble(" ", title, " ")
            self.query_one(VerticalScroll).scroll_home(animate=False)
        self.set_class(not picture, "-plain")
        self.query_one("#facts", Static).update(Content("\n").join(lines))
