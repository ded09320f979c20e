"""Incidents, immutable and raw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

LONGEST_TITLE = 200
"""Characters of a title, at most."""


class IncidentState(Enum):
    """The life of an incident, in order; cancelled ones never were."""

    TRIAGE = "triage"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to work on it."""
        return self not in (IncidentState.RESOLVED, IncidentState.CLOSED, IncidentState.CANCELLED)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of an incident's append-only timeline. ``at`` is when it happened, ``entered_at`` when written."""

    sequence: int
    at: datetime
    entered_at: datetime
    operator: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class OwnedAlert:
    """An alert that an incident owns.

    Attributes:
        id: ``cluster/fingerprint``: the same when it fires again.
        name: what people call it (raw), for when it fires no more.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident. Times are UTC.

    Attributes:
        number: counts from 1 in each store; the identity that people say.
        severity: 1 (worst) to 5; 1 and 2 are major.
        commander: exactly one; the person who created it until it is handed over.
        started_at: when users began to be hurt. detected_at: when somebody or something noticed.
        updated_at: when the record last changed.
        revision: grows by one with every change; a writer names the one it read.
        alerts: what it owns, in the order in which that was attached.
    """

    number: int
    title: str
    severity: int
    state: IncidentState
    commander: str
    started_at: datetime
    detected_at: datetime
    updated_at: datetime
    revision: int = 1
    timeline: tuple[TimelineEntry, ...] = ()
    alerts: tuple[OwnedAlert, ...] = ()

    @property
    def id(self) -> str:
        """The number as text."""
        return str(self.number)
