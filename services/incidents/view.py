"""How incidents are ordered, counted and told. Pure; imports no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.incidents.model import Incident, IncidentState
from services.vocabulary.durations import format_age


@dataclass(frozen=True, slots=True)
class IncidentCounts:
    """How many there are.

    Attributes:
        open: somebody still has to work on them.
        major: of the open ones, severity 1 and 2.
        ended: resolved, closed or cancelled.
    """

    open: int
    major: int
    ended: int

    @property
    def sentence(self) -> str:
        """Such as ``2 open, 1 major``."""
        if not self.open:
            return "no open incident"
        return f"{self.open} open" + (f", {self.major} major" if self.major else "")


def arrange(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Open ones first, the worst and of those the oldest on top; then the ended ones, the last touched on top."""
    return tuple(sorted(incidents, key=_order))


def count(incidents: Sequence[Incident]) -> IncidentCounts:
    """Count them."""
    severities = [incident.severity for incident in incidents if incident.state.is_open]
    return IncidentCounts(
        open=len(severities),
        major=sum(severity <= 2 for severity in severities),
        ended=len(incidents) - len(severities),
    )


def severity_label(incident: Incident) -> str:
    """``SEV1`` to ``SEV5``."""
    return f"SEV{incident.severity}"


def age(incident: Incident, now: datetime) -> str:
    """How long ago it started, such as ``14m``."""
    return format_age(now - incident.started_at)


def updated(incident: Incident, now: datetime) -> str:
    """How long ago its record last changed, such as ``1m``."""
    return format_age(now - incident.updated_at)


def title_line(incident: Incident) -> str:
    """``SEV2 #41 Checkout errors`` (raw)."""
    return f"{severity_label(incident)} #{incident.number} {incident.title}"


def _order(incident: Incident) -> tuple[bool, int, float, int]:
    if incident.state.is_open:
        return False, incident.severity, incident.started_at.timestamp(), incident.number
    cancelled = incident.state is IncidentState.CANCELLED
    return True, int(cancelled), -incident.updated_at.timestamp(), -incident.number
