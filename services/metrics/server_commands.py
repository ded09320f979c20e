"""``/metrics alerts``, ``targets``, ``rules`` and ``silence``: what a Prometheus itself is at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Duration, Invocation, Positional, Result, Table
from services.metrics.expression_commands import SOURCE
from services.metrics.inventory import ActiveAlert, Rule, Target
from services.metrics.model import Labels
from services.metrics.needs import MetricsNeeds
from services.metrics.tabling import figure, selector
from services.safety.plan import Plan, Risk
from services.vocabulary.durations import format_age, format_duration
from services.vocabulary.errors import ConsoleError, NotFound

_ALERTS = (
    Column("state"),
    Column("alert"),
    Column("since", numeric=True),
    Column("value", numeric=True),
    Column("labels"),
)
_TARGETS = (
    Column("health"),
    Column("job"),
    Column("instance"),
    Column("scraped", numeric=True),
    Column("took", numeric=True),
    Column("last error"),
)
_RULES = (
    Column("state"),
    Column("rule"),
    Column("group"),
    Column("health"),
    Column("evaluated", numeric=True),
    Column("took", numeric=True),
    Column("expression"),
)
_GLYPHS = {"firing": "▲ firing", "pending": "△ pending", "inactive": "· inactive", "": "  records"}
_ORDER = {"firing": 0, "pending": 1}
_EXPRESSION = 90


class AlertsArguments(Arguments):
    """``/metrics alerts``."""

    pending: bool = Field(False, description="only those that do not fire yet")
    source: str | None = SOURCE


class TargetsArguments(Arguments):
    """``/metrics targets``."""

    job: Annotated[str | None, Positional()] = Field(None, description="only of this job")
    unhealthy: bool = Field(False, description="only those that are not up")
    source: str | None = SOURCE


class RulesArguments(Arguments):
    """``/metrics rules``."""

    name: Annotated[str | None, Positional()] = Field(None, description="everything about the rules of this name")
    unhealthy: bool = Field(False, description="only those whose evaluation fails")
    source: str | None = SOURCE


class SilenceArguments(Arguments):
    """``/metrics silence``."""

    alert: Annotated[str, Positional(rest=True, raw=True)] = Field(
        description='a name, or a selector such as {alertname="Down", instance="a"}'
    )
    for_: Duration = Field(alias="for", description="how long")
    comment: str = Field(description="why")
    source: str | None = SOURCE


async def _alerts(needs: MetricsNeeds, request: AlertsArguments, invocation: Invocation) -> Result:
    del invocation
    now = needs.clock.now()
    found = [one for one in await needs.reader(request.source).active_alerts() if _wanted(one, request)]
    found.sort(key=lambda one: (_ORDER.get(one.state, 2), one.name, one.labels))
    rows = tuple(
        (_GLYPHS.get(one.state, one.state), one.name, _ago(one.active_at, now), _value(one.value), _rest(one.labels))
        for one in found
    )
    firing = sum(one.state == "firing" for one in found)
    return Result(
        f"{firing} firing, {len(found) - firing} pending in Prometheus",
        [_alert_object(one) for one in found],
        Table(_ALERTS, rows) if rows else None,
        ("Prometheus knows neither acks nor silences; /alerts list shows what Alertmanager makes of these.",),
    )


async def _targets(needs: MetricsNeeds, request: TargetsArguments, invocation: Invocation) -> Result:
    del invocation
    now = needs.clock.now()
    everything = await needs.reader(request.source).targets()
    found = [
        one
        for one in everything.active
        if (request.job is None or request.job in (one.pool, dict(one.labels).get("job")))
        and not (request.unhealthy and one.health == "up")
    ]
    found.sort(key=lambda one: (one.health == "up", dict(one.labels).get("job", one.pool), one.instance))
    up = sum(one.health == "up" for one in everything.active)
    dropped = f", {everything.dropped} dropped by relabelling" if everything.dropped else ""
    return Result(
        f"{up} of {len(everything.active)} targets are up{dropped}",
        [_target_object(one) for one in found],
        Table(_TARGETS, tuple(_target_row(one, now) for one in found)) if found else None,
    )


async def _rules(needs: MetricsNeeds, request: RulesArguments, invocation: Invocation) -> Result:
    del invocation
    now = needs.clock.now()
    every = await needs.reader(request.source).rules()
    failing = sum(one.health == "err" for one in every)
    if request.name is not None:
        found = [one for one in every if one.name == request.name]
        if not found:
            raise NotFound(f"there is no rule {request.name!r}", "/metrics rules lists them")
        lines = [line for one in found for line in _rule_lines(one, now)]
        return Result(f"{request.name}: {_number(len(found), 'rule')}", _objects(found), lines=tuple(lines))
    shown = [one for one in every if one.health == "err"] if request.unhealthy else list(every)
    shown.sort(key=lambda one: (one.health != "err", _ORDER.get(one.state, 2), not one.alerting, one.group, one.name))
    rows = tuple(
        (
            _GLYPHS.get(one.state, one.state),
            one.name,
            one.group,
            "✗ fails" if one.health == "err" else one.health,
            _ago(one.evaluated_at, now),
            _took(one.seconds),
            one.error or one.query[:_EXPRESSION],
        )
        for one in shown
    )
    firing = sum(one.state == "firing" for one in every)
    return Result(
        f"{_number(len(every), 'rule')}, {firing} firing, {failing} whose evaluation fails",
        _objects(shown),
        Table(_RULES, rows) if rows else None,
    )


async def _silence(needs: MetricsNeeds, request: SilenceArguments, invocation: Invocation) -> Plan:
    wanted = request.alert.strip()
    found = [
        one
        for one in await needs.reader(request.source).active_alerts()
        if one.name == wanted or selector(one.labels) == wanted
    ]
    if not found:
        raise NotFound(f"Prometheus holds no alert {wanted!r} to be active", "/metrics alerts lists them")
    if len(found) > 1:
        names = "; ".join(selector(one.labels) for one in found[:5])
        raise ConsoleError(f"{wanted!r} could be any of {len(found)} alerts: {names}", "write the selector you mean")
    return await needs.plan_silence(found[0].labels, format_duration(request.for_), request.comment, invocation)


def _wanted(one: ActiveAlert, request: AlertsArguments) -> bool:
    return one.state == "pending" or not request.pending


def _target_row(one: Target, now: datetime) -> tuple[str, ...]:
    glyph = {"up": "✓ up", "down": "✗ down"}.get(one.health, f"? {one.health}")
    job = dict(one.labels).get("job", one.pool)
    return glyph, job, one.instance, _ago(one.scraped_at, now), _took(one.seconds), one.error


def _rule_lines(one: Rule, now: datetime) -> list[str]:
    what = "alerts" if one.alerting else "records"
    evaluated = f"{_ago(one.evaluated_at, now)} ago, took {_took(one.seconds)}" if one.evaluated_at else "never"
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
        lines.append(
            f"{alert.state} since {_ago(alert.active_at, now)}, value {_value(alert.value)}: {_rest(alert.labels)}"
        )
    return lines


def _objects(rules: Sequence[Rule]) -> list[Any]:
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
            "last_evaluation": _iso(one.evaluated_at),
            "evaluation_seconds": one.seconds,
            "labels": dict(one.labels),
            "annotations": dict(one.annotations),
            "alerts": [_alert_object(alert) for alert in one.alerts],
        }
        for one in rules
    ]


def _alert_object(one: ActiveAlert) -> dict[str, Any]:
    return {
        "name": one.name,
        "state": one.state,
        "labels": dict(one.labels),
        "annotations": dict(one.annotations),
        "active_at": _iso(one.active_at),
        "value": one.value if math.isfinite(one.value) else figure(one.value),
    }


def _target_object(one: Target) -> dict[str, Any]:
    return {
        "pool": one.pool,
        "labels": dict(one.labels),
        "url": one.url,
        "health": one.health,
        "last_error": one.error,
        "last_scrape": _iso(one.scraped_at),
        "scrape_seconds": one.seconds,
    }


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _rest(labels: Labels) -> str:
    return selector(tuple(one for one in labels if one[0] != "alertname"))


def _value(value: float) -> str:
    return "" if math.isnan(value) else figure(value)


def _ago(at: datetime | None, now: datetime) -> str:
    return "never" if at is None else format_age(max(now - at, now - now))


def _took(seconds: float) -> str:
    return f"{1000 * seconds:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _sources(needs: MetricsNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.readers]


SERVER_COMMANDS: tuple[Command[MetricsNeeds, Any], ...] = (
    Command(
        name="metrics alerts",
        summary="list what Prometheus holds to be pending or firing",
        arguments=AlertsArguments,
        risk=Risk.READ,
        run=_alerts,
        complete={"source": _sources},
        examples=("/metrics alerts", "/metrics alerts --pending"),
    ),
    Command(
        name="metrics targets",
        summary="list what is scraped, what is down first",
        arguments=TargetsArguments,
        risk=Risk.READ,
        run=_targets,
        complete={"source": _sources},
        examples=("/metrics targets --unhealthy",),
    ),
    Command(
        name="metrics rules",
        summary="list rules, their state and how their evaluation goes",
        arguments=RulesArguments,
        risk=Risk.READ,
        run=_rules,
        complete={"source": _sources},
        examples=("/metrics rules --unhealthy", "/metrics rules InstanceDown"),
    ),
    Command(
        name="metrics silence",
        summary="silence an alert of Prometheus in the Alertmanager that has it",
        arguments=SilenceArguments,
        risk=Risk.WRITE,
        plan=_silence,
        complete={"source": _sources},
        examples=('/metrics silence InstanceDown --for 1h --comment "disk is being changed"',),
    ),
)
