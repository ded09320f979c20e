"""Rotation arithmetic, over every kind of clock change."""

# ruff: noqa: DTZ001 - what a clock on the wall shows has no offset

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.oncall.model import Duty
from services.oncall.rotation import Rotation, RotationError, Step, Turn, duty_at, parse_step, turn_at, turns
from services.vocabulary.wall_time import Reading, instant, reading

A_B = ("op-a", "op-b")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",  # half an hour off
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kathmandu",  # 5:45, never changes
    "Pacific/Apia",  # skipped 30 December 2011 whole
    "Pacific/Kwajalein",  # skipped 21 August 1993 whole
    "Africa/Cairo",  # changes at midnight
    "Africa/Casablanca",  # goes back for Ramadan
    "America/Sao_Paulo",  # had no midnight on the first day of summer
    "Asia/Tehran",
    "Europe/Dublin",  # its winter time is the one that is called saving
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rotation(zone: str, start: str, every: str, members: tuple[str, ...] = A_B) -> Rotation:
    return Rotation("primary", members, datetime.fromisoformat(start), zone, every)


@pytest.mark.parametrize(
    ("zone", "wall", "expected", "kind"),
    [
        ("UTC", "2026-03-29 02:30", "2026-03-29 02:30", Reading.ONCE),
        ("Europe/Berlin", "2026-03-29 01:59", "2026-03-29 00:59", Reading.ONCE),
        ("Europe/Berlin", "2026-03-29 02:00", "2026-03-29 01:00", Reading.NEVER),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00", Reading.NEVER),
        ("Europe/Berlin", "2026-03-29 02:59:59.999999", "2026-03-29 01:00", Reading.NEVER),
        ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29 01:00", Reading.ONCE),
        ("Europe/Berlin", "2026-10-25 01:59", "2026-10-24 23:59", Reading.ONCE),
        ("Europe/Berlin", "2026-10-25 02:00", "2026-10-25 00:00", Reading.TWICE),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30", Reading.TWICE),
        ("Europe/Berlin", "2026-10-25 03:00", "2026-10-25 02:00", Reading.ONCE),
        ("America/New_York", "2026-03-08 02:30", "2026-03-08 07:00", Reading.NEVER),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30", Reading.TWICE),
        ("America/St_Johns", "2026-03-08 02:15", "2026-03-08 05:30", Reading.NEVER),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30", Reading.NEVER),
        ("Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03 15:30", Reading.ONCE),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45", Reading.TWICE),
        ("Australia/Lord_Howe", "2026-04-05 01:15", "2026-04-04 14:15", Reading.ONCE),
        ("Asia/Kathmandu", "2026-03-29 02:30", "2026-03-28 20:45", Reading.ONCE),
        ("Pacific/Apia", "2011-12-29 23:59", "2011-12-30 09:59", Reading.ONCE),
        ("Pacific/Apia", "2011-12-30 00:00", "2011-12-30 10:00", Reading.NEVER),
        ("Pacific/Apia", "2011-12-30 15:00", "2011-12-30 10:00", Reading.NEVER),
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00", Reading.ONCE),
        ("Pacific/Kwajalein", "1993-08-21 12:00", "1993-08-21 12:00", Reading.NEVER),
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-23 22:00", Reading.NEVER),
        ("Africa/Cairo", "2026-04-24 00:30", "2026-04-23 22:00", Reading.NEVER),
        ("Africa/Cairo", "2026-10-29 23:30", "2026-10-29 20:30", Reading.TWICE),
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00", Reading.NEVER),
        ("Europe/Dublin", "2026-03-29 01:30", "2026-03-29 01:00", Reading.NEVER),
        ("Europe/Dublin", "2026-10-25 01:30", "2026-10-25 00:30", Reading.TWICE),
    ],
)
def test_a_wall_time_is_the_first_instant_that_reaches_it(zone: str, wall: str, expected: str, kind: Reading) -> None:
    naive = datetime.fromisoformat(wall)
    assert instant(naive, ZoneInfo(zone)) == utc(expected)
    assert reading(naive, ZoneInfo(zone)) is kind


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1985, 1, 1), datetime(2040, 1, 1)),
    st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_later_on_the_wall_is_never_earlier_in_the_world(zone: str, wall: datetime, more: timedelta) -> None:
    assert instant(wall, ZoneInfo(zone)) <= instant(wall + more, ZoneInfo(zone))


@given(st.sampled_from(ZONES), st.datetimes(datetime(1985, 1, 1), datetime(2040, 1, 1)))
def test_a_time_that_clocks_show_is_shown_at_its_instant(zone: str, wall: datetime) -> None:
    shown = instant(wall, ZoneInfo(zone)).astimezone(ZoneInfo(zone))
    if reading(wall, ZoneInfo(zone)) is Reading.NEVER:
        assert shown.replace(tzinfo=None) > wall
    else:
        assert shown.replace(tzinfo=None) == wall
        assert shown.fold == 0


