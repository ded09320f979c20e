"""Why a rule fires for some series and not for others: how their values lie, and which labels set them apart.

A label sets what fires apart if every series that fires has it and no healthy one has its value: a version that only
the broken pods run, the one node that they share. Few values say more than many: one version for five pods stands
before the names of the five pods.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.metrics.expression import Condition
from services.metrics.model import Labels, Sample
from services.metrics.prometheus import PrometheusReader

_NAME = "__name__"
_MOST_VALUES = 5
"""A label with more values than this among what fires says nothing that a person can use."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What fires of one condition, against what does not.

    Attributes:
        firing: what the condition returns now, with the values of what is measured.
        healthy: the other series of what is measured.
        apart: label and its values among what fires, where no healthy series has one of them; the fewest values first.
        shared: what all series have in common, firing or not; empty where there is one alone.
    """

    firing: tuple[Sample, ...]
    healthy: tuple[Sample, ...]
    apart: tuple[tuple[str, tuple[str, ...]], ...]
    shared: Labels

    @property
    def healthy_range(self) -> tuple[float, float] | None:
        """The smallest and the largest finite value of the healthy series; None where there is none."""
        finite = [one.value for one in self.healthy if math.isfinite(one.value)]
        return (min(finite), max(finite)) if finite else None


def contrast(measured: Sequence[Sample], firing: Sequence[Sample]) -> Contrast:
    """Hold what fires against what does not.

    Args:
        measured: what the rule measures now, every series.
        firing: what its condition returns now. A comparison keeps the labels of its left side, perhaps not the name.
    """
    fires = {_bare(one.labels) for one in firing}
    bad = tuple(one for one in measured if _bare(one.labels) in fires)
    good = tuple(one for one in measured if _bare(one.labels) not in fires)
    if not bad:
        # What is measured does not have the labels of the condition, such as behind group_left.
        bad = tuple(firing)
    every = [_bare(one.labels) for one in (*bad, *good)]
    shared = tuple(sorted(set(every[0]).intersection(*map(set, every[1:])))) if len(every) > 1 else ()
    return Contrast(
        bad, good, _apart([dict(_bare(one.labels)) for one in bad], [dict(one.labels) for one in good]), shared
    )


async def contrast_now(condition: Condition, reader: PrometheusReader) -> tuple[Contrast, tuple[str, ...]]:
    """Ask for both sides now.

    Returns:
        The contrast, and what the server says is missing or doubtful.

    Raises:
        SourceError: Prometheus gave no usable answer.
    """
    firing = await reader.query(condition.text)
    measured = await reader.query(condition.measured)
    partial = tuple(dict.fromkeys((*firing.partial, *measured.partial)))
    return contrast(measured.samples, firing.samples), partial


def _apart(
    bad: Sequence[Mapping[str, str]], good: Sequence[Mapping[str, str]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not bad or not good:
        return ()
    found = []
    for name in set.intersection(*(set(one) for one in bad)):
        values = {one[name] for one in bad}
        if len(values) <= _MOST_VALUES and values.isdisjoint(one.get(name, "") for one in good):
            found.append((name, tuple(sorted(values))))
    return tuple(sorted(found, key=lambda one: (len(one[1]), one[0])))


def _bare(labels: Labels) -> Labels:
    return tuple(one for one in labels if one[0] != _NAME)
