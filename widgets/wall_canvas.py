"""The surface of the wallboard: lines of text, of which only the changed cells are painted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from services.vocabulary.text import display
from widgets.record_table import Align, Cut, Piece
from widgets.record_table.cells import fit, width_of
from widgets.record_table.styles import StyleBook

Line = tuple[Piece, ...]
"""One line; its texts are harmless already."""

Note = tuple[Line, ...]
"""What one line says, in parts, the most important first."""

StateT = TypeVar("StateT")
_WORTH_CUTTING = 20


def said(text: str, style: str = "", limit: int = 400) -> Piece:
    """Outside text made harmless, in a style."""
    return Piece(display(text, limit), style)


def joined(parts: Sequence[Sequence[Piece]], width: int, between: str = "  ·  ") -> Line:
    """As many parts as fit in a row, with a quiet sign between them; one that nearly fits is cut."""
    out: list[Piece] = []
    room = width
    for part in parts:
        lead = [Piece(between, "$text-quiet")] if out else []
        room -= width_of(lead)
        if width_of(part) > room:
            if room >= _WORTH_CUTTING or not out:
                out += [*lead, *fit(part, max(1, room), Align.LEFT, Cut.END)]
            break
        out += [*lead, *part]
        room -= width_of(part)
    return tuple(out)


class WallCanvas(Widget, Generic[StateT]):
    """Draws its state, whatever that is, with a function that knows the size."""

    DEFAULT_CSS = "WallCanvas { width: 1fr; height: 1fr; background: $background; color: $foreground; }"
    ALLOW_SELECT = False

    state: reactive[StateT | None] = reactive(None, layout=False, repaint=False, init=False)

    def __init__(self, draw: Callable[[StateT, int, int], Sequence[Line]]) -> None:
        """
        Args:
            draw: state, width and height in cells -> at most so many lines.
        """
        super().__init__()
        self._draw = draw
        self._styles = StyleBook(self)
        self._lines: tuple[Line, ...] = ()
        self._drawn_for = Size(0, 0)

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands there, as plain text."""
        return tuple("".join(piece.text for piece in line) for line in self._lines)

    def watch_state(self) -> None:
        """Paint what differs."""
        before, size = self._lines, self.size
        self._redraw()
        if size != self._drawn_for or len(before) != len(self._lines):
            self.refresh()
            self._drawn_for = size
            return
        regions = [
            Region(start, number, end - start, 1)
            for number, (old, new) in enumerate(zip(before, self._lines, strict=True))
            if old != new
            for start, end in [changed(old, new, size.width)]
        ]
        if regions:
            self.refresh(*regions)

    def on_resize(self) -> None:
        """Everything anew."""
        self._redraw()
        self._drawn_for = self.size
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles.forget()

    def render_line(self, y: int) -> Strip:
        """One line, to the edge."""
        width = self.size.width
        pieces = self._lines[y] if y < len(self._lines) else ()
        strip = Strip([Segment(piece.text, self._styles.of(piece.style)) for piece in pieces if piece.text])
        return strip.adjust_cell_length(width, self._styles.of())

    def _redraw(self) -> None:
        width, height = self.size
        if self.state is None or width <= 0 or height <= 0:
            self._lines = ()
            return
        self._lines = tuple(self._draw(self.state, width, height))[:height]


def changed(old: Line, new: Line, width: int) -> tuple[int, int]:
    """From which column up to which two lines differ."""
    before, after = _cells(old, width), _cells(new, width)
    if before is None or after is None:
        return 0, width
    start = 0
    while start < width and before[start] == after[start]:
        start += 1
    end = width
    while end > start and before[end - 1] == after[end - 1]:
        end -= 1
    return start, end


def _cells(line: Line, width: int) -> list[tuple[str, str]] | None:
    # None where a character is not one cell wide: columns cannot be counted in characters then.
    cells: list[tuple[str, str]] = []
    for piece in line:
        if not piece.text.isascii() and cell_len(piece.text) != len(piece.text):
            return None
        cells += [(character, piece.style) for character in piece.text]
    cells = cells[:width]
    return cells + [(" ", "")] * (width - len(cells))


def length(line: Sequence[Piece]) -> int:
    """Width of a line in cells."""
    return width_of(line)
