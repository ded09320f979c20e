"""From what a person writes to the alert that is meant."""

from __future__ import annotations

from collections.abc import Sequence

from services.alerts.model import Alert
from services.alerts.now import AlertsNow
from services.vocabulary.errors import ConsoleError, NotFound

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


def _where_else(now: AlertsNow, text: str) -> str:
    named: Sequence[Alert] = [alert for alert in now.alerts if alert.name == text]
    if named:
        return "an id is wanted, such as " + ", ".join(alert.fingerprint for alert in named[:_NAMED])
    if now.untrusted:
        return "it may be there all the same: " + "; ".join(
            f"{cluster} gave no fresh answer" for cluster in now.untrusted
        )
    return "it may be resolved; /alerts list shows what is there"
