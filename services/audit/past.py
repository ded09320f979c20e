"""A moment that has passed, as a person writes it on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator

from services.vocabulary.durations import DurationError, parse_duration
from services.vocabulary.errors import ConsoleError
from services.vocabulary.moment import parse_moment


def parse_past(text: str) -> datetime | timedelta:
    """Read ``2h`` for two hours ago, or a date and time as :func:`~services.vocabulary.moment.parse_moment` does.

    Raises:
        ValueError: it is neither.
    """
    try:
        return parse_duration(text)
    except DurationError:
        pass
    try:
        moment = parse_moment(text)
    except ValueError:
        moment = timedelta()
    if isinstance(moment, timedelta):
        raise ValueError(f"{text!r} is no time that has passed; write for example 2h, 2026-12-24 or 2026-12-24T09:00")
    return moment


def resolve_past(moment: datetime | timedelta | None, now: datetime) -> datetime | None:
    """The moment that is meant, seen from ``now``; None stays None.

    Raises:
        ConsoleError: it lies before all time.
    """
    if not isinstance(moment, timedelta):
        return moment
    try:
        return now - moment
    except OverflowError:
        raise ConsoleError("that is longer ago than there are dates") from None


def _past(value: object) -> object:
    return parse_past(value) if isinstance(value, str) else value


Past = Annotated[datetime | timedelta, BeforeValidator(_past)]
"""The type of an argument such as ``--since 2h``; :func:`resolve_past` makes a time of it."""
