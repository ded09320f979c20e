"""When a policy is active, and until when. Windows hang on the wall clock of a zone, over clock changes too.

Where clocks go back and show a time twice, the stricter reading counts: a window that forbids begins at the first
and ends at the second; a window that permits (``outside``) begins at the second and ends at the first. A time that is
skipped is the first moment after the gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.policy.model import DAYS, Freeze, Hours, Window
from services.vocabulary.wall_time import instant, last_instant

_BEFORE = 3
_AHEAD = 22
"""Days looked ahead for the next change: a weekly window can be lost to a clock change, and then comes a week later."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Whether a policy is active.

    Attributes:
        active: whether it is.
        until: when that changes (UTC); None where it does not, or not within three weeks.
        because: the window or freeze that makes it active, as people write it; empty where none does.
    """

    active: bool
    until: datetime | None
    because: str = ""


def is_active(hours: Hours, at: datetime) -> bool:
    """Whether ``at`` (aware) lies in the hours.

    Raises:
        Exception: the zone is none, or a date lies outside the calendar.
    """
    if not (hours.during or hours.outside or hours.freezes):
        return True
    if any(freeze.starts <= at < freeze.ends for freeze in hours.freezes):
        return True
    zone = ZoneInfo(hours.zone)
    days = _days(at, zone, 1)
    if any(opens <= at < closes for opens, closes in _spans(hours.during, zone, days, widest=True)):
        return True
    if not hours.outside:
        return False
    return not any(opens <= at < closes for opens, closes in _spans(hours.outside, zone, days, widest=False))


def activity(hours: Hours, at: datetime) -> Activity:
    """Whether ``at`` (aware) lies in the hours, until when, and by which window or freeze.

    Raises:
        Exception: as :func:`is_active`.
    """
    now = is_active(hours, at)
    changes = sorted(moment for moment in _boundaries(hours, at) if moment > at)
    until = next((moment for moment in changes if is_active(hours, moment) != now), None)
    return Activity(now, until, _because(hours, at) if now else "")


def span_at(hours: Hours, at: datetime) -> tuple[datetime, datetime] | None:
    """When the window of ``during`` that is open at ``at`` (aware) opened and closes (UTC), or the next one does.

    Windows that touch or overlap are one. None where none opens within three weeks.

    Raises:
        Exception: as :func:`is_active`.
    """
    zone = ZoneInfo(hours.zone)
    spans = sorted(_spans(hours.during, zone, _days(at, zone, _AHEAD), widest=True))
    merged: list[tuple[datetime, datetime]] = []
    for opens, closes in spans:
        if merged and opens <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], closes)
        else:
            merged.append((opens, closes))
    return next(((opens.astimezone(UTC), closes.astimezone(UTC)) for opens, closes in merged if closes > at), None)


def window_text(window: Window) -> str:
    """``mon-fri 22:00-06:00``."""
    days = days_text(window.days)
    if window.start == window.end:
        whole = "all day" if window.start.isoformat("minutes") == "00:00" else f"from {_clock(window.start)} for a day"
        return f"{days} {whole}"
    end = _clock(window.end)
    return f"{days} {_clock(window.start)}-{'24:00' if end == '00:00' else end}"


def days_text(days: Iterable[int]) -> str:
    """``mon-fri``, ``sat,sun``, ``daily``."""
    chosen = sorted(set(days))
    if len(chosen) == len(DAYS):
        return "daily"
    runs: list[list[int]] = []
    for day in chosen:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ",".join(DAYS[day] for day in run) for run in runs
    )


def freeze_text(freeze: Freeze, zone: str) -> str:
    """``frozen 2026-12-20 00:00 to 2027-01-03 00:00 (Europe/Berlin): holidays``."""
    local = ZoneInfo(zone)
    starts, ends = (moment.astimezone(local).strftime("%Y-%m-%d %H:%M") for moment in (freeze.starts, freeze.ends))
    return f"frozen {starts} to {ends} ({zone})" + (f": {freeze.reason}" if freeze.reason else "")


def hours_text(hours: Hours) -> str:
    """Every window and freeze in one line; ``always`` where there is none."""
    parts = [f"{window_text(window)} {hours.zone}" for window in hours.during]
    if hours.outside:
        parts.append(f"outside {', '.join(map(window_text, hours.outside))} {hours.zone}")
    parts += [freeze_text(freeze, hours.zone) for freeze in hours.freezes]
    return "; ".join(parts) or "always"


def moment_text(moment: datetime, zone: str) -> str:
    """``2026-03-03 06:00 Europe/Berlin (05:00 UTC)``."""
    told = moment.astimezone(UTC)
    if zone == "UTC":
        return f"{told:%Y-%m-%d %H:%M} UTC"
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone} ({told:%H:%M} UTC)"


def _because(hours: Hours, at: datetime) -> str:
    for freeze in hours.freezes:
        if freeze.starts <= at < freeze.ends:
            return freeze_text(freeze, hours.zone)
    if not (hours.during or hours.outside):
        return ""
    zone = ZoneInfo(hours.zone)
    days = _days(at, zone, 1)
    for window in hours.during:
        if any(opens <= at < closes for opens, closes in _spans((window,), zone, days, widest=True)):
            return f"{window_text(window)} {hours.zone}"
    return f"outside {', '.join(map(window_text, hours.outside))} {hours.zone}"


def _boundaries(hours: Hours, at: datetime) -> Iterator[datetime]:
    for freeze in hours.freezes:
        yield freeze.starts
        yield freeze.ends
    if hours.during or hours.outside:
        zone = ZoneInfo(hours.zone)
        days = _days(at, zone, _AHEAD)
        for opens, closes in (
            *_spans(hours.during, zone, days, widest=True),
            *_spans(hours.outside, zone, days, widest=False),
        ):
            yield opens
            yield closes


def _days(at: datetime, zone: ZoneInfo, ahead: int) -> list[date]:
    today = at.astimezone(zone).date()
    return [today + timedelta(days=number) for number in range(-_BEFORE, ahead + 1)]


def _spans(
    windows: Iterable[Window], zone: ZoneInfo, days: list[date], *, widest: bool
) -> Iterator[tuple[datetime, datetime]]:
    first, last = (instant, last_instant) if widest else (last_instant, instant)
    for window in windows:
        for day in days:
            if day.weekday() in window.days:
                end = day if window.end > window.start else day + timedelta(days=1)
                opens = first(datetime.combine(day, window.start), zone)
                closes = last(datetime.combine(end, window.end), zone)
                if opens < closes:
                    yield opens, closes


def _clock(value: object) -> str:
    text = str(value)  # HH:MM:SS
    return text.removesuffix(":00") if text.count(":") == 2 else text
