"""Rotation arithmetic: who has the pager is a pure function of the rotation and the time.

The k-th handoff is ``start + k * every`` on the wall clock of the rotation's zone, counted from the start each time
and never by adding to the handoff before, so that a clock change moves one handoff and not all that follow. A handoff
at a time that clocks show twice happens at the first of the two; at a time that they skip, at the first moment after
the gap. Two handoffs that fall together leave a turn of no length: that turn is lost and said to be. Intervals hold
their start and not their end.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from services.oncall.model import Duty
from services.vocabulary.durations import DurationError, parse_duration
from services.vocabulary.errors import ConsoleError
from services.vocabulary.wall_time import Reading, instant, reading

_MONTHS = re.compile(r"([0-9]{1,4})mo")
_SHORTEST = timedelta(minutes=1)
# No clock change moves a wall clock by more than a day, so a handoff is never further from where its wall time says.
_SLACK = timedelta(days=2)
_NEVER = datetime.max.replace(tzinfo=UTC)


class RotationError(ConsoleError, ValueError):
    """A rotation cannot be worked out as it is written.

    Attributes:
        field: which part of it is wrong: ``name``, ``members``, ``start``, ``zone`` or ``every``.
    """

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


@dataclass(frozen=True, slots=True)
class Step:
    """How long a turn is on the wall clock: some months, or a duration.

    Attributes:
        months: calendar months; a day that a month lacks is its last day (31 January, 28 February, 31 March).
        duration: wall-clock time; a day of it is from nine to nine whatever the clocks do between.
    """

    months: int = 0
    duration: timedelta = timedelta(0)

    def after(self, start: datetime, count: int) -> datetime:
        """``start`` (naive) and ``count`` steps.

        Raises:
            OverflowError: past the end of the calendar.
        """
        if not self.months:
            return start + count * self.duration
        year, month = divmod(start.year * 12 + start.month - 1 + count * self.months, 12)
        if year > MAXYEAR:
            raise OverflowError(f"year {year}")
        return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))

    def between(self, start: datetime, wall: datetime) -> tuple[int, int]:
        """Two counts that hold the handoffs around ``wall`` between them, whatever clock change is near."""
        if self.months:
            count = ((wall.year - start.year) * 12 + wall.month - start.month) // self.months
            return max(0, count - 3), max(1, count + 4)
        return (
            max(0, (wall - start - _SLACK) // self.duration),
            max(1, (wall - start + _SLACK) // self.duration + 2),
        )


@lru_cache(maxsize=256)
def parse_step(text: str) -> Step:
    """Read the length of a turn: a duration of at least a minute (``1w``, ``12h``), or months alone (``1mo``).

    Raises:
        RotationError: it is neither.
    """
    months = _MONTHS.fullmatch(text)
    if months and int(months[1]):
        return Step(months=int(months[1]))
    try:
        duration = parse_duration(text)
    except DurationError:
        duration = timedelta(0)
    if duration < _SHORTEST:
        raise RotationError(
            "every", f"{text!r} is not the length of a turn", "write for example 12h, 1d, 1w, 2w or 1mo; at least 1m"
        )
    return Step(duration=duration)


def load_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name.

    Raises:
        RotationError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, sorted(available_timezones()), 1)
        hint = f"did you mean {near[0]}?" if near else "write an IANA name such as Europe/Berlin"
        raise RotationError("zone", f"{name!r} is not a time zone", hint) from None


@dataclass(frozen=True, slots=True)
class Rotation:
    """Members who take turns of equal length.

    Attributes:
        name: such as ``primary``.
        members: in the order of their turns; one named twice takes two. Without members the rotation is one long gap.
        start: the first handoff, naive: what clocks in ``zone`` show. Before it nobody is on call.
        zone: IANA name.
        every: the length of a turn; see :func:`parse_step`.

    Raises:
        RotationError: the first thing that is wrong with it.
    """

    name: str
    members: tuple[str, ...]
    start: datetime
    zone: str
    every: str

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise RotationError("name", "a rotation has no name", "name it, for example primary")
        if not all(member.strip() for member in self.members):
            raise RotationError("members", f"rotation {self.name}: a member has no name", "take the empty one out")
        if self.start.tzinfo is not None:
            raise RotationError(
                "start",
                f"rotation {self.name}: start carries a UTC offset",
                "write the local time of the zone without one, for example 2026-01-05T09:00:00",
            )
        parse_step(self.every)
        zone = load_zone(self.zone)
        try:
            instant(self.start, zone)
        except OverflowError:
            raise RotationError("start", f"rotation {self.name}: start is outside the calendar") from None

    def member(self, index: int) -> str:
        """Whose turn the ``index``-th is, from 0."""
        return self.members[index % len(self.members)]

    def wall(self, index: int) -> datetime:
        """What clocks in the zone should show at the start of the ``index``-th turn (naive).

        Raises:
            OverflowError: past the end of the calendar.
        """
        return parse_step(self.every).after(self.start, index)

    def handoff(self, index: int) -> datetime | None:
        """When the ``index``-th turn starts (UTC); None past the end of the calendar."""
        moment = self._moment(index)
        return None if moment == _NEVER else moment

    def _moment(self, index: int) -> datetime:
        try:
            return instant(self.wall(index), ZoneInfo(self.zone))
        except OverflowError:
            return _NEVER


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, or the gap where nobody is on call. Times are UTC.

    Attributes:
        member: who; None in a gap.
        since: its start; None where it has none.
        until: its end; None where it has none.
        index: its place in the count of turns, from 0; None in a gap.
        lost: the turns just before it that a clock change left without length.
    """

    member: str | None
    since: datetime | None
    until: datetime | None
    index: int | None = None
    lost: range = range(0)