def handoffs(subject: Rotation, count: int, first: int = 0) -> list[datetime | None]:
    return [subject.handoff(index) for index in range(first, first + count)]


@pytest.mark.parametrize(
    ("subject", "first", "expected"),
    [
        # Nine in the morning stays nine in the morning.
        (
            rotation("Europe/Berlin", "2026-03-23 09:00", "1w"),
            0,
            ["2026-03-23 08:00", "2026-03-30 07:00", "2026-04-06 07:00"],
        ),
        # One moved handoff does not move those that follow.
        (
            rotation("Europe/Berlin", "2026-03-28 02:30", "1d"),
            0,
            ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"],
        ),
        # Hourly turns follow the wall: the hour that comes twice is one long turn.
        (
            rotation("Europe/Berlin", "2026-10-25 01:00", "1h"),
            0,
            ["2026-10-24 23:00", "2026-10-25 00:00", "2026-10-25 02:00"],
        ),
        # And the skipped hour is no turn at all.
        (
            rotation("Europe/Berlin", "2026-03-29 01:00", "1h"),
            0,
            ["2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 01:00", "2026-03-29 02:00"],
        ),
        (
            rotation("Australia/Lord_Howe", "2026-10-04 01:00", "30m"),
            1,
            ["2026-10-03 15:00", "2026-10-03 15:30", "2026-10-03 15:30", "2026-10-03 16:00"],
        ),
        (
            rotation("Asia/Kathmandu", "2026-03-28 09:00", "12h"),
            0,
            ["2026-03-28 03:15", "2026-03-28 15:15", "2026-03-29 03:15"],
        ),
        (
            rotation("Pacific/Apia", "2011-12-28 00:00", "1d"),
            0,
            ["2011-12-28 10:00", "2011-12-29 10:00", "2011-12-30 10:00", "2011-12-30 10:00", "2011-12-31 10:00"],
        ),
        (
            rotation("Africa/Cairo", "2026-04-23 00:00", "1d"),
            0,
            ["2026-04-22 22:00", "2026-04-23 22:00", "2026-04-24 21:00"],
        ),
        # A month end is the last day of a shorter month, and comes back.
        (
            rotation("UTC", "2026-01-31 09:00", "1mo"),
            0,
            ["2026-01-31 09:00", "2026-02-28 09:00", "2026-03-31 09:00", "2026-04-30 09:00"],
        ),
        (rotation("UTC", "2028-01-30 09:00", "1mo"), 1, ["2028-02-29 09:00"]),
        (rotation("UTC", "2026-11-30 09:00", "3mo"), 0, ["2026-11-30 09:00", "2027-02-28 09:00", "2027-05-30 09:00"]),
        # Never by repeated addition: a thousand weeks on it is still nine o'clock.
        (rotation("Europe/Berlin", "2026-01-05 09:00", "1w"), 1000, ["2045-03-06 08:00"]),
    ],
)
def test_handoffs(subject: Rotation, first: int, expected: list[str]) -> None:
    assert handoffs(subject, len(expected), first) == [utc(text) for text in expected]


def test_a_turn_holds_its_start_and_not_its_end() -> None:
    subject = rotation("Europe/Berlin", "2026-01-05 09:00", "1w")
    before = duty_at(subject, utc("2026-01-12 07:59:59.999999"))
    after = duty_at(subject, utc("2026-01-12 08:00"))
    assert before == Duty(
        "primary",
        "Europe/Berlin",
        "op-a",
        utc("2026-01-05 08:00"),
        utc("2026-01-12 08:00"),
        "op-b",
        utc("2026-01-12 08:00"),
    )
    assert (after.member, after.since, after.next_member) == ("op-b", utc("2026-01-12 08:00"), "op-a")


def test_before_the_start_nobody_is_on_call() -> None:
    subject = rotation("Europe/Berlin", "2026-01-05 09:00", "1w")
    start = utc("2026-01-05 08:00")
    duty = duty_at(subject, utc("2025-06-01 00:00"))
    assert duty == Duty("primary", "Europe/Berlin", None, None, start, "op-a", start)


def test_without_members_there_is_one_gap_without_end() -> None:
    subject = rotation("Europe/Berlin", "2026-01-05 09:00", "1w", ())
    duty = duty_at(subject, utc("2026-02-01 00:00"))
    assert duty == Duty("primary", "Europe/Berlin", None, None, None, note="the rotation has no members")
    assert list(turns(subject, utc("2026-02-01 00:00"), utc("2026-03-01 00:00"))) == [Turn(None, None, None)]


