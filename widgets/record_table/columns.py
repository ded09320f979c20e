"""Columns, and how a width is shared among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Align(Enum):
    """On which side a cell stands. Numbers stand right."""

    LEFT = "left"
    RIGHT = "right"


class Cut(Enum):
    """Where a text that does not fit loses cells. Names are cut in the middle: their ends tell them apart."""

    END = "end"
    MIDDLE = "middle"


@dataclass(frozen=True, slots=True)
class Share:
    """A width that takes part in what the others leave.

    Attributes:
        weight: how much of the rest, against the weights of the other shares.
        minimum: cells it gets before any rest is shared.
    """

    weight: float = 1.0
    minimum: int = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """As wide as the widest visible cell. Never shrinks before the table's own width changes.

    Attributes:
        minimum: cells it gets at least.
        maximum: cells it gets at most.
    """

    minimum: int = 1
    maximum: int = 24


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        id: what :meth:`RowFormat.cell` is asked for.
        title: its heading; empty for none.
        width: cells, or how they are found.
        align: side of the cell.
        cut: where a text that does not fit is cut.
        hide_below: the table's width in cells below which the column is not shown.
    """

    id: str
    title: str = ""
    width: int | Share | Fit = field(default_factory=Share)
    align: Align = Align.LEFT
    cut: Cut = Cut.END
    hide_below: int = 0


def widths(columns: Sequence[Column], total: int, measured: Mapping[str, int]) -> list[tuple[Column, int]]:
    """The shown columns with their widths; with one blank between neighbours they never exceed ``total``.

    Args:
        columns: all of them, in order.
        total: cells that may be used.
        measured: the widest visible cell of each column with a :class:`Fit`, by id.

    Returns:
        Columns that get at least one cell. Where even the fixed ones do not fit, the last are left out.
    """
    shown = [column for column in columns if column.hide_below <= total]
    room = total - max(0, len(shown) - 1)
    wanted = {column.id: _wanted(column, measured) for column in shown}
    shares = [(column.id, column.width.weight) for column in shown if isinstance(column.width, Share)]
    rest = max(0, room - sum(wanted.values()))
    weights = sum(weight for _, weight in shares)
    for index, (name, weight) in enumerate(shares):
        # The last takes what rounding left over.
        part = rest if index == len(shares) - 1 else int(rest * weight / weights) if weights else 0
        wanted[name] += part
        rest -= part
        weights -= weight
    out: list[tuple[Column, int]] = []
    left = total
    for column in shown:
        gap = 1 if out else 0
        width = min(wanted[column.id], left - gap)
        if width <= 0:
            continue
        out.append((column, width))
        left -= width + gap
    return out


def _wanted(column: Column, measured: Mapping[str, int]) -> int:
    if isinstance(column.width, Share):
        return column.width.minimum
    if isinstance(column.width, Fit):
        return max(column.width.minimum, min(column.width.maximum, measured.get(column.id, 0)))
    return column.width
