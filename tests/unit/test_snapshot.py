"""How long knowledge counts as fresh."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.vocabulary.snapshot import Freshness, FreshnessState
from tests.support.clock import EPOCH

MINUTE = timedelta(minutes=1)
FRESH = Freshness("prod", FreshnessState.FRESH, checked_at=EPOCH, valid_for=MINUTE, partial=("one of two members",))


def test_an_answer_is_fresh_to_the_end_of_its_time() -> None:
    assert FRESH.at(EPOCH + MINUTE) is FRESH


def test_an_answer_that_grew_too_old_is_stale_since_its_time_ended() -> None:
    old = FRESH.at(EPOCH + MINUTE + timedelta(microseconds=1))
    assert (old.state, old.failing_since, old.reason) == (FreshnessState.STALE, EPOCH + MINUTE, "no answer since")
    assert (old.checked_at, old.partial) == (EPOCH, ("one of two members",))
    assert FRESH.trusted
    assert not old.trusted


@pytest.mark.parametrize(
    "freshness",
    [
        Freshness("prod", valid_for=MINUTE),
        Freshness("prod", FreshnessState.FRESH, checked_at=EPOCH),
        Freshness("prod", FreshnessState.STALE, checked_at=EPOCH, valid_for=MINUTE, reason="refused"),
        Freshness("prod", FreshnessState.FAILING, valid_for=MINUTE, reason="refused"),
    ],
)
def test_time_changes_nothing_else(freshness: Freshness) -> None:
    assert freshness.at(EPOCH + timedelta(days=1)) is freshness


def test_only_a_fresh_answer_is_trusted_and_every_state_has_its_glyph() -> None:
    assert [state for state in FreshnessState if Freshness("prod", state).trusted] == [FreshnessState.FRESH]
    assert len({state.glyph for state in FreshnessState}) == len(FreshnessState)
