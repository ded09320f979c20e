"""The surface of the wallboard: lines of text, of which only the changed cells are painted again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
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
_WIDEST = 512
COLUMN_WIDTH = 8
"""Cells of one column of the surface."""


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
    """Draws its state, whatever that is, with a function that knows the size.

    A terminal gets a line again from the left edge of a widget up to where it changed. So the surface is made of
    narrow strips side by side, and a ticking clock costs the bytes of its own columns.
    """

    DEFAULT_CSS = """
    WallCanvas {
        width: 1fr; height: 1fr; layout: horizontal; overflow: hidden; background: $background; color: $foreground;
    }
    """
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
        self._strips: dict[int, Strip] = {}
        self._columns = [_Column(self, start) for start in range(0, _WIDEST, COLUMN_WIDTH)]
        self._drawn_for = Size(0, 0)

    def compose(self) -> ComposeResult:
        """Columns side by side; those beyond the edge are never painted."""
        yield from self._columns

    @property
    def _shown(self) -> list[_Column]:
        return self._columns[: -(-self.size.width // COLUMN_WIDTH)]

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands there, as plain text."""
        return tuple("".join(piece.text for piece in line) for line in self._lines)

    @property
    def asked(self) -> int:
        """How many cells wait to be painted again."""
        return sum(region.area for column in self._shown for region in column.waiting)

    def watch_state(self) -> None:
        """Paint what differs."""
        before = self._lines
        self._redraw()
        if self.size != self._drawn_for or len(before) != len(self._lines):
            self._repaint()
            return
        for number, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old == new:
                continue
            self._strips.pop(number, None)
            for start, end in changed(old, new, self.size.width):
                column = self._columns[start // COLUMN_WIDTH]
                column.refresh(Region(start - column.start, number, end - start, 1))

    def on_resize(self) -> None:
        """Everything anew."""
        self._redraw()
        self._repaint()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles.forget()
        self._strips.clear()

    def strip(self, y: int) -> Strip:
        """One line, to the edge."""
        found = self._strips.get(y)
        if found is None:
            pieces = self._lines[y] if y < len(self._lines) else ()
            strip = Strip([Segment(piece.text, self._styles.of(piece.style)) for piece in pieces if piece.text])
            found = strip.adjust_cell_length(self.size.width, self._styles.of()).simplify()
            self._strips[y] = found
        return found

    def _repaint(self) -> None:
        self._drawn_for = self.size
        self._strips.clear()
        for column in self._shown:
            column.refresh()

    def _redraw(self) -> None:
        width, height = self.size
        if self.state is None or width <= 0 or height <= 0:
            self._lines = ()
            return
        drawn = tuple(self._draw(self.state, min(width, _WIDEST), height))[:height]
        self._lines = tuple(unbroken(line, width) for line in drawn)


class _Column(Widget):
    """A few columns of the surface, from top to bottom."""

    DEFAULT_CSS = f"_Column {{ width: {COLUMN_WIDTH}; height: 1fr; }}"
    ALLOW_SELECT = False

    def __init__(self, canvas: WallCanvas[Any], start: int) -> None:
        super().__init__()
        self._canvas = canvas
        self.start = start

    @property
    def waiting(self) -> Iterable[Region]:
        """What waits to be painted again."""
        return self._repaint_regions

    def render_line(self, y: int) -> Strip:
        """The part of the line."""
        return self._canvas.strip(y).crop(self.start, self.start + COLUMN_WIDTH)


def unbroken(line: Line, width: int) -> Line:
    """The line with no wide character across the edge of two columns of the surface, where it would be torn.

    Such a character moves on by a cell; the next gap of several blanks is shorter for it.
    """
    if all(piece.text.isascii() or cell_len(piece.text) == len(piece.text) for piece in line):
        return line
    out: list[Piece] = []
    at = owed = 0
    blank = False
    for piece in line:
        text = ""
        for character in piece.text:
            cells = cell_len(character)
            if owed and blank and character == " ":
                owed -= 1
                continue
            if cells == 2 and at % COLUMN_WIDTH == COLUMN_WIDTH - 1:
                text += " "
                at += 1
                owed += 1
            text += character
            at += cells
            blank = character == " "
        out.append(Piece(text, piece.style))
    return tuple(fit(out, width, Align.LEFT, Cut.END)) if at > width else tuple(out)


def changed(old: Line, new: Line, width: int) -> list[tuple[int, int]]:
    """Where two lines differ: in each column of the surface from which cell up to which."""
    before, after = _cells(old, width), _cells(new, width)
    spans: list[tuple[int, int]] = []
    for left in range(0, width, COLUMN_WIDTH):
        start, end = left, min(left + COLUMN_WIDTH, width)
        if before is not None and after is not None:
            if before[start:end] == after[start:end]:
                continue
            while before[start] == after[start]:
                start += 1
            while before[end - 1] == after[end - 1]:
                end -= 1
        spans.append((start, end))
    return spans


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
