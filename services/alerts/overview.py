"""What the labels of the alerts are: of each label its most frequent values. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from services.alerts.model import Alert


@dataclass(frozen=True)
class LabelSummary:
    """One label.

    Attributes:
        name: of the label (raw).
        alerts: how many alerts have it.
        distinct: how many values it has.
        top: value (raw) and how many alerts have it, the most frequent first.
    """

    name: str
    alerts: int
    distinct: int
    top: tuple[tuple[str, int], ...]


def overview(alerts: Iterable[Alert], most: int = 10) -> tuple[LabelSummary, ...]:
    """Every label of ``alerts`` with at most ``most`` values; labels with few values, on many alerts, first.

    Behind them come labels with a single value, then those that nearly every alert has for itself (an instance, a
    pod), and last what all alerts share: that narrows nothing.
    """
    values: dict[str, Counter[str]] = {}
    total = 0
    for alert in alerts:
        total += 1
        for name, value in alert.labels.items():
            counter = values.get(name)
            if counter is None:
                counter = values[name] = Counter()
            counter[value] += 1
    found = [
        LabelSummary(
            name,
            counter.total(),
            len(counter),
            tuple(sorted(counter.items(), key=lambda one: (-one[1], one[0]))[:most]),
        )
        for name, counter in values.items()
    ]
    return tuple(sorted(found, key=lambda one: (_use(one, total), one.distinct, -one.alerts, one.name)))


def _use(label: LabelSummary, total: int) -> int:
    if label.distinct == 1:
        return 3 if label.alerts == total else 1
    return 2 if label.distinct / label.alerts > 0.5 else 0
