"""When a breaker opens by itself: the rule as a table, and what holds for every history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.safety.window import Execution, Thresholds, cooldown, next_trip, tripped
from tests.support.clock import EPOCH

DEFAULTS = Thresholds()


def history(text: str, *, step: float = 10) -> list[Execution]:
    """``F`` failed, ``S`` succeeded; the last one ended just now, each ``step`` seconds after the one before."""
    count = len(text)
    return [
        Execution(EPOCH - timedelta(seconds=step * (count - 1 - place)), letter == "F")
        for place, letter in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("ends", "step", "why"),
    [
        ("", 10, ""),
        ("F", 10, ""),
        ("FF", 10, ""),
        ("FFF", 10, "the last 3 writes failed"),
        ("FFF", 86_400, "the last 3 writes failed"),
        ("SSSSSSFFF", 10, "the last 3 writes failed"),
        ("FFS", 10, ""),
        ("FFSF", 10, ""),
        ("FSFF", 10, ""),
        ("SFSFF", 10, "3 of 5 writes within 300 s failed"),
        ("SSSFF", 10, ""),
        ("SSFSFF", 10, "3 of 6 writes within 300 s failed"),
        ("SSSFSFF", 10, ""),
        ("SFSFF", 75, "3 of 5 writes within 300 s failed"),
        ("SFSFF", 75.1, ""),
        ("SSSSS", 10, ""),
    ],
)
def test_the_rule(ends: str, step: float, why: str) -> None:
    assert tripped(history(ends, step=step), EPOCH, DEFAULTS) == why


def test_thresholds_are_what_they_say() -> None:
    strict = Thresholds(consecutive=1)
    assert tripped(history("SF"), EPOCH, strict) == "the last write failed"
    lax = Thresholds(consecutive=100, rate=1.0, minimum=4)
    assert tripped(history("FFFS"), EPOCH, lax) == ""
    assert tripped(history("FFFF"), EPOCH, lax) == "4 of 4 writes within 300 s failed"


def test_what_ended_in_the_future_counts_as_recent() -> None:
    ends = [Execution(EPOCH + timedelta(hours=1), failed) for failed in (True, False, True, False, True)]
    assert tripped(ends, EPOCH, DEFAULTS) == "3 of 5 writes within 300 s failed"


ends = st.lists(st.booleans(), max_size=40)


@given(ends, st.integers(1, 600))
def test_it_trips_exactly_by_the_rule(failures: list[bool], step: int) -> None:
    text = "".join("F" if failed else "S" for failed in failures)
    recent = text[-(300 // step + 1) :]
    expected = text.endswith("FFF") or (len(recent) >= 5 and 2 * recent.count("F") >= len(recent))
    assert bool(tripped(history(text, step=step), EPOCH, DEFAULTS)) == expected


@given(ends)
def test_one_more_failure_never_makes_it_better(failures: list[bool]) -> None:
    text = "".join("F" if failed else "S" for failed in failures)
    if tripped(history(text), EPOCH, DEFAULTS):
        worse = text.replace("S", "F", 1)
        assert tripped(history(worse), EPOCH, DEFAULTS)


@given(ends)
def test_successes_alone_never_trip(failures: list[bool]) -> None:
    assert tripped(history("S" * len(failures)), EPOCH, DEFAULTS) == ""


@pytest.mark.parametrize(
    ("trips", "seconds"), [(0, 60), (1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (8, 3600), (10**6, 3600)]
)
def test_the_cooldown_doubles_up_to_its_limit(trips: int, seconds: int) -> None:
    assert cooldown(trips, DEFAULTS) == timedelta(seconds=seconds)


@given(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_cooldown_never_shrinks_and_never_passes_its_limit(trips: int, first: int, longest: int) -> None:
    thresholds = Thresholds(cooldown=timedelta(seconds=first), longest=timedelta(seconds=longest))
    one, next_one = cooldown(trips, thresholds), cooldown(trips + 1, thresholds)
    assert timedelta(seconds=first) <= one <= next_one <= timedelta(seconds=max(first, longest))


@pytest.mark.parametrize(
    ("before", "ago", "after"), [(0, None, 1), (1, 0, 2), (1, 300, 2), (1, 301, 1), (5, 10**6, 1), (2, -3600, 3)]
)
def test_a_breaker_that_was_closed_long_enough_begins_anew(before: int, ago: int | None, after: int) -> None:
    closed = None if ago is None else EPOCH - timedelta(seconds=ago)
    assert next_trip(before, closed, EPOCH, DEFAULTS) == after
