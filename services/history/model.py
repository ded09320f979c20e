"""Events and episodes of alerts, immutable and raw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum


class EventKind(Enum):
    """What can happen to an alert."""

    FIRED = "fired"
    RESOLVED = "resolved"
    ACKED = "acked"
    SILENCED = "silenced"
    UNMUTED = "unmuted"
    """An ack or a silence ended while the alert went on."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one alert.

    Attributes:
        at: when (UTC); of a resolve when it was noticed.
        cluster: of which Alertmanager.
        fingerprint: which alert there.
        kind: what.
        name: its ``alertname``.
        labels: of the alert; only of a firing.
        operator: who acked or silenced it.
        text: what they said.
        reference: the id of the ack or silence.
    """

    at: datetime
    cluster: str
    fingerprint: str
    kind: EventKind
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    operator: str = ""
    text: str = ""
    reference: str = ""

    @property
    def alert(self) -> str:
        """``cluster/fingerprint``."""
        return f"{self.cluster}/{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Episode:
    """One firing of one alert, from its beginning to its end.

    Attributes:
        alert: ``cluster/fingerprint``.
        name: its ``alertname``.
        started_at: since when it fired (UTC).
        ended_at: when it was seen to be resolved; None while it fires.
        labels: of the alert.
        acked_by: who acked it meanwhile, each once.
        silenced_by: who silenced it meanwhile, each once.
        notes: what they said.
        observed: False where a Prometheus was asked afterwards: then nothing is known of acks and silences.
    """

    alert: str
    name: str
    started_at: datetime
    ended_at: datetime | None
    labels: Mapping[str, str] = field(default_factory=dict)
    acked_by: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    observed: bool = True

    def lasted(self, now: datetime) -> timedelta:
        """How long it fired, or fires by now."""
        return max(timedelta(0), (self.ended_at or now) - self.started_at)
