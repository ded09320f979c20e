"""``/incident``: create, list and show. They go on while the circuit is open."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.incidents.model import LONGEST_TITLE, Incident, TimelineEntry
from services.incidents.view import age, arrange, count, severity_label, title_line, updated
from services.safety.plan import Risk
from services.vocabulary.clock import Clock

if TYPE_CHECKING:
    from services.incidents.repository import IncidentRepository

_ENDED = 500
_SEVERITY = re.compile(r"(?:sev-?)?([1-5])", re.IGNORECASE)
_COLUMNS = (
    Column("id", numeric=True),
    Column("sev"),
    Column("state"),
    Column("commander"),
    Column("age", numeric=True),
    Column("updated", numeric=True),
    Column("title"),
)


@dataclass(frozen=True, slots=True)
class IncidentsNeeds:
    """What the commands work with.

    Attributes:
        repository: where incidents are kept.
        latest: the incidents that the screen shows now, for completion; quick.
        clock: the time.
    """

    repository: IncidentRepository
    latest: Callable[[], Sequence[Incident]]
    clock: Clock


def parse_severity(value: object) -> object:
    """``sev2``, ``SEV2`` or ``2`` as a number.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, str):
        return value
    match = _SEVERITY.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a severity; write sev1 (worst) to sev5")
    return int(match[1])


def parse_number(value: object) -> object:
    """``41`` or ``#41`` as a number.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, str):
        return value
    digits = value.removeprefix("#")
    if not digits.isascii() or not digits.isdigit() or not 0 < len(digits) <= 9 or not int(digits):
        raise ValueError(f"{value!r} is not an incident's number; write for example 41 or #41")
    return int(digits)


def _title(value: str) -> str:
    title = value.strip()
    if not title:
        raise ValueError("an incident needs a title")
    if len(title) > LONGEST_TITLE:
        raise ValueError(f"a title has at most {LONGEST_TITLE} characters, this one has {len(title)}")
    return title


class CreateArguments(Arguments):
    """``/incident create <title…> [--severity sev2]``."""

    title: Annotated[str, Positional(rest=True), AfterValidator(_title)] = Field(description="what is wrong, in a line")
    severity: Annotated[int, BeforeValidator(parse_severity)] = Field(
        3, ge=1, le=5, description="sev1 (worst) to sev5; sev1 and sev2 are major"
    )


class ListArguments(Arguments):
    """``/incident list [--all]``."""

    all: bool = Field(False, description="the ended ones too")


class ShowArguments(Arguments):
    """``/incident show <id>``."""

    id: Annotated[int, Positional(selection="incident"), BeforeValidator(parse_number)] = Field(
        description="its number, such as 41 or #41"
    )


async def _create(needs: IncidentsNeeds, request: CreateArguments, invocation: Invocation) -> Result:
    incident = await needs.repository.create(request.title, request.severity, invocation.actor.operator)
    return Result(
        f"incident #{incident.number} is open ({severity_label(incident)}), commander {incident.commander}",
        data=_object(incident),
    )


async def _list(needs: IncidentsNeeds, request: ListArguments, invocation: Invocation) -> Result:
    del invocation
    # One ended incident more than is shown tells whether there are more.
    found = await needs.repository.list(ended=_ENDED + 1 if request.all else 0)
    counts, now = count(found), needs.clock.now()
    shown = found[: counts.open + _ENDED]
    message = counts.sentence
    if request.all:
        message += f", {min(counts.ended, _ENDED)} ended" + (" (the latest; there are more)" if found != shown else "")
    return Result(
        message,
        data=[_object(incident) for incident in shown],
        table=Table(_COLUMNS, tuple(_row(incident, now) for incident in shown)),
    )


async def _show(needs: IncidentsNeeds, request: ShowArguments, invocation: Invocation) -> Result:
    del invocation
    incident, now = await needs.repository.get(request.id), needs.clock.now()
    return Result(
        title_line(incident),
        data={**_object(incident), "timeline": [_entry(entry) for entry in incident.timeline]},
        lines=(
            f"{incident.state.value}, commander {incident.commander}, updated {updated(incident, now)} ago",
            f"started {_utc(incident.started_at)} ({age(incident, now)} ago), detected {_utc(incident.detected_at)}",
            *(f"alert {one.name} ({one.id})" for one in incident.alerts),
            *(f"{_utc(entry.at)}  {entry.operator}  {entry.kind}: {entry.text}" for entry in incident.timeline),
        ),
    )


def _row(incident: Incident, now: datetime) -> tuple[str, ...]:
    return (
        f"#{incident.number}",
        severity_label(incident),
        incident.state.value,
        incident.commander,
        age(incident, now),
        updated(incident, now),
        incident.title,
    )


def _object(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.number,
        "title": incident.title,
        "severity": incident.severity,
        "state": incident.state.value,
        "commander": incident.commander,
        "started_at": incident.started_at.isoformat(),
        "detected_at": incident.detected_at.isoformat(),
        "updated_at": incident.updated_at.isoformat(),
        "revision": incident.revision,
        "alerts": [{"id": one.id, "name": one.name} for one in incident.alerts],
    }


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": entry.at.isoformat(),
        "entered_at": entry.entered_at.isoformat(),
        "operator": entry.operator,
        "kind": entry.kind,
        "text": entry.text,
    }


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _numbers(needs: IncidentsNeeds) -> list[Candidate]:
    now = needs.clock.now()
    return [
        Candidate(incident.id, f"{severity_label(incident)} {incident.title}, {age(incident, now)}")
        for incident in arrange(needs.latest())
    ]


COMMANDS: tuple[Command[IncidentsNeeds, Any], ...] = (
    Command(
        name="incident create",
        summary="Open an incident",
        arguments=CreateArguments,
        risk=Risk.RECORD,
        run=_create,
        choices={
            "severity": (
                Candidate("sev1", "worst, major"),
                Candidate("sev2", "major"),
                Candidate("sev3", "default"),
                Candidate("sev4"),
                Candidate("sev5"),
            )
        },
        examples=("/incident create Checkout errors --severity sev2", "/incident create 'Mail queue grows'"),
        help="You are its commander until it is handed over. It is kept in the console's own store.",
    ),
    Command(
        name="incident list",
        summary="List open incidents, the worst and oldest first",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        examples=("/incident list", "/incident list --all"),
    ),
    Command(
        name="incident show",
        summary="Show an incident and its timeline",
        arguments=ShowArguments,
        risk=Risk.READ,
        run=_show,
        complete={"id": _numbers},
        examples=("/incident show 41", "/incident show #41"),
    ),
)
