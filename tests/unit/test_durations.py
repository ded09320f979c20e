"""Durations, read and written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vocabulary.durations import DurationError, format_age, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("5ms", timedelta(milliseconds=5)),
        ("5m5ms", timedelta(minutes=5, milliseconds=5)),
        ("1y2w3d4h5m6s7ms", timedelta(days=365 + 14 + 3, hours=4, minutes=5, seconds=6, milliseconds=7)),
        ("90s", timedelta(seconds=90)),
        ("007d", timedelta(days=7)),
    ],
)
def test_reading(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is missing"),
        ("00", "is not a duration"),
        ("15", "is not a duration"),
        ("m", "is not a duration"),
        ("-1h", "is not a duration"),
        ("+1h", "is not a duration"),
        ("1.5h", "is not a duration"),
        ("1h 30m", "is not a duration"),
        ("1h\n", "is not a duration"),
        (" 1h", "is not a duration"),
        ("1H", "is not a duration"),
        ("1mo", "is not a duration"),
        ("١٥m", "is not a duration"),
        ("1h1h", "from large to small and come once"),
        ("30m1h", "from large to small and come once"),
        ("999999999999y", "longer than any duration"),
        ("9" * 5000 + "d", "is not a duration"),
    ],
)
def test_what_is_no_duration_says_why(text: str, says: str) -> None:
    with pytest.raises(DurationError, match=says):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(days=7), "7d"),
        (timedelta(hours=25, minutes=3), "1d1h3m"),
        (timedelta(milliseconds=1500), "1s500ms"),
        (timedelta(microseconds=999), "0s"),
        (-timedelta(hours=1), "0s"),
    ],
)
def test_writing(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.integers(0, 999_999_999 * 86_400_000))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (-timedelta(seconds=5), "0s"),
        (timedelta(milliseconds=999), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=59, seconds=59), "59m"),
        (timedelta(hours=1), "1h"),
        (timedelta(hours=2, minutes=4), "2h04m"),
        (timedelta(hours=9, minutes=59), "9h59m"),
        (timedelta(hours=10, minutes=59), "10h"),
        (timedelta(hours=47, minutes=59), "47h"),
        (timedelta(hours=48), "2d"),
        (timedelta(days=999), "999d"),
        (timedelta(days=1000), "2y"),
    ],
)
def test_ages(age: timedelta, text: str) -> None:
    assert format_age(age) == text


@given(st.timedeltas(timedelta(0), timedelta(days=365 * 99_999)))
def test_an_age_fits_six_cells_and_never_claims_more_than_it_is(age: timedelta) -> None:
    text = format_age(age)
    assert len(text) <= 6
    assert parse_duration(text) <= age