def test_a_single_member_follows_themselves() -> None:
    duty = duty_at(rotation("UTC", "2026-01-05 09:00", "1d", ("op-a",)), utc("2026-02-01 00:00"))
    assert (duty.member, duty.next_member, duty.next_at) == ("op-a", "op-a", utc("2026-02-01 09:00"))


def test_a_turn_in_a_skipped_hour_is_lost_but_counted_and_said_to_be() -> None:
    subject = rotation("Europe/Berlin", "2026-03-29 01:00", "1h", ("op-a", "op-b", "op-c"))
    before = duty_at(subject, utc("2026-03-29 00:30"))
    after = duty_at(subject, utc("2026-03-29 01:00"))
    assert (before.member, before.next_member) == ("op-a", "op-c")
    assert (after.member, after.next_member) == ("op-c", "op-a")
    assert before.note == after.note == "the turn of op-b at 2026-03-29 02:00 is lost to a clock change"
    assert duty_at(subject, utc("2026-03-29 02:00")).note == ""


def test_many_lost_turns_are_counted_in_one_note() -> None:
    subject = rotation("Pacific/Apia", "2011-12-29 00:00", "6h")
    duty = duty_at(subject, utc("2011-12-30 10:00"))
    assert (duty.member, turn_at(subject, utc("2011-12-30 10:00")).lost) == ("op-a", range(4, 8))
    assert duty.note == "4 turns from 2011-12-30 00:00 on are lost to a clock change"


def test_the_day_that_a_zone_skipped_is_nobodys_turn() -> None:
    subject = rotation("Pacific/Apia", "2011-12-28 00:00", "1d", ("op-a", "op-b", "op-c"))
    found = list(turns(subject, utc("2011-12-28 12:00"), utc("2012-01-01 00:00")))
    assert [(turn.member, turn.until and turn.until - (turn.since or turn.until)) for turn in found] == [
        ("op-a", timedelta(days=1)),
        ("op-b", timedelta(days=1)),
        ("op-a", timedelta(days=1)),
        ("op-b", timedelta(days=1)),
    ]


@pytest.mark.parametrize(
    ("start", "at", "note"),
    [
        ("2026-03-28 02:30", "2026-03-28 12:00", "clocks skip 2026-03-29 02:30; the handoff is right after"),
        ("2026-10-24 02:30", "2026-10-24 12:00", "clocks show 2026-10-25 02:30 twice; the handoff is at the first"),
        ("2026-10-23 02:30", "2026-10-23 12:00", ""),
    ],
)
def test_an_odd_handoff_ahead_is_explained(start: str, at: str, note: str) -> None:
    assert duty_at(rotation("Europe/Berlin", start, "1d"), utc(at)).note == note


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("1w", Step(duration=timedelta(weeks=1))),
        ("1d12h", Step(duration=timedelta(hours=36))),
        ("1m", Step(duration=timedelta(minutes=1))),
        ("1mo", Step(months=1)),
        ("12mo", Step(months=12)),
    ],
)
def test_the_length_of_a_turn(text: str, step: Step) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize("text", ["", "0", "0mo", "59s", "weekly", "-1d", "1mo2d", "1 w", "१mo", "12h1d"])
def test_what_is_no_length_of_a_turn(text: str) -> None:
    with pytest.raises(RotationError, match="is not the length of a turn") as caught:
        parse_step(text)
    assert caught.value.field == "every"


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": " "}, "name", "has no name"),
        ({"members": ("op-a", "")}, "members", "a member has no name"),
        ({"start": datetime(2026, 1, 5, 9, tzinfo=UTC)}, "start", "carries a UTC offset"),
        ({"start": datetime(1, 1, 1), "zone": "Asia/Kathmandu"}, "start", "outside the calendar"),
        ({"zone": "Europe/Berln"}, "zone", "did you mean Europe/Berlin"),
        ({"zone": "../../etc/passwd"}, "zone", "is not a time zone"),
        ({"zone": "Europe"}, "zone", "is not a time zone"),
        ({"zone": ""}, "zone", "is not a time zone"),
        ({"every": "fortnightly"}, "every", "is not the length of a turn"),
    ],
)
def test_a_rotation_that_cannot_be_worked_out_says_which_part(change: dict[str, object], field: str, says: str) -> None:
    parts: dict[str, object] = {
        "name": "primary",
        "members": A_B,
        "start": datetime(2026, 1, 5, 9),
        "zone": "Europe/Berlin",
        "every": "1w",
    }
    with pytest.raises(RotationError, match=says) as caught:
        Rotation(**(parts | change))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs its zone"):
        duty_at(rotation("UTC", "2026-01-05 09:00", "1d"), datetime(2026, 2, 1))


