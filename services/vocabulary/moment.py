"""A moment as a person writes it on the command line: a date, a date and time, or how far from now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator

from services.vocabulary.durations import parse_duration

_EARLIEST, _LATEST = 1970, 2999


def parse_moment(text: str) -> datetime | timedelta:
    """Read ``2026-12-24T09:00``, ``2026-12-24T09:00+01:00``, ``2026-12-24``, or ``+12h`` for twelve hours from now.

    ``-12h`` is twelve hours ago.

    Without an offset the time is UTC.

    Raises:
        ValueError: it is none of these, or outside the years 1970 to 2999.
    """
    if text.startswith("+"):
        return parse_duration(text[1:])
    if text.startswith("-"):
        return -parse_duration(text[1:])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write for example 2026-12-24T09:00, 2026-12-24 or +12h") from None
    if not _EARLIEST <= moment.year <= _LATEST:
        raise ValueError(f"{text!r} is outside the years {_EARLIEST} to {_LATEST}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def resolve(moment: datetime | timedelta | None, now: datetime) -> datetime:
    """The moment that is meant, seen from ``now`` (aware); None is now itself.

    Raises:
        ValueError: it lies outside the years 1970 to 2999.
    """
    if moment is None:
        return now
    if isinstance(moment, datetime):
        return moment
    try:
        at = now + moment
    except OverflowError:
        at = None
    if at is None or not _EARLIEST <= at.year <= _LATEST:
        raise ValueError(f"that is outside the years {_EARLIEST} to {_LATEST}")
    return at


def _moment(value: object) -> object:
    return parse_moment(value) if isinstance(value, str) else value


Moment = Annotated[datetime | timedelta, BeforeValidator(_moment)]
"""The type of an argument such as ``--at +12h``; :func:`resolve` makes a time of it."""
