"""What stands in a line that a person edits, drawn harmlessly while its value stays exact."""

from __future__ import annotations

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.text import Text
from textual.geometry import Region
from textual.widgets import Input

from services.vocabulary.text import display_each


class Visible(Highlighter):
    """Makes an ``Input`` show a sign for each character that steers a terminal or hides in it.

    Completions, suggested titles and pasted text come from outside and must reach the command unaltered, so the
    value of the line stays raw and only its picture changes.
    """

    def highlight(self, text: Text) -> None:
        """Draw each hidden character as one visible one."""
        text.plain = display_each(text.plain)


class Field(Input):
    """An ``Input`` that is drawn so, with the cursor where the picture has it.

    Textual counts the cells of the value; a character of no width has a sign of one cell here.
    """

    def on_resize(self) -> None:
        """Keep the cursor in sight; a line that was written before there was any room, too."""
        self.scroll_to_region(Region(self._cursor_offset, 0, 1, 1), force=True, animate=False)

    def _position_to_cell(self, position: int) -> int:
        return cell_len(display_each(self.value[:position]))

    def _cell_offset_to_index(self, offset: int) -> int:
        wanted, cells = offset + self.scroll_offset.x, 0
        for index, character in enumerate(display_each(self.value)):
            cells += cell_len(character)
            if wanted < cells:
                return index
        return len(self.value)
