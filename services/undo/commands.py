"""``/undo``: what can be taken back, and why not the rest; take one back through the guard, as a write of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.safety.actor import Actor
from services.safety.plan import Confirmation, Plan, Risk
from services.undo.model import Write
from services.undo.repository import Recorded, UndoRepository
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.errors import Conflict, Refused

LAST = "last"
"""Stands for one's own newest write that can be taken back."""

_COLUMNS = (
    Column("id", numeric=True),
    Column("age", numeric=True),
    Column("who"),
    Column("command"),
    Column("undo"),
)
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class UndoNeeds:
    """What the commands work with.

    Attributes:
        repository: the writes on record.
        plan: reads a whole line and works it out, for whoever asks; None where it would write to no outside system.
        clock: the time.
    """

    repository: UndoRepository
    plan: Callable[[str, Invocation], Awaitable[Plan | None]]
    clock: Clock


class ListArguments(Arguments):
    """``/undo list [--limit 20] [--mine]``."""

    limit: int = Field(20, ge=1, le=1000, description="how many writes, the newest first")
    mine: bool = Field(False, description="your own alone")


def _number(text: str) -> str:
    if text != LAST and not (text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST):
        raise ValueError(f"{text!r} is neither the number of a write nor {LAST}")
    return text


class UndoArguments(Arguments):
    """``/undo <id>``."""

    id: Annotated[str, Positional(), AfterValidator(_number)] = Field(
        description="the number of the write, as /undo list tells it, or last for your own newest"
    )


async def _list(needs: UndoNeeds, request: ListArguments, invocation: Invocation) -> Result:
    operator = invocation.actor.operator if request.mine else ""
    found, now = await needs.repository.list(request.limit, operator=operator), needs.clock.now()
    able = sum(not one.obstacle for one in found)
    if not found:
        return Result("nothing was written to an outside system yet", data=[])
    return Result(
        f"{able} of the newest {len(found)} writes can be taken back",
        data=[_object(one) for one in found],
        table=Table(_COLUMNS, tuple(_row(one, now) for one in found)),
        lines=("/undo and its id takes one back, through the guard",) if able else (),
    )


async def _undo(needs: UndoNeeds, request: UndoArguments, invocation: Invocation) -> Plan:
    repository = needs.repository
    last = request.id == LAST
    write = await (repository.last_of(invocation.actor) if last else repository.get(int(request.id)))
    if write.obstacle:
        raise Conflict(f"write {write.number} cannot be taken back: {write.obstacle}", "/undo lists what can be")
    recorded = await repository.recorded(write)
    if recorded is Recorded.UNCLEAR:
        raise Refused(
            f"write {write.number} is not taken back: its record holds a secret that the audit does not keep, "
            "so nobody can tell whether it was altered",
            f"by hand in the console: {write.recipe}",
        )
    if recorded is not Recorded.SAME:
        raise Refused(
            f"write {write.number} is not taken back: what its record says would do so is not what the audit has",
            "somebody altered the store; /audit verify names the entry",
        )
    plan = await _planned(needs, write, invocation)
    questions = _questions(write, invocation.actor, needs.clock.now(), last=last)
    agreed = plan.confirmation
    if agreed is not None:
        questions.append(agreed.question)
    return replace(
        plan,
        undoes=write.number,
        summary=f"takes back write {write.number} ({write.command}): {plan.summary}",
        preview=(f"by hand in the console: {write.recipe}", *plan.preview),
        confirmation=replace(agreed or Confirmation(""), question="; ".join(questions)) if questions else None,
    )


async def _planned(needs: UndoNeeds, write: Write, invocation: Invocation) -> Plan:
    """What the recipe would do, as long as it is of this program and goes where the write went.

    Raises:
        ConsoleError: it cannot be worked out: what was written has changed meanwhile, or is gone.
    """
    plan = await needs.plan(write.recipe, replace(invocation, selection={}))
    if plan is None or (plan.source, plan.environment) != (write.source, write.environment):
        raise Refused(
            f"write {write.number} is not taken back: {write.recipe} does not go to {write.source}",
            "do it by hand",
        )
    return plan


def _questions(write: Write, actor: Actor, now: datetime, *, last: bool) -> list[str]:
    age = format_age(now - write.at)
    if write.operator != actor.operator:
        return [f"write {write.number} is {write.operator}'s, of {age} ago, not yours: {write.command}"]
    return [f"takes back your write of {age} ago: {write.command}"] if last else []


def _row(one: Write, now: datetime) -> tuple[str, ...]:
    return (
        str(one.number),
        format_age(now - one.at),
        one.operator,
        one.command,
        f"no: {one.obstacle}" if one.obstacle else f"yes: {one.recipe}",
    )


def _object(one: Write) -> dict[str, Any]:
    return {
        "id": one.number,
        "at": one.at.isoformat(),
        "operator": one.operator,
        "command": one.command,
        "action": one.action,
        "source": one.source,
        "environment": one.environment,
        "targets": list(one.targets),
        "status": None if one.status is None else one.status.value,
        "can_be_undone": not one.obstacle,
        "why_not": one.obstacle or None,
        "recipe": one.recipe or None,
        "undoes": one.undoes,
        "undone_by": [
            {"id": by.number, "operator": by.operator, "status": None if by.status is None else by.status.value}
            for by in one.reversals
        ],
    }


def _ids(needs: UndoNeeds) -> Iterable[Candidate]:
    yield Candidate(LAST, "your newest write")
    for one in needs.repository.seen:
        if not one.obstacle:
            yield Candidate(str(one.number), f"{one.operator}: {one.command}")


COMMANDS: tuple[Command[UndoNeeds, Any], ...] = (
    Command(
        name="undo list",
        summary="List writes to outside systems, which can be taken back, and why not the rest",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        examples=("/undo", "/undo list --mine"),
        help="/undo alone is the same.",
    ),
    Command(
        name="undo",
        summary="Take a write back, as a write of its own",
        arguments=UndoArguments,
        risk=Risk.WRITE,
        plan=_undo,
        complete={"id": _ids},
        examples=("/undo last", "/undo 41"),
        help=(
            "Each write records the line that takes it back; this runs it through the guard, once. It does nothing "
            "where what was written has changed meanwhile. Breakers, policies and trust apply; what they ask is asked."
        ),
    ),
)
"""All commands of this room."""
