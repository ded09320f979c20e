"""``/oncall``: who has the pager, until when, who is next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.oncall.model import Duty
from services.safety.plan import Risk
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.moment import Moment, resolve

_COLUMNS = (
    Column("rotation"),
    Column("who"),
    Column("until (UTC)"),
    Column("until (local)"),
    Column("in", numeric=True),
    Column("next"),
)


class Schedule(Protocol):
    """Whoever knows who is on call, such as :class:`services.oncall.local.LocalSchedule`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The rotations' names."""
        ...

    async def duties_at(self, at: datetime) -> tuple[Duty, ...]:
        """One duty a rotation at ``at`` (aware)."""
        ...


@dataclass(frozen=True, slots=True)
class OncallNeeds:
    """What the commands work with."""

    schedule: Schedule
    clock: Clock


class WhoArguments(Arguments):
    """``/oncall who [rotation] [--at TIME]``."""

    rotation: Annotated[str | None, Positional()] = Field(None, description="only this rotation")
    at: Moment | None = Field(
        None, description="instead of now: 2026-12-24T09:00 (UTC unless it says otherwise), 2026-12-24 or +12h"
    )


async def _who(needs: OncallNeeds, request: WhoArguments, invocation: Invocation) -> Result:
    del invocation
    try:
        at = resolve(request.at, needs.clock.now())
    except ValueError as error:
        raise ConsoleError(f"--at: {error}") from None
    duties = await needs.schedule.duties_at(at)
    if request.rotation is not None:
        duties = _named(duties, request.rotation)
    return Result(
        _sentence(duties, at if request.at is not None else None),
        data=[_object(duty, at) for duty in duties],
        table=Table(_COLUMNS, tuple(_row(duty, at) for duty in duties)),
        lines=tuple(f"{duty.rotation}: {duty.note}" for duty in duties if duty.note),
    )


def _named(duties: tuple[Duty, ...], name: str) -> tuple[Duty, ...]:
    found = tuple(duty for duty in duties if duty.rotation == name)
    if found:
        return found
    names = [duty.rotation for duty in duties]
    near = get_close_matches(name, names, 1)
    if near:
        hint = f"did you mean {near[0]}?"
    else:
        hint = f"there are {', '.join(names)}" if names else "no rotation is configured; add [[sre.oncall.rotation]]"
    raise NotFound(f"there is no rotation {name!r}", hint)


def _sentence(duties: tuple[Duty, ...], at: datetime | None) -> str:
    when = "now" if at is None else f"at {_utc(at)} UTC"
    if not duties:
        return "no rotation is configured, so nobody is known to be on call; add [[sre.oncall.rotation]]"
    gaps = [duty.rotation for duty in duties if duty.member is None]
    if gaps:
        return f"NOBODY is on call {when} for {', '.join(gaps)}"
    return f"on call {when}: " + ", ".join(f"{duty.member} ({duty.rotation})" for duty in duties)


def _row(duty: Duty, at: datetime) -> tuple[str, ...]:
    who = duty.member if duty.member is not None else "nobody"
    if duty.until is None:
        return duty.rotation, who, "no end", "no end", "", "nobody"
    follower = duty.next_member if duty.next_member is not None else "nobody"
    local = duty.until.astimezone(ZoneInfo(duty.zone))
    return duty.rotation, who, _utc(duty.until), f"{local:%a %Y-%m-%d %H:%M %Z}", format_age(duty.until - at), follower


def _object(duty: Duty, at: datetime) -> dict[str, Any]:
    left: timedelta | None = None if duty.until is None else duty.until - at
    return {
        "rotation": duty.rotation,
        "member": duty.member,
        "since": _iso(duty.since),
        "until": _iso(duty.until),
        "seconds_left": None if left is None else int(left.total_seconds()),
        "next_member": duty.next_member,
        "next_at": _iso(duty.next_at),
        "zone": duty.zone,
        "note": duty.note,
        "at": _iso(at),
    }


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%a %Y-%m-%d %H:%M}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _rotations(needs: OncallNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.schedule.names]


COMMANDS = (
    Command(
        name="oncall who",
        summary="Show who is on call, until when, and who is next",
        arguments=WhoArguments,
        risk=Risk.READ,
        run=_who,
        complete={"rotation": _rotations},
        examples=("/oncall who", "/oncall who primary", "/oncall who --at 2026-12-24T09:00", "/oncall who --at +12h"),
        help="Times are UTC, with the local time of the rotation's zone beside it.",
    ),
)
