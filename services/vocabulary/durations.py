"""Durations as people on call write and read them."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_PART = re.compile(r"([0-9]{1,18})(ms|[ywdhms])")


class DurationError(ValueError):
    """The text is not a duration. ``str()`` says what is wrong and gives an example."""


def parse_duration(text: str) -> timedelta:
    """Read a Prometheus duration: ``90s``, ``1h30m``, ``2w``, bare ``0``.

    The grammar is that of ``model.ParseDuration`` in prometheus/common ``model/time.go``: integers, units
    ``y w d h m s ms``, each at most once and in descending order; a year is 365 days.

    Raises:
        DurationError: for anything else, negative and empty texts included.
    """
    if text == "0":
        return timedelta(0)
    if not text:
        raise DurationError("a duration is missing; write for example 15m, 1h30m or 2d")
    order = list(_UNITS)
    position, previous, total = 0, -1, 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise DurationError(f"{text!r} is not a duration; write for example 15m, 1h30m or 2d")
        index = order.index(match[2])
        if index <= previous:
            raise DurationError(f"{text!r}: units go from large to small and come once, as in 1h30m")
        previous = index
        total += int(match[1]) * _UNITS[match[2]]
        position = match.end()
    try:
        return timedelta(milliseconds=total)
    except OverflowError:
        raise DurationError(f"{text!r} is longer than any duration that can be kept") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration exactly, so that :func:`parse_duration` reads it back (to the millisecond).

    Years and weeks are not used: ``1w`` is written ``7d``. Negative durations are written as ``0s``.
    """
    rest = max(0, duration // timedelta(milliseconds=1))
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_age(age: timedelta) -> str:
    """Write how long ago in at most six cells (up to 99,999 years): ``40s``, ``4m``, ``2h14m``, ``3d``, ``2y``.

    A negative age (a source whose clock runs ahead) is written ``0s``.
    """
    seconds = max(0, int(age.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 10:
        return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    return f"{days}d" if days < 1000 else f"{days // 365}y"
