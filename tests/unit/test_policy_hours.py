"""When a policy is active: windows over midnight, in every zone, over clock changes; freezes to the very edge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.policy.hours import activity, days_text, hours_text, is_active, moment_text, window_text
from services.policy.model import Freeze, Hours, Window
from services.vocabulary.wall_time import instant, last_instant

EVERY_DAY = frozenset(range(7))
NIGHT = Window(EVERY_DAY, time(22), time(6))
OFFICE = Window(frozenset(range(5)), time(9), time(17))
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Chatham",
)
# Each of these zones changes its clocks near some of these moments.
NEAR = [
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 4, 5, 3, tzinfo=UTC),
    datetime(2026, 4, 23, 22, tzinfo=UTC),
    datetime(2026, 9, 6, 4, tzinfo=UTC),
    datetime(2026, 10, 3, 15, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 10, 29, 21, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "active"),
    [
        ("UTC", "2026-03-02T21:59:59.999999", False),
        ("UTC", "2026-03-02T22:00", True),
        ("UTC", "2026-03-03T00:00", True),
        ("UTC", "2026-03-03T05:59:59", True),
        ("UTC", "2026-03-03T06:00", False),
        ("Europe/Berlin", "2026-03-02T20:59", False),
        ("Europe/Berlin", "2026-03-02T21:00", True),
        ("Europe/Berlin", "2026-03-03T04:59", True),
        ("Europe/Berlin", "2026-03-03T05:00", False),
        ("Europe/Berlin", "2026-07-02T20:00", True),  # the same wall clock in summer is an hour earlier
        ("Europe/Berlin", "2026-07-03T04:00", False),
        ("America/New_York", "2026-03-03T03:00", True),
        ("America/New_York", "2026-03-03T02:59", False),
        ("Asia/Kolkata", "2026-03-02T16:30", True),
        ("Asia/Kolkata", "2026-03-02T16:29", False),
    ],
)
def test_a_night_hangs_on_the_wall_clock_of_its_zone(zone: str, at: str, active: bool) -> None:
    assert is_active(Hours(zone, during=(NIGHT,)), utc(at)) is active


@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-03-06T22:00", True),  # Friday
        ("2026-03-07T05:59", True),  # it began on Friday
        ("2026-03-07T06:00", False),
        ("2026-03-07T22:00", False),  # Saturday begins none
        ("2026-03-06T05:59", False),  # Thursday's night is not covered
    ],
)
def test_the_day_of_a_window_is_the_day_on_which_it_begins(at: str, active: bool) -> None:
    assert is_active(Hours(during=(Window(frozenset({4}), time(22), time(6)),)), utc(at)) is active


@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-03-02T08:59", True),
        ("2026-03-02T09:00", False),
        ("2026-03-02T16:59", False),
        ("2026-03-02T17:00", True),
        ("2026-03-07T12:00", True),
    ],
)
def test_outside_is_active_where_no_window_permits(at: str, active: bool) -> None:
    assert is_active(Hours(outside=(OFFICE,)), utc(at)) is active


def test_a_whole_day_is_from_midnight_to_midnight() -> None:
    sunday = Hours("Europe/Berlin", during=(Window(frozenset({6}), time(0), time(0)),))
    assert not is_active(sunday, utc("2026-03-07T22:59:59"))
    assert is_active(sunday, utc("2026-03-07T23:00"))
    assert is_active(sunday, utc("2026-03-08T22:59:59"))
    assert not is_active(sunday, utc("2026-03-08T23:00"))


def test_a_freeze_begins_at_its_first_moment_and_is_over_at_its_end() -> None:
    freeze = Freeze(utc("2026-12-20T00:00"), utc("2027-01-03T00:00"), "holidays")
    hours = Hours(freezes=(freeze,))
    tick = timedelta(microseconds=1)
    assert [is_active(hours, at) for at in (freeze.starts - tick, freeze.starts, freeze.ends - tick, freeze.ends)] == [
        False,
        True,
        True,
        False,
    ]
    assert activity(hours, freeze.starts - tick).until == freeze.starts
    assert activity(hours, freeze.starts).until == freeze.ends
    assert activity(hours, freeze.ends).until is None
    assert activity(hours, freeze.starts).because == "frozen 2026-12-20 00:00 to 2027-01-03 00:00 (UTC): holidays"


def test_any_part_of_the_hours_is_enough() -> None:
    hours = Hours(
        during=(NIGHT,), outside=(OFFICE,), freezes=(Freeze(utc("2026-03-02T12:00"), utc("2026-03-02T13:00")),)
    )
    assert [is_active(hours, utc(f"2026-03-02T{hour:02}:00")) for hour in (3, 8, 10, 12, 13, 20, 23)] == [
        True,
        True,
        False,
        True,
        False,
        True,
        True,
    ]


def test_nothing_given_is_always() -> None:
    assert activity(Hours(), utc("2026-03-02T12:00")).until is None
    assert is_active(Hours(), utc("2026-03-02T12:00"))


def test_a_time_shown_twice_is_read_strictly() -> None:
    # On 2026-10-25 clocks in Berlin show 02:00 to 03:00 twice: from 00:00 UTC, and again from 01:00 UTC.
    forbids = Hours("Europe/Berlin", during=(Window(EVERY_DAY, time(22), time(2, 30)),))
    assert is_active(forbids, utc("2026-10-25T00:45"))  # 02:45, and 02:30 is still to come once more
    assert is_active(forbids, utc("2026-10-25T01:29"))
    assert not is_active(forbids, utc("2026-10-25T01:30"))
    permits = Hours("Europe/Berlin", outside=(Window(EVERY_DAY, time(2, 30), time(4)),))
    assert is_active(permits, utc("2026-10-25T00:30"))  # the first 02:30 permits nothing yet
    assert is_active(permits, utc("2026-10-25T01:29"))
    assert not is_active(permits, utc("2026-10-25T01:30"))


def test_a_time_that_is_skipped_is_right_after_the_gap() -> None:
    # On 2026-03-29 clocks in Berlin go from 02:00 to 03:00 at 01:00 UTC.
    night = Hours("Europe/Berlin", during=(Window(EVERY_DAY, time(22), time(2, 30)),))
    assert is_active(night, utc("2026-03-29T00:59:59"))
    assert not is_active(night, utc("2026-03-29T01:00"))
    lost = Hours("Europe/Berlin", during=(Window(EVERY_DAY, time(2, 10), time(2, 50)),))
    assert not any(is_active(lost, utc("2026-03-29T00:00") + timedelta(minutes=number)) for number in range(180))


def reference(window: Window, zone: str, at: datetime, *, widest: bool) -> bool:
    """By looking at a clock on the wall every minute: when does it first reach a time, and when for good?"""
    local = ZoneInfo(zone)
    begin = (at - timedelta(days=3)).replace(second=0, microsecond=0)
    minutes = [begin + timedelta(minutes=number) for number in range(5 * 1440)]
    walls = [minute.astimezone(local).replace(tzinfo=None) for minute in minutes]

    def first(wall: datetime) -> datetime:
        return next(minute for minute, shown in zip(minutes, walls, strict=True) if shown >= wall)

    def for_good(wall: datetime) -> datetime:
        last = max(number for number, shown in enumerate(walls) if shown < wall)
        return minutes[last + 1]

    opening, closing = (first, for_good) if widest else (for_good, first)
    for offset in (-1, 0):
        day: date = at.astimezone(local).date() + timedelta(days=offset)
        if day.weekday() in window.days:
            end = day if window.end > window.start else day + timedelta(days=1)
            if opening(datetime.combine(day, window.start)) <= at < closing(datetime.combine(end, window.end)):
                return True
    return False


CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
WINDOWS = st.builds(Window, st.frozensets(st.integers(0, 6), min_size=1), CLOCKS, CLOCKS)
MOMENTS = st.builds(
    lambda base, minutes: base + timedelta(minutes=minutes), st.sampled_from(NEAR), st.integers(-2000, 2000)
)


@settings(max_examples=120, deadline=None)
@given(WINDOWS, st.sampled_from(ZONES), MOMENTS)
def test_a_window_is_what_a_clock_on_the_wall_shows(window: Window, zone: str, at: datetime) -> None:
    assert is_active(Hours(zone, during=(window,)), at) is reference(window, zone, at, widest=True)
    assert is_active(Hours(zone, outside=(window,)), at) is not reference(window, zone, at, widest=False)


FREEZES = st.builds(
    lambda base, start, length: Freeze(base + timedelta(minutes=start), base + timedelta(minutes=start + length)),
    st.sampled_from(NEAR),
    st.integers(-3000, 3000),
    st.integers(1, 5000),
)
HOURS = st.builds(
    Hours,
    st.sampled_from(ZONES),
    st.lists(WINDOWS, max_size=2).map(tuple),
    st.lists(WINDOWS, max_size=2).map(tuple),
    st.lists(FREEZES, max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(HOURS, MOMENTS)
def test_nothing_changes_before_the_moment_that_is_told(hours: Hours, at: datetime) -> None:
    told = activity(hours, at)
    assert told.active is is_active(hours, at)
    end = told.until or at + timedelta(days=14)
    assert end > at
    step = (end - at) / 50
    assert all(is_active(hours, at + number * step) is told.active for number in range(50))
    assert is_active(hours, end - timedelta(microseconds=1)) is told.active
    if told.until is not None:
        assert is_active(hours, told.until) is not told.active
    assert bool(told.because) is (told.active and bool(hours.during or hours.outside or hours.freezes))


@pytest.mark.parametrize(("read", "expected"), [(instant, "2026-10-25T00:30"), (last_instant, "2026-10-25T01:30")])
def test_a_time_shown_twice_has_a_first_and_a_last_moment(
    read: Callable[[datetime, ZoneInfo], datetime], expected: str
) -> None:
    assert read(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")) == utc(expected)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ({0, 1, 2, 3, 4}, "mon-fri"),
        (set(range(7)), "daily"),
        ({5, 6}, "sat,sun"),
        ({0, 2, 3, 4, 6}, "mon,wed-fri,sun"),
    ],
)
def test_days_are_told_as_people_write_them(days: set[int], text: str) -> None:
    assert days_text(days) == text


def test_hours_are_told_in_a_line() -> None:
    assert window_text(NIGHT) == "daily 22:00-06:00"
    assert window_text(Window(frozenset({5, 6}), time(0), time(0))) == "sat,sun all day"
    assert window_text(Window(frozenset({4}), time(17, 30), time(0))) == "fri 17:30-24:00"
    assert hours_text(Hours()) == "always"
    assert hours_text(Hours("Europe/Berlin", (NIGHT,), (OFFICE,))) == (
        "daily 22:00-06:00 Europe/Berlin; outside mon-fri 09:00-17:00 Europe/Berlin"
    )
    assert moment_text(utc("2026-03-03T05:00"), "Europe/Berlin") == "2026-03-03 06:00 Europe/Berlin (05:00 UTC)"
    assert moment_text(utc("2026-03-03T05:00"), "UTC") == "2026-03-03 05:00 UTC"
