"""``/circuit``: see and move the breaker. It always works."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Command, Invocation, Positional, Result
from services.safety.circuit import GLOBAL, Circuit
from services.safety.outcome import Unfinished
from services.safety.plan import Risk
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, NotFound

if TYPE_CHECKING:
    from services.safety.breaker import Breaker


def _no_sources() -> Iterable[str]:
    return ()


def _nothing_seen() -> Circuit | None:
    return None


async def _nothing_unfinished() -> tuple[Unfinished, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class CircuitNeeds:
    """What the commands work with.

    Attributes:
        breaker: the circuit breaker.
        clock: the time.
        seen: the state that the screen shows now; None where no screen does.
        unfinished: writes without outcome; the guard's ``unfinished``.
        sources: the names of the sources that can be written to, each with a breaker of its own.
        notes: what the status tells besides, such as where the gateway listens (raw).
    """

    breaker: Breaker
    clock: Clock
    seen: Callable[[], Circuit | None] = _nothing_seen
    unfinished: Callable[[], Awaitable[tuple[Unfinished, ...]]] = _nothing_unfinished
    sources: Callable[[], Iterable[str]] = _no_sources
    notes: Callable[[], Iterable[str]] = _no_sources


class StatusArguments(Arguments):
    """``/circuit status``."""


class OpenArguments(Arguments):
    """``/circuit open [source] [--reason …]``."""

    source: Annotated[str, Positional(rest=True)] = Field("", description="one source alone, such as alertmanager prod")
    reason: str = Field("", description="why; may be left out, seconds count")


class CloseArguments(Arguments):
    """``/circuit close [source] --reason …`` and ``/circuit reset [source] --reason …``."""

    source: Annotated[str, Positional(rest=True)] = Field("", description="one source alone, such as alertmanager prod")
    reason: str = Field(min_length=1, description="why it is safe to write again")


async def _status(needs: CircuitNeeds, request: StatusArguments, invocation: Invocation) -> Result:
    del request, invocation
    (circuit, *sources), now = await needs.breaker.read_all(), needs.clock.now()
    lost = await needs.unfinished()
    told = _told(circuit, now, f"the circuit is {circuit.standing(now).value}", sources, lost)
    return replace(told, lines=(*told.lines, *needs.notes()))


async def _open(needs: CircuitNeeds, request: OpenArguments, invocation: Invocation) -> Result:
    scope = await _scope(needs, request.source)
    before = await needs.breaker.read(scope)
    command = _line("open", request.source, request.reason)
    after = await needs.breaker.open(invocation.actor, request.reason, command=command, scope=scope)
    return await _answer(needs, before, after)


async def _close(needs: CircuitNeeds, request: CloseArguments, invocation: Invocation) -> Result:
    scope = await _scope(needs, request.source)
    before = await _looked_at(needs, scope, invocation)
    command = _line("close", request.source, request.reason)
    after = await needs.breaker.close(
        invocation.actor, request.reason, seen=before.revision, command=command, scope=scope
    )
    return await _answer(needs, before, after)


async def _reset(needs: CircuitNeeds, request: CloseArguments, invocation: Invocation) -> Result:
    scope = await _scope(needs, request.source)
    before = await _looked_at(needs, scope, invocation)
    command = _line("reset", request.source, request.reason)
    done = await needs.breaker.reset(
        invocation.actor,
        request.reason,
        seen=before.revision,
        command=command,
        scope=None if scope == GLOBAL else scope,
    )
    now = needs.clock.now()
    first, *rest = done
    return _told(first, now, f"{first.name} is closed and begins to count anew", rest, ())


def _line(verb: str, source: str, reason: str) -> str:
    words = f"/circuit {verb} {source}".rstrip()
    return f"{words} --reason {shlex.quote(reason)}" if reason else words


async def _scope(needs: CircuitNeeds, source: str) -> str:
    if not source or source == GLOBAL:
        return GLOBAL
    known = [*needs.sources(), *(circuit.scope for circuit in await needs.breaker.read_all())]
    if source not in known:
        names = ", ".join(dict.fromkeys(name for name in known if name != GLOBAL)) or "no source to write to"
        raise NotFound(f"there is no source {source}", f"there is {names}")
    return source


async def _looked_at(needs: CircuitNeeds, scope: str, invocation: Invocation) -> Circuit:
    before, seen, now = await needs.breaker.read(scope), needs.seen(), needs.clock.now()
    mine = before.changed_by == invocation.actor.operator
    if scope == GLOBAL and seen is not None and seen.revision != before.revision and not mine:
        # Nobody may close over a state that they have not seen.
        raise Conflict(
            f"somebody toggled the circuit meanwhile: it is {before.standing(now).value} {before.since(now)}",
            "nothing was changed; look at it, then ask again",
        )
    return before


async def _answer(needs: CircuitNeeds, before: Circuit, after: Circuit) -> Result:
    now = needs.clock.now()
    every = [circuit for circuit in await needs.breaker.read_all() if circuit.scope != after.scope]
    return _told(after, now, _moved(before, after), [circuit for circuit in every if circuit.is_open], ())


def _moved(before: Circuit, after: Circuit) -> str:
    if before.revision == after.revision:
        return f"{after.name} was {after.state.value} already"
    return f"{after.name} is {after.state.value} now"


def _told(
    circuit: Circuit, now: datetime, sentence: str, others: Iterable[Circuit], lost: Iterable[Unfinished]
) -> Result:
    others = tuple(others)
    return Result(
        f"{sentence} {circuit.since(now)}".rstrip(),
        data={
            **_circuit_object(circuit, now),
            "sources": [_circuit_object(one, now) for one in others if one.scope != GLOBAL],
            "unfinished": [{"intent": one.intent, "command": one.command, "check": one.check} for one in lost],
        },
        lines=(
            *_meaning(circuit, now),
            *(f"{one.name} is {one.standing(now).value} {one.since(now)}{_then(one, now)}" for one in others),
            *(f"{one.at:%Y-%m-%d %H:%M:%S} UTC  {one.operator}  {one.command}: {one.check}" for one in lost),
        ),
    )


def _meaning(circuit: Circuit, now: datetime) -> tuple[str, ...]:
    to = "" if circuit.scope == GLOBAL else f" {circuit.scope}"
    where = "to an outside system" if circuit.scope == GLOBAL else f"to {circuit.scope}"
    if not circuit.is_open:
        return ("writes to outside systems go through the guard",)
    return (
        f"every write {where} is refused, on every console of this store{_then(circuit, now)}",
        f'/circuit close{to} --reason "…" lets them through again',
    )


def _then(circuit: Circuit, now: datetime) -> str:
    outlook = "" if circuit.manual else circuit.outlook(now)
    return f"; {outlook}" if outlook else ""


def _circuit_object(circuit: Circuit, now: datetime) -> dict[str, Any]:
    return {
        "scope": circuit.scope,
        "state": circuit.standing(now).value,
        "revision": circuit.revision,
        "changed_by": circuit.changed_by or None,
        "changed_at": circuit.changed_at.isoformat() if circuit.changed_at else None,
        "reason": circuit.reason,
        "manual": circuit.manual,
        "trips": circuit.trips,
        "retry_at": circuit.retry_at.isoformat() if circuit.retry_at else None,
        "probe": circuit.probe,
    }


def _source_names(needs: CircuitNeeds) -> Iterable[Candidate]:
    return [Candidate(name) for name in needs.sources()]


COMMANDS: tuple[Command[CircuitNeeds, Any], ...] = (
    Command(
        name="circuit status",
        summary="Show whether writes go through, since when, by whom and why",
        arguments=StatusArguments,
        risk=Risk.READ,
        run=_status,
        examples=("/circuit status",),
    ),
    Command(
        name="circuit open",
        summary="Refuse every write to outside systems, on every console, at once",
        arguments=OpenArguments,
        risk=Risk.RECORD,
        run=_open,
        complete={"source": _source_names},
        examples=("/circuit open", '/circuit open --reason "rollout storm"'),
        help="Asks nothing, because seconds count. Stays open until somebody closes it, over restarts too.",
    ),
    Command(
        name="circuit close",
        summary="Let writes to outside systems through again",
        arguments=CloseArguments,
        risk=Risk.RECORD,
        run=_close,
        complete={"source": _source_names},
        examples=('/circuit close --reason "cause found, rolled back"',),
        help="Needs a reason, which nothing else can stand for.",
    ),
    Command(
        name="circuit reset",
        summary="Close the breakers, or one, and forget what they counted; the audit keeps it",
        arguments=CloseArguments,
        risk=Risk.RECORD,
        run=_reset,
        complete={"source": _source_names},
        examples=('/circuit reset --reason "network is back"', '/circuit reset alertmanager prod --reason "replaced"'),
        help="Without a source it resets the circuit and the breaker of every source.",
    ),
)
