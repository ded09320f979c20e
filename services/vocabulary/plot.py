"""A plot over time, as it is to be drawn; immutable. The screen draws it, a command only says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Unit(Enum):
    """How values are written on an axis."""

    NONE = ""
    RATIO = "ratio"  # 0.02 is written 2 %
    PERCENT = "percent"  # 2 is written 2 %
    SECONDS = "seconds"
    BYTES = "bytes"
    PER_SECOND = "per second"


@dataclass(frozen=True, slots=True)
class Line:
    """One series.

    Attributes:
        name: raw; shown in the legend where there are several lines.
        times: Unix seconds, ascending.
        values: as many; what is not finite leaves a gap.
    """

    name: str
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: a vertical line. ``at`` is Unix seconds, ``label`` raw and short."""

    at: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A whole plot.

    Attributes:
        lines: at most six are drawn; the legend counts the rest.
        start: left edge, Unix seconds.
        end: right edge, Unix seconds.
        threshold: where the horizontal line is; None for none.
        marks: vertical lines; those outside are left out.
        unit: of the values.
        step: seconds between neighbouring points; a longer distance is a gap. None where gaps are only what is not
            finite.
        caption: raw; stands before the legend.
    """

    lines: Sequence[Line]
    start: float
    end: float
    threshold: float | None = None
    marks: Sequence[Mark] = ()
    unit: Unit = Unit.NONE
    step: float | None = None
    caption: str = ""
