"""What benchmarks share.

A benchmark is a module of this package with

* ``NAME``: a word, what ``python -m tests.bench NAME`` calls it;
* ``def run() -> Table``: measures and returns the table. It may take half a minute; it prints nothing.

Measure both sides of a ratio in one run and interleave them (A B A B, not A A B B): machines differ and get warm,
ratios of one run hardly do. A :class:`Limit` states what was promised; the program exits 1 when one is broken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Protocol, cast


@dataclass(frozen=True, slots=True)
class Limit:
    """A promise and what was measured.

    Attributes:
        what: of which value, with its unit.
        measured: the value.
        most: the largest value that keeps the promise.
    """

    what: str
    measured: float
    most: float

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.most


@dataclass(frozen=True, slots=True)
class Table:
    """What a benchmark found.

    Attributes:
        title: one line.
        header: titles of the columns, with units.
        rows: cells, as text.
        limits: promises that the figures must keep.
        notes: sentences on how it was measured.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    limits: Sequence[Limit] = ()
    notes: Sequence[str] = field(default=())

    def markdown(self) -> str:
        """The table, its limits and notes as Markdown."""
        widths = [max(len(str(row[index])) for row in (self.header, *self.rows)) for index in range(len(self.header))]
        lines = [f"### {self.title}", ""]
        lines.append(_line(self.header, widths))
        lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        lines.extend(_line(row, widths) for row in self.rows)
        if self.limits:
            lines.append("")
        for limit in self.limits:
            word = "kept" if limit.kept else "BROKEN"
            lines.append(f"- {limit.what}: {limit.measured:.3g}, at most {limit.most:g}: {word}")
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)


class Benchmark(Protocol):
    """A module that follows the contract above."""

    NAME: str

    def run(self) -> Table:
        """Measure."""
        ...


def benchmark_of(module: ModuleType) -> Benchmark | None:
    """The module as a benchmark; None where it is none."""
    if isinstance(getattr(module, "NAME", None), str) and callable(getattr(module, "run", None)):
        return cast("Benchmark", module)
    return None


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` per cent of them do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
