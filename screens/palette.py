"""The palette that ctrl+p opens."""

from __future__ import annotations

from textual.command import CommandPalette
from textual.widgets import Input

from widgets.visible import Visible


class Palette(CommandPalette):
    """Textual's own; what is pasted into its field is drawn harmlessly, as in every other field."""

    def on_mount(self) -> None:
        """Draw hidden characters as visible ones."""
        self.query_one(Input).highlighter = Visible()
