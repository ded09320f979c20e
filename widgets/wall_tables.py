"""How alerts, incidents and rollouts are written on the wallboard."""

from __future__ import annotations

from datetime import timedelta

from services.alerts.model import Standing
from services.alerts.view import AlertRow
from services.deployments.model import Deployment
from services.deployments.view import is_troubled
from services.incidents.model import Incident
from services.incidents.view import age, severity_label
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.severity import Severity
from services.vocabulary.text import display
from widgets.alert_rows import AlertFormat, severity_style
from widgets.deployment_rows import DeploymentFormat
from widgets.incident_rows import IncidentFormat
from widgets.incident_rows import severity_style as severity_style_of_incident
from widgets.record_table import Align, Cell, Column, Cut, Fit, Piece, Share
from widgets.wall_section import WallTable

_ALERTS = (
    Column("severity", width=6),
    Column("name", width=Share(3.0, 14), cut=Cut.MIDDLE),
    Column("subject", width=Share(2.0, 8), cut=Cut.MIDDLE),
    Column("environment", width=Fit(0, 14), hide_below=56),
    Column("count", width=Fit(0, 6), align=Align.RIGHT),
    Column("age", width=5, align=Align.RIGHT),
    Column("owner", width=Fit(0, 24), hide_below=48),
)
_INCIDENTS = (
    Column("severity", width=4),
    Column("number", width=Fit(2, 6), align=Align.RIGHT),
    Column("title", width=Share(3.0, 10)),
    Column("state", width=Fit(0, 13), hide_below=70),
    Column("commander", width=Fit(0, 16), hide_below=40),
    Column("clock", width=8, align=Align.RIGHT),
    Column("update", width=13, align=Align.RIGHT, hide_below=76),
)
_ROLLOUTS = (
    Column("glyph", width=1),
    Column("name", width=Share(3.0, 8), cut=Cut.MIDDLE),
    Column("environment", width=Fit(0, 14), hide_below=56),
    Column("revision", width=Fit(0, 6), align=Align.RIGHT),
    Column("ready", width=Fit(0, 9), align=Align.RIGHT),
    Column("state", width=Fit(0, 24)),
    Column("age", width=5, align=Align.RIGHT),
)


def alert_table(clock: Clock) -> WallTable[AlertRow]:
    """Groups of alerts: how bad, what, where, since when, who has it."""
    usual = AlertFormat(clock)

    def cell(row: AlertRow, column: str) -> Cell:
        if column == "name" and row.alert is not None:
            loud = row.standing is Standing.FIRING and row.severity in (Severity.CRITICAL, Severity.ERROR)
            return Piece(row.alert.name or "(no alertname)", "bold" if loud else "")
        if column == "owner":
            return _owner(row, clock)
        if column == "severity" and row.standing is Standing.ACKED:
            return Piece(f"{row.severity.glyph} {row.severity.word}", "$text-quiet")
        return usual.cell(row, column)

    def large(row: AlertRow) -> tuple[str, str, str] | None:
        if row.alert is None or row.since is None or row.standing is not Standing.FIRING:
            return None
        if row.severity not in (Severity.CRITICAL, Severity.ERROR):
            return None
        words = f"{row.severity.glyph} {display(row.alert.name, 60)}"
        style = severity_style(row.severity).removeprefix("bold ")
        return words, format_age(clock.now() - row.since), style

    return WallTable(_ALERTS, cell, lambda row: row.alert.cluster if row.alert is not None else "", large)


def incident_table(clock: Clock) -> WallTable[Incident]:
    """Open incidents, each with a clock that runs."""
    usual = IncidentFormat(clock)

    def cell(row: Incident, column: str) -> Cell:
        if column == "clock":
            return Piece(running(clock.now() - row.started_at), "bold")
        if column == "update":
            return Piece(f"update {format_age(clock.now() - row.updated_at)}", "$text-quiet")
        return usual.cell(row, column)

    def large(row: Incident) -> tuple[str, str, str]:
        style = severity_style_of_incident(row.severity).removeprefix("bold ")
        return f"{severity_label(row)} #{row.number}", age(row, clock.now()), style

    return WallTable(_INCIDENTS, cell, lambda _: "incidents", large)


def rollout_table(clock: Clock) -> WallTable[Deployment]:
    """Rollouts in flight or in trouble."""

    def large(row: Deployment) -> tuple[str, str, str]:
        style = "$severity-critical" if is_troubled(row) else "$severity-info"
        return display(row.name, 60), f"{row.ready}/{row.desired}", style

    return WallTable(_ROLLOUTS, DeploymentFormat(clock).cell, lambda row: row.context, large)


def running(elapsed: timedelta) -> str:
    """A clock that shows it runs, in at most eight cells for 99 days: ``0:04:12``, ``11:04:12``, ``3d 04:12``."""
    seconds = max(0, int(elapsed.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    return f"{days}d {rest:02d}:{minutes:02d}" if days else f"{hours}:{minutes:02d}:{seconds:02d}"


def long_age(age: timedelta) -> str:
    """How long, with the unit that moves: ``40s``, ``2m14s``, ``2h 10m``, ``3d 4h``."""
    seconds = max(0, int(age.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    if days:
        return f"{days}d {rest}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"


def _owner(row: AlertRow, clock: Clock) -> Cell:
    alert = row.alert
    if alert is None:
        return ""
    if alert.ack is not None:
        left = format_age(alert.ack.ends_at - clock.now())
        return (
            Piece("ack ", "$text-quiet"),
            Piece(alert.ack.created_by, "bold"),
            Piece(f" {left}", "$text-quiet"),
        )
    return Piece("no owner", "$severity-warning" if row.severity is Severity.CRITICAL else "$text-quiet")
