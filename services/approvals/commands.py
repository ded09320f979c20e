"""``/approval``: list, show, approve, reject, run and cancel what waits for a second person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from services.approvals.model import Approval, ApprovalState, Vote
from services.approvals.view import expires, sentence_of, trust_note
from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.safety.plan import Risk
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.errors import Conflict, Refused

if TYPE_CHECKING:
    from services.approvals.repository import ApprovalRepository

_COLUMNS = (
    Column("id", numeric=True),
    Column("state"),
    Column("who"),
    Column("age", numeric=True),
    Column("left", numeric=True),
    Column("command"),
    Column("what"),
)
_ENDED = 50


@dataclass(frozen=True, slots=True)
class ApprovalsNeeds:
    """What the commands work with.

    Attributes:
        repository: where approvals are kept.
        run: runs a whole line through the guard, for whoever asks.
        latest: the requests that the screen shows now, for completion; quick.
        clock: the time.
    """

    repository: ApprovalRepository
    run: Callable[[str, Invocation], Awaitable[Result]]
    latest: Callable[[], Sequence[Approval]]
    clock: Clock


class ListArguments(Arguments):
    """``/approval list [--all]``."""

    all: bool = Field(False, description="the ended ones too")


class IdArguments(Arguments):
    """``/approval show|run|cancel <id>``."""

    id: Annotated[int, Positional(selection="approval")] = Field(ge=1, le=999_999_999, description="its number")


class ApproveArguments(IdArguments):
    """``/approval approve <id> [--note …]``."""

    note: str = Field("", description="what you say to it")


class RejectArguments(IdArguments):
    """``/approval reject <id> --reason …``."""

    reason: str = Field(min_length=1, description="why not, for whoever asked")


async def _list(needs: ApprovalsNeeds, request: ListArguments, invocation: Invocation) -> Result:
    del invocation
    found, now = await needs.repository.list(ended=_ENDED if request.all else 0), needs.clock.now()
    if not request.all:
        found = tuple(one for one in found if one.state_at(now).is_open)
    pending = sum(one.state_at(now) is ApprovalState.PENDING for one in found)
    ready = sum(one.state_at(now) is ApprovalState.APPROVED for one in found)
    return Result(
        f"{pending} pending, {ready} approved and not yet used",
        data=[_object(one, now) for one in found],
        table=Table(_COLUMNS, tuple(_row(one, now) for one in found)),
    )


async def _show(needs: ApprovalsNeeds, request: IdArguments, invocation: Invocation) -> Result:
    del invocation
    return _told(await needs.repository.get(request.id), needs.clock.now())


async def _approve(needs: ApprovalsNeeds, request: ApproveArguments, invocation: Invocation) -> Result:
    approval = await needs.repository.approve(request.id, invocation.actor, request.note)
    now = needs.clock.now()
    if approval.state is ApprovalState.APPROVED:
        said = f"approval {approval.number} is given; {approval.requester.operator} can run it"
        said += f" until {approval.expires_at:%H:%M} UTC"
    else:
        said = f"approval {approval.number} has your yes; it still needs {' and '.join(approval.missing)}"
    return Result(said, data=_object(approval, now), lines=(trust_note(approval),))


async def _reject(needs: ApprovalsNeeds, request: RejectArguments, invocation: Invocation) -> Result:
    approval = await needs.repository.reject(request.id, invocation.actor, request.reason)
    return Result(f"approval {approval.number} is rejected", data=_object(approval, needs.clock.now()))


async def _cancel(needs: ApprovalsNeeds, request: IdArguments, invocation: Invocation) -> Result:
    approval = await needs.repository.cancel(request.id, invocation.actor)
    return Result(f"approval {approval.number} is taken back", data=_object(approval, needs.clock.now()))


async def _run(needs: ApprovalsNeeds, request: IdArguments, invocation: Invocation) -> Result:
    approval, now = await needs.repository.get(request.id), needs.clock.now()
    requester = approval.requester
    if requester.operator != invocation.actor.operator:
        raise Refused(
            f"approval {approval.number} was given to {requester.operator}, who alone can run it",
            "ask for one of your own by running the command",
        )
    state = approval.state_at(now)
    if state is not ApprovalState.APPROVED:
        hint = f"it needs {' and '.join(approval.missing)}" if state is ApprovalState.PENDING else "ask again"
        raise Conflict(f"approval {approval.number} is {state.value}, nothing was sent", hint)
    # Through the guard like any other line: it looks at everything again, and spends the approval.
    return await needs.run(approval.command, invocation)


def _told(approval: Approval, now: datetime) -> Result:
    return Result(
        sentence_of(approval, now),
        data=_object(approval, now),
        lines=(
            f"command: {approval.command}",
            f"would be: {approval.summary}",
            f"{approval.action} ({approval.risk}) on {approval.source}, {approval.environment}",
            f"targets: {', '.join(name for _, name in approval.targets)}",
            *(f"  {line}" for line in approval.preview),
            f"asked by {_who(approval.requester)} at {approval.requested_at:%Y-%m-%d %H:%M:%S} UTC",
            f"expires at {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC",
            *(f"needs {' and '.join(approval.missing)}" for _ in range(bool(approval.missing))),
            *(_vote(vote) for vote in approval.votes),
            trust_note(approval),
            f"by hand: {approval.equivalent}",
        ),
    )


def _who(person: Any) -> str:
    known = f", database user {person.database_user}" if person.database_user else ""
    return f"{person.operator} ({person.os_user}@{person.host}{known})"


def _vote(vote: Vote) -> str:
    word = "approved" if vote.agrees else "rejected"
    return f"{word} by {_who(vote.person)} at {vote.at:%H:%M:%S} UTC" + (f": {vote.note}" if vote.note else "")


def _row(approval: Approval, now: datetime) -> tuple[str, ...]:
    state = approval.state_at(now)
    return (
        str(approval.number),
        state.value,
        approval.requester.operator,
        format_age(now - approval.requested_at),
        expires(approval, now) if state.is_open else "",
        approval.command,
        approval.summary,
    )


def _object(approval: Approval, now: datetime) -> dict[str, Any]:
    return {
        "number": approval.number,
        "state": approval.state_at(now).value,
        "revision": approval.revision,
        "requested_at": approval.requested_at.isoformat(),
        "expires_at": approval.expires_at.isoformat(),
        "operator": approval.requester.operator,
        "os_user": approval.requester.os_user,
        "host": approval.requester.host,
        "database_user": approval.requester.database_user,
        "automation": approval.automation,
        "command": approval.command,
        "action": approval.action,
        "risk": approval.risk,
        "source": approval.source,
        "environment": approval.environment,
        "targets": [{"kind": kind, "name": name} for kind, name in approval.targets],
        "digest": approval.digest,
        "reach": approval.reach,
        "summary": approval.summary,
        "policies": [one.policy for one in approval.requirements],
        "missing": list(approval.missing),
        "identity": "proven" if approval.proven else "claimed",
        "votes": [
            {
                "at": vote.at.isoformat(),
                "operator": vote.person.operator,
                "os_user": vote.person.os_user,
                "host": vote.person.host,
                "database_user": vote.person.database_user,
                "agrees": vote.agrees,
                "note": vote.note,
            }
            for vote in approval.votes
        ],
    }


def _ids(needs: ApprovalsNeeds) -> Iterable[Candidate]:
    now = needs.clock.now()
    return [
        Candidate(one.id, f"{one.state_at(now).value}, {one.requester.operator}, {one.summary}")
        for one in needs.latest()
        if one.state_at(now).is_open
    ]


COMMANDS: tuple[Command[ApprovalsNeeds, Any], ...] = (
    Command(
        name="approval list",
        summary="List what waits for a second person, and what was approved and not yet used",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        examples=("/approval list", "/approval list --all"),
    ),
    Command(
        name="approval show",
        summary="Show one request: exactly what would be done, who asks, who agreed",
        arguments=IdArguments,
        risk=Risk.READ,
        run=_show,
        complete={"id": _ids},
        examples=("/approval show 12",),
    ),
    Command(
        name="approval approve",
        summary="Agree to what somebody else wants to do",
        arguments=ApproveArguments,
        risk=Risk.RECORD,
        run=_approve,
        complete={"id": _ids},
        examples=("/approval approve 12", '/approval approve 12 --note "looked at it together"'),
        help="Nobody approves their own. It covers exactly the targets that were asked for, once, until it expires.",
    ),
    Command(
        name="approval reject",
        summary="Say no to what somebody else wants to do",
        arguments=RejectArguments,
        risk=Risk.RECORD,
        run=_reject,
        complete={"id": _ids},
        examples=('/approval reject 12 --reason "wait for the database team"',),
        help="Takes back an approval too, as long as it was not used.",
    ),
    Command(
        name="approval run",
        summary="Run your command that was approved, through the guard, once",
        arguments=IdArguments,
        risk=Risk.RECORD,
        run=_run,
        complete={"id": _ids},
        examples=("/approval run 12",),
        help="Breaker, policies and confirmations are asked again. If its targets changed since, it does not match.",
    ),
    Command(
        name="approval cancel",
        summary="Take your own request back",
        arguments=IdArguments,
        risk=Risk.RECORD,
        run=_cancel,
        complete={"id": _ids},
        examples=("/approval cancel 12",),
    ),
)
