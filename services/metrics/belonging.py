"""Which series belong to an alert.

An alert carries the labels of the series that fired, changed on the way: the rule adds labels of its own (static or
from templates, and they win), Prometheus adds external ones, and relabelling may drop some. So a series is held
against an alert on the names that both have; names that the alert lacks count less, as an alert normally has every
label of its series. The series with the fewest contradictions, and among these with the fewest lacking names, are
its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.metrics.model import Labels, Sample, Series

T = TypeVar("T", Sample, Series)

MOST_SERIES = 12
"""Most series that one plot shows."""

# Given by the rule, not by the series.
_OF_THE_RULE = frozenset({"__name__", "alertname"})
_PLAIN = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "$": "$$"})


@dataclass(frozen=True, slots=True)
class Own(Generic[T]):
    """Those that belong to an alert.

    Attributes:
        items: in their order; empty only where there was nothing to choose from.
        exact: whether none of their labels contradicts the alert.
    """

    items: tuple[T, ...]
    exact: bool


def own(items: Iterable[T], alert_labels: Mapping[str, str]) -> Own[T]:
    """The samples or series that belong to an alert."""
    best: list[T] = []
    least: tuple[int, int] | None = None
    for item in items:
        distance = _distance(item.labels, alert_labels)
        if least is None or distance < least:
            best, least = [item], distance
        elif distance == least:
            best.append(item)
    return Own(tuple(best), least is not None and least[0] == 0)


def _distance(labels: Labels, alert_labels: Mapping[str, str]) -> tuple[int, int]:
    contradicted = lacking = 0
    for name, value in labels:
        if name in _OF_THE_RULE:
            continue
        known = alert_labels.get(name, "")
        if not known:
            lacking += 1
        elif known != value:
            contradicted += 1
    return contradicted, lacking


def narrowed(expression: str, samples: Sequence[Sample]) -> str:
    """The expression for those series alone that have the labels of one of the samples; the server leaves out the rest.

    Labels of another series of the same rule would fill megabytes. So the expression is joined with a vector that has
    the labels that all samples have names for: ``(expression) and on (job) label_replace(vector(1), "job", "api", "",
    "")``. Names outside of the classic character set are left out of it: older servers reject them.

    Returns:
        The expression as it is where the samples have no such label.
    """
    common = set.intersection(*[{name for name, _ in sample.labels} for sample in samples]) if samples else set()
    names = sorted(name for name in common - _OF_THE_RULE if _PLAIN.fullmatch(name))
    if not names:
        return expression
    wanted = {tuple((name, value) for name, value in sample.labels if name in names) for sample in samples}
    vectors = " or ".join(_vector(labels) for labels in sorted(wanted)[:MOST_SERIES])
    # On lines of its own, as it may end in a comment.
    return f"(\n{expression}\n) and on ({', '.join(names)}) ({vectors})"


def _vector(labels: Labels) -> str:
    vector = "vector(1)"
    for name, value in labels:
        vector = f'label_replace({vector}, "{name}", "{value.translate(_ESCAPES)}", "", "")'
    return vector
