"""Ranges, ticks and numbers with units. Plain arithmetic; every result is finite."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from services.vocabulary.plot import Unit

# Far enough from overflow for a span, its air and a change of unit.
_BIG = sys.float_info.max / 1000
_FLAT = 1e-300
_TIME_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values that becomes 0 to 1. ``low`` < ``high``, both finite and far from overflow."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a finite value is: 0 at ``low``, 1 at ``high``, cut to that."""
        share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))


def scale_of(values: Iterable[float]) -> Scale:
    """A range that shows all finite ``values``, with a little air, and zero where it is not far away."""
    finite = [min(_BIG, max(-_BIG, value)) for value in values if math.isfinite(value)]
    if not finite:
        return Scale(0.0, 1.0)
    low, high = min(finite), max(finite)
    if high - low < _FLAT or high - low <= 1e-12 * max(abs(low), abs(high)):
        pad = abs(high) * 0.1 if abs(high) > _FLAT else 1.0
        low, high = (low - pad, high + pad) if low < 0 or abs(low) > _FLAT else (0.0, pad)
    if low > 0 and low < 0.8 * high:
        low = 0.0
    elif high < 0 and high > 0.8 * low:
        high = 0.0
    air = (high - low) * 0.05
    return Scale(low if low == 0 else low - air, high if high == 0 else high + air)


def ticks(scale: Scale, most: int) -> list[float]:
    """At most ``most`` values with few digits inside the range; 1, 2 or 5 times a power of ten apart."""
    span = scale.high - scale.low
    rough = span / max(1, most)
    if rough < _FLAT:
        return [scale.low]
    magnitude = 10.0 ** math.floor(math.log10(rough))
    if magnitude == 0 or not math.isfinite(magnitude):
        return [scale.low]
    for factor in (1, 2, 5, 10, 20):
        step = factor * magnitude
        first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
        if last - first + 1 <= most:
            return [number * step for number in range(first, last + 1)]
    return [scale.low]


def time_ticks(start: float, end: float, most: int) -> list[tuple[float, str]]:
    """At most ``most`` moments (Unix seconds) between ``start`` and ``end`` that are round in UTC, with their text."""
    span = end - start
    if not math.isfinite(span) or span <= 0 or most < 1 or abs(start) > 2e11 or abs(end) > 2e11:
        return []
    weeks = _TIME_STEPS[-1] * math.ceil(span / _TIME_STEPS[-1] / most)
    step = next((step for step in _TIME_STEPS if end // step - -(-start // step) < most), weeks)
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
    first, last = math.ceil(start / step), math.floor(end / step)
    return [
        (number * step, datetime.fromtimestamp(number * step, UTC).strftime(form))
        for number in range(first, min(last, first + most - 1) + 1)
    ]


def value_ticks(scale: Scale, unit: Unit, most: int) -> list[tuple[float, str]]:
    """At most ``most`` round values of the range, with their text; round in what the axis counts (minutes, MiB)."""
    biggest = max(abs(scale.low), abs(scale.high))
    size, _ = _prefix(unit, biggest)
    shrunk = Scale(scale.low / size, scale.high / size)
    if not shrunk.low < shrunk.high:
        return []
    return [(tick * size, number(tick * size, unit, biggest)) for tick in ticks(shrunk, most)]


def number(value: float, unit: Unit, biggest: float | None = None) -> str:
    """``value`` with its unit, three digits, at most twelve cells.

    Args:
        value: what is written.
        unit: what it counts.
        biggest: the largest magnitude on the same axis, so that an axis has one prefix; None takes the value's own.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    size, suffix = _prefix(unit, abs(value if biggest is None else biggest))
    text = _short(value / size if math.isfinite(value / size) else value)
    return text if text == "0" else text + suffix


def _prefix(unit: Unit, biggest: float) -> tuple[float, str]:
    return next((size, suffix) for least, size, suffix in _PREFIXES[unit] if biggest >= least)


# From which magnitude on, in what it is counted, and how that is written.
_PREFIXES: dict[Unit, tuple[tuple[float, float, str], ...]] = {
    Unit.NONE: ((1e16, 1, ""), (1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"), (0, 1, "")),
    Unit.PER_SECOND: (
        (1e16, 1, "/s"),
        (1e12, 1e12, "T/s"),
        (1e9, 1e9, "G/s"),
        (1e6, 1e6, "M/s"),
        (1e4, 1e3, "k/s"),
        (0, 1, "/s"),
    ),
    Unit.RATIO: ((0, 0.01, "%"),),
    Unit.PERCENT: ((0, 1, "%"),),
    Unit.SECONDS: (
        (172_800, 86_400, "d"),
        (7200, 3600, "h"),
        (300, 60, "m"),
        (1, 1, "s"),
        (1e-3, 1e-3, "ms"),
        (1e-6, 1e-6, "µs"),
        (0, 1, "s"),
    ),
    Unit.BYTES: ((2**40, 2**40, "Ti"), (2**30, 2**30, "Gi"), (2**20, 2**20, "Mi"), (2**10, 2**10, "Ki"), (0, 1, "B")),
}


def _short(value: float) -> str:
    text = f"{value:.3g}"
    if "e" in text and 1 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return "0" if text == "-0" else text.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
