"""The silences of the demo follow the rules of the real Alertmanager."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.demo.silences import (
    RETENTION,
    SilenceError,
    SilenceMatcher,
    SilenceNotFound,
    Silences,
    StoredSilence,
    parse_matcher,
)
from services.demo.world import World
from tests.support.clock import EPOCH, ManualClock

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def silences(clock: ManualClock) -> Silences:
    return Silences(World(7, EPOCH), clock)


def draft(**changes: object) -> StoredSilence:
    plain = StoredSilence("", (SilenceMatcher("service", "cart"),), EPOCH, EPOCH + HOUR, EPOCH, "op-a", "a note")
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_past_start_becomes_now(silences: Silences, clock: ManualClock) -> None:
    clock.turn(90)
    made = silences.get(silences.set(draft()))
    assert made.starts_at == EPOCH + timedelta(seconds=90)
    assert made.state(clock.now()) == "active"


def test_prolonging_and_recommenting_keep_the_id(silences: Silences) -> None:
    first = silences.set(draft())
    assert silences.set(draft(id=first, ends_at=EPOCH + 2 * HOUR, comment="longer")) == first
    assert silences.get(first).ends_at == EPOCH + 2 * HOUR
    assert silences.get(first).comment == "longer"


@pytest.mark.parametrize(
    "change",
    [
        {"matchers": (SilenceMatcher("service", "frontend"),)},
        {"matchers": (SilenceMatcher("service", "cart"), SilenceMatcher("severity", "warning"))},
        {"starts_at": EPOCH + timedelta(seconds=30)},
    ],
)
def test_another_matcher_or_start_makes_a_new_one_and_ends_the_old(
    silences: Silences, change: dict[str, object]
) -> None:
    clock_now = EPOCH
    first = silences.set(draft())
    second = silences.set(draft(id=first, **change))
    assert second != first
    assert silences.get(first).state(clock_now) == "expired"


def test_the_order_of_matchers_counts(silences: Silences) -> None:
    one, two = SilenceMatcher("service", "cart"), SilenceMatcher("severity", "warning")
    first = silences.set(draft(matchers=(one, two)))
    assert silences.set(draft(id=first, matchers=(two, one))) != first


def test_an_expired_one_cannot_be_revived(silences: Silences, clock: ManualClock) -> None:
    first = silences.set(draft())
    silences.expire(first)
    silences.expire(first)
    assert silences.get(first).state(clock.now()) == "expired"
    assert silences.set(draft(id=first)) != first


def test_a_pending_one_may_move_its_start(silences: Silences, clock: ManualClock) -> None:
    first = silences.set(draft(starts_at=EPOCH + HOUR, ends_at=EPOCH + 2 * HOUR))
    assert silences.get(first).state(clock.now()) == "pending"
    moved = draft(id=first, starts_at=EPOCH + HOUR / 2, ends_at=EPOCH + 2 * HOUR)
    assert silences.set(moved) == first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ends_at": EPOCH}, "start time must be before end time"),
        ({"starts_at": EPOCH - 2 * HOUR, "ends_at": EPOCH - HOUR}, "end time can't be in the past"),
        ({"matchers": (SilenceMatcher("a", ""),)}, "must not match the empty string"),
        ({"matchers": (SilenceMatcher("a", ".*", is_regex=True),)}, "must not match the empty string"),
        ({"matchers": (SilenceMatcher("a", "b", is_equal=False),)}, "must not match the empty string"),
        ({"matchers": (SilenceMatcher("a", "(", is_regex=True),)}, "error parsing regexp"),
        ({"matchers": ()}, "at least one matcher required"),
    ],
)
def test_refusals(silences: Silences, change: dict[str, object], said: str) -> None:
    with pytest.raises(SilenceError, match=said):
        silences.set(draft(**change))


def test_unknown_ids(silences: Silences) -> None:
    for call in (silences.get, silences.expire):
        with pytest.raises(SilenceNotFound):
            call("nobody")
    with pytest.raises(SilenceNotFound):
        silences.set(draft(id="nobody"))


def test_the_list_is_ordered_and_forgets(silences: Silences, clock: ManualClock) -> None:
    late = silences.set(draft(ends_at=EPOCH + 3 * HOUR))
    soon = silences.set(draft(ends_at=EPOCH + HOUR))
    waits = silences.set(draft(starts_at=EPOCH + HOUR, ends_at=EPOCH + 2 * HOUR))
    ended = silences.set(draft())
    silences.expire(ended)
    ids = [one.id for one in silences.all()]
    assert [ids.index(one) for one in (soon, late, waits, ended)] == sorted(
        ids.index(one) for one in (soon, late, waits, ended)
    )
    clock.turn(RETENTION.total_seconds() + 1)
    assert ended not in [one.id for one in silences.all()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a=b", SilenceMatcher("a", "b")),
        ('a="b c"', SilenceMatcher("a", "b c")),
        (' a != "b" ', SilenceMatcher("a", "b", is_equal=False)),
        ('a=~"x|y"', SilenceMatcher("a", "x|y", is_regex=True)),
        ("a!~x", SilenceMatcher("a", "x", is_regex=True, is_equal=False)),
        (r'a="q\"\n\\"', SilenceMatcher("a", 'q"\n\\')),
        ("a=", SilenceMatcher("a", "")),
    ],
)
def test_matchers_are_read(text: str, wanted: SilenceMatcher) -> None:
    assert parse_matcher(text) == wanted


@pytest.mark.parametrize("text", ["", "a", "=b", '{a="b"}', 'a="b', 'a="b"c"', 'a=~"("'])
def test_bad_matchers_are_refused(text: str) -> None:
    with pytest.raises(SilenceError):
        parse_matcher(text)


def test_a_missing_label_equals_the_empty_string() -> None:
    assert SilenceMatcher("a", "").matches({})
    assert SilenceMatcher("a", "b", is_equal=False).matches({})
    assert not SilenceMatcher("a", ".+", is_regex=True).matches({})
    assert not SilenceMatcher("a", "b", is_regex=True).matches({"a": "abc"})
