"""What may truthfully be said of the alerts in one line: how many, all clear, or blind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from screens.wall_sight import ALARMING, Memory, Sight
from services.alerts.heartbeat import Missing
from services.vocabulary.durations import format_age
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import FreshnessState
from widgets.alert_rows import severity_style, subject_of
from widgets.record_table import Piece
from widgets.wall_canvas import Line, Note, said
from widgets.wall_headline import Headline
from widgets.wall_tables import long_age

_QUIET = "$text-quiet"
_BLIND = "$warning"
_LOUD = "$severity-critical"
_LARGE_WORDS = {Severity.CRITICAL: "CRITICAL", Severity.ERROR: "ERROR", Severity.OTHER: "FIRING"}
_WORDS = {one: "of unknown severity" if one is Severity.OTHER else one.value for one in Severity}


def headline_of(
    sights: Sequence[Sight],
    memory: Memory,
    now: datetime,
    *,
    begun: datetime,
    patient: bool,
    silent: Sequence[Missing] = (),
) -> Headline:
    """The one line of truth.

    Args:
        sights: one a cluster; none as long as there is no desk.
        memory: of earlier sights.
        now: UTC.
        begun: when the wallboard began to wait for its sources (UTC).
        patient: whether silence is still no news.
        silent: alerts that must always fire and do not; as long as there are any, no count can be believed.
    """
    if silent:
        return _no_heartbeat(silent, sights, now)
    if not sights:
        if patient:
            return Headline("connecting …", "", _QUIET)
        return Headline("BLIND", f"since {long_age(now - begun)}", _BLIND, (_note("nothing was heard yet", _BLIND),))
    seeing = [sight for sight in sights if sight.freshness.trusted]
    waiting = [sight for sight in sights if patient and sight.freshness.state is FreshnessState.WAITING]
    blind = [sight for sight in sights if sight not in seeing and sight not in waiting]
    missing = tuple(_blindness(sight, now, begun) for sight in blind)
    if waiting:
        names = ", ".join(one.freshness.source for one in waiting)
        missing += (((Piece("○ no answer yet from ", _QUIET), said(names, _QUIET, 160)),),)
    lost = [_seen_until(sight, begun) for sight in blind]
    # Quite blind since the last of them was lost; partly since the first.
    since = max(lost, default=now) if not seeing else min(lost, default=now)
    if not seeing:
        if waiting:
            return Headline("connecting …", "", _QUIET, missing)
        return Headline("BLIND", f"since {long_age(now - since)}", _BLIND, missing, told=True)
    alarm = _alarm(seeing, now, certain=not missing)
    if alarm is not None:
        return Headline(alarm.words, alarm.tail, alarm.style, (*missing, *alarm.notes))
    calm = _counts(seeing)
    if blind:
        elsewhere = _note("elsewhere nothing critical fires", _QUIET)
        return Headline(
            "PARTLY BLIND", f"since {long_age(now - since)}", _BLIND, (*missing, elsewhere, *calm), told=True
        )
    if waiting:
        return Headline("connecting …", "", _QUIET, missing)
    return _all_clear(memory, now, calm)


def _no_heartbeat(silent: Sequence[Missing], sights: Sequence[Sight], now: datetime) -> Headline:
    since = min(one.since for one in silent)
    who: tuple[Note, ...] = tuple(
        (
            (Piece("✗ ", f"bold {_LOUD}"), said(f"{one.name} in {one.cluster}", f"bold {_LOUD}", 90)),
            (Piece(f"last seen {one.since:%H:%M:%S} UTC" if one.seen else "never seen", ""),),
            (Piece("alerts may not arrive: look at Prometheus and its rules", ""),),
        )
        for one in silent
    )
    seeing = [sight for sight in sights if sight.freshness.trusted]
    return Headline("NO HEARTBEAT", f"for {long_age(now - since)}", _LOUD, (*who, *_counts(seeing)), told=True)


def no_alert_source() -> Headline:
    """Nothing is configured that could tell of alerts."""
    return Headline("BLIND", "", _BLIND, (_note("No Alertmanager is configured: [[sre.alertmanager]]", _BLIND),))


def _note(words: str, style: str) -> Note:
    return ((Piece(words, style),),)


def _seen_until(sight: Sight, begun: datetime) -> datetime:
    """The last moment at which the cluster was seen; where it never was, when that was noticed first."""
    freshness = sight.freshness
    # The wallboard may be opened long after the console.
    return freshness.checked_at or min(begun, freshness.failing_since or begun)


def _blindness(sight: Sight, now: datetime, begun: datetime) -> Note:
    freshness = sight.freshness
    who: Line = (
        Piece(f"{freshness.state.glyph} ", f"bold {_BLIND}"),
        said(freshness.source, f"bold {_BLIND}", 40),
        Piece(f" blind since {long_age(now - _seen_until(sight, begun))}", f"bold {_BLIND}"),
    )
    why: Line = (said(freshness.reason or "no answer yet", "", 200),)
    if freshness.checked_at is None:
        return (who, why)
    counts = [f"{sight.tally.firing[one]} {_WORDS[one]}" for one in Severity if sight.tally.firing.get(one)]
    told = ", ".join(counts[:2]) or "nothing firing"
    return (who, why, (Piece(f"last seen {freshness.checked_at:%H:%M:%S} UTC: {told}", _QUIET),))


def _alarm(seeing: Sequence[Sight], now: datetime, *, certain: bool) -> Headline | None:
    for severity in ALARMING:
        count = sum(sight.tally.firing.get(severity, 0) for sight in seeing)
        if count:
            oldest = min(sight.tally.oldest[severity] for sight in seeing if severity in sight.tally.oldest)
            since: Line = (Piece(f"since {oldest:%H:%M:%S} UTC ({format_age(now - oldest)})", "bold"),)
            words = f"{severity.glyph} {count} {_LARGE_WORDS[severity]}"
            style = severity_style(severity).removeprefix("bold ")
            return Headline(words, "" if certain else "or more", style, _counts(seeing, told=severity, first=(since,)))
    for severity in ALARMING:
        count = sum(sight.tally.acked.get(severity, 0) for sight in seeing)
        if count:
            tail = "acked" if certain else "acked, or more"
            words = f"{severity.glyph} {count} {_LARGE_WORDS[severity]}"
            return Headline(words, tail, "$severity-warning", _counts(seeing, told_acked=severity))
    return None


def _counts(
    seeing: Sequence[Sight],
    *,
    told: Severity | None = None,
    told_acked: Severity | None = None,
    first: Note = (),
) -> tuple[Note, ...]:
    """What else there is, and what is missing from the answers."""
    parts: list[Line] = list(first)
    for severity in Severity:
        count = sum(sight.tally.firing.get(severity, 0) for sight in seeing)
        if count and severity is not told:
            parts.append((Piece(f"{severity.glyph} {count} {_WORDS[severity]}", severity_style(severity)),))
    for severity in Severity:
        acked = sum(sight.tally.acked.get(severity, 0) for sight in seeing)
        if acked and severity is not told_acked:
            parts.append((Piece(f"{acked} {_WORDS[severity]} acked", _QUIET),))
    muted = sum(sum(sight.tally.muted.values()) for sight in seeing)
    if muted:
        critical = sum(sight.tally.muted.get(Severity.CRITICAL, 0) for sight in seeing)
        words = f"{muted} silenced or inhibited" + (f", {critical} of them critical" if critical else "")
        parts.append((Piece(words, "bold $severity-warning" if critical else _QUIET),))
    partial: list[Note] = [
        ((Piece("◐ ", f"bold {_BLIND}"), said(words, _BLIND, 200)),)
        for sight in seeing
        for words in sight.freshness.partial
    ]
    return (*((tuple(parts),) if parts else ()), *partial)


def _all_clear(memory: Memory, now: datetime, calm: tuple[Note, ...]) -> Headline:
    if memory.seen_at is None:
        return Headline("ALL CLEAR", "", "$state-good", calm)
    parts: list[Line] = []
    if memory.seen is not None:
        name = f"{memory.seen.name or '(no alertname)'} {subject_of(memory.seen)}".strip()
        parts.append((Piece(f"last seen {memory.seen_at:%H:%M:%S} UTC: ", _QUIET), said(name, "", 60)))
    if memory.blind >= timedelta(seconds=1):
        parts.append((Piece(f"blind for {long_age(memory.blind)} since then", "bold $warning"),))
    return Headline("ALL CLEAR", long_age(now - memory.seen_at), "$state-good", (*calm, tuple(parts)))
