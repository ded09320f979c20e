"""An end as a person writes it: ``18:00``, ``18:00 Europe/Berlin``, ``2026-12-24 18:00 America/New_York``, ``+2h``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.vocabulary.moment import parse_moment, resolve

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_EXAMPLE = "write for example 18:00, '18:00 Europe/Berlin', 2026-12-24T18:00 or +2h"


def parse_until(text: str, now: datetime) -> datetime:
    """The moment that ``text`` means, in UTC.

    A time without a date is the next one that the clock of its zone shows; one without a zone or offset is UTC. Where
    clocks go back, the earlier of the two moments is meant.

    Args:
        text: what a person wrote.
        now: aware.

    Raises:
        ValueError: it is no time, its zone is not known, or clocks skip it on that day.
    """
    words = text.strip()
    front, _, last = words.rpartition(" ")
    zone: ZoneInfo | None = None
    if front and re.match(r"[A-Za-z]", last):
        try:
            zone = ZoneInfo(last)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {last!r}; write one such as Europe/Berlin or UTC") from None
        words = front.strip()
    if found := _CLOCK.fullmatch(words):
        try:
            clock = time(int(found[1]), int(found[2]), int(found[3] or 0))
        except ValueError:
            raise ValueError(f"{words!r} is no time of a day; {_EXAMPLE}") from None
        there = now.astimezone(zone or UTC)
        for days in range(3):
            at = _local(there.date() + timedelta(days=days), clock, zone)
            if at is not None and at > now:
                return at
        raise ValueError(f"no clock shows {words} within two days")
    if zone is None:
        return resolve(parse_moment(words.replace(" ", "T", 1)), now)
    try:
        moment = datetime.fromisoformat(words.replace(" ", "T", 1))
    except ValueError:
        raise ValueError(f"{words!r} is no time; {_EXAMPLE}") from None
    if moment.tzinfo is not None:
        raise ValueError(f"{words!r} has an offset and a zone; leave one out")
    local = _local(moment.date(), moment.time(), zone)
    if local is None:
        raise ValueError(f"clocks in {zone.key} skip {words}")
    return local


def _local(day: date, clock: time, zone: ZoneInfo | None) -> datetime | None:
    """The moment in UTC; None where the clocks of the zone skip it."""
    at = datetime.combine(day, clock, zone or UTC)
    there = at.astimezone(UTC)
    return there if there.astimezone(at.tzinfo).replace(tzinfo=None) == at.replace(tzinfo=None) else None
