"""From one look at a cluster's alerts to the next: what happened between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.alerts.model import ACK_PREFIX, Alert, Silence, default_note
from services.history.model import Event, EventKind

_SAME = timedelta(seconds=1)
"""Alertmanager writes milliseconds, and its members round differently."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was seen last of an alert that fires.

    Attributes:
        name: its ``alertname``.
        started_at: since when it fires (UTC).
        muted: ids of the acks and silences on it.
    """

    name: str
    started_at: datetime
    muted: frozenset[str] = frozenset()


Known = Mapping[str, Standing]
"""Fingerprint -> what was seen last; only of alerts that fire."""


def look(known: Known, cluster: str, alerts: Sequence[Alert], at: datetime) -> tuple[dict[str, Standing], list[Event]]:
    """Hold ``alerts`` against what was known of their cluster.

    Args:
        known: what was seen last.
        cluster: whose alerts they are.
        alerts: everything that the cluster holds now; only a whole and fresh answer.
        at: now (UTC).

    Returns:
        What is known now, and what happened, each alert's in order.
    """
    now: dict[str, Standing] = {}
    events: list[Event] = []
    for alert in alerts:
        fingerprint = alert.fingerprint
        before = known.get(fingerprint)
        started_at = min(alert.starts_at, at)
        if before is not None and started_at > before.started_at + _SAME:
            # It ended and came again between two looks.
            events.append(Event(started_at, cluster, fingerprint, EventKind.RESOLVED, before.name))
            before = None
        if before is None:
            events.append(Event(started_at, cluster, fingerprint, EventKind.FIRED, alert.name, labels=alert.labels))
            before = Standing(alert.name, started_at)
        events += [
            _muting(alert, silence, max(before.started_at, min(silence.starts_at, at)))
            for silence in alert.silences
            if silence.id not in before.muted
        ]
        muted = frozenset(silence.id for silence in alert.silences)
        events += [
            Event(at, cluster, fingerprint, EventKind.UNMUTED, alert.name, reference=id)
            for id in sorted(before.muted - muted)
        ]
        now[fingerprint] = before if muted == before.muted else replace(before, muted=muted)
    events += [
        Event(at, cluster, fingerprint, EventKind.RESOLVED, before.name)
        for fingerprint, before in known.items()
        if fingerprint not in now
    ]
    return now, events


def _muting(alert: Alert, silence: Silence, at: datetime) -> Event:
    said = silence.comment.removeprefix(ACK_PREFIX).strip()
    return Event(
        at,
        alert.cluster,
        alert.fingerprint,
        EventKind.ACKED if silence.is_ack else EventKind.SILENCED,
        alert.name,
        operator=silence.created_by,
        text="" if said == default_note(silence.created_by) else said,
        reference=silence.id,
    )


def standing_after(events: Iterable[Event]) -> dict[str, dict[str, Standing]]:
    """Cluster -> what fires after ``events``, which are in the order in which they were written."""
    found: dict[str, dict[str, Standing]] = {}
    for event in events:
        alerts = found.setdefault(event.cluster, {})
        before = alerts.get(event.fingerprint)
        if event.kind is EventKind.FIRED:
            alerts[event.fingerprint] = Standing(event.name, event.at)
        elif event.kind is EventKind.RESOLVED:
            alerts.pop(event.fingerprint, None)
        elif before is not None:
            muted = before.muted - {event.reference}
            if event.kind is not EventKind.UNMUTED:
                muted |= {event.reference}
            alerts[event.fingerprint] = replace(before, muted=muted)
    return found
