"""``/trust``: how far automation is trusted, what changed that, promote, demote."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Confirmation, Plan, Risk, Target
from services.trust.levels import Level, level_of
from services.trust.model import Scope, Standing
from services.trust.repository import check_offered, check_promoter
from services.trust.view import evidence, explanation, plain, plain_change, plain_standing, row, sentence
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Refused

if TYPE_CHECKING:
    from services.trust.repository import TrustRepository

_COLUMNS = (
    Column("kind"),
    Column("environment"),
    Column("level"),
    Column("in force"),
    Column("for", numeric=True),
    Column("right", numeric=True),
    Column("wrong", numeric=True),
    Column("waiting", numeric=True),
    Column("next"),
)
_CHANGES = (
    Column("time (UTC)"),
    Column("kind"),
    Column("environment"),
    Column("from"),
    Column("to"),
    Column("cause"),
    Column("who"),
    Column("reason"),
)


@dataclass(frozen=True, slots=True)
class TrustNeeds:
    """What the commands work with.

    Attributes:
        repository: what is kept.
        seen: the scopes that are known now, for completion; quick.
        kinds: the kinds of action that there are.
        environments: those that are configured.
        clock: the time.
    """

    repository: TrustRepository
    seen: Callable[[], Iterable[Scope]]
    kinds: tuple[str, ...]
    environments: tuple[str, ...]
    clock: Clock


def _level(value: object) -> object:
    return level_of(value) if isinstance(value, str) else value


def _said(reason: str) -> str:
    if not reason.strip():
        raise ValueError("say why, for whoever asks later")
    return reason


class StatusArguments(Arguments):
    """``/trust status [kind] [--environment …]``."""

    kind: Annotated[str, Positional()] = Field("", description="one kind of action alone")
    environment: str = Field("", description="one environment alone")


class HistoryArguments(StatusArguments):
    """``/trust history [kind] [--environment …] [--limit 50]``."""

    limit: int = Field(50, ge=1, le=1000, description="how many changes, the newest first")


class PromoteArguments(Arguments):
    """``/trust promote <kind> <environment> --reason …``."""

    kind: Annotated[str, Positional()] = Field(min_length=1, description="the kind of action")
    environment: Annotated[str, Positional()] = Field(min_length=1, description="where")
    reason: Annotated[str, AfterValidator(_said)] = Field(description="why it has earned it")


class DemoteArguments(Arguments):
    """``/trust demote [kind] [environment] [--to …] [--reason …]``."""

    kind: Annotated[str, Positional()] = Field("", description="the kind of action; all of them without")
    environment: Annotated[str, Positional()] = Field("", description="where; everywhere without")
    to: Annotated[Level, BeforeValidator(_level)] | None = Field(None, description="where to; one level lower without")
    reason: str = Field("", description="why; may be left out, seconds count")


async def _status(needs: TrustNeeds, request: StatusArguments, invocation: Invocation) -> Result:
    del invocation
    status = await needs.repository.status()
    shown = [
        one
        for one in status.standings
        if request.kind in ("", one.scope.kind) and request.environment in ("", one.scope.environment)
    ]
    told = sentence(status, shown)
    if not shown and status.standings:
        told = "automation never asked for that, so it is at shadow"
    return Result(
        told,
        data={**plain(status), "levels": [plain_standing(one) for one in shown]},
        table=Table(_COLUMNS, tuple(row(one, status.at) for one in shown)) if shown else None,
        lines=explanation(status.rules, shown),
        ok=not any(one.held.problem for one in shown),
    )


async def _history(needs: TrustNeeds, request: HistoryArguments, invocation: Invocation) -> Result:
    del invocation
    found = await needs.repository.history(request.kind, request.environment, limit=request.limit)
    return Result(
        f"the newest {len(found)} changes" if found else "no level ever changed",
        data=[plain_change(one) for one in found],
        table=Table(
            _CHANGES,
            tuple(
                (
                    f"{one.at:%Y-%m-%d %H:%M:%S}",
                    one.scope.kind,
                    one.scope.environment,
                    one.before.word,
                    one.after.word,
                    one.cause,
                    one.operator,
                    one.reason,
                )
                for one in found
            ),
        )
        if found
        else None,
    )


async def _promote(needs: TrustNeeds, request: PromoteArguments, invocation: Invocation) -> Result:
    check_promoter(invocation.actor)
    seen = await needs.repository.standing(request.kind, request.environment)
    to = check_offered(seen)
    if not await invocation.confirm(_question(needs, seen, to)):
        raise Refused(
            f"not confirmed, {seen.scope} stays at {seen.held.level.word}",
            f"type the environment, or add --confirm {shlex.quote(seen.scope.environment)}",
        )
    command = f"/trust promote {request.kind} {request.environment} --reason {shlex.quote(request.reason)}"
    after = await needs.repository.promote(seen, invocation.actor, request.reason, command=command)
    now = await needs.repository.standing(request.kind, request.environment)
    return Result(
        f"{after.scope} is at {after.level.word} now: {_MEANING[after.level]}",
        data=plain_standing(now),
        lines=(f"it was at {seen.held.level.word}; what counts begins anew",),
        undo=f"/trust demote {shlex.quote(request.kind)} {shlex.quote(request.environment)}",
    )


async def _demote(needs: TrustNeeds, request: DemoteArguments, invocation: Invocation) -> Result:
    words = ["/trust demote", *(shlex.quote(one) for one in (request.kind, request.environment) if one)]
    words += [f"--to {request.to.word}"] if request.to is not None else []
    words += [f"--reason {shlex.quote(request.reason)}"] if request.reason else []
    lowered = await needs.repository.demote(
        request.kind, request.environment, request.to, invocation.actor, request.reason, command=" ".join(words)
    )
    lines = tuple(
        f"{after.scope}: from {'UNREADABLE' if before.problem else before.level.word} to {after.level.word}"
        for before, after in lowered
    )
    if len(lowered) == 1:
        after = lowered[0][1]
        told = f"{after.scope} is at {after.level.word} now: {_MEANING[after.level]}"
    else:
        told = f"{len(lowered)} lowered" if lowered else "nothing was lowered: all of it is as low already"
    if lowered and not needs.repository.rules.progressive:
        lines += ("progressive_trust is off: it counts once that is on",)
    return Result(
        told,
        data=[
            {
                "kind": after.scope.kind,
                "environment": after.scope.environment,
                "from": before.level.word,
                "to": after.level.word,
            }
            for before, after in lowered
        ],
        lines=lines,
    )


def _question(needs: TrustNeeds, seen: Standing, to: Level) -> Plan:
    scope = seen.scope
    return Plan(
        action="trust.promote",
        risk=Risk.RECORD,
        source="store",
        environment=scope.environment,
        targets=(Target("trust", scope.kind, scope.environment),),
        summary=f"raises automation for {scope} from {seen.held.level.word} to {to.word}",
        equivalent="",
        apply=_never,
        preview=(*evidence(seen, needs.repository.rules), f"{to.word}: {_MEANING[to]}"),
        confirmation=Confirmation(
            f"automation may then do {scope.kind} in {scope.environment}: {_MEANING[to]}",
            scope.environment,
            person=True,
        ),
    )


async def _never(permit: WritePermit) -> Applied:
    del permit
    raise AssertionError("a promotion is a record and writes to no outside system")


def _kinds(needs: TrustNeeds) -> Iterable[Candidate]:
    return [Candidate(one) for one in sorted({*needs.kinds, *(scope.kind for scope in needs.seen())})]


def _environments(needs: TrustNeeds) -> Iterable[Candidate]:
    return [
        Candidate(one) for one in dict.fromkeys((*needs.environments, *(scope.environment for scope in needs.seen())))
    ]


_MEANING = {
    Level.SHADOW: "it only proposes, and shows the line that does the same by hand",
    Level.DRY_RUN: "it tries without changing anything, where the other side can do that, and else proposes",
    Level.ASSISTED: "a person agrees each time",
    Level.SUPERVISED: "it writes by itself; a person agrees to what is destructive",
    Level.SELECTIVE_AUTONOMY: "it writes without a yes; a person agrees to what is destructive",
}
_LEVELS = tuple(Candidate(level.word, _MEANING[level]) for level in Level)

COMMANDS: tuple[Command[TrustNeeds, Any], ...] = (
    Command(
        name="trust status",
        summary="Show how far automation is trusted, and what the next level lacks",
        arguments=StatusArguments,
        risk=Risk.READ,
        run=_status,
        complete={"kind": _kinds, "environment": _environments},
        examples=("/trust status", "/trust status alertmanager.ack --environment prod"),
        help="For each kind of action and environment that automation ever asked for; all else is at shadow.",
    ),
    Command(
        name="trust history",
        summary="List promotions and demotions, the newest first",
        arguments=HistoryArguments,
        risk=Risk.READ,
        run=_history,
        complete={"kind": _kinds, "environment": _environments},
        examples=("/trust history", "/trust history alertmanager.ack --environment prod"),
    ),
    Command(
        name="trust promote",
        summary="Raise automation to the level that it is offered",
        arguments=PromoteArguments,
        risk=Risk.RECORD,
        run=_promote,
        complete={"kind": _kinds, "environment": _environments},
        examples=('/trust promote alertmanager.ack prod --reason "right for a week"',),
        help=(
            "One level at a time, and only where it is offered. A person types the environment; "
            "a script cannot promote itself."
        ),
    ),
    Command(
        name="trust demote",
        summary="Lower automation at once: one kind in one environment, or all of it",
        arguments=DemoteArguments,
        risk=Risk.RECORD,
        run=_demote,
        complete={"kind": _kinds, "environment": _environments},
        choices={"to": _LEVELS},
        examples=("/trust demote", "/trust demote alertmanager.ack prod --to shadow"),
        help="Asks nothing, because seconds count. One level lower, or as low as --to says.",
    ),
)
