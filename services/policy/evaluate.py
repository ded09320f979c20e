"""Holds the policies against one write. Pure: reads no store, asks nobody, and fails closed.

Order: whatever blocks wins, in the order of the configuration; then whatever requires an approval, all of it
together; else the write is allowed. A policy that cannot be read or evaluated blocks whatever it may cover.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.policy.hours import activity, is_active, moment_text
from services.policy.model import (
    Answer,
    Effect,
    Finding,
    Limits,
    Policy,
    PolicyDecision,
    Scope,
    Standing,
)
from services.policy.patterns import any_matches
from services.safety.gate import Asked
from services.safety.plan import Plan

_LONGEST_NAME = 3
_REFUSING = (Standing.BLOCKS, Standing.UNREADABLE)


def evaluate(
    policies: Sequence[Policy], asked: Asked, at: datetime | None = None, *, explained: bool = True
) -> PolicyDecision:
    """What ``policies`` say of ``asked``.

    Args:
        policies: in the order of the configuration.
        asked: the write.
        at: another moment than that of ``asked`` (aware), to explain what would be then.
        explained: whether to say of an idle policy when it is active again, which takes longer than the decision.
    """
    moment = asked.at if at is None else at
    findings = tuple(_find(policy, asked, moment, explained) for policy in policies)
    refusing = [one for one in findings if one.standing in _REFUSING]
    if refusing:
        first = refusing[0]
        others = f" (so do {', '.join(one.policy for one in refusing[1:])})" if len(refusing) > 1 else ""
        return PolicyDecision(
            Answer.BLOCKED, f"policy {first.policy}", f"policy {first.policy} {first.words}{others}", findings
        )
    wanting = [
        (finding, policy)
        for finding, policy in zip(findings, policies, strict=True)
        if finding.standing is Standing.WANTS_APPROVAL
    ]
    if wanting:
        first = wanting[0][0]
        names = ", ".join(finding.policy for finding, _ in wanting[1:])
        return PolicyDecision(
            Answer.NEEDS_APPROVAL,
            f"policy {first.policy}",
            f"policy {first.policy} {first.words}" + (f" (so do {names})" if names else ""),
            findings,
            tuple(policy.requirement for _, policy in wanting),
        )
    return PolicyDecision(Answer.ALLOWED, findings=findings)


def elsewhere(scope: Scope, asked: Asked) -> str:
    """Why ``scope`` does not cover ``asked``: the first condition that does not hold; empty where it covers it.

    Raises:
        PatternError: a pattern is none.
    """
    plan, actor = asked.plan, asked.actor
    environments = {plan.environment, *(target.environment for target in plan.targets)}
    conditions: tuple[tuple[str, tuple[str, ...], Iterable[str]], ...] = (
        ("actions", scope.actions, (plan.action,)),
        ("commands", scope.commands, command_names(asked.command)),
        ("risks", scope.risks, (plan.risk.value,)),
        ("sources", scope.sources, (plan.source,)),
        ("environments", scope.environments, environments),
        ("surfaces", scope.surfaces, (actor.surface.value,)),
    )
    for what, patterns, texts in conditions:
        if patterns and not any_matches(patterns, texts):
            return f"covers {what} {', '.join(patterns)} alone"
    if scope.namespaces and plan.namespaces is not None and not any_matches(scope.namespaces, plan.namespaces):
        return f"covers namespaces {', '.join(scope.namespaces)} alone"
    if scope.automation is not None and scope.automation is not actor.automation:
        return f"covers {'automation' if scope.automation else 'people'} alone"
    return ""


def command_names(line: str) -> tuple[str, ...]:
    """What the name of a line's command may be: its first words, as they stand there without the slash."""
    words = line.strip().removeprefix("/").split()[:_LONGEST_NAME]
    return tuple(" ".join(words[: count + 1]) for count in range(len(words)))


def exceeded(limits: Limits, plan: Plan) -> str:
    """By how much ``plan`` goes beyond ``limits``; empty where it does not."""
    reach = plan.reach
    count = max(len(plan.targets), reach.count if reach is not None else 0)
    unit = reach.unit if reach is not None and reach.count >= len(plan.targets) else "targets"
    if limits.targets is not None and count > limits.targets:
        return f"it reaches {count} {unit}, and {limits.targets} are the most"
    if limits.percent is None:
        return ""
    if reach is None or reach.total is None:
        return f"at most {limits.percent:g} % may be reached, and nobody knows of how many its {count} {unit} are"
    if count * 100 > limits.percent * reach.total:
        share = f"{100 * count / reach.total:.0f} %" if reach.total else "more than all there are"
        return f"it reaches {count} of {reach.total} {unit} ({share}), and {limits.percent:g} % are the most"
    return ""


def _find(policy: Policy, asked: Asked, at: datetime, explained: bool) -> Finding:
    try:
        return _judge(policy, asked, at, explained)
    except Exception as error:
        # Whatever keeps a policy from being evaluated must not let a write through.
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        return Finding(policy.name, Standing.UNREADABLE, f"cannot be evaluated, so it blocks: {said}")


def _judge(policy: Policy, asked: Asked, at: datetime, explained: bool) -> Finding:
    if not policy.enabled:
        return Finding(policy.name, Standing.OFF, "is switched off")
    if words := elsewhere(policy.scope, asked):
        return Finding(policy.name, Standing.ELSEWHERE, words)
    if policy.problems:
        words = f"cannot be read, so it blocks: {'; '.join(policy.problems)}"
        return Finding(policy.name, Standing.UNREADABLE, words)
    if not is_active(policy.hours, at):
        until = activity(policy.hours, at).until if explained else None
        again = f", next from {moment_text(until, policy.hours.zone)}" if until is not None else ""
        return Finding(policy.name, Standing.IDLE, f"is not active then{again}")
    limited = policy.limits.targets is not None or policy.limits.percent is not None
    over = exceeded(policy.limits, asked.plan)
    if limited and not over:
        return Finding(policy.name, Standing.WITHIN, "is about more than it reaches")
    return Finding(policy.name, _EFFECTS[policy.effect], _effect_words(policy, at, over))


_EFFECTS = {Effect.BLOCK: Standing.BLOCKS, Effect.REQUIRE_APPROVAL: Standing.WANTS_APPROVAL}


def _effect_words(policy: Policy, at: datetime, over: str) -> str:
    if policy.effect is Effect.BLOCK:
        what = "blocks it"
    else:
        people = "1 person" if policy.count == 1 else f"{policy.count} people"
        who = f" of {', '.join(policy.approvers)}" if policy.approvers else ""
        what = f"requires the approval of {people}{who} besides whoever asks"
    now = activity(policy.hours, at)
    parts = [f"{what} ({now.because})" if now.because else what]
    if now.until is not None:
        parts.append(f"until {moment_text(now.until, policy.hours.zone)}")
    words = " ".join(parts)
    return "; ".join(part for part in (words, over, policy.reason) if part)
