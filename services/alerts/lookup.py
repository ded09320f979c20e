"""From what a person writes to the alert that is meant, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from services.alerts.model import Alert
from services.alerts.now import AlertsNow
from services.vocabulary.errors import ConsoleError, NotFound

_SHORTEST = 6
_FULL = 16
_NAMED = 5


def find_alert(now: AlertsNow, text: str) -> Alert:
    """The alert that ``text`` means: a fingerprint, a unique beginning of one, or either after ``cluster/``.

    Raises:
        NotFound: no alert is meant.
        ConsoleError: several are; names them.
    """
    cluster, slash, prefix = text.rpartition("/")
    wanted = prefix.lower()
    found = [
        alert
        for alert in now.alerts
        if wanted and alert.fingerprint.startswith(wanted) and (not slash or alert.cluster == cluster)
    ]
    exact = [alert for alert in found if alert.fingerprint == wanted]
    found = exact or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f"no alert has the id {text!r}", _where_else(now, text))
    names = ", ".join(f"{alert.id} ({alert.name})" for alert in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise ConsoleError(f"{text!r} means {len(found)} alerts: {names}{more}", "write more of the id")


def short_ids(alerts: Iterable[Alert]) -> dict[str, str]:
    """``cluster/fingerprint`` -> the shortest form that is unique among ``alerts``: at least six digits of the
    fingerprint, the cluster before it where two clusters share one.
    """
    known = list(alerts)
    holders = Counter([alert.fingerprint for alert in known])
    length = _SHORTEST
    while length < _FULL and len({fingerprint[:length] for fingerprint in holders}) < len(holders):
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


def _where_else(now: AlertsNow, text: str) -> str:
    named: Sequence[Alert] = [alert for alert in now.alerts if alert.name == text]
    if named:
        return "an id is wanted, such as " + ", ".join(alert.fingerprint for alert in named[:_NAMED])
    if now.untrusted:
        return "it may be there all the same: " + "; ".join(
            f"{cluster} gave no fresh answer" for cluster in now.untrusted
        )
    return "it may be resolved; /alerts list shows what is there"
