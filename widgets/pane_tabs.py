"""On a narrow screen only one pane is shown; this line names all of them with their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class Tab:
    """One pane: its id, its title, how many need a person, and whether that is bad news."""

    pane: str
    title: str
    count: int
    urgent: bool


class PaneTabs(Widget):
    """One line of tabs; a click chooses one."""

    DEFAULT_CSS = "PaneTabs { height: 1; width: 1fr; padding: 0 1; }"

    tabs: reactive[tuple[Tab, ...]] = reactive(())
    current: reactive[str] = reactive("")

    class Chosen(Message):
        """A tab was clicked; ``pane`` is the id of its pane."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def render(self) -> Content:
        """The tabs from left to right."""
        return Content("  ").join(text for _, text in self._texts())

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the pointer."""
        left = 0
        column = event.x - self.styles.padding.left
        for tab, text in self._texts():
            if left <= column < left + text.cell_length:
                self.post_message(self.Chosen(tab.pane))
                return
            left += text.cell_length + 2

    def _texts(self) -> Sequence[tuple[Tab, Content]]:
        out: list[tuple[Tab, Content]] = []
        for number, tab in enumerate(self.tabs, 1):
            chosen = tab.pane == self.current
            style = "bold reverse" if chosen else "$text-quiet"
            count = (
                Content.styled(f" {tab.count}", "bold $severity-critical" if tab.urgent else "bold")
                if tab.count
                else Content()
            )
            out.append((tab, Content.assemble(Content.styled(f" {number} {tab.title} ", style), count)))
        return out
