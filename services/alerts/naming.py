"""What an alert is called on a screen and on a command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from services.alerts.model import Alert

SHORTEST = 6
"""So many digits of a fingerprint at least stand for an alert."""
FULL = 16
"""So many digits a fingerprint has."""


def short_ids(alerts: Iterable[Alert]) -> dict[str, str]:
    """``cluster/fingerprint`` -> the shortest form that is unique among ``alerts``: at least six digits of the
    fingerprint, the cluster before it where two clusters share one.
    """
    known = list(alerts)
    holders = Counter([alert.fingerprint for alert in known])
    length = SHORTEST
    while length < FULL and len({fingerprint[:length] for fingerprint in holders}) < len(holders):
        length += 1
    return {
        alert.id: (f"{alert.cluster}/" if holders[alert.fingerprint] > 1 else "") + alert.fingerprint[:length]
        for alert in known
    }


def title(alert: Alert) -> str:
    """Its name and what it is about, raw: ``HighErrorRate checkout``."""
    labels = alert.labels
    about = labels.get("service") or labels.get("app") or labels.get("instance") or labels.get("pod") or ""
    return f"{alert.name or 'an alert without a name'} {about}".strip()
