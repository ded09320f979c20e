"""What stands in a line that a person edits, drawn harmlessly while its value stays exact."""

from __future__ import annotations

from rich.highlighter import Highlighter
from rich.text import Text

from services.vocabulary.text import display_each


class Visible(Highlighter):
    """Makes an ``Input`` show a sign for each character that steers a terminal or hides in it.

    Completions, suggested titles and pasted text come from outside and must reach the command unaltered, so the
    value of the line stays raw and only its picture changes.
    """

    def highlight(self, text: Text) -> None:
        """Draw each hidden character as one visible one."""
        text.plain = display_each(text.plain)
