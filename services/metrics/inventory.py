"""What a Prometheus scrapes, evaluates and holds to be alerting; immutable and raw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.metrics.model import Labels


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that is scraped.

    Attributes:
        pool: the name of its scrape configuration.
        labels: those that its series get, sorted by name.
        url: what is fetched.
        health: ``up``, ``down`` or ``unknown``.
        error: why the last scrape failed; empty where it did not.
        scraped_at: when it was last tried (UTC); None where never.
        seconds: how long that took.
    """

    pool: str
    labels: Labels
    url: str
    health: str
    error: str
    scraped_at: datetime | None
    seconds: float

    @property
    def instance(self) -> str:
        """Its ``instance`` label, else the URL."""
        return dict(self.labels).get("instance", "") or self.url


@dataclass(frozen=True, slots=True)
class Targets:
    """All that are scraped, and how many were found and dropped by relabelling; None where it does not say."""

    active: tuple[Target, ...]
    dropped: int | None = None


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert as Prometheus holds it: before external labels, and with those that are only pending.

    Attributes:
        labels: sorted by name. annotations: likewise.
        state: ``pending`` or ``firing``.
        active_at: since when its expression gives it (UTC); earlier than its Alertmanager start by the rule's ``for``.
        value: of the expression; NaN where it does not say.
    """

    labels: Labels
    annotations: Labels
    state: str
    active_at: datetime | None
    value: float

    @property
    def name(self) -> str:
        """The alert's name."""
        return dict(self.labels).get("alertname", "")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        group: the group it belongs to. file: where that is written.
        name: of the alert, or of the series that it records.
        alerting: False for a recording rule.
        query: its expression.
        state: ``inactive``, ``pending``, ``firing``; empty for a recording rule.
        health: ``ok``, ``err`` or ``unknown``. error: of the last evaluation.
        holds: seconds that it has to hold before it fires (its ``for``).
        evaluated_at: when it was last evaluated (UTC); None where never. seconds: how long that took.
        labels: what it adds. annotations: likewise.
        alerts: what is active of it.
    """

    group: str
    file: str
    name: str
    alerting: bool
    query: str
    state: str
    health: str
    error: str
    holds: float
    evaluated_at: datetime | None
    seconds: float
    labels: Labels = ()
    annotations: Labels = ()
    alerts: tuple[ActiveAlert, ...] = ()
