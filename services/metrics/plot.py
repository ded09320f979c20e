"""What the rule of an alert measured around the time at which the alert began.

**Which series.** The condition with its comparison is asked for first, now and else at the onset: what it returns is
what fires, seldom more than a few series, and :mod:`services.metrics.belonging` says which of them is this alert's.
Then what is measured is asked for over time, narrowed by the server to the labels of those. Only where nothing fires
any more, or the narrowed question finds nothing, every series is read and held against the alert here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alerts.model import Alert
from services.metrics.belonging import MOST_SERIES, narrowed, own
from services.metrics.expression import Condition, conditions_of, expression_of
from services.metrics.model import AlertPlot, Sample, Series
from services.metrics.prometheus import MOST_POINTS, PrometheusReader
from services.vocabulary.clock import Clock
from services.vocabulary.errors import SourceError

_SHORTEST = timedelta(minutes=30)
_LONGEST = timedelta(hours=24)
_AFTER_ONSET = 0.75  # of the time that is drawn


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is drawn; ``step`` is in whole seconds, and ``end`` a whole number of steps after ``start``."""

    start: datetime
    end: datetime
    step: int


def window_of(onset: datetime, now: datetime, points: int) -> Window:
    """From before the onset to now: a quarter of it before, at least half an hour, at most the last day.

    Args:
        onset: when the alert began.
        now: the end.
        points: how many there may be, 2 to 11,000; more or fewer count as these.
    """
    since = max(timedelta(0), now - onset)
    length = min(_LONGEST, max(_SHORTEST, since / _AFTER_ONSET))
    seconds = length.total_seconds()
    step = max(1, math.ceil(seconds / (min(max(points, 2), MOST_POINTS) - 1)))
    return Window(now - timedelta(seconds=step * math.ceil(seconds / step)), now, step)


async def plot_of(alert: Alert, reader: PrometheusReader, clock: Clock, points: int) -> AlertPlot:
    """What to draw beside an alert.

    Args:
        alert: its rule is taken from its ``generatorURL``, whose host is never contacted.
        reader: the Prometheus that belongs to the alert's cluster.
        clock: says until when.
        points: most points of a series, such as the columns of the plot.

    Raises:
        ConsoleError: the alert does not tell its rule.
        SourceError: Prometheus gave no usable answer.
    """
    conditions = conditions_of(expression_of(alert.generator_url))
    window = window_of(alert.starts_at, clock.now(), points)
    notes: list[str] = []
    condition, firing = await _firing(alert, reader, conditions, window)
    if len(conditions) > 1:
        notes.append(
            f"the rule has {len(conditions)} alternatives; drawn is {'the one that fires' if firing else 'the first'}"
        )
    elif condition.more:
        notes.append("the rule has further conditions")
    series = await _measured(alert, reader, condition, firing, window, notes)
    threshold = await _threshold(alert, reader, condition, notes)
    if alert.starts_at < window.start:
        notes.append("it began before what is drawn")
    shown = sorted(series, key=lambda one: _badness(one, condition.operator, threshold), reverse=True)[:MOST_SERIES]
    if len(series) > len(shown):
        notes.append(f"{len(series) - len(shown)} more series are left out")
    return AlertPlot(
        expression=condition.measured,
        series=tuple(shown),
        step=float(window.step),
        start=window.start,
        end=window.end,
        threshold=threshold,
        operator="" if threshold is None else condition.operator,
        onset=alert.starts_at,
        unit=condition.unit,
        note="; ".join(dict.fromkeys(notes)),
    )


async def _firing(
    alert: Alert, reader: PrometheusReader, conditions: tuple[Condition, ...], window: Window
) -> tuple[Condition, tuple[Sample, ...]]:
    """The condition that fires, and those of its series that are the alert's; none where nothing fires now or then."""
    similar: tuple[Condition, tuple[Sample, ...]] | None = None
    # The first question leaves it to the server what the time is.
    for moment in (None, min(alert.starts_at, window.end)):
        for condition in conditions:
            answer = await reader.query(condition.text, moment)
            found = own(answer.samples, alert.labels)
            if found.exact:
                return condition, found.items
            if found.items and similar is None:
                similar = condition, found.items
    return similar or (conditions[0], ())


async def _measured(
    alert: Alert,
    reader: PrometheusReader,
    condition: Condition,
    firing: tuple[Sample, ...],
    window: Window,
    notes: list[str],
) -> tuple[Series, ...]:
    question = narrowed(condition.measured, firing)
    answer = await reader.query_range(question, window.start, window.end, window.step)
    series, exact = answer.series, own(firing, alert.labels).exact
    if question == condition.measured or not series:
        if question != condition.measured:
            answer = await reader.query_range(condition.measured, window.start, window.end, window.step)
        found = own(answer.series, alert.labels)
        series, exact = found.items, found.exact
    notes += answer.partial
    if not series:
        notes.append(f"{reader.source} has no samples of it in this time")
    elif not exact:
        notes.append("no series has all labels of the alert; drawn are those that come closest")
    return series


async def _threshold(alert: Alert, reader: PrometheusReader, condition: Condition, notes: list[str]) -> float | None:
    """The number to draw as a line: a constant, or what the other side gives now where that is one number."""
    if condition.threshold is not None:
        if math.isfinite(condition.threshold):
            return condition.threshold
        notes.append(f"it is compared with {condition.threshold}")
    if not condition.limit:
        return None
    try:
        found = own((await reader.query(condition.limit)).samples, alert.labels)
    except SourceError as error:
        notes.append(f"what it is compared with cannot be read: {error}")
        return None
    values = {sample.value for sample in found.items} if found.exact else set()
    if len(values) == 1 and math.isfinite(value := values.pop()):
        notes.append(f"the threshold is what {condition.limit} gives now")
        return value
    notes.append(f"it is compared with {condition.limit}, which gives no single number now")
    return None


def _badness(series: Series, operator: str, threshold: float | None) -> float:
    """How far its last value is on the wrong side; without a threshold, how large it is. NaN fires least."""
    last = series.values[-1]
    if math.isnan(last):
        return -math.inf
    if threshold is None and operator not in ("<", "<="):
        return last
    match operator:
        case "<" | "<=":
            return -last
        case "==":
            return -abs(last - (threshold or 0.0))
        case "!=":
            return abs(last - (threshold or 0.0))
    return last