def turn_at(rotation: Rotation, at: datetime) -> Turn:
    """The turn or gap that holds ``at`` (aware).

    Raises:
        ValueError: ``at`` is naive.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs its zone")
    if not rotation.members:
        return Turn(None, None, None)
    first = rotation.handoff(0)
    if first is None or at < first:
        return Turn(None, None, first)
    wall = at.astimezone(ZoneInfo(rotation.zone)).replace(tzinfo=None)
    candidates = range(*parse_step(rotation.every).between(rotation.start, wall))
    index = candidates[bisect_right(candidates, at, key=rotation._moment) - 1]
    since = rotation._moment(index)
    earliest = candidates[bisect_left(candidates, since, key=rotation._moment)]
    return Turn(rotation.member(index), since, rotation.handoff(index + 1), index, range(earliest, index))


def turns(rotation: Rotation, since: datetime, until: datetime) -> Iterator[Turn]:
    """The turns and gaps that touch ``since`` to ``until`` (aware), whole, in order; each ends where the next starts.

    Raises:
        ValueError: a bound is naive.
    """
    at = since
    while at < until:
        turn = turn_at(rotation, at)
        yield turn
        if turn.until is None:
            return
        at = turn.until


def duty_at(rotation: Rotation, at: datetime) -> Duty:
    """Who is on call at ``at`` (aware), until when, and who follows.

    Raises:
        ValueError: ``at`` is naive.
    """
    turn = turn_at(rotation, at)
    follower = None if turn.until is None else turn_at(rotation, turn.until)
    return Duty(
        rotation.name,
        rotation.zone,
        turn.member,
        turn.since,
        turn.until,
        follower.member if follower else None,
        turn.until,
        "; ".join(_notes(rotation, turn, follower)),
    )


def _notes(rotation: Rotation, turn: Turn, follower: Turn | None) -> Iterator[str]:
    if not rotation.members:
        yield "the rotation has no members"
    for one in (turn, follower):
        if one and one.lost:
            yield _lost(rotation, one.lost)
    if follower is None or follower.index is None:
        return
    wall = rotation.wall(follower.index)
    match reading(wall, ZoneInfo(rotation.zone)):
        case Reading.TWICE:
            yield f"clocks show {wall:%Y-%m-%d %H:%M} twice; the handoff is at the first"
        case Reading.NEVER:
            yield f"clocks skip {wall:%Y-%m-%d %H:%M}; the handoff is right after"
        case Reading.ONCE:
            return


def _lost(rotation: Rotation, lost: range) -> str:
    wall = rotation.wall(lost.start)
    if len(lost) == 1:
        return f"the turn of {rotation.member(lost.start)} at {wall:%Y-%m-%d %H:%M} is lost to a clock change"
    return f"{len(lost)} turns from {wall:%Y-%m-%d %H:%M} on are lost to a clock change"
