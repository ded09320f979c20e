"""Alerts that must always fire: their absence means that alerts do not arrive, whatever else the list says.

A dead-man switch watches the whole way from the rule to here. It says nothing about a cluster that gives no fresh
answer: that one is blind, and told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alerts.model import Alert

GRACE = timedelta(minutes=2)
"""How long one may be away before it is missed. An Alertmanager that was restarted has no alerts until Prometheus sends
them again, which it does every minute or so (``--rules.alert.resend-delay``)."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An alert that must fire and does not.

    Attributes:
        cluster: where it is expected.
        name: its ``alertname`` (raw).
        since: when it was last seen, or first looked for (UTC).
        seen: whether it ever was there.
    """

    cluster: str
    name: str
    since: datetime
    seen: bool


def absent(alerts: Iterable[Alert], expected: Sequence[str]) -> tuple[str, ...]:
    """Those of the expected names that no alert bears; one that is muted is there."""
    if not expected:
        return ()
    there = {alert.name for alert in alerts}
    return tuple(name for name in expected if name not in there)


class Heartbeats:
    """Remembers when each was last there."""

    def __init__(self, expected: Mapping[str, Sequence[str]], grace: timedelta = GRACE) -> None:
        """
        Args:
            expected: cluster -> the names that must always fire there.
            grace: how long one may be away.
        """
        self.expected = {cluster: tuple(names) for cluster, names in expected.items() if names}
        self._grace = grace
        self._looked: dict[str, tuple[Sequence[Alert], tuple[str, ...]]] = {}
        self._seen_at: dict[tuple[str, str], datetime] = {}
        self._awaited: dict[tuple[str, str], datetime] = {}

    def look(self, cluster: str, alerts: Sequence[Alert], now: datetime) -> None:
        """What a cluster says now, freshly. The same answer as before costs nothing."""
        expected = self.expected.get(cluster, ())
        if not expected:
            return
        before = self._looked.get(cluster)
        away = before[1] if before is not None and before[0] is alerts else absent(alerts, expected)
        self._looked[cluster] = alerts, away
        for name in expected:
            key = cluster, name
            if name in away:
                self._awaited.setdefault(key, now)
            else:
                self._seen_at[key] = now
                self._awaited.pop(key, None)

    def blind(self, cluster: str) -> None:
        """The cluster gives no fresh answer: for that time nothing is missed."""
        for name in self.expected.get(cluster, ()):
            self._awaited.pop((cluster, name), None)

    def missing(self, now: datetime) -> tuple[Missing, ...]:
        """Those that are away for longer than the grace, in the order in which they are expected."""
        found = []
        for cluster, names in self.expected.items():
            for name in names:
                awaited = self._awaited.get((cluster, name))
                if awaited is None or now - awaited < self._grace:
                    continue
                seen_at = self._seen_at.get((cluster, name))
                found.append(Missing(cluster, name, seen_at or awaited, seen_at is not None))
        return tuple(found)