def test_the_end_of_the_calendar_is_a_turn_without_end() -> None:
    subject = rotation("UTC", "9999-12-01 00:00", "2w")
    assert handoffs(subject, 4) == [utc("9999-12-01 00:00"), utc("9999-12-15 00:00"), utc("9999-12-29 00:00"), None]
    duty = duty_at(subject, utc("9999-12-30 00:00"))
    assert (duty.member, duty.until, duty.next_member) == ("op-a", None, None)
    assert rotation("UTC", "9999-12-01 00:00", "1mo").handoff(1) is None


rotations = st.builds(
    Rotation,
    st.just("primary"),
    st.lists(st.sampled_from(["op-a", "op-b", "op-c", "op-d"]), min_size=1, max_size=5).map(tuple),
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(ZONES),
    st.sampled_from(["1m", "30m", "1h", "8h", "12h", "1d", "1w", "2w", "1d7h", "1mo", "5mo", "1y"]),
)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(rotations, moments, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_turns_tile_the_time_line(subject: Rotation, since: datetime, span: timedelta) -> None:
    found = list(islice(turns(subject, since, since + span), 40))
    if not span:
        assert found == []
        return
    assert found[0].since is None or found[0].since <= since
    assert found[0].until is None or since < found[0].until
    for one, other in pairwise(found):
        assert one.until == other.since
        assert other.until is None or (other.since is not None and other.since < other.until)
        assert (other.index or 0) - len(other.lost) == (0 if one.index is None else one.index + 1)
    if len(found) < 40:
        assert found[-1].until is None or found[-1].until >= since + span


@given(rotations, moments)
def test_the_duty_agrees_with_the_turns(subject: Rotation, at: datetime) -> None:
    duty = duty_at(subject, at)
    now, *rest = islice(turns(subject, at, at + timedelta(days=1000)), 2)
    assert (duty.member, duty.since, duty.until) == (now.member, now.since, now.until)
    assert now.since is None or now.since <= at
    assert now.until is None or at < now.until
    if rest:
        assert (duty.next_member, duty.next_at) == (rest[0].member, rest[0].since)


@given(rotations, st.integers(0, 5000))
def test_members_rotate_fairly(subject: Rotation, first: int) -> None:
    count = len(subject.members)
    whose = [subject.member(index) for index in range(first, first + 3 * count)]
    assert sorted(whose) == sorted(subject.members * 3)
    turn = subject.handoff(first)
    assert turn is not None
    found = turn_at(subject, turn)
    assert found.index is not None
    assert found.index >= first
    assert found.member == subject.member(found.index)


WALKS = [
    ("Europe/Berlin", "2026-03-28 12:00", "2026-03-30 00:00"),
    ("Europe/Berlin", "2026-10-24 12:00", "2026-10-26 00:00"),
    ("America/New_York", "2026-11-01 00:00", "2026-11-01 12:00"),
    ("Australia/Lord_Howe", "2026-04-04 10:00", "2026-04-04 20:00"),
    ("Australia/Lord_Howe", "2026-10-03 10:00", "2026-10-03 20:00"),
    ("Asia/Kathmandu", "2026-03-28 12:00", "2026-03-29 12:00"),
    ("Pacific/Apia", "2011-12-29 20:00", "2011-12-31 20:00"),
    ("Africa/Cairo", "2026-04-23 12:00", "2026-04-24 12:00"),
    ("Africa/Cairo", "2026-10-29 12:00", "2026-10-30 12:00"),
]


@pytest.mark.parametrize("every", ["7m", "30m", "1h", "12h", "1d"])
@pytest.mark.parametrize(("zone", "since", "until"), WALKS)
def test_every_minute_agrees_with_somebody_who_watches_the_clock(zone: str, since: str, until: str, every: str) -> None:
    """Watching: a turn begins when the clock first shows its wall time or more, whatever it showed in between."""
    start = datetime.fromisoformat(since).replace(hour=0, minute=3) - timedelta(days=3)
    subject = Rotation("primary", ("op-a", "op-b", "op-c"), start, zone, every)
    step = parse_step(every).duration
    at, end = utc(since) - timedelta(days=1), utc(until)
    furthest = start
    while at < end:
        furthest = max(furthest, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
        if at >= utc(since):
            index = (furthest - start) // step
            assert turn_at(subject, at).index == index, at
        at += timedelta(minutes=1)


@pytest.mark.parametrize("every", ["1mo", "2mo", "5mo"])
@pytest.mark.parametrize("start", ["2026-01-01 00:00", "2026-01-15 09:00", "2025-12-31 23:30"])
def test_every_day_of_months_agrees_with_counting_the_handoffs(start: str, every: str) -> None:
    subject = rotation("Europe/Berlin", start, every)
    passed = [handoff for handoff in handoffs(subject, 40) if handoff is not None]
    at = passed[0]
    while at < utc("2028-06-01 00:00"):
        assert turn_at(subject, at).index == sum(handoff <= at for handoff in passed) - 1, at
        at += timedelta(hours=7)
