"""``/alerts escalate`` and ``/alerts group``: the incident that owns an alert. They go on while the circuit is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from services.alerts.model import Alert
from services.command import Arguments, Candidate, Command, Invocation, Offers, Positional, Result
from services.incidents.commands import parse_number, parse_severity
from services.incidents.model import LONGEST_TITLE, Incident, OwnedAlert
from services.incidents.view import arrange, severity_label
from services.safety.plan import Risk
from services.vocabulary.errors import ConsoleError
from services.vocabulary.severity import Severity
from services.vocabulary.text import shorten

if TYPE_CHECKING:
    from services.incidents.ownership import OwnershipRepository

_SEVERITIES = {Severity.CRITICAL: 2, Severity.ERROR: 3, Severity.WARNING: 3}
_LEAST = 4
_IDS = "fingerprints or unique beginnings of them, with cluster/ before them where two clusters share one"


@dataclass(frozen=True, slots=True)
class OwnershipNeeds:
    """What the commands work with.

    Attributes:
        repository: who owns what.
        find: the alerts that are meant by ids or unique beginnings; raises ConsoleError for one that means none.
        named: what people call each of some alerts.
        latest: the incidents that the screen shows now, for completion; quick.
        offers: ids of alerts, for completion.
    """

    repository: OwnershipRepository
    find: Callable[[Sequence[str]], Awaitable[Sequence[Alert]]]
    named: Callable[[Alert], str]
    latest: Callable[[], Sequence[Incident]]
    offers: Offers


class EscalateArguments(Arguments):
    """``/alerts escalate <id>… [--severity sev1] [--title "…"]``."""

    id: Annotated[tuple[str, ...], Positional(rest=True, selection="alert")] = Field(min_length=1, description=_IDS)
    severity: Annotated[int | None, BeforeValidator(parse_severity)] = Field(
        None, ge=1, le=5, description="sev1 (worst) to sev5, if not one worse than it is"
    )
    title: str = Field("", max_length=LONGEST_TITLE, description="of the incident, where one has to be opened")


class GroupArguments(Arguments):
    """``/alerts group <id>… --incident 41``, or ``--remove``."""

    id: Annotated[tuple[str, ...], Positional(rest=True, selection="alert")] = Field(min_length=1, description=_IDS)
    incident: Annotated[int | None, BeforeValidator(parse_number)] = Field(None, description="which shall own them")
    remove: bool = Field(False, description="no incident shall own them")


async def _escalate(needs: OwnershipNeeds, request: EscalateArguments, invocation: Invocation) -> Result:
    alerts = await needs.find(request.id)
    worst = min(alerts, key=lambda one: (one.severity.rank, one.starts_at))
    title = request.title.strip() or needs.named(worst)
    if not request.title.strip() and len(alerts) > 1:
        title = f"{shorten(title, LONGEST_TITLE - 20)} and {len(alerts) - 1} more"
    done = await needs.repository.escalate(
        _owned(needs, alerts),
        shorten(title, LONGEST_TITLE),
        _SEVERITIES.get(worst.severity, _LEAST),
        invocation.actor.operator,
        min(one.starts_at for one in alerts),
        to=request.severity or 0,
    )
    incident = done.incident
    label = severity_label(incident)
    if done.opened:
        words = f"incident #{incident.number} is open ({label}), commander {incident.commander}"
    elif done.severity_before == incident.severity:
        what = "already the worst there is" if incident.severity == 1 and not request.severity else "as it was"
        words = f"incident #{incident.number} is {label}, {what}"
    else:
        words = f"incident #{incident.number} is {label} now (it was SEV{done.severity_before})"
    return Result(f"{words}; it owns {_number(len(incident.alerts))}", data=_object(incident))


async def _group(needs: OwnershipNeeds, request: GroupArguments, invocation: Invocation) -> Result:
    if request.remove == (request.incident is not None):
        raise ConsoleError("which incident?", "write --incident with its number, or --remove")
    alerts = _owned(needs, await needs.find(request.id))
    operator = invocation.actor.operator
    if request.incident is None:
        owners = await needs.repository.detach(alerts, operator)
        numbers = ", ".join(f"#{number}" for number in sorted(set(owners.values())))
        return Result(f"{_number(len(owners))} no longer of incident {numbers}", data={"removed": dict(owners)})
    done = await needs.repository.attach(request.incident, alerts, operator)
    words = (
        f"incident #{done.incident.number} owns {_number(len(done.incident.alerts))}, {len(done.alerts)} of them new"
    )
    if done.taken_from:
        words += f" (taken from {', '.join(f'#{number}' for number in done.taken_from)})"
    return Result(words, data=_object(done.incident))


def _owned(needs: OwnershipNeeds, alerts: Sequence[Alert]) -> list[OwnedAlert]:
    return [OwnedAlert(one.id, needs.named(one)) for one in alerts]


def _number(count: int) -> str:
    return "1 alert" if count == 1 else f"{count} alerts"


def _object(incident: Incident) -> dict[str, Any]:
    return {
        "incident": incident.number,
        "title": incident.title,
        "severity": incident.severity,
        "state": incident.state.value,
        "commander": incident.commander,
        "alerts": [{"id": one.id, "name": one.name} for one in incident.alerts],
    }


def _ids(needs: OwnershipNeeds) -> Offers:
    return needs.offers


def _open(needs: OwnershipNeeds) -> list[Candidate]:
    found = [one for one in arrange(needs.latest()) if one.state.is_open]
    return [Candidate(one.id, f"{severity_label(one)} {one.title}") for one in found]


COMMANDS: tuple[Command[OwnershipNeeds, Any], ...] = (
    Command(
        name="alerts escalate",
        summary="Open the incident that owns alerts, or raise it",
        arguments=EscalateArguments,
        risk=Risk.RECORD,
        run=_escalate,
        complete={"id": _ids},
        examples=("/alerts escalate 3f2a", "/alerts escalate 3f2a 77b0 --severity sev1"),
        help=(
            "Where an open incident owns one of them, it becomes one severity worse and owns all. Else one is opened: "
            "SEV2 for a critical alert, SEV3 for an error or a warning, and you are its commander."
        ),
    ),
    Command(
        name="alerts group",
        summary="Attach alerts to an incident",
        arguments=GroupArguments,
        risk=Risk.RECORD,
        run=_group,
        complete={"id": _ids, "incident": _open},
        examples=("/alerts group 3f2a 77b0 --incident 41", "/alerts group 3f2a --remove"),
        help="An alert belongs to one open incident at most; both timelines tell where it went.",
    ),
)
"""The commands of who owns what."""
