"""How a rule of Prometheus, and what is active of it, is told in a line, in lines, and to a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.command import Column
from services.metrics.inventory import ActiveAlert, Rule
from services.metrics.model import Labels
from services.metrics.tabling import figure, selector
from services.vocabulary.durations import format_age

RULE_COLUMNS = (
    Column("state"),
    Column("rule"),
    Column("group"),
    Column("health"),
    Column("evaluated", numeric=True),
    Column("took", numeric=True),
    Column("expression"),
)
GLYPHS = {"firing": "▲ firing", "pending": "△ pending", "inactive": "· inactive", "": "  records"}
ORDER = {"firing": 0, "pending": 1}
_EXPRESSION = 90


def rule_row(one: Rule, now: datetime) -> tuple[str, ...]:
    """The cells of :data:`RULE_COLUMNS` (raw)."""
    return (
        GLYPHS.get(one.state, one.state),
        one.name,
        one.group,
        "✗ fails" if one.health == "err" else one.health,
        ago(one.evaluated_at, now),
        took(one.seconds),
        one.error or one.query[:_EXPRESSION],
    )


def rule_lines(one: Rule, now: datetime) -> list[str]:
    """Everything about a rule and what is active of it (raw)."""
    what = "alerts" if one.alerting else "records"
    evaluated = f"{ago(one.evaluated_at, now)} ago, took {took(one.seconds)}" if one.evaluated_at else "never"
    lines = [
        f"{what} in group {one.group} of {one.file}",
        f"expression: {one.query}",
        f"evaluation: {one.health}, {evaluated}",
    ]
    if one.error:
        lines.append(f"error: {one.error}")
    if one.alerting:
        lines.append(f"state: {one.state}; fires when it has held for {one.holds:g}s")
    lines += [f"label: {name} = {value}" for name, value in one.labels]
    lines += [f"annotation: {name} = {value}" for name, value in one.annotations]
    for alert in one.alerts:
        value, labels = value_words(alert.value), label_words(alert.labels)
        lines.append(f"{alert.state} since {ago(alert.active_at, now)}, value {value}: {labels}")
    return lines


def rule_objects(rules: Sequence[Rule]) -> list[Any]:
    """The same for a program."""
    return [
        {
            "group": one.group,
            "file": one.file,
            "name": one.name,
            "type": "alerting" if one.alerting else "recording",
            "query": one.query,
            "state": one.state or None,
            "health": one.health,
            "last_error": one.error,
            "for_seconds": one.holds,
            "last_evaluation": iso(one.evaluated_at),
            "evaluation_seconds": one.seconds,
            "labels": dict(one.labels),
            "annotations": dict(one.annotations),
            "alerts": [alert_object(alert) for alert in one.alerts],
        }
        for one in rules
    ]


def alert_object(one: ActiveAlert) -> dict[str, Any]:
    """An active alert for a program."""
    return {
        "name": one.name,
        "state": one.state,
        "labels": dict(one.labels),
        "annotations": dict(one.annotations),
        "active_at": iso(one.active_at),
        "value": one.value if math.isfinite(one.value) else figure(one.value),
    }


def label_words(labels: Labels) -> str:
    """Labels as a selector, without the name of the alert."""
    return selector(tuple(one for one in labels if one[0] != "alertname"))


def value_words(value: float) -> str:
    """A value; nothing where there is none."""
    return "" if math.isnan(value) else figure(value)


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago."""
    return "never" if at is None else format_age(max(now - at, now - now))


def took(seconds: float) -> str:
    """How long an evaluation or a scrape took."""
    return f"{1000 * seconds:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
