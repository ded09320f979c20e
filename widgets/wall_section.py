"""A list on the wallboard: a title, the worst rows, and pages where they do not all fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from widgets.record_table import Align, Cell, Column, Cut, Piece
from widgets.record_table.cells import fit, pieces_of, width_of
from widgets.record_table.columns import Fit, widths
from widgets.wall_canvas import Line, length
from widgets.wall_headline import large_row

RowT = TypeVar("RowT")

_QUIET = "$text-quiet"
_RULE = "$rule-quiet"

_NOTHING = Piece("")
_AIRY = 4  # a list stands apart only where that leaves so many lines
_LARGE = 6  # four lines of letters, the row itself, a blank one

MOST_PAGES = 9
"""Beyond so many the worst are shown and the rest is counted: nobody waits for the fortieth page."""


@dataclass(frozen=True, slots=True)
class WallTable(Generic[RowT]):
    """How rows of one kind are written.

    Attributes:
        columns: as of a record table.
        cell: row and id of the column -> its content.
        source: row -> the name of the source that told it.
        large: row -> what is written of it in large letters where there is room, what stands at the end of that
            line, and the style; None for a row that is not worth it.
    """

    columns: tuple[Column, ...]
    cell: Callable[[RowT, str], Cell]
    source: Callable[[RowT], str]
    large: Callable[[RowT], tuple[str, str, str] | None]


@dataclass(frozen=True, slots=True)
class Section(Generic[RowT]):
    """One list.

    Attributes:
        title: its name.
        table: how its rows are written.
        rows: the worst first.
        counts: what stands behind the title; harmless already.
        empty: the sentence where there is no row.
        untrusted: names of sources whose rows are only the last known ones.
    """

    title: str
    table: WallTable[RowT]
    rows: tuple[RowT, ...] = ()
    counts: Line = ()
    empty: Piece = _NOTHING
    untrusted: frozenset[str] = frozenset()

    @property
    def need(self) -> int:
        """Lines that show everything."""
        return 1 + max(1, len(self.rows))


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows stand there.

    Attributes:
        pinned: rows that stay on every page, because they are the worst.
        each: how many more a page holds.
        pages: how many pages there are, at least 1.
        number: the present one, from 0.
        left_out: rows that are on no page.
    """

    pinned: int
    each: int
    pages: int
    number: int
    left_out: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The pinned rows and those of the page."""
        start = self.pinned + self.number * self.each
        return slice(0, self.pinned), slice(start, start + self.each)


def paged(count: int, capacity: int, turn: int) -> Page:
    """Share ``count`` rows among pages.

    Args:
        count: how many rows there are.
        capacity: how many fit at once, at least 1.
        turn: grows by one with every turn of a page.
    """
    if count <= capacity:
        return Page(0, capacity, 1, 0, 0)
    pinned = capacity // 3
    each = capacity - pinned
    needed = -(-(count - pinned) // each)
    pages = min(needed, MOST_PAGES)
    return Page(pinned, each, pages, turn % pages, max(0, count - pinned - pages * each))


def section_lines(section: Section[Any], width: int, height: int, turn: int, *, large: bool = False) -> list[Line]:
    """The section in exactly ``height`` lines.

    Args:
        section: the list.
        width: cells.
        height: lines.
        turn: grows by one with every turn of a page.
        large: whether the first rows may stand in large letters where all rows fit.
    """
    if height <= 0:
        return []
    capacity = height - 1
    page = paged(len(section.rows), max(1, capacity), turn)
    lines = [_title(section, page, width)]
    if not section.rows:
        lines.append(tuple(fit([section.empty], width, Align.LEFT, Cut.END)))
    else:
        first, second = page.slices
        shown = (*section.rows[first], *section.rows[second])
        pictures = _pictures(section, shown, width, capacity) if large and page.pages == 1 else []
        # Air where there is room: lines that stand apart are easier to follow from afar.
        apart = bool(pictures) or 2 * len(shown) <= min(capacity, height - _AIRY)
        for number, line in enumerate(_rows(section, shown, width)):
            if apart:
                lines.append(())
            if number < len(pictures):
                lines += pictures[number]
            lines.append(line)
    lines = lines[:height]
    return lines + [()] * (height - len(lines))


def _pictures(section: Section[Any], shown: Sequence[Any], width: int, capacity: int) -> list[list[Line]]:
    found: list[list[Line]] = []
    for row in shown:
        # Those that follow stand apart, by a blank line each.
        if (len(found) + 1) * _LARGE + 2 * (len(shown) - len(found) - 1) > capacity:
            break
        words = section.table.large(row)
        picture = large_row(*words, width) if words is not None else None
        if picture is None:
            break
        if section.table.source(row) in section.untrusted:
            picture = [tuple(Piece(piece.text, _QUIET) for piece in line) for line in picture]
        found.append(picture)
    return found


def _title(section: Section[Any], page: Page, width: int) -> Line:
    left = [Piece(f"{section.title}  ", "bold"), *section.counts]
    mark = ""
    if page.pages > 1:
        rest = f"{page.left_out} more not listed  " if page.left_out else ""
        mark = f"{rest}page {page.number + 1}/{page.pages}"
    room = width - (len(mark) + 2 if mark else 0)
    if length(left) > room - 2:
        left = fit(left, max(1, room), Align.LEFT, Cut.END)
    rule = width - length(left) - len(mark) - (2 if mark else 1)
    between = [Piece(" "), Piece("─" * rule, _RULE)] if rule > 0 else []
    return (*left, *between, *([Piece(f" {mark}", _QUIET)] if mark else []))


def _rows(section: Section[Any], shown: Sequence[Any], width: int) -> list[Line]:
    table = section.table
    cells = [{column.id: pieces_of(table.cell(row, column.id)) for column in table.columns} for row in shown]
    measured = {
        column.id: max(width_of(one[column.id]) for one in cells)
        for column in table.columns
        if isinstance(column.width, Fit)
    }
    layout = widths(table.columns, width, measured)
    lines: list[Line] = []
    for row, one in zip(shown, cells, strict=True):
        stale = table.source(row) in section.untrusted
        line: list[Piece] = []
        for column, room in layout:
            if line:
                line.append(Piece(" "))
            line += fit(one[column.id], room, column.align, column.cut)
        lines.append(tuple(Piece(piece.text, _QUIET) for piece in line) if stale else tuple(line))
    return lines
