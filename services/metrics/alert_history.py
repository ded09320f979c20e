"""When an alert fired, as the ``ALERTS`` series of Prometheus remembers it.

Prometheus writes a sample of ``ALERTS{alertname=…, alertstate="firing", …}`` at each evaluation of the rule while the
alert fires (Prometheus, "Alerting rules", section "Inspecting alerts during runtime").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.metrics.prometheus import MOST_POINTS, PrometheusReader
from services.metrics.tabling import selector

_FINEST = 60
_OF_THE_SERIES = frozenset({"__name__", "alertstate"})
_LOOKBACK = 300.0
"""Seconds for which a sample stands where none follows, and no staleness marker either."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """When an alert fired.

    Attributes:
        stretches: the first and the last sample of each (UTC).
        step: seconds between samples.
    """

    stretches: tuple[tuple[datetime, datetime], ...]
    step: int


async def fired_between(
    reader: PrometheusReader, labels: Mapping[str, str], start: datetime, end: datetime
) -> Remembered:
    """When the alert with ``labels`` fired.

    Args:
        reader: the Prometheus of the alert's cluster.
        labels: of the alert as Alertmanager has it: with external labels, which ``ALERTS`` lacks.
        start: from when (UTC).
        end: until when.

    Raises:
        SourceError: Prometheus gave no usable answer.
    """
    seconds = max(1.0, (end - start).total_seconds())
    step = max(_FINEST, math.ceil(seconds / (MOST_POINTS - 1)))
    wanted = (("__name__", "ALERTS"), ("alertname", labels.get("alertname", "")), ("alertstate", "firing"))
    # Counted from the end, so that what fires now has a sample now.
    first = end - timedelta(seconds=step * math.floor(seconds / step))
    answer = await reader.query_range(selector(wanted), first, end, step)
    times: set[float] = set()
    for one in answer.series:
        own = [(name, value) for name, value in one.labels if name not in _OF_THE_SERIES]
        if all(labels.get(name) == value for name, value in own):
            times.update(one.times)
    stretches: list[list[float]] = []
    for at in sorted(times):
        if stretches and at - stretches[-1][1] <= max(step, _LOOKBACK) + 1:
            stretches[-1][1] = at
        else:
            stretches.append([at, at])
    moments = [(datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(last, UTC)) for began, last in stretches]
    return Remembered(tuple(moments), step)


async def fired_within(reader: PrometheusReader, span: timedelta) -> tuple[dict[str, str], ...]:
    """The labels of every alert that fired within ``span`` until now; without external labels.

    Raises:
        SourceError: Prometheus gave no usable answer.
    """
    seconds = max(1, round(span.total_seconds()))
    answer = await reader.query(f'count_over_time(ALERTS{{alertstate="firing"}}[{seconds}s])')
    return tuple([{name: value for name, value in one.labels if name not in _OF_THE_SERIES} for one in answer.samples])
