"""``/alerts correlate``: the storm as few problems, each with a likely cause, and why an alert is in one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from services.alerts import listing
from services.alerts.lookup import find_alert
from services.alerts.model import Alert
from services.alerts.naming import told_apart
from services.alerts.now import AlertsNow
from services.alerts.offers import AlertOffers
from services.alerts.view import arrange
from services.alerts.wire import instant
from services.command import Arguments, Column, Command, Invocation, Offers, Positional, Result, Table
from services.correlation.correlate import Study, study
from services.correlation.model import Cause, Evidence, Explanation, Problem
from services.deployments.model import Deployment
from services.safety.plan import Risk
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age

COLUMNS = (
    Column("severity"),
    Column("alerts", numeric=True),
    Column("probable cause"),
    Column("since", numeric=True),
    Column("problem"),
    Column("why"),
)


async def _no_deployments() -> Sequence[Deployment]:
    return ()


@dataclass(frozen=True, slots=True)
class CorrelatingNeeds:
    """What correlating works with.

    Attributes:
        current: everything that is known of the alerts now.
        offers: what completion offers of them.
        clock: the time.
        deployments: the workloads whose rollouts may be causes; those of clusters that cannot be read are missing.
    """

    current: Callable[[], Awaitable[AlertsNow]]
    offers: AlertOffers
    clock: Clock
    deployments: Callable[[], Awaitable[Sequence[Deployment]]] = _no_deployments


class CorrelateArguments(Arguments):
    """``/alerts correlate [<id>]``."""

    id: Annotated[str, Positional()] = Field(
        "", description="an alert to explain: fingerprint or a unique beginning of it; without one, every problem"
    )


async def _correlate(needs: CorrelatingNeeds, request: CorrelateArguments, invocation: Invocation) -> Result:
    del invocation
    now, deployments = await asyncio.gather(needs.current(), needs.deployments())
    chosen = find_alert(now, request.id) if request.id else None
    at = needs.clock.now()
    found = await asyncio.to_thread(study, now.alerts, tuple(deployments))
    told = listing.sentence(now, arrange(now.alerts, grouped=False), at, filtered=False)
    ok = bool(now.freshness) and not now.untrusted
    if chosen is not None:
        return _explained(found, chosen, now, told, ok=ok)
    problems = found.correlation.problems
    several = [problem for problem in problems if problem.count > 1]
    held = sum(problem.count for problem in several)
    alone = len(problems) - len(several)
    words = f"{_count(len(several), 'problem')} of several alerts ({held} in all), {alone} standing alone; {told}"
    alerts = {alert.id: alert for alert in now.alerts}
    return Result(
        words if now.freshness else told,
        data=[_data(problem, alerts) for problem in problems],
        table=_table([*several, *[problem for problem in problems if problem.count == 1]], at),
        ok=ok,
    )


def _explained(found: Study, alert: Alert, now: AlertsNow, told: str, *, ok: bool) -> Result:
    explanation = found.explain(alert.id)
    if explanation is None:
        raise AssertionError("every alert is in a problem")
    problem = explanation.problem
    name = told_apart([alert], now.alerts)[0]
    if problem.count == 1:
        words = f"{name} stands alone: nothing that fires belongs with it; {told}"
    else:
        others = problem.count - 1
        words = f"{name} is one problem with {_count(others, 'other alert')}, as its {explanation.role}: "
        words = f"{words}{problem.cause.text}; {told}"
    lines = [f"for      {one.text}" for one in explanation.reasons if one.weight >= 0]
    lines += [f"against  {one.text}" for one in explanation.reasons if one.weight < 0]
    if explanation.nearest is not None and explanation.against:
        what = explanation.nearest.cause.text
        lines += [f"not with {what}: {one.text}" for one in explanation.against]
    lines += [f"the problem: {one.text}" for one in problem.evidence]
    lines += [f"or else: {other.text}" for other in problem.others]
    alerts = {one.id: one for one in now.alerts}
    return Result(words, data=_explanation_data(explanation, alerts), lines=tuple(lines), ok=ok)


def _table(problems: Sequence[Problem], now: datetime) -> Table:
    return Table(COLUMNS, tuple([_row(problem, now) for problem in problems]))


def _row(problem: Problem, now: datetime) -> tuple[str, ...]:
    severity = problem.severity
    return (
        f"{severity.glyph} {severity.word}",
        str(problem.count),
        problem.cause.text,
        format_age(now - problem.since),
        problem.id,
        next((one.text for one in problem.evidence if one.text != problem.cause.text), "") if problem.count > 1 else "",
    )


def _data(problem: Problem, alerts: dict[str, Alert]) -> dict[str, Any]:
    members = [alerts[member] for member in problem.members]
    return {
        "id": problem.id,
        "severity": problem.severity.value,
        "count": problem.count,
        "since": instant(problem.since),
        "cause": _cause_data(problem.cause),
        "candidates": [_cause_data(cause) for cause in problem.others],
        "evidence": [_evidence_data(one) for one in problem.evidence],
        "shared": dict(problem.shared),
        "members": [
            {
                "cluster": alert.cluster,
                "fingerprint": alert.fingerprint,
                "name": alert.name,
                "standing": alert.standing.value,
                "starts_at": instant(alert.starts_at),
                "labels": alert.labels,
            }
            for alert in members
        ],
    }


def _explanation_data(explanation: Explanation, alerts: dict[str, Alert]) -> dict[str, Any]:
    nearest = explanation.nearest
    return {
        "alert": explanation.alert,
        "role": explanation.role,
        "reasons": [_evidence_data(one) for one in explanation.reasons],
        "problem": _data(explanation.problem, alerts),
        "nearest": None
        if nearest is None
        else {
            "id": nearest.id,
            "cause": _cause_data(nearest.cause),
            "against": [_evidence_data(one) for one in explanation.against],
        },
    }


def _cause_data(cause: Cause) -> dict[str, Any]:
    return {
        "kind": cause.kind.value,
        "label": cause.label,
        "subject": cause.subject,
        "text": cause.text,
        "alert": cause.alert,
        "score": round(cause.score, 3),
    }


def _evidence_data(one: Evidence) -> dict[str, Any]:
    return {"kind": one.kind.value, "text": one.text, "weight": round(one.weight, 3)}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _ids(needs: CorrelatingNeeds) -> Offers:
    return needs.offers


COMMANDS = (
    Command(
        name="alerts correlate",
        summary="Show the storm as few problems, each with its probable cause; or why an alert is in one",
        arguments=CorrelateArguments,
        risk=Risk.READ,
        run=_correlate,
        complete={"id": _ids},
        examples=("/alerts correlate", "/alerts correlate 3f2a"),
        help=(
            "Alerts belong together where they began together, name the same rare things under whatever labels, say "
            "the same, or inhibit each other. The cause is the thing or the rollout that explains most of them and "
            "came first: probable, not proven. The key c groups the pane of alerts the same way."
        ),
    ),
)
"""What this room adds to ``/alerts``."""
