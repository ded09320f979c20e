"""From the time on a wall clock to the instant it means, over clock changes too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo


class Reading(Enum):
    """How often a wall clock shows a time: clocks that go back show some twice, clocks that go forward skip some."""

    ONCE = "once"
    TWICE = "twice"
    NEVER = "never"


def reading(wall: datetime, zone: ZoneInfo) -> Reading:
    """How often clocks in ``zone`` show ``wall`` (naive)."""
    before, after = _offsets(wall, zone)
    if before == after:
        return Reading.ONCE
    return Reading.TWICE if before > after else Reading.NEVER


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) at which clocks in ``zone`` have reached ``wall`` (naive).

    A time shown twice is the first of the two; a time that is skipped is the first moment after the gap.

    Raises:
        OverflowError: the moment lies outside the calendar (years 1 to 9999).
    """
    before, after = _offsets(wall, zone)
    if before >= after:
        return _utc(wall, before)
    # The change happens after `early`, at the latest at `late`; zones change at whole seconds.
    early, late = 0, int((after - before) / timedelta(seconds=1)) + 1
    base = _utc(wall, after).replace(microsecond=0)
    while late - early > 1:
        middle = (early + late) // 2
        if (base + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return base + timedelta(seconds=late)


def last_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Like :func:`instant`, but a time shown twice is the second of the two.

    Raises:
        OverflowError: the moment lies outside the calendar.
    """
    before, after = _offsets(wall, zone)
    return _utc(wall, after) if before > after else instant(wall, zone)


def _offsets(wall: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    aware = wall.replace(tzinfo=zone, fold=0)
    return aware.utcoffset() or timedelta(0), aware.replace(fold=1).utcoffset() or timedelta(0)


def _utc(wall: datetime, offset: timedelta) -> datetime:
    return wall.replace(tzinfo=UTC, fold=0) - offset
