"""The arithmetic of trust, whole tables of it: which level counts, when the next is offered, when one is lost."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.safety.actor import Surface
from services.trust.demotion import Cause, causes, demoted
from services.trust.levels import Level, in_force, level_of, mode_cap
from services.trust.model import TrustRules
from services.trust.promotion import CRITERIA, Criterion, Tally, outlook, percent

HOUR = timedelta(hours=1)
LEVELS = st.sampled_from(Level)
COUNTS = st.integers(min_value=0, max_value=500)
TALLIES = st.builds(Tally, COUNTS, COUNTS, COUNTS, COUNTS)
HELD_FOR = st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=60))


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("shadow", Level.SHADOW),
        ("dry-run", Level.DRY_RUN),
        (" Dry_Run ", Level.DRY_RUN),
        ("2", Level.ASSISTED),
        ("SUPERVISED", Level.SUPERVISED),
        ("selective-autonomy", Level.SELECTIVE_AUTONOMY),
        ("4", Level.SELECTIVE_AUTONOMY),
    ],
)
def test_a_level_is_named_by_word_or_number(word: str, level: Level) -> None:
    assert level_of(word) is level
    assert level_of(level.word) is level_of(str(int(level))) is level


@pytest.mark.parametrize("word", ["", "5", "-1", "autonomy", "shadows", "1.0"])
def test_what_is_no_level_is_told_with_all_there_are(word: str) -> None:
    with pytest.raises(
        ValueError, match=r"there are shadow \(0\), dry-run \(1\), assisted \(2\), supervised \(3\), sel"
    ):
        level_of(word)


def test_the_least_of_scope_cap_and_mode_counts() -> None:
    for scoped, cap, mode in product(Level, Level, Level):
        found = in_force(scoped, cap=cap, mode=mode, progressive=True)
        assert found.level == min(scoped, cap, mode)
        assert bool(found.why) == (found.level < scoped)
        if found.why:
            assert ("the mode" if mode < cap else "[sre.trust] cap") in found.why


def test_without_progressive_trust_all_automation_is_assisted_whatever_it_earned() -> None:
    for scoped, cap, mode in product(Level, Level, Level):
        found = in_force(scoped, cap=cap, mode=mode, progressive=False)
        assert found.level == min(Level.ASSISTED, cap, mode)
        assert found.why


def test_a_wallboard_holds_automation_at_shadow_and_nothing_else_does() -> None:
    assert {surface: mode_cap(surface) for surface in Surface} == {
        surface: Level.SHADOW if surface is Surface.WALLBOARD else Level.SELECTIVE_AUTONOMY for surface in Surface
    }
    assert TrustRules(cap=Level.SUPERVISED).in_force(Level.SELECTIVE_AUTONOMY).level is Level.SUPERVISED


def test_the_thresholds_are_those_that_are_written_down() -> None:
    told = [(one.successes, percent(one.errors), one.after / HOUR) for one in CRITERIA]
    assert told == [(10, "20 %", 24), (20, "10 %", 72), (50, "5 %", 168), (100, "2 %", 336)]


@pytest.mark.parametrize("level", [Level.SHADOW, Level.DRY_RUN, Level.ASSISTED, Level.SUPERVISED])
def test_the_next_level_is_offered_exactly_where_all_three_hold(level: Level) -> None:
    wanted = CRITERIA[level]
    for good, bad, minutes in product(range(wanted.successes * 2), range(wanted.successes), (-1, 0, 1)):
        tally, held_for = Tally(good, bad), wanted.after + timedelta(minutes=minutes)
        holds = (
            good >= wanted.successes
            and bad * wanted.errors.denominator <= (good + bad) * wanted.errors.numerator
            and minutes >= 0
        )
        found = outlook(level, tally, held_for)
        assert (found.to, found.offered) == (level.above, holds), (good, bad, minutes)
        assert bool(found.lacking) != holds


@pytest.mark.parametrize(
    ("level", "good", "bad", "offered"),
    [
        (Level.SHADOW, 10, 2, True),
        (Level.SHADOW, 10, 3, False),
        (Level.SHADOW, 12, 3, True),
        (Level.SHADOW, 9, 0, False),
        (Level.DRY_RUN, 20, 2, True),
        (Level.DRY_RUN, 20, 3, False),
        (Level.ASSISTED, 57, 3, True),
        (Level.ASSISTED, 56, 3, False),
        (Level.SUPERVISED, 100, 2, True),
        (Level.SUPERVISED, 100, 3, False),
        (Level.SUPERVISED, 147, 3, True),
        (Level.SUPERVISED, 146, 3, False),
    ],
)
def test_a_share_at_the_very_edge_is_exact(level: Level, good: int, bad: int, offered: bool) -> None:
    assert outlook(level, Tally(good, bad), CRITERIA[level].after).offered is offered


@given(LEVELS, TALLIES, HELD_FOR)
def test_what_waits_counts_against_until_somebody_did_it(level: Level, tally: Tally, held_for: timedelta) -> None:
    settled = Tally(tally.good, tally.bad + tally.waiting, 0, tally.failed)
    assert outlook(level, tally, held_for) == outlook(level, settled, held_for)


@given(LEVELS, TALLIES, HELD_FOR, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=90)))
def test_a_clock_that_is_set_back_offers_nothing_that_was_not_offered(
    level: Level, tally: Tally, held_for: timedelta, back: timedelta
) -> None:
    if outlook(level, tally, held_for - back).offered:
        assert outlook(level, tally, held_for).offered


@given(LEVELS, TALLIES, st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(microseconds=-1)))
def test_before_its_level_began_nothing_is_offered(level: Level, tally: Tally, held_for: timedelta) -> None:
    easy = (Criterion(1, Fraction(99, 100), timedelta(seconds=1)),) * 4
    found = outlook(level, tally, held_for, criteria=easy)
    assert not found.offered
    assert found.to is None or "the clock was set back to before its level began" in found.lacking


@given(LEVELS, TALLIES, HELD_FOR, LEVELS, st.booleans())
def test_nothing_above_the_cap_and_nothing_without_the_feature_is_offered(
    level: Level, tally: Tally, held_for: timedelta, cap: Level, progressive: bool
) -> None:
    found = outlook(level, tally, held_for, cap=cap, progressive=progressive)
    if found.to is not None:
        assert progressive
        assert found.to <= cap
        assert found.to == level + 1
    else:
        assert found.lacking
        assert not found.offered


@given(LEVELS, TALLIES, HELD_FOR)
def test_more_that_was_right_never_takes_an_offer_away(level: Level, tally: Tally, held_for: timedelta) -> None:
    if outlook(level, tally, held_for).offered:
        assert outlook(level, Tally(tally.good + 1, tally.bad, tally.waiting), held_for).offered


def test_every_cause_and_what_it_costs() -> None:
    for failed, destructive, failures, tripped in product((False, True), (False, True), range(5), (False, True)):
        found = causes(failed=failed, destructive=destructive, failures=failures, tripped=tripped)
        assert (Cause.DESTRUCTIVE_FAILURE in found) == (failed and destructive)
        assert (Cause.BREAKER_TRIP in found) == tripped
        assert (Cause.FAILURES in found) == (failed and failures >= 2)
        for level in Level:
            lost = demoted(level, found)
            if failed and destructive:
                assert lost is Level.SHADOW
            elif tripped or (failed and failures >= 2):
                assert lost == max(0, level - 1)
            else:
                assert lost is level


@pytest.mark.parametrize(
    ("level", "found", "to"),
    [
        (Level.SELECTIVE_AUTONOMY, (Cause.DESTRUCTIVE_FAILURE,), Level.SHADOW),
        (Level.SELECTIVE_AUTONOMY, (Cause.BREAKER_TRIP,), Level.SUPERVISED),
        (Level.SELECTIVE_AUTONOMY, (Cause.BREAKER_TRIP, Cause.FAILURES), Level.SUPERVISED),
        (Level.SUPERVISED, (Cause.FAILURES,), Level.ASSISTED),
        (Level.DRY_RUN, (Cause.BREAKER_TRIP,), Level.SHADOW),
        (Level.SHADOW, tuple(Cause), Level.SHADOW),
        (Level.SUPERVISED, (), Level.SUPERVISED),
    ],
)
def test_one_end_costs_one_level_once(level: Level, found: tuple[Cause, ...], to: Level) -> None:
    assert demoted(level, found) is to
