"""How trust is told, to people and to programs. Pure; imports no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.trust.levels import Level
from services.trust.model import Standing, TrustChange, TrustRules, TrustStatus
from services.trust.promotion import percent
from services.vocabulary.durations import format_age, format_duration


def plain(status: TrustStatus) -> dict[str, Any]:
    """All of it as JSON types: what the gateway serves and ``--json`` prints. Texts raw, times ISO 8601 in UTC."""
    rules = status.rules
    return {
        "at": status.at.isoformat(),
        "progressive_trust": rules.progressive,
        "cap": rules.cap.word,
        "default": rules.in_force(Level.SHADOW).level.word,
        "levels": [plain_standing(one) for one in status.standings],
        "offers": [
            {
                "kind": one.scope.kind,
                "environment": one.scope.environment,
                "from": one.held.level.word,
                "to": one.outlook.to.word,
            }
            for one in status.offers
            if one.outlook.to is not None
        ],
    }


def plain_standing(standing: Standing) -> dict[str, Any]:
    """One scope as JSON types."""
    held, tally, found = standing.held, standing.tally, standing.outlook
    return {
        "kind": held.scope.kind,
        "environment": held.scope.environment,
        "level": held.level.word,
        "number": int(held.level),
        "in_force": standing.in_force.level.word,
        "held_by": standing.in_force.why,
        "since": held.since.isoformat() if held.since is not None else None,
        "good": tally.good,
        "bad": tally.bad,
        "waiting": tally.waiting,
        "failures": tally.failed,
        "error_rate": float(tally.errors),
        "next": found.to.word if found.to is not None else None,
        "offered": found.offered,
        "lacking": list(found.lacking),
        "problem": held.problem,
    }


def plain_change(change: TrustChange) -> dict[str, Any]:
    """One change as JSON types."""
    return {
        "number": change.number,
        "at": change.at.isoformat(),
        "kind": change.scope.kind,
        "environment": change.scope.environment,
        "from": change.before.word,
        "to": change.after.word,
        "cause": change.cause,
        "operator": change.operator,
        "os_user": change.os_user,
        "host": change.host,
        "database_user": change.database_user,
        "reason": change.reason,
        "intent": change.intent,
    }


def sentence(status: TrustStatus, shown: Iterable[Standing]) -> str:
    """What stands first in ``/trust status``."""
    rules, count = status.rules, len(tuple(shown))
    if not rules.progressive:
        return f"all automation is {rules.in_force(Level.SHADOW).level.word}: progressive_trust is off"
    if not count:
        return "automation asked for nothing yet: all of it is at shadow"
    offers = len(status.offers)
    told = f"{count} {'kind' if count == 1 else 'kinds'} of action and environment"
    return f"{told}, {offers} {'promotion' if offers == 1 else 'promotions'} offered"


def explanation(rules: TrustRules, shown: Iterable[Standing]) -> tuple[str, ...]:
    """What stands under the table: what is offered, what cannot be read, what holds."""
    lines = []
    for one in shown:
        if one.held.problem:
            lines.append(one.held.problem)
        elif one.outlook.offered and one.outlook.to is not None:
            line = f'/trust promote {one.scope.kind} {one.scope.environment} --reason "…"'
            lines.append(f"{one.outlook.to.word} is offered for {one.scope}: {line}")
    if rules.progressive and rules.cap < Level.SELECTIVE_AUTONOMY:
        lines.append(f"[sre.trust] cap holds all automation at {rules.cap.word} or lower")
    if not rules.progressive:
        lines.append("a person agrees to each of its writes; what it earned before counts again once it is on")
    lines.append("trust is about automation; what a person asks for needs no more than their own yes")
    return tuple(lines)


def row(standing: Standing, now: datetime) -> tuple[str, ...]:
    """The cells of one scope (raw)."""
    held, tally, found = standing.held, standing.tally, standing.outlook
    level = "UNREADABLE" if held.problem else f"{int(held.level)} {held.level.word}"
    ahead = "; ".join(found.lacking)
    if found.to is not None:
        ahead = f"{found.to.word}: {ahead or 'offered'}"
    return (
        held.scope.kind,
        held.scope.environment,
        level,
        standing.in_force.level.word,
        format_age(now - held.since) if held.since is not None else "",
        str(tally.good),
        str(tally.bad),
        str(tally.waiting),
        ahead,
    )


def evidence(standing: Standing, rules: TrustRules) -> tuple[str, ...]:
    """What a promotion rests on, for whoever has to agree to it."""
    tally, wanted = standing.tally, rules.criteria[standing.held.level]
    since = standing.held.since
    told = f" since {since:%Y-%m-%d %H:%M} UTC" if since is not None else ""
    return (
        f"right {tally.good} times, wrong {tally.bad} times, {tally.waiting} waiting{told}",
        f"wanted: {wanted.successes} times right, at most {percent(wanted.errors)} errors,"
        f" {format_duration(wanted.after)} at its level",
    )
