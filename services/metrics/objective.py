"""Service level objectives: what is promised, and how the ratio of bad events is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.metrics.burn import DAY, Condition, Finding, Urgency, budget_left, burn_rate, conditions, judge, urgency

WINDOW = "{{.window}}"
"""Stands for a window such as ``5m`` in a configured query; sloth writes it the same way."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Attributes:
        name: unique; ``service/name`` where a service is known.
        service: whose it is; empty where that is not said.
        target: the share of good events that is promised, above 0 and below 1.
        period: seconds over which it is promised.
        origin: ``config``, ``sloth`` or ``pyrra``.
        ratio: the ratio of bad events over :data:`WINDOW`, as PromQL.
        events: all events a second over :data:`WINDOW`, as PromQL; empty where that is not known.
        conditions: when its burn asks for somebody.
        least: fewer events than this in a long window say nothing.
    """

    name: str
    service: str
    target: float
    period: float
    origin: str
    ratio: str
    events: str = ""
    conditions: tuple[Condition, ...] = ()
    least: float = 0.0

    @property
    def windows(self) -> tuple[int, ...]:
        """Every window that its conditions need, and the period itself, in seconds, ascending."""
        needed = {one for condition in self.conditions for one in (condition.long, condition.short)}
        return tuple(sorted({*needed, round(self.period)}))

    def ratio_over(self, window: int) -> str:
        """The expression of the ratio of bad events over ``window`` seconds."""
        return self.ratio.replace(WINDOW, prometheus_duration(window))

    def events_over(self, window: int) -> str:
        """The expression of all events a second over ``window`` seconds."""
        return self.events.replace(WINDOW, prometheus_duration(window))


@dataclass(frozen=True, slots=True)
class Standing:
    """How an objective stands now.

    Attributes:
        objective: which.
        ratios: window in seconds -> ratio of bad events; NaN where there were no events.
        events: window in seconds -> how many events there were, as far as that is known.
        notes: what is missing or doubtful (raw).
    """

    objective: Objective
    ratios: Mapping[int, float]
    events: Mapping[int, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def burns(self) -> dict[int, float]:
        """Window in seconds -> burn rate."""
        return {window: burn_rate(ratio, self.objective.target) for window, ratio in self.ratios.items()}

    @property
    def budget(self) -> float:
        """The share of the budget that is left; NaN where it is not known."""
        return budget_left(self.ratios.get(round(self.objective.period), math.nan), self.objective.target)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Each condition, and whether it holds."""
        return judge(self.burns, self.objective.conditions, self.events, self.objective.least)

    @property
    def urgency(self) -> Urgency:
        """What its burn asks for."""
        return urgency(self.findings)


def configured(
    name: str, service: str, target: float, period: float, errors: str, total: str, least: float
) -> Objective:
    """An objective of the configuration; ``errors`` and ``total`` are PromQL, each one number a second."""
    # No bad event yet means no series of them: that is a ratio of 0, where there are events at all.
    ratio = f"(({errors}) or 0 * ({total})) / ({total})"
    return Objective(name, service, target, period, "config", ratio, total, conditions(period), least)


def prometheus_duration(seconds: int) -> str:
    """A window as PromQL and the names of recording rules write it: the largest unit that divides it."""
    for unit, size in (("d", DAY), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
