"""The lists of the Prometheus HTTP API v1 (targets, rules, alerts, series, label names), and how they become the model.

Keys and states are those of ``web/api/v1/api.go`` of Prometheus; a key that a version lacks is let pass.
"""

from __future__ import annotations

import math
from datetime import datetime

import msgspec

from services.metrics.inventory import ActiveAlert, Rule, Target, Targets
from services.metrics.model import Labels
from services.metrics.wire import data_of, decoded, partial_of, sorted_labels


class _Target(msgspec.Struct, gc=False):
    labels: dict[str, str] = {}
    pool: str = msgspec.field(name="scrapePool", default="")
    url: str = msgspec.field(name="scrapeUrl", default="")
    health: str = "unknown"
    error: str = msgspec.field(name="lastError", default="")
    scraped_at: str = msgspec.field(name="lastScrape", default="")
    seconds: float = msgspec.field(name="lastScrapeDuration", default=0.0)


class _Targets(msgspec.Struct, gc=False):
    active: list[_Target] | None = msgspec.field(name="activeTargets", default=None)
    dropped: list[msgspec.Raw] | None = msgspec.field(name="droppedTargets", default=None)
    counts: dict[str, int] | None = msgspec.field(name="droppedTargetCounts", default=None)


class _Alert(msgspec.Struct, gc=False):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    state: str = ""
    active_at: str | None = msgspec.field(name="activeAt", default=None)
    value: str = "NaN"


class _Alerts(msgspec.Struct, gc=False):
    alerts: list[_Alert] | None = None


class _Rule(msgspec.Struct, gc=False):
    name: str
    query: str = ""
    kind: str = msgspec.field(name="type", default="")
    state: str = ""
    health: str = "unknown"
    error: str = msgspec.field(name="lastError", default="")
    duration: float = 0.0
    evaluated_at: str = msgspec.field(name="lastEvaluation", default="")
    seconds: float = msgspec.field(name="evaluationTime", default=0.0)
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    alerts: list[_Alert] | None = None


class _Group(msgspec.Struct, gc=False):
    name: str
    file: str = ""
    rules: list[_Rule] | None = None


class _Groups(msgspec.Struct, gc=False):
    groups: list[_Group] | None = None
    next: str = msgspec.field(name="groupNextToken", default="")


_TARGETS = msgspec.json.Decoder(_Targets)
_ALERTS = msgspec.json.Decoder(_Alerts)
_GROUPS = msgspec.json.Decoder(_Groups)
_SERIES = msgspec.json.Decoder(list[dict[str, str]])
_NAMES = msgspec.json.Decoder(list[str])


def targets(body: bytes, source: str) -> Targets:
    """The answer to ``/api/v1/targets``.

    Raises:
        SourceError: it is not what Prometheus says.
    """
    found = decoded(_TARGETS, data_of(body, source), source)
    active = tuple(
        Target(
            one.pool, sorted_labels(one.labels), one.url, one.health, one.error, _moment(one.scraped_at), one.seconds
        )
        for one in found.active or ()
    )
    if found.counts is not None:
        return Targets(active, sum(found.counts.values()))
    return Targets(active, None if found.dropped is None else len(found.dropped))


def active_alerts(body: bytes, source: str) -> tuple[ActiveAlert, ...]:
    """The answer to ``/api/v1/alerts``.

    Raises:
        SourceError: it is not what Prometheus says.
    """
    return tuple(_alert(one) for one in decoded(_ALERTS, data_of(body, source), source).alerts or ())


def rules(body: bytes, source: str) -> tuple[tuple[Rule, ...], str]:
    """The answer to ``/api/v1/rules``: one page of them, and the token of the next; empty at the end.

    Raises:
        SourceError: it is not what Prometheus says.
    """
    found = decoded(_GROUPS, data_of(body, source), source)
    return tuple(_rule(group, one) for group in found.groups or () for one in group.rules or ()), found.next


def series(body: bytes, source: str) -> tuple[tuple[Labels, ...], tuple[str, ...]]:
    """The answer to ``/api/v1/series``: the labels of each, and what is missing (raw).

    Raises:
        SourceError: it is not what Prometheus says.
    """
    return tuple(sorted_labels(one) for one in decoded(_SERIES, data_of(body, source), source)), partial_of(
        body, source
    )


def names(body: bytes, source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The answer to ``/api/v1/labels`` and ``/api/v1/label/…/values``: the names, and what is missing (raw).

    Raises:
        SourceError: it is not what Prometheus says.
    """
    found: list[str] = decoded(_NAMES, data_of(body, source), source)
    return tuple(found), partial_of(body, source)


def _alert(one: _Alert) -> ActiveAlert:
    try:
        value = float(one.value)
    except ValueError:
        value = math.nan
    return ActiveAlert(
        sorted_labels(one.labels), sorted_labels(one.annotations), one.state, _moment(one.active_at or ""), value
    )


def _rule(group: _Group, one: _Rule) -> Rule:
    return Rule(
        group.name,
        group.file,
        one.name,
        one.kind == "alerting",
        one.query,
        one.state,
        one.health,
        one.error,
        one.duration,
        _moment(one.evaluated_at),
        one.seconds,
        sorted_labels(one.labels or {}),
        sorted_labels(one.annotations or {}),
        tuple(_alert(alert) for alert in one.alerts or ()),
    )


def _moment(text: str) -> datetime | None:
    """A time as Go writes it, to the nanosecond; its zero time, year 1, means never."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.year > 1 and moment.tzinfo is not None else None
