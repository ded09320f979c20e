"""``/metrics alerts``, ``targets``, ``rules`` and ``silence``: what a Prometheus itself is at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Duration, Invocation, Positional, Result, Table
from services.metrics.expression_commands import SOURCE
from services.metrics.inventory import ActiveAlert, Target
from services.metrics.needs import MetricsNeeds
from services.metrics.rule_listing import (
    GLYPHS,
    ORDER,
    RULE_COLUMNS,
    ago,
    alert_object,
    iso,
    label_words,
    rule_lines,
    rule_objects,
    rule_row,
    took,
    value_words,
)
from services.metrics.tabling import selector
from services.safety.plan import Plan, Risk
from services.vocabulary.durations import format_duration
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
    found.sort(key=lambda one: (ORDER.get(one.state, 2), one.name, one.labels))
    rows = tuple(
        (
            GLYPHS.get(one.state, one.state),
            one.name,
            ago(one.active_at, now),
            value_words(one.value),
            label_words(one.labels),
        )
        for one in found
    )
    firing = sum(one.state == "firing" for one in found)
    return Result(
        f"{firing} firing, {len(found) - firing} pending in Prometheus",
        [alert_object(one) for one in found],
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
        lines = [line for one in found for line in rule_lines(one, now)]
        return Result(f"{request.name}: {_number(len(found), 'rule')}", rule_objects(found), lines=tuple(lines))
    shown = [one for one in every if one.health == "err"] if request.unhealthy else list(every)
    shown.sort(key=lambda one: (one.health != "err", ORDER.get(one.state, 2), not one.alerting, one.group, one.name))
    rows = tuple(rule_row(one, now) for one in shown)
    firing = sum(one.state == "firing" for one in every)
    return Result(
        f"{_number(len(every), 'rule')}, {firing} firing, {failing} whose evaluation fails",
        rule_objects(shown),
        Table(RULE_COLUMNS, rows) if rows else None,
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
    return glyph, job, one.instance, ago(one.scraped_at, now), took(one.seconds), one.error


def _target_object(one: Target) -> dict[str, Any]:
    return {
        "pool": one.pool,
        "labels": dict(one.labels),
        "url": one.url,
        "health": one.health,
        "last_error": one.error,
        "last_scrape": iso(one.scraped_at),
        "scrape_seconds": one.seconds,
    }


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


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
