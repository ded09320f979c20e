"""What an alert is called on a screen and on a command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from services.alerts.model import Alert

SHORTEST = 6
"""So many digits of a fingerprint at least stand for an alert."""
THINGS = ("pod", "instance", "node", "persistentvolumeclaim", "device", "job", "namespace")
"""Labels that name a thing, the most particular first."""
_TOLD = 3
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


def differing(labels: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The names of the labels whose values are not the same in all of ``labels``, those that name a thing first."""
    names = dict.fromkeys(name for one in labels for name in one)
    found = [name for name in names if len({one.get(name, "") for one in labels}) > 1]
    return tuple(sorted(found, key=lambda name: (THINGS.index(name) if name in THINGS else len(THINGS), name)))


def told_apart(alerts: Sequence[Alert], known: Iterable[Alert]) -> list[str]:
    """The :func:`title` of each, and behind it the labels in which it differs from others of that title (raw).

    Args:
        alerts: which; ``DiskFull db instance=db-2`` is what is told of one.
        known: all alerts, among which they have to be told apart.
    """
    names = {alert.name for alert in alerts}
    alike: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for alert in known:
        if alert.name in names:
            alike.setdefault((alert.cluster, title(alert)), []).append(alert.labels)
    found = []
    for alert in alerts:
        words = title(alert)
        several = alike.get((alert.cluster, words), ())
        found.append(" ".join([words, *label_words(alert, differing(several) if len(several) > 1 else (), words)]))
    return found


def label_words(alert: Alert, names: Sequence[str], told: str = "", *, brief: bool = False) -> list[str]:
    """``name=value`` for the first of ``names``, but for values that are a word of ``told`` already (raw).

    ``brief``: of labels that name a thing, the value alone.
    """
    known = told.split()
    pairs = [(name, alert.labels.get(name, "")) for name in names]
    words = [value if brief and name in THINGS else f"{name}={value}" for name, value in pairs if value not in known]
    return words[:_TOLD]
