"""How an alert, a group of them, or the folded rest looks in a list."""

from __future__ import annotations

from datetime import datetime

from services.alerts.model import Alert, Standing
from services.alerts.naming import THINGS, label_words
from services.alerts.view import AlertRow, service_of
from services.alerts.view import RowKind as AlertRowKind
from services.correlation.model import CauseKind, Problem
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.severity import Severity
from widgets.record_table import Align, Cell, Column, Cut, Fit, Piece, RowFormat, RowKind, Share
from widgets.top_bar import environment_style

COLUMNS = (
    Column("new", "", 1),
    Column("severity", "sev", 6),
    Column("name", "alert", Fit(10, 30), cut=Cut.MIDDLE),
    Column("count", "", Fit(0, 6), align=Align.RIGHT),
    Column("subject", "on", Share(2.0, 8), cut=Cut.MIDDLE),
    Column("namespace", "namespace", Fit(4, 16), hide_below=92),
    Column("receiver", "receiver", Fit(4, 16), hide_below=110),
    Column("environment", "env", Fit(3, 10)),
    Column("age", "age", 5, align=Align.RIGHT),
    Column("note", "", Fit(0, 20), hide_below=62),
)


def severity_style(severity: Severity) -> str:
    """Only what is bad is bold."""
    bold = "bold " if severity in (Severity.CRITICAL, Severity.ERROR) else ""
    return f"{bold}$severity-{severity.value}"


def subject_of(alert: Alert) -> str:
    """What the alert is about, in the shortest words its labels have (raw)."""
    return service_of(alert.labels) or next((alert.labels[name] for name in THINGS if alert.labels.get(name)), "")


def standing_note(alert: Alert, now: datetime) -> str:
    """Who muted it and until when (raw); empty for one that fires."""
    ack = alert.ack
    if ack is not None:
        return f"ack {ack.created_by} {format_age(ack.ends_at - now)}"
    match alert.standing:
        case Standing.SILENCED:
            ends = max((silence.ends_at for silence in alert.silences), default=None)
            return f"silenced → {clock_time(ends, now)}" if ends else "silenced"
        case Standing.INHIBITED:
            return "inhibited"
    return ""


def clock_time(at: datetime, now: datetime) -> str:
    """``06:00`` today, ``Tue 06:00`` within a week, the date beyond; UTC."""
    if at.date() == now.date():
        return at.strftime("%H:%M")
    return at.strftime("%a %H:%M" if abs((at - now).days) < 6 else "%Y-%m-%d")


_FOLDABLE = (AlertRowKind.GROUP, AlertRowKind.PROBLEM)


def cause_words(problem: Problem) -> str:
    """What a problem probably comes from, beside the name of the alert that speaks for it (raw)."""
    cause = problem.cause
    return f"rollout {cause.brief}" if cause.kind is CauseKind.ROLLOUT else cause.brief


class AlertFormat(RowFormat[AlertRow]):
    """Cells of a row of alerts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def key(self, row: AlertRow) -> str:
        """Stays the same from view to view."""
        return row.key

    def kind(self, row: AlertRow) -> RowKind:
        """The folded rest is one line across."""
        return RowKind.FOLD if row.kind is AlertRowKind.MUTED else RowKind.RECORD

    def line(self, row: AlertRow) -> Cell:
        """What the folded rest says."""
        mark = "▾" if row.expanded else "▸"
        return Piece(f"{mark} {row.count} silenced or inhibited", "$text-quiet")

    def source(self, row: AlertRow) -> str:
        """The cluster; the folded rest may be of several."""
        return row.alert.cluster if row.alert is not None else ""

    def style(self, row: AlertRow) -> str:
        """What is muted is quiet."""
        return "" if row.standing is Standing.FIRING else "$text-quiet"

    def cell(self, row: AlertRow, column: str) -> Cell:
        """One cell."""
        alert = row.alert
        if alert is None:
            return ""
        firing = row.standing is Standing.FIRING
        match column:
            case "new":
                return Piece("•" if row.new else "", "bold $accent")
            case "severity":
                words = f"{row.severity.glyph} {row.severity.word}"
                return Piece(words, severity_style(row.severity) if firing else "")
            case "name":
                indent = "  " * row.depth
                mark = ("▾ " if row.expanded else "▸ ") if row.kind in _FOLDABLE else ""
                name = row.title or alert.name or "(no alertname)"
                return (
                    Piece(indent + mark, "$text-quiet"),
                    Piece(name, "bold" if firing and row.severity.rank <= 1 else ""),
                )
            case "subject":
                return self._subject(row, alert)
            case "environment":
                return _environment(row, alert)
            case "namespace":
                return Piece(_namespace(row, alert), "$text-quiet")
            case "receiver":
                return Piece("" if row.title else ", ".join(alert.receivers), "$text-quiet")
            case "count":
                return f"×{row.count}" if row.kind in _FOLDABLE else ""
            case "age":
                return format_age(self._clock.now() - row.since) if row.since else ""
            case "note":
                return "" if row.title and firing else standing_note(alert, self._clock.now())
        return ""

    def passing(self, row: AlertRow) -> str:
        """Its age, and how long it stays muted."""
        return f"{self.cell(row, 'age')} {self.cell(row, 'note')}"

    def _subject(self, row: AlertRow, alert: Alert) -> Cell:
        if row.problem is not None:
            return cause_words(row.problem)
        if row.title:
            return row.told
        # Below its group the service is the same everywhere; what differs is the pod, the host or another label.
        subject = subject_of(alert) if not row.depth or not row.apart else ""
        return " ".join([subject, *label_words(alert, row.apart, subject, brief=True)]).strip()


def _environment(row: AlertRow, alert: Alert) -> Cell:
    if row.mixed:
        return "several"
    firing = row.standing is Standing.FIRING
    return Piece(alert.environment or alert.cluster, environment_style(alert.environment) if firing else "")


def _namespace(row: AlertRow, alert: Alert) -> str:
    # Of what stands for several only what all of them have.
    shared = row.shared if row.problem is None else row.problem.shared
    return dict(shared).get("namespace", "") if row.problem or row.title else alert.labels.get("namespace", "")
