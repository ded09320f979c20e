"""The lists of the wallboard, from what the feeds hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.alerts.model import Standing
from services.alerts.view import AlertRow, AlertsView, RowKind
from services.deployments.model import Deployment, RolloutState
from services.deployments.view import arrange as arrange_deployments
from services.deployments.view import is_troubled
from services.incidents.model import Incident
from services.incidents.view import arrange as arrange_incidents
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness, FreshnessState
from widgets.alert_rows import severity_style
from widgets.record_table import Piece
from widgets.wall_canvas import Line, said
from widgets.wall_section import Section
from widgets.wall_tables import alert_table, incident_table, rollout_table

_QUIET = "$text-quiet"
_BLIND = "bold $warning"


def skeleton_sections(clock: Clock) -> tuple[Section[Any], ...]:
    """Before anything is known: which lists there will be."""
    waiting = Piece("connecting …", _QUIET)
    return (
        Section("Alerts", alert_table(clock), empty=waiting),
        Section("Incidents", incident_table(clock), empty=waiting),
        Section("Rollouts", rollout_table(clock), empty=waiting),
    )


def alerts_section(
    view: AlertsView | None, sources: Mapping[str, Freshness], clock: Clock, now: datetime, *, patient: bool
) -> Section[AlertRow]:
    """Groups that fire, then those that somebody has; what is muted is only counted."""
    rows = tuple(row for row in view.rows if row.kind is not RowKind.MUTED) if view is not None else ()
    counts: list[Piece] = []
    if view is not None:
        for severity in Severity:
            if view.firing(severity):
                words = f"{severity.glyph} {view.firing(severity)} {severity.value}  "
                counts.append(Piece(words, severity_style(severity)))
        acked = view.standing(Standing.ACKED)
        muted = view.standing(Standing.SILENCED) + view.standing(Standing.INHIBITED)
        quiet = [f"{acked} acked"] * bool(acked) + [f"{muted} muted"] * bool(muted)
        if quiet:
            counts.append(Piece(f"· {', '.join(quiet)}", _QUIET))
    return Section(
        "Alerts",
        alert_table(clock),
        rows,
        (*_last_known(sources, now), *counts),
        _empty("Nothing fires.", sources, patient=patient),
        _untrusted(sources),
    )


def incidents_section(
    incidents: Iterable[Incident], freshness: Freshness, clock: Clock, *, patient: bool
) -> Section[Incident]:
    """Open ones, the worst first."""
    sources = {"incidents": freshness}
    rows = tuple(one for one in arrange_incidents(incidents) if one.state.is_open)
    major = sum(one.severity <= 2 for one in rows)
    counts: list[Piece] = []
    if rows:
        counts.append(Piece(f"{len(rows)} open", "bold $severity-critical" if major else "bold $severity-warning"))
    return Section(
        "Incidents",
        incident_table(clock),
        rows,
        (*_last_known(sources, clock.now()), *counts),
        _empty("No open incident.", sources, patient=patient),
        _untrusted(sources),
    )


def rollouts_section(
    deployments: Sequence[Deployment], sources: Mapping[str, Freshness], clock: Clock, now: datetime, *, patient: bool
) -> Section[Deployment]:
    """Rollouts in trouble, then those in flight."""
    wanted = [one for one in deployments if is_troubled(one) or one.state is RolloutState.ROLLING]
    rows = arrange_deployments(wanted)
    troubled = sum(map(is_troubled, rows))
    counts: list[Piece] = []
    if troubled:
        counts.append(Piece(f"✗ {troubled} in trouble  ", "bold $severity-critical"))
    if len(rows) > troubled:
        counts.append(Piece(f"↻ {len(rows) - troubled} rolling", "$severity-info"))
    calm = f"None in flight, none in trouble, {len(deployments)} in all."
    return Section(
        "Rollouts",
        rollout_table(clock),
        rows,
        (*_last_known(sources, now), *counts),
        _empty(calm, sources, patient=patient),
        _untrusted(sources),
    )


def _empty(nothing: str, sources: Mapping[str, Freshness], *, patient: bool) -> Piece:
    missing = [source for source in sources.values() if not source.trusted]
    if not missing:
        return Piece(nothing, _QUIET)
    names = ", ".join(source.source for source in missing)
    if patient and all(source.state is FreshnessState.WAITING for source in missing):
        return said(f"connecting to {names} …", _QUIET, 160)
    return said(f"UNKNOWN: no fresh answer from {names}", _BLIND, 160)


def _last_known(sources: Mapping[str, Freshness], now: datetime) -> Line:
    """Says of each source that is not live, and once was, that its rows are old."""
    return tuple(
        said(f"◐ {name} {format_age(now - source.checked_at)} old  ", _BLIND, 60)
        for name, source in sources.items()
        if not source.trusted and source.checked_at is not None
    )


def _untrusted(sources: Mapping[str, Freshness]) -> frozenset[str]:
    return frozenset(name for name, source in sources.items() if not source.trusted)
