"""Turns rows into lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from widgets.record_table.cells import Piece, fit, pieces_of, width_of
from widgets.record_table.columns import Align, Column, Cut, Fit, widths
from widgets.record_table.format import RowFormat, RowKind, RowT
from widgets.record_table.styles import StyleBook

CURSOR_MARK = "▌"
SELECTED_MARK = "*"
OLD_MARK = "◐"
"""As :attr:`services.vocabulary.snapshot.FreshnessState.STALE` shows it."""
_GUTTER = 2
_SKELETON_LINES = 3


class Painter(Generic[RowT]):
    """Knows the columns, their widths and the styles; not which row is where."""

    def __init__(self, widget: Widget, format: RowFormat[RowT], columns: Sequence[Column]) -> None:
        self.styles = StyleBook(widget)
        self._format = format
        self._columns = tuple(columns)
        self._fitted = tuple(column for column in columns if isinstance(column.width, Fit))
        self._measured: dict[str, int] = {}
        self._layout: list[tuple[Column, int]] = []
        self._width = 0

    @property
    def width(self) -> int:
        """The cells that were shared among the columns."""
        return self._width

    def forget_widths(self) -> None:
        """Let columns with a :class:`Fit` shrink to what is measured next."""
        self._measured.clear()

    def measure(self, rows: Iterable[RowT]) -> bool:
        """Widen columns with a :class:`Fit` to the cells of ``rows``.

        Widths never shrink here: a table that shakes cannot be read.

        Returns:
            Whether one grew; :meth:`arrange` is due then.
        """
        if not self._fitted:
            return False
        before = dict(self._measured)
        for column in self._fitted:
            self._measured.setdefault(column.id, width_of(pieces_of(column.title)))
        for row in rows:
            if self._format.kind(row) is not RowKind.RECORD:
                continue
            for column in self._fitted:
                width = width_of(pieces_of(self._format.cell(row, column.id)))
                self._measured[column.id] = max(self._measured[column.id], width)
        return self._measured != before

    def arrange(self, width: int) -> None:
        """Share ``width`` cells among the columns."""
        self._width = max(0, width)
        self._layout = widths(self._columns, max(0, width - _GUTTER), self._measured)

    def heading(self) -> Strip:
        """The titles of the columns."""
        out = [Piece(" " * _GUTTER)]
        for position, (column, width) in enumerate(self._layout):
            if position:
                out.append(Piece(" "))
            out += fit(pieces_of(column.title), width, column.align, Cut.END)
        return self._strip(out, (".record-table--header",))

    def row(self, row: RowT, *, cursor: bool, selected: bool, stale: bool, old: bool = False) -> Strip:
        """The line of a row.

        Args:
            row: the row.
            cursor: whether the cursor is on it.
            selected: whether it is selected.
            stale: whether the whole table is older than it should be.
            old: whether this row is, among others that are not.
        """
        kind = self._format.kind(row)
        under: tuple[str, ...] = (self._format.style(row),)
        over = tuple(
            f".record-table--{name}"
            for name, on in (("stale", stale or old), ("selected", selected), ("cursor", cursor))
            if on
        )
        out = [
            Piece(CURSOR_MARK, ".record-table--mark") if cursor else Piece(" "),
            Piece(SELECTED_MARK if selected else OLD_MARK if old else " "),
        ]
        if kind is RowKind.RECORD:
            for position, (column, width) in enumerate(self._layout):
                if position:
                    out.append(Piece(" "))
                out += fit(pieces_of(self._format.cell(row, column.id)), width, column.align, column.cut)
        else:
            under = (f".record-table--{kind.value}", *under)
            out += fit(pieces_of(self._format.line(row)), self._width - _GUTTER, Align.LEFT, Cut.END)
        return self._strip(out, under, over)

    def sentence(self, text: str) -> Strip:
        """A line that speaks instead of rows."""
        return self._strip(
            [Piece(" " * _GUTTER), *fit(pieces_of(text), self._width - _GUTTER, Align.LEFT, Cut.END)],
            (".record-table--message",),
        )

    def skeleton(self, line: int) -> Strip:
        """A line that only shows where cells will be; blank after the third."""
        if line > _SKELETON_LINES:
            return self.blank()
        out = [Piece(" " * _GUTTER)]
        for position, (_, width) in enumerate(self._layout):
            bar = "┄" * max(1, width * (3 if (position + line) % 2 else 2) // 4)
            out += [*fit([Piece(bar)], width, Align.LEFT, Cut.END), Piece(" ")]
        return self._strip(out, (".record-table--skeleton",))

    def blank(self) -> Strip:
        """A line without anything."""
        return self._strip([], ())

    def _strip(self, pieces: Sequence[Piece], under: tuple[str, ...], over: tuple[str, ...] = ()) -> Strip:
        style = self.styles.of
        strip = Strip([Segment(piece.text, style(*under, piece.style, *over)) for piece in pieces if piece.text])
        # The line API paints no background by itself: the line is filled to the edge.
        return strip.adjust_cell_length(self._width, style(*under, *over))
