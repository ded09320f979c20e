"""What a rule measures, as a plot: lines named by what tells them apart, threshold, rollouts, onset."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.metrics.model import AlertPlot
from services.metrics.naming import names_apart
from services.vocabulary.plot import Line, Mark, Plot


def alert_plot(found: AlertPlot, rollouts: Iterable[tuple[datetime, str]] = ()) -> Plot:
    """
    Args:
        found: from Prometheus.
        rollouts: when each began (UTC), and its name.
    """
    marks = [Mark(at.timestamp(), name) for at, name in rollouts]
    if found.onset is not None:
        marks.append(Mark(found.onset.timestamp(), "onset"))
    caption = found.expression
    if found.threshold is not None:
        caption = f"{caption} {found.operator} {found.threshold:g}"
    names = names_apart([one.labels for one in found.series])
    return Plot(
        lines=[Line(name, one.times, one.values) for name, one in zip(names, found.series, strict=True)],
        start=found.start.timestamp(),
        end=found.end.timestamp(),
        threshold=found.threshold,
        marks=marks,
        unit=found.unit,
        step=found.step,
        caption=f"{caption}  ({found.note})" if found.note else caption,
    )
