"""``/alerts rules`` and ``/alerts why``: the rules that alert, and why one of them fires."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from services.alerts.model import Alert
from services.command import Arguments, Candidate, Column, Command, Invocation, Offers, Positional, Result, Table
from services.metrics.belonging import MOST_SERIES
from services.metrics.drawing import alert_plot
from services.metrics.expression import Condition, conditions_of, expression_of
from services.metrics.expression_commands import SOURCE
from services.metrics.inventory import Rule
from services.metrics.model import AlertPlot, Series
from services.metrics.needs import MetricsNeeds
from services.metrics.plot import plot_of
from services.metrics.prometheus import PrometheusReader
from services.metrics.rule_listing import GLYPHS, ORDER, ago, rule_lines, rule_objects
from services.metrics.tabling import figure, selector
from services.metrics.why import Contrast, contrast_now
from services.safety.plan import Risk
from services.vocabulary.durations import format_age, format_duration
from services.vocabulary.errors import ConsoleError, NotFound, SourceError

_COLUMNS = (
    Column("state"),
    Column("rule"),
    Column("active", numeric=True),
    Column("fires at"),
    Column("for", numeric=True),
    Column("health"),
    Column("evaluated", numeric=True),
    Column("source"),
    Column("expression"),
)
_EXPRESSION = 70
_POINTS = 240
_DRAWN = timedelta(hours=1)
_TOLD = 6


@dataclass(frozen=True, slots=True)
class RuleNeeds:
    """What the commands work with.

    Attributes:
        metrics: the servers and the time.
        find: the alert that is meant by an id or a unique beginning of one.
        reader_of: the Prometheus that belongs to the alert's cluster; None where none does.
        offers: ids of alerts, for completion.
        known: names of rules that were last seen, for completion.
    """

    metrics: MetricsNeeds
    find: Callable[[str], Awaitable[Alert]]
    reader_of: Callable[[Alert], PrometheusReader | None]
    offers: Offers
    known: list[str] = field(default_factory=list, compare=False)


class RulesArguments(Arguments):
    """``/alerts rules [name] [--active] [--unhealthy]``."""

    name: Annotated[str | None, Positional()] = Field(None, description="everything about the rules of this name")
    active: bool = Field(False, description="only those that fire, or are about to")
    unhealthy: bool = Field(False, description="only those whose evaluation fails")
    source: str | None = SOURCE


class WhyArguments(Arguments):
    """``/alerts why <id>``."""

    id: Annotated[str, Positional(selection="alert")] = Field(
        description="fingerprint or a unique beginning of it, with cluster/ before it where two clusters share one"
    )


async def _rules(needs: RuleNeeds, request: RulesArguments, invocation: Invocation) -> Result:
    del invocation
    now = needs.metrics.clock.now()
    found, failed = await _every_rule(needs.metrics, request.source)
    needs.known[:] = sorted({one.name for _, one in found})
    if request.name is not None:
        return await _one_rule(needs, found, request.name, now, failed)
    shown = [
        (source, one)
        for source, one in found
        if not (request.unhealthy and one.health != "err") and not (request.active and one.state not in ORDER)
    ]
    shown.sort(key=lambda each: (each[1].health != "err", ORDER.get(each[1].state, 2), each[1].name, each[0]))
    firing = sum(one.state == "firing" for _, one in found)
    failing = sum(one.health == "err" for _, one in found)
    return Result(
        f"{len(found)} rules alert, {firing} firing, {failing} whose evaluation fails",
        data=[{"source": source, **rule_objects([one])[0]} for source, one in shown],
        table=Table(_COLUMNS, tuple(_row(source, one, now) for source, one in shown)) if shown else None,
        lines=failed,
        ok=not failed,
    )


async def _every_rule(needs: MetricsNeeds, source: str | None) -> tuple[list[tuple[str, Rule]], tuple[str, ...]]:
    """Every rule that alerts with the name of its server; and which servers could not be asked."""
    readers = dict(needs.readers) if source is None and needs.readers else {source or "": needs.reader(source)}
    answers = await asyncio.gather(*(reader.rules() for reader in readers.values()), return_exceptions=True)
    found: list[tuple[str, Rule]] = []
    failed: list[str] = []
    for name, answer in zip(readers, answers, strict=True):
        if isinstance(answer, SourceError):
            failed.append(f"not listed: {answer}")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += [(name, one) for one in answer if one.alerting]
    return found, tuple(failed)


async def _one_rule(
    needs: RuleNeeds, every: Sequence[tuple[str, Rule]], name: str, now: datetime, failed: tuple[str, ...]
) -> Result:
    found = [(source, one) for source, one in every if one.name == name]
    if not found:
        hint = failed[0] if failed else "/alerts rules lists them"
        raise NotFound(f"no rule alerts by the name {name!r}", hint)
    lines = [line for source, one in found for line in (f"in {source}", *rule_lines(one, now))]
    source, first = found[0]
    plot = None
    try:
        plot = alert_plot(await _measured(first, needs.metrics.reader(source or None), now))
    except ConsoleError as error:
        lines.append(f"not drawn: {error}")
    what = "1 rule" if len(found) == 1 else f"{len(found)} rules"
    return Result(
        f"{name}: {what}, {first.state}",
        data=[{"source": source, **rule_objects([one])[0]} for source, one in found],
        lines=(*lines, *failed),
        plot=plot,
        ok=not failed and all(one.health != "err" for _, one in found),
    )


async def _measured(rule: Rule, reader: PrometheusReader, now: datetime) -> AlertPlot:
    condition = conditions_of(rule.query)[0]
    step = _DRAWN.total_seconds() / _POINTS
    answer = await reader.query_range(condition.measured, now - _DRAWN, now, step)
    worst = sorted(answer.series, key=_last, reverse=condition.operator not in ("<", "<="))
    left = len(worst) - MOST_SERIES
    notes = [*answer.partial, *([f"{left} more series are left out"] if left > 0 else [])]
    onsets = [one.active_at for one in rule.alerts if one.active_at is not None]
    return AlertPlot(
        expression=condition.measured,
        series=tuple(worst[:MOST_SERIES]),
        step=step,
        start=now - _DRAWN,
        end=now,
        threshold=condition.threshold,
        operator=condition.operator if condition.threshold is not None else "",
        onset=min(onsets) if onsets else None,
        unit=condition.unit,
        note="; ".join(notes),
    )


def _last(series: Series) -> float:
    return series.values[-1]


async def _why(needs: RuleNeeds, request: WhyArguments, invocation: Invocation) -> Result:
    del invocation
    alert = await needs.find(request.id)
    reader = needs.reader_of(alert)
    if reader is None:
        raise ConsoleError(
            f"no Prometheus belongs to {alert.cluster}", "set prometheus_url of its [[sre.alertmanager]]"
        )
    clock = needs.metrics.clock
    conditions = conditions_of(expression_of(alert.generator_url))
    drawn = await plot_of(alert, reader, clock, _POINTS)
    condition = next((one for one in conditions if one.measured == drawn.expression), conditions[0])
    found, partial = await contrast_now(condition, reader)
    age = format_age(clock.now() - alert.starts_at)
    value = next((one.value for one in found.firing if _belongs(one.labels, alert)), None)
    words = "fires" if value is not None else "does not fire now, it may be resolving"
    if value is not None and condition.threshold is not None:
        words = f"fires: {figure(value)} {condition.operator} {figure(condition.threshold)}"
    lines = [*_told(found, condition), *(f"partial: {one}" for one in partial)]
    lines += await _rule_told(alert, reader, clock.now())
    return Result(
        f"{alert.name or alert.id} {words}, since {age}",
        data=_data(alert, condition, found, value),
        lines=tuple(lines),
        plot=alert_plot(drawn),
    )


def _belongs(labels: Sequence[tuple[str, str]], alert: Alert) -> bool:
    return all(alert.labels.get(name, value) == value for name, value in labels if name != "__name__")


def _told(found: Contrast, condition: Condition) -> list[str]:
    count, total = len(found.firing), len(found.firing) + len(found.healthy)
    lines = [f"measures {condition.measured}"]
    if not found.healthy:
        lines.append(f"every series of it fires ({count}): nothing healthy to hold it against" if count else "no data")
        return lines
    between = found.healthy_range
    verb = "fires" if count == 1 else "fire"
    if len(found.healthy) == 1:
        lines.append(f"{count} of {total} series {verb}; the other one is at {figure(found.healthy[0].value)}")
    else:
        lies = f", which lie from {figure(between[0])} to {figure(between[1])}" if between is not None else ""
        lines.append(f"{count} of {total} series {verb}; not the other {total - count}{lies}")
    if found.apart:
        told = [f"{name}={' or '.join(values)}" for name, values in found.apart[:_TOLD]]
        lines.append(f"only what fires has: {', '.join(told)}")
    elif count:
        lines.append("no label sets what fires apart: each of its values is healthy elsewhere")
    if found.shared:
        lines.append(f"all have: {selector(found.shared)}")
    worst = sorted(found.firing, key=lambda one: one.value, reverse=condition.operator not in ("<", "<="))
    shared = set(found.shared)
    lines += [
        f"{figure(one.value)}  {selector(tuple(pair for pair in one.labels if pair not in shared))}"
        for one in worst[:_TOLD]
    ]
    if count > _TOLD:
        lines.append(f"and {count - _TOLD} more that fire")
    return lines


async def _rule_told(alert: Alert, reader: PrometheusReader, now: datetime) -> list[str]:
    try:
        rules = [one for one in await reader.rules() if one.alerting and one.name == alert.name]
    except SourceError as error:
        return [f"its rule cannot be read: {error}"]
    if not rules:
        return [f"{reader.source} has no rule of that name now"]
    lines = []
    for one in rules[:_TOLD]:
        health = (
            f"evaluation fails: {one.error}" if one.health == "err" else f"evaluated {ago(one.evaluated_at, now)} ago"
        )
        lines.append(f"rule in group {one.group}, fires when it holds for {_held(one)}; {health}")
    return lines


def _held(rule: Rule) -> str:
    return format_duration(timedelta(seconds=rule.holds))


def _row(source: str, one: Rule, now: datetime) -> tuple[str, ...]:
    return (
        GLYPHS.get(one.state, one.state),
        one.name,
        str(len(one.alerts)) if one.alerts else "",
        _limit(one),
        _held(one) if one.holds else "",
        "✗ fails" if one.health == "err" else one.health,
        ago(one.evaluated_at, now),
        source,
        one.error or " ".join(one.query.split())[:_EXPRESSION],
    )


def _limit(rule: Rule) -> str:
    try:
        conditions = conditions_of(rule.query)
    except ConsoleError:
        return ""
    told = [f"{one.operator} {figure(one.threshold)}" for one in conditions if one.threshold is not None]
    return " or ".join(dict.fromkeys(told))


def _data(alert: Alert, condition: Condition, found: Contrast, value: float | None) -> dict[str, Any]:
    return {
        "alert": alert.id,
        "expression": condition.text,
        "measured": condition.measured,
        "operator": condition.operator or None,
        "threshold": None if condition.threshold is None else figure(condition.threshold),
        "value": None if value is None else figure(value),
        "firing": [{"labels": dict(one.labels), "value": figure(one.value)} for one in found.firing],
        "healthy": len(found.healthy),
        "apart": {name: list(values) for name, values in found.apart},
    }


def _ids(needs: RuleNeeds) -> Offers:
    return needs.offers


def _names(needs: RuleNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.known]


def _sources(needs: RuleNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.metrics.readers]


RULE_COMMANDS: tuple[Command[RuleNeeds, Any], ...] = (
    Command(
        name="alerts rules",
        summary="List the rules that alert: where they fire, their state, and how their evaluation goes",
        arguments=RulesArguments,
        risk=Risk.READ,
        run=_rules,
        complete={"name": _names, "source": _sources},
        examples=("/alerts rules", "/alerts rules --active", "/alerts rules HighErrorRate"),
        help="With a name: its expression, what is active of it, and the last hour of what it measures.",
    ),
    Command(
        name="alerts why",
        summary="Why an alert fires: what its rule measures, and what sets it apart from the healthy",
        arguments=WhyArguments,
        risk=Risk.READ,
        run=_why,
        complete={"id": _ids},
        examples=("/alerts why 3f2a",),
        help=(
            "Asks the Prometheus of the alert's cluster for every series of what the rule measures, now, and tells "
            "which labels only those have that fire."
        ),
    ),
)
"""The commands of rules that alert."""
