"""Alerts as rows of a printed table, as data for a program, and the sentence about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.alerts.model import Alert, Standing
from services.alerts.naming import short_ids, told_apart
from services.alerts.now import AlertsNow
from services.alerts.view import AlertsView
from services.alerts.wire import instant
from services.command import Column, Table
from services.vocabulary.durations import format_age
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness, FreshnessState

COLUMNS = (
    Column("severity"),
    Column("alert"),
    Column("standing"),
    Column("age", numeric=True),
    Column("id"),
    Column("cluster"),
    Column("environment"),
    Column("summary"),
)


def table(alerts: Sequence[Alert], known: Sequence[Alert], now: datetime) -> Table:
    """The printed list.

    Args:
        alerts: what to print, in order.
        known: all alerts; the ids are unique among these.
        now: ages count until here.
    """
    ids = short_ids(known)
    told = told_apart(alerts, known)
    rows = [_row(alert, words, ids[alert.id], now) for alert, words in zip(alerts, told, strict=True)]
    return Table(COLUMNS, tuple(rows))


def data(alert: Alert) -> dict[str, Any]:
    """The alert for a program; JSON types only."""
    ack = alert.ack
    return {
        "fingerprint": alert.fingerprint,
        "name": alert.name,
        "severity": alert.severity.value,
        "state": alert.state,
        "standing": alert.standing.value,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "starts_at": instant(alert.starts_at),
        "cluster": alert.cluster,
        "environment": alert.environment,
        "receivers": list(alert.receivers),
        "generator_url": alert.generator_url,
        "silenced_by": list(alert.silenced_by),
        "inhibited_by": list(alert.inhibited_by),
        "muted_by": list(alert.muted_by),
        "ack": None
        if ack is None
        else {
            "owner": ack.created_by,
            "expires_at": instant(ack.ends_at),
            "comment": ack.comment,
            "silence": ack.id,
        },
    }


def sentence(now: AlertsNow, view: AlertsView, at: datetime, *, filtered: bool) -> str:
    """What is so, with as much certainty as there is: a number without a warning is given only where it is fresh."""
    if not now.freshness:
        return "UNKNOWN: no Alertmanager is configured"
    counted = f"{_counted(view)}, {_checked(now, at)}"
    if filtered:
        counted = f"{view.shown} of {view.total} alerts match; {counted}"
    missing = "; ".join(_missing(cluster, freshness, at) for cluster, freshness in now.untrusted.items())
    if not missing:
        return counted
    if len(now.untrusted) == len(now.freshness):
        last = f"; last seen: {_counted(view)}" if view.total else ""
        return f"UNKNOWN: {missing}{last}"
    return f"UNKNOWN: {missing}; all that is known: {counted}"


def clock_time(moment: datetime, now: datetime) -> str:
    """``03:29 UTC``, with the date where it is another day."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%H:%M UTC" if moment.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC")


def _row(alert: Alert, words: str, short: str, now: datetime) -> tuple[str, ...]:
    severity = alert.severity
    return (
        f"{severity.glyph} {alert.labels.get('severity', '') if severity is Severity.OTHER else severity.word}".strip(),
        words,
        _standing(alert, now),
        format_age(now - alert.starts_at),
        short,
        alert.cluster,
        alert.environment,
        alert.annotations.get("summary") or alert.annotations.get("description", ""),
    )


def _standing(alert: Alert, now: datetime) -> str:
    standing = alert.standing
    ack = alert.ack
    if ack is not None:
        return f"ack {ack.created_by} {format_age(ack.ends_at - now)} left"
    if standing is Standing.SILENCED and alert.silences:
        return f"silenced until {clock_time(max(silence.ends_at for silence in alert.silences), now)}"
    return standing.value


def _counted(view: AlertsView) -> str:
    firing = view.standing(Standing.FIRING)
    parts = [f"{view.firing(severity)} {severity.value}" for severity in Severity if view.firing(severity)]
    rest = [
        f"{view.standing(standing)} {standing.value}"
        for standing in (Standing.ACKED, Standing.SILENCED, Standing.INHIBITED)
        if view.standing(standing)
    ]
    return ", ".join([f"{firing} firing" + (f" ({', '.join(parts)})" if parts else ""), *rest])


def _checked(now: AlertsNow, at: datetime) -> str:
    # The oldest of the fresh answers: so old is what the sentence says.
    checked = [one.checked_at for one in now.freshness.values() if one.trusted and one.checked_at is not None]
    return f"checked {format_age(at - min(checked))} ago" if checked else "not checked"


def _missing(cluster: str, freshness: Freshness, at: datetime) -> str:
    if freshness.state is FreshnessState.WAITING:
        return f"{cluster} has not answered yet"
    since = f" since {clock_time(freshness.checked_at, at)}" if freshness.checked_at else ""
    return f"{cluster} gave no fresh answer{since}: {freshness.reason}"
