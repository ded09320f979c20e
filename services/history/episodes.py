"""Events as episodes, and what many episodes say: how often, how long, whether the alert flaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median

from services.history.model import Episode, Event, EventKind

AGAIN = timedelta(minutes=15)
"""An alert that comes again sooner after it was resolved was not over."""
_FLAPS_FROM = 3
_FLAPS_SHARE = 0.5


def episodes_of(events: Iterable[Event]) -> list[Episode]:
    """The episodes that ``events`` tell, in the order in which they began.

    Args:
        events: in the order in which they were written. What happened before the first firing that they hold of an
            alert is left out.
    """
    open_ones: dict[str, Episode] = {}
    done: list[Episode] = []
    for event in events:
        id = event.alert
        episode = open_ones.get(id)
        if event.kind is EventKind.FIRED:
            if episode is not None:
                done.append(replace(episode, ended_at=event.at))
            open_ones[id] = Episode(id, event.name, event.at, None, dict(event.labels))
        elif episode is None:
            continue
        elif event.kind is EventKind.RESOLVED:
            done.append(replace(open_ones.pop(id), ended_at=max(event.at, episode.started_at)))
        else:
            open_ones[id] = _muted(episode, event)
    return sorted([*done, *open_ones.values()], key=lambda one: (one.started_at, one.alert))


def _muted(episode: Episode, event: Event) -> Episode:
    if event.kind is EventKind.UNMUTED:
        return episode
    notes = _once(episode.notes, event.text)
    if event.kind is EventKind.ACKED:
        return replace(episode, acked_by=_once(episode.acked_by, event.operator), notes=notes)
    return replace(episode, silenced_by=_once(episode.silenced_by, event.operator), notes=notes)


def _once(known: tuple[str, ...], more: str) -> tuple[str, ...]:
    return known if not more or more in known else (*known, more)


@dataclass(frozen=True, slots=True)
class Summary:
    """What several episodes say.

    Attributes:
        times: how many there are.
        again: how many began within :data:`AGAIN` after the same alert had been resolved.
        fired_for: how long all of them lasted together, those that still fire until now.
        usual: half of them lasted at most so long; zero where there is none.
        last_at: when the last one began; None where there is none.
        firing: how many still fire.
        acked: how many somebody acked.
    """

    times: int
    again: int
    fired_for: timedelta
    usual: timedelta
    last_at: datetime | None
    firing: int
    acked: int

    @property
    def flapping(self) -> float:
        """The share of the episodes that began right after the one before: 0 never, 1 always."""
        return self.again / (self.times - 1) if self.times > 1 else 0.0

    @property
    def flaps(self) -> bool:
        """Whether at least three times, and half of the time, it came again at once."""
        return self.times > _FLAPS_FROM and self.flapping >= _FLAPS_SHARE


def summarize(episodes: Sequence[Episode], now: datetime) -> Summary:
    """What ``episodes`` say, which are in the order in which they began; of one alert or of several."""
    ended: dict[str, datetime] = {}
    again = 0
    for one in episodes:
        before = ended.get(one.alert)
        again += before is not None and one.started_at - before <= AGAIN
        if one.ended_at is not None:
            ended[one.alert] = one.ended_at
    lasted = [one.lasted(now) for one in episodes]
    return Summary(
        times=len(episodes),
        again=again,
        fired_for=sum(lasted, timedelta(0)),
        usual=timedelta(seconds=median(one.total_seconds() for one in lasted)) if lasted else timedelta(0),
        last_at=max((one.started_at for one in episodes), default=None),
        firing=sum(one.ended_at is None for one in episodes),
        acked=sum(bool(one.acked_by) for one in episodes),
    )


def per_day(episodes: Iterable[Episode], first: date, last: date) -> list[int]:
    """How many began on each day (UTC) from ``first`` to ``last``."""
    days = Counter(one.started_at.astimezone(UTC).date() for one in episodes)
    return [days[first + timedelta(days=number)] for number in range((last - first).days + 1)]


def joined(observed: Sequence[Episode], backfilled: Sequence[Episode], step: timedelta) -> list[Episode]:
    """What was observed, and what only a Prometheus remembers, in the order in which it began.

    Args:
        observed: by consoles.
        backfilled: from samples that are ``step`` apart, so that both ends may be off by as much.
        step: between two samples.
    """
    kept = [
        one
        for one in backfilled
        if not any(
            one.started_at - 2 * step <= (other.ended_at or one.started_at)
            and other.started_at - 2 * step <= (one.ended_at or other.started_at)
            for other in observed
            if other.alert == one.alert
        )
    ]
    return sorted([*observed, *kept], key=lambda one: (one.started_at, one.alert))
