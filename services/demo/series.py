"""A time series of the demo, and the sampler that evaluates many of them on one grid of moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from services.demo.signals import COUNTERS_START, Curve

SCRAPE = 15.0
"""Seconds between two scrapes, as the targets of the demo tell."""

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """A series: either a sum of weighted curves, or a step function.

    Attributes:
        labels: without the name.
        terms: weight and curve of each summand.
        step: the value at a moment, None where there is no sample; takes the place of ``terms``.
        begin, end: it has samples in ``[begin, end)``.
    """

    name: str
    labels: Mapping[str, str]
    terms: tuple[tuple[float, Curve], ...] = ()
    step: Callable[[float], float | None] | None = None
    begin: float = COUNTERS_START
    end: float = inf


@dataclass(slots=True)
class Sampler:
    """Evaluates series; a curve that several series share is evaluated once for each grid."""

    _curves: dict[tuple[Curve, float, tuple[float, float, int]], list[float]] = field(default_factory=dict)

    def at(self, series: Series, times: Sequence[float], shift: float = 0.0) -> Values:
        """The values at ``times`` moved back by ``shift`` seconds; None where there is no sample."""
        if series.step is not None:
            step, begin, end = series.step, series.begin, series.end
            return [step(time - shift) if begin <= time - shift < end else None for time in times]
        total = self._sum(series, times, shift)
        if series.begin <= times[0] - shift and times[-1] - shift < series.end:
            return total
        return [
            value if series.begin <= time - shift < series.end else None
            for value, time in zip(total, times, strict=True)
        ]

    def increase(self, series: Series, times: Sequence[float], window: float, shift: float = 0.0) -> Values:
        """How much a counter grew in the ``window`` seconds before each moment; None where it has no sample."""
        now = self.at(series, times, shift)
        inside = times[0] - shift - window >= series.begin and times[-1] - shift < series.end
        if series.step is None and inside:
            before = self.at(series, times, shift + window)
            return [a - b for a, b in zip(now, before, strict=True) if a is not None and b is not None]
        first = series.begin
        out: Values = []
        for time, value in zip(times, now, strict=True):
            if value is None:
                out.append(None)
                continue
            (base,) = self.at(series, (max(first, time - shift - window),))
            out.append(value - (base or 0.0))
        return out

    def window(self, series: Series, times: Sequence[float], window: float, shift: float = 0.0) -> list[list[float]]:
        """The samples (one a scrape, the newest first) within ``window`` seconds before each moment."""
        steps = int(window // SCRAPE) + 1
        scrapes = [(time - shift) // SCRAPE * SCRAPE for time in times]
        columns = [self.at(series, [scrape - number * SCRAPE for scrape in scrapes]) for number in range(steps)]
        out: list[list[float]] = []
        for index, time in enumerate(times):
            oldest = time - shift - window
            inside = [
                column[index] for number, column in enumerate(columns) if scrapes[index] - number * SCRAPE > oldest
            ]
            out.append([value for value in inside if value is not None])
        return out

    def _sum(self, series: Series, times: Sequence[float], shift: float) -> Values:
        (weight, curve), *rest = series.terms
        total: Values = [weight * value for value in self._curve(curve, times, shift)]
        for weight, curve in rest:
            total = [a + weight * b for a, b in zip(total, self._curve(curve, times, shift), strict=True)]  # type: ignore[operator]
        return total

    def _curve(self, curve: Curve, times: Sequence[float], shift: float) -> list[float]:
        key = (curve, shift, (times[0], times[-1], len(times)))
        found = self._curves.get(key)
        if found is None:
            found = self._curves[key] = curve.values([time - shift for time in times] if shift else times)
        return found
