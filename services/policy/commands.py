"""``/policy``: which rules there are, which are active now, and what they would say of a command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Column, Command, Invocation, Positional, Result, Table
from services.policy.evaluate import evaluate
from services.policy.hours import Activity, activity, hours_text, moment_text
from services.policy.model import Answer, Effect, Limits, Policy, PolicyDecision, Scope
from services.policy.patterns import any_matches
from services.safety.gate import Asked
from services.safety.plan import Plan, Risk
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError
from services.vocabulary.moment import Moment, resolve

_COLUMNS = (Column("policy"), Column("effect"), Column("state"), Column("covers"), Column("active"), Column("reason"))
_FOUND = (Column("policy"), Column("standing"), Column("why"))


@dataclass(frozen=True, slots=True)
class Planned:
    """A line that was read and worked out, and not done.

    Attributes:
        command: the line as the guard would see it.
        plan: what it would write; None where it writes to no outside system.
    """

    command: str
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class PolicyNeeds:
    """What the commands work with.

    Attributes:
        policies: in the order of the configuration.
        environments: those that are configured, to tell of patterns that match none.
        plan: works out a line by reading alone.
        clock: the time.
    """

    policies: Sequence[Policy]
    environments: tuple[str, ...]
    plan: Callable[[str, Invocation], Awaitable[Planned]]
    clock: Clock


class ListArguments(Arguments):
    """``/policy list``."""


class CheckArguments(Arguments):
    """``/policy check "<command>" [--at TIME] [--automation]``."""

    command: Annotated[str, Positional()] = Field(description='a whole command in quotes, such as "/alerts ack 3f2a"')
    at: Moment | None = Field(
        None, description="instead of now: 2026-12-24T09:00 (UTC unless it says otherwise), 2026-12-24 or +12h"
    )
    automation: bool = Field(False, description="as if a script asked")


async def _list(needs: PolicyNeeds, request: ListArguments, invocation: Invocation) -> Result:
    del request, invocation
    now = needs.clock.now()
    if not needs.policies:
        return Result("no policy is configured: [[sre.policies]]", data=[])
    broken = [one for one in needs.policies if one.problems and one.enabled]
    lines = [f"{one.name} cannot be read and blocks what it may cover: {'; '.join(one.problems)}" for one in broken]
    lines += [
        f"{one.name} matches no configured environment ({', '.join(needs.environments)})"
        for one in needs.policies
        if not one.problems and one.scope.environments and not _anywhere(one, needs.environments)
    ]
    active = sum(one.enabled and (bool(one.problems) or _activity(one, now).active) for one in needs.policies)
    return Result(
        f"{len(needs.policies)} {'policy' if len(needs.policies) == 1 else 'policies'}, {active} active now",
        data=[_object(one, now) for one in needs.policies],
        table=Table(_COLUMNS, tuple(_row(one, now) for one in needs.policies)),
        lines=tuple(lines),
        ok=not broken,
    )


async def _check(needs: PolicyNeeds, request: CheckArguments, invocation: Invocation) -> Result:
    now = needs.clock.now()
    try:
        at = resolve(request.at, now)
    except ValueError as error:
        raise ConsoleError(f"--at: {error}") from None
    actor = replace(invocation.actor, automation=invocation.actor.automation or request.automation)
    planned = await needs.plan(request.command, replace(invocation, actor=actor))
    if planned.plan is None:
        return Result(f"{planned.command} writes to no outside system: no policy is asked", data={"answer": "allowed"})
    decision = evaluate(needs.policies, Asked(planned.plan, planned.command, actor, now), at)
    when = "" if request.at is None else f" at {at:%Y-%m-%d %H:%M} UTC"
    return Result(
        _sentence(decision, when),
        data={
            "answer": decision.answer.value,
            "rule": decision.rule,
            "reason": decision.reason,
            "at": at.isoformat(),
            "command": planned.command,
            "action": planned.plan.action,
            "environment": planned.plan.environment,
            "policies": [
                {"policy": one.policy, "standing": one.standing.value, "why": one.words} for one in decision.findings
            ],
            "approvals": [
                {"policy": one.policy, "count": one.count, "approvers": list(one.approvers)}
                for one in decision.requirements
            ],
        },
        table=Table(_FOUND, tuple((one.policy, one.standing.value, one.words) for one in decision.findings)),
        lines=(f"would be: {planned.plan.summary} ({planned.plan.action}, {planned.plan.environment})",),
        ok=decision.answer is Answer.ALLOWED,
    )


def _sentence(decision: PolicyDecision, when: str) -> str:
    match decision.answer:
        case Answer.ALLOWED:
            return f"no policy stands against it{when}; breaker, trust and confirmation have their own say"
        case Answer.NEEDS_APPROVAL:
            return f"it needs an approval{when}: {decision.reason}"
        case Answer.BLOCKED:
            return f"it is blocked{when}: {decision.reason}"


def _anywhere(policy: Policy, environments: tuple[str, ...]) -> bool:
    return any_matches(policy.scope.environments, environments)


def _activity(policy: Policy, now: datetime) -> Activity:
    try:
        return activity(policy.hours, now)
    except Exception:
        return Activity(True, None)  # what cannot be told counts as in force


def _state(policy: Policy, now: datetime) -> str:
    if not policy.enabled:
        return "switched off"
    if policy.problems:
        return "UNREADABLE: blocks"
    told = _activity(policy, now)
    word = "active" if told.active else "inactive"
    return word if told.until is None else f"{word} until {moment_text(told.until, policy.hours.zone)}"


def scope_text(scope: Scope) -> str:
    """Every condition in one line; ``every write`` where there is none."""
    parts = [
        f"{name} {', '.join(patterns)}"
        for name in ("actions", "commands", "risks", "sources", "environments", "namespaces", "surfaces")
        if (patterns := getattr(scope, name))
    ]
    if scope.automation is not None:
        parts.append("automation alone" if scope.automation else "people alone")
    return "; ".join(parts) or "every write"


def _limits_text(limits: Limits) -> str:
    parts = [f"more than {limits.targets} targets"] if limits.targets is not None else []
    if limits.percent is not None:
        parts.append(f"more than {limits.percent:g} %")
    return " or ".join(parts)


def _effect(policy: Policy) -> str:
    if policy.effect is Effect.BLOCK:
        return "block"
    who = f" of {', '.join(policy.approvers)}" if policy.approvers else ""
    return f"{policy.count} approval{'s' if policy.count > 1 else ''}{who}"


def _row(policy: Policy, now: datetime) -> tuple[str, ...]:
    covers = "; ".join(part for part in (scope_text(policy.scope), _limits_text(policy.limits)) if part)
    return policy.name, _effect(policy), _state(policy, now), covers, hours_text(policy.hours), policy.reason


def _object(policy: Policy, now: datetime) -> dict[str, Any]:
    told = _activity(policy, now)
    return {
        "name": policy.name,
        "effect": policy.effect.value,
        "enabled": policy.enabled,
        "active": policy.enabled and (bool(policy.problems) or told.active),
        "until": told.until.isoformat() if told.until is not None else None,
        "covers": scope_text(policy.scope),
        "hours": hours_text(policy.hours),
        "max_targets": policy.limits.targets,
        "max_percent": policy.limits.percent,
        "approvals": policy.count if policy.effect is Effect.REQUIRE_APPROVAL else 0,
        "approvers": list(policy.approvers),
        "reason": policy.reason,
        "problems": list(policy.problems),
    }


COMMANDS: tuple[Command[PolicyNeeds, Any], ...] = (
    Command(
        name="policy list",
        summary="List the policies, which are active now and until when",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        examples=("/policy list",),
        help="Policies are those of this console's configuration. One that cannot be read blocks what it may cover.",
    ),
    Command(
        name="policy check",
        summary="Explain what the policies say of a command, without doing it",
        arguments=CheckArguments,
        risk=Risk.READ,
        run=_check,
        examples=('/policy check "/alerts ack 3f2a"', '/policy check "/alerts ack 3f2a" --at 2026-12-24T02:00'),
        help="Reads and plans the command as it would be run, and does nothing. Ends with 1 where it is not allowed.",
    ),
)
