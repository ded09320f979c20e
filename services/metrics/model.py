"""Series, samples and what an alert's rule measures, immutable and raw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.vocabulary.plot import Unit

Labels = tuple[tuple[str, str], ...]
"""Names and values, raw, sorted by name."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range query.

    Attributes:
        labels: raw, sorted by name.
        times: seconds since the epoch, ascending.
        values: as many as times; NaN and infinities as Prometheus sent them. Times without a sample are left out.
    """

    labels: Labels
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of an instant query; ``time`` in seconds since the epoch, labels empty for a scalar."""

    labels: Labels
    time: float
    value: float


@dataclass(frozen=True, slots=True)
class InstantAnswer:
    """The answer to an instant query.

    Attributes:
        samples: in the order of the server.
        partial: what the server, or the reader, says is missing or doubtful (raw); empty where nothing is.
    """

    samples: tuple[Sample, ...]
    partial: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    """The answer to a range query.

    Attributes:
        series: in the order of the server.
        partial: what the server, or the reader, says is missing or doubtful (raw); empty where nothing is.
    """

    series: tuple[Series, ...]
    partial: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What a server says it is (raw); ``revision`` is empty where it does not say."""

    version: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class AlertPlot:
    """What the rule of an alert measures over time.

    Attributes:
        expression: what was asked, without the comparison (raw PromQL).
        series: those that belong to the alert, the worst first.
        step: seconds between samples; a larger distance is a gap.
        start: first moment asked for (UTC). end: last one.
        threshold: the finite number it is compared with; None where the rule compares with none.
        operator: ``>``, ``>=``, ``<``, ``<=``, ``==``, ``!=``; empty where there is no threshold.
        onset: when the alert began (UTC); may lie before ``start``. None where nothing fires.
        unit: how to write the values; a guess from the expression.
        note: what a person should know, such as how many series were left out or what Prometheus warned of (raw).
    """

    expression: str
    series: tuple[Series, ...]
    step: float
    start: datetime
    end: datetime
    threshold: float | None
    operator: str
    onset: datetime | None
    unit: Unit = Unit.NONE
    note: str = ""
