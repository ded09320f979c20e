"""The curves behind the demo's metrics: closed formulas of time, so that a counter needs no memory.

A counter is the exact integral of its rate; ``rate()`` is then a plain difference. Times are seconds after the
epoch of the world; ``midnight`` is the epoch's own seconds since 00:00 UTC, for the daily wave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, exp, log, pi, sin
from statistics import NormalDist
from typing import Protocol

from services.demo import seeding, story

COUNTERS_START = -30 * 86_400.0
"""When the counters began to count."""

_DAY = 2 * pi / 86_400.0
_BUSIEST = 19 * 3600.0
_PERIODS = (31.0, 73.0, 190.0, 640.0)


class Curve(Protocol):
    """A function of time that is evaluated for many moments at once. Hashable, so that results can be shared."""

    def values(self, times: Sequence[float]) -> list[float]:
        """The value at each moment."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Always 1."""

    def values(self, times: Sequence[float]) -> list[float]:
        return [1.0] * len(times)


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Seconds after the epoch."""

    def values(self, times: Sequence[float]) -> list[float]:
        return list(times)


@dataclass(frozen=True, slots=True)
class Wave:
    """Noise of mean 0 that stays within -1 and 1: a few sines whose phases the seed chooses."""

    seed: int
    name: str

    def values(self, times: Sequence[float]) -> list[float]:
        phases = _phases(self.seed, self.name)
        return [sum(sin(pace * time + phase) for pace, phase in phases) / len(phases) for time in times]


@dataclass(frozen=True, slots=True)
class Traffic:
    """The integral of a rate of mean 1: a daily wave (highest at 19:00 UTC) and a little noise."""

    seed: int
    name: str
    midnight: float
    swing: float = 0.35
    noise: float = 0.12

    def values(self, times: Sequence[float]) -> list[float]:
        phases = _phases(self.seed, self.name)
        origin = self._integral(COUNTERS_START, phases)
        return [self._integral(time, phases) - origin if time > COUNTERS_START else 0.0 for time in times]

    def _integral(self, time: float, phases: tuple[tuple[float, float], ...]) -> float:
        daily = self.swing * sin(_DAY * (time + self.midnight - _BUSIEST)) / _DAY
        amplitude = self.noise / len(phases)
        return time + daily - amplitude * sum(cos(pace * time + phase) / pace for pace, phase in phases)


@dataclass(frozen=True, slots=True)
class Episode:
    """A trapezoid in each turn: 0, rising from ``a`` to ``b``, 1 until ``c``, falling until ``d`` (into the turn)."""

    a: float
    b: float
    c: float
    d: float

    def values(self, times: Sequence[float]) -> list[float]:
        return [self.value(time) for time in times]

    def value(self, time: float) -> float:
        """The height at one moment; 0 before the first turn."""
        into = time % story.TURN
        if time < 0 or into <= self.a or into >= self.d:
            return 0.0
        if into < self.b:
            return (into - self.a) / (self.b - self.a)
        return 1.0 if into <= self.c else (self.d - into) / (self.d - self.c)


@dataclass(frozen=True, slots=True)
class EpisodeIntegral:
    """The integral of an :class:`Episode`, from the epoch on."""

    episode: Episode

    def values(self, times: Sequence[float]) -> list[float]:
        whole = self._within(story.TURN)
        return [whole * (time // story.TURN) + self._within(time % story.TURN) if time > 0 else 0.0 for time in times]

    def _within(self, into: float) -> float:
        episode, total = self.episode, 0.0
        if into > episode.a:
            rise = min(into, episode.b) - episode.a
            total += rise * rise / (2 * (episode.b - episode.a))
        if into > episode.b:
            total += min(into, episode.c) - episode.b
        if into > episode.c:
            width = episode.d - episode.c
            rest = width - (min(into, episode.d) - episode.c)
            total += (width * width - rest * rest) / (2 * width)
        return total


def below(bound: float, median: float, spread: float = 0.55) -> float:
    """The share of a log-normal latency that is at most ``bound`` seconds."""
    return NormalDist().cdf((log(bound) - log(median)) / spread)


def mean_latency(median: float, spread: float = 0.55) -> float:
    """The mean of the same distribution."""
    return median * exp(spread * spread / 2)


def _phases(seed: int, name: str) -> tuple[tuple[float, float], ...]:
    return tuple(
        (
            2 * pi / (period * (0.9 + 0.2 * seeding.fraction(seed, name, period))),
            2 * pi * seeding.fraction(name, period, seed),
        )
        for period in _PERIODS
    )
