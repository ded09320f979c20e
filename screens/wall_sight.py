"""What the wallboard sees of each cluster's alerts, and what it remembers of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.alerts.model import Alert, Standing
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness

ALARMING = (Severity.CRITICAL, Severity.ERROR, Severity.OTHER)
"""As long as one of these fires, it is not all clear. A severity that nobody declared may be any."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The alerts of one cluster, counted.

    Attributes:
        firing: severity -> how many fire and are nobody's yet.
        acked: severity -> how many fire and somebody has.
        muted: severity -> how many are silenced or inhibited.
        oldest: severity -> the earliest onset of those that are nobody's yet (UTC).
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
    """Since when it is all clear: when the last alarm was seen, and for how long nobody could see since.

    Attributes:
        seen_at: when a source last said that something alarming fires (UTC); None as long as none did.
        seen: the worst of what it told then.
        blind: for how long, since then, not every source was live.
    """

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
