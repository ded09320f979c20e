"""What may truthfully be said of the alerts in one line: how many, all clear, or blind. Pure but for one memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.alerts.model import Alert, Standing
from services.vocabulary.durations import format_age
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness, FreshnessState
from widgets.alert_rows import severity_style, subject_of
from widgets.record_table import Piece
from widgets.wall_canvas import Line, joined, said
from widgets.wall_headline import Headline
from widgets.wall_tables import long_age

_QUIET = "$text-quiet"
_BLIND = "$warning"

ALARMING = (Severity.CRITICAL, Severity.ERROR, Severity.OTHER)
"""As long as one of these stands, it is not all clear. A severity that nobody declared may be any."""
_WORDS = {Severity.CRITICAL: "CRITICAL", Severity.ERROR: "ERROR", Severity.OTHER: "FIRING"}
_SMALL = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
    Severity.OTHER: "of unknown severity",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """The alerts of one cluster, counted.

    Attributes:
        firing: severity -> how many fire and are nobody's yet.
        acked: severity -> how many fire and somebody has.
        muted: severity -> how many are silenced or inhibited.
        oldest: severity -> the earliest onset of those that fire (UTC).
        worst: the newest of the worst that fire or are acked; None where none is alarming.
    """

    firing: Mapping[Severity, int] = field(default_factory=dict)
    acked: Mapping[Severity, int] = field(default_factory=dict)
    muted: Mapping[Severity, int] = field(default_factory=dict)
    oldest: Mapping[Severity, datetime] = field(default_factory=dict)
    worst: Alert | None = None

    @property
    def alarming(self) -> bool:
        """Whether it is not all clear."""
        return any(self.firing.get(one, 0) + self.acked.get(one, 0) for one in ALARMING)


@dataclass(frozen=True, slots=True)
class Sight:
    """One cluster: what it last said, and how far that is to be trusted now."""

    cluster: str
    freshness: Freshness
    tally: Tally


def tally(alerts: Iterable[Alert]) -> Tally:
    """Count the alerts of one cluster; made to run in a thread."""
    counts: dict[Standing, Counter[Severity]] = {standing: Counter() for standing in Standing}
    oldest: dict[Severity, datetime] = {}
    worst: Alert | None = None
    rank = len(Severity)
    for alert in alerts:
        standing, severity = alert.standing, alert.severity
        counts[standing][severity] += 1
        if standing is Standing.FIRING:
            first = oldest.get(severity)
            if first is None or alert.starts_at < first:
                oldest[severity] = alert.starts_at
        if standing in (Standing.FIRING, Standing.ACKED) and severity in ALARMING:
            newer = worst is not None and severity.rank == rank and alert.starts_at > worst.starts_at
            if severity.rank < rank or newer:
                worst, rank = alert, severity.rank
    return Tally(
        dict(counts[Standing.FIRING]),
        dict(counts[Standing.ACKED]),
        dict(counts[Standing.SILENCED] + counts[Standing.INHIBITED]),
        oldest,
        worst,
    )


class Memory:
    """Since when it is all clear: when the last alarm was seen, and for how long nobody could see since."""

    def __init__(self) -> None:
        self.seen_at: datetime | None = None
        self.seen: Alert | None = None
        self.blind = timedelta(0)
        self._looked: datetime | None = None

    def look(self, sights: Sequence[Sight], now: datetime) -> None:
        """Remember what is there now; called whenever something changed and once a second."""
        sighted = bool(sights) and all(sight.freshness.trusted for sight in sights)
        if not sighted and self._looked is not None:
            self.blind += max(timedelta(0), now - self._looked)
        self._looked = now
        for sight in sights:
            at = sight.freshness.checked_at
            if not sight.tally.alarming or at is None:
                continue
            if self.seen_at is None or at >= self.seen_at:
                self.seen_at, self.seen = at, sight.tally.worst
            if sight.freshness.trusted:
                self.blind = timedelta(0)


def headline_of(sights: Sequence[Sight], memory: Memory, now: datetime, *, begun: datetime, patient: bool) -> Headline:
    """The one line of truth.

    Args:
        sights: one a cluster.
        memory: of earlier sights.
        now: UTC.
        begun: when the wallboard began to wait for its sources (UTC).
        patient: whether silence is still no news.
    """
    if not sights:
        if patient:
            return _connecting(())
        words = (Piece("nothing was heard of any source yet", _BLIND),)
        return Headline("BLIND", f"since {long_age(now - begun)}", _BLIND, (words,))
    blind = [sight for sight in sights if _is_blind(sight, patient=patient)]
    seeing = [sight for sight in sights if sight.freshness.trusted]
    waiting = [sight for sight in sights if sight not in blind and sight not in seeing]
    if blind and not seeing and not waiting:
        since = max(_sight_until(sight, begun) for sight in blind)
        lines = tuple(_blindness(sight, now, begun) for sight in blind)
        return Headline("BLIND", f"since {long_age(now - since)}", _BLIND, lines)
    if not seeing:
        return _connecting(waiting, blind, now, begun)
    found = _alarm(seeing, now, certain=not blind and not waiting)
    missing = tuple(_blindness(sight, now, begun) for sight in blind)
    if waiting:
        missing += (_waiting(waiting),)
    if found is not None:
        return Headline(found.words, found.tail, found.style, (*missing, *found.notes))
    calm = _rest(seeing, ())
    if blind:
        since = max(_sight_until(sight, begun) for sight in blind)
        notes = (*missing, (Piece("elsewhere nothing critical fires", _QUIET),), *calm)
        return Headline("PARTLY BLIND", f"since {long_age(now - since)}", _BLIND, notes)
    if waiting:
        return _connecting(waiting)
    return _all_clear(memory, now, calm)


def no_alert_source() -> Headline:
    """Nothing is configured that could tell of alerts."""
    return Headline("BLIND", "", _BLIND, ((Piece("No Alertmanager is configured: [[sre.alertmanager]]", _BLIND),),))


def _is_blind(sight: Sight, *, patient: bool) -> bool:
    if sight.freshness.state is FreshnessState.WAITING:
        return not patient
    return not sight.freshness.trusted


def _sight_until(sight: Sight, begun: datetime) -> datetime:
    """The last moment at which the cluster was seen; when the waiting began where it never was."""
    return sight.freshness.checked_at or begun


def _blindness(sight: Sight, now: datetime, begun: datetime) -> Line:
    freshness = sight.freshness
    parts: list[list[Piece]] = [
        [
            Piece(f"{freshness.state.glyph} ", f"bold {_BLIND}"),
            said(freshness.source, f"bold {_BLIND}", 40),
            Piece(f" blind since {long_age(now - _sight_until(sight, begun))}", f"bold {_BLIND}"),
        ],
        [said(freshness.reason or "no answer yet", "", 200)],
    ]
    last = [f"{sight.tally.firing[one]} {_SMALL[one]}" for one in Severity if sight.tally.firing.get(one)]
    if freshness.checked_at is not None:
        told = ", ".join(last[:2]) or "nothing firing"
        parts.insert(1, [Piece(f"last seen {freshness.checked_at:%H:%M:%S} UTC: {told}", _QUIET)])
    return joined(parts)


def _connecting(
    waiting: Sequence[Sight],
    blind: Sequence[Sight] = (),
    now: datetime | None = None,
    begun: datetime | None = None,
) -> Headline:
    lines = [_blindness(sight, now, begun) for sight in blind] if now is not None and begun is not None else []
    if waiting:
        lines.append(_waiting(waiting))
    return Headline("connecting …", "", _QUIET, tuple(lines))


def _waiting(waiting: Sequence[Sight]) -> Line:
    return (
        Piece("○ no answer yet from ", _QUIET),
        said(", ".join(one.freshness.source for one in waiting), _QUIET, 160),
    )


def _alarm(seeing: Sequence[Sight], now: datetime, *, certain: bool) -> Headline | None:
    for severity in ALARMING:
        count = sum(sight.tally.firing.get(severity, 0) for sight in seeing)
        if count:
            tail = "" if certain else "or more"
            oldest = min(sight.tally.oldest[severity] for sight in seeing if severity in sight.tally.oldest)
            since = (Piece(f"since {oldest:%H:%M:%S} UTC ({format_age(now - oldest)})", "bold"),)
            notes = _rest(seeing, (severity,), since)
            words = f"{severity.glyph} {count} {_WORDS[severity]}"
            return Headline(words, tail, severity_style(severity).removeprefix("bold "), notes)
    for severity in ALARMING:
        count = sum(sight.tally.acked.get(severity, 0) for sight in seeing)
        if count:
            tail = "acked" if certain else "acked, or more"
            words = f"{severity.glyph} {count} {_WORDS[severity]}"
            return Headline(words, tail, "$severity-warning", _rest(seeing, (), skip_acked=severity))
    return None


def _rest(
    seeing: Sequence[Sight],
    told: tuple[Severity, ...],
    first: Line = (),
    *,
    skip_acked: Severity | None = None,
) -> tuple[Line, ...]:
    parts: list[Sequence[Piece]] = [first] if first else []
    for severity in Severity:
        count = sum(sight.tally.firing.get(severity, 0) for sight in seeing)
        if count and severity not in told:
            parts.append([Piece(f"{severity.glyph} {count} {_SMALL[severity]}", severity_style(severity))])
    for severity in Severity:
        acked = sum(sight.tally.acked.get(severity, 0) for sight in seeing)
        if acked and severity is not skip_acked:
            parts.append([Piece(f"{acked} {_SMALL[severity]} acked", _QUIET)])
    muted = sum(sum(sight.tally.muted.values()) for sight in seeing)
    if muted:
        critical = sum(sight.tally.muted.get(Severity.CRITICAL, 0) for sight in seeing)
        words = f"{muted} silenced or inhibited" + (f", {critical} of them critical" if critical else "")
        parts.append([Piece(words, "bold $severity-warning" if critical else _QUIET)])
    lines = [joined(parts)] if parts else []
    missing = [words for sight in seeing for words in sight.freshness.partial]
    lines += [(Piece("◐ ", f"bold {_BLIND}"), said(words, _BLIND, 200)) for words in missing]
    return tuple(lines)


def _all_clear(memory: Memory, now: datetime, calm: tuple[Line, ...]) -> Headline:
    if memory.seen_at is None:
        return Headline("ALL CLEAR", "", "$state-good", calm)
    parts: list[Sequence[Piece]] = []
    if memory.seen is not None:
        name = f"{memory.seen.name or '(no alertname)'} {subject_of(memory.seen)}".strip()
        parts.append([Piece(f"last seen {memory.seen_at:%H:%M:%S} UTC: ", _QUIET), said(name, "", 60)])
    if memory.blind >= timedelta(seconds=1):
        parts.append([Piece(f"blind for {long_age(memory.blind)} since then", "bold $warning")])
    notes = (*calm, joined(parts)) if parts else calm
    return Headline("ALL CLEAR", long_age(now - memory.seen_at), "$state-good", notes)
