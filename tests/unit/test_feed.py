"""Feeds and pollers, on a clock turned by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from services.feed import Backoff, Feed, Poller
from services.vocabulary.errors import FailureKind, SourceError
from services.vocabulary.snapshot import Freshness, FreshnessState, Snapshot
from tests.support.clock import EPOCH, ManualClock, settle

MINUTE = timedelta(minutes=1)
REFUSED = SourceError(FailureKind.UNREACHABLE, "prod: no connection", sent=False)
BROKEN = SourceError(FailureKind.SERVER, "prod answered 500")


def feed_on(clock: ManualClock) -> Feed[str]:
    return Feed("prod", clock, valid_for=MINUTE)


def state(feed: Feed[str]) -> FreshnessState:
    return feed.snapshot.freshness.state


# The feed.


def test_the_log_tells_of_changes_and_not_of_each_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "services.feed")
    clock = ManualClock()
    feed = feed_on(clock)
    for _ in range(3):
        feed.publish(["a"])
        feed.confirm()
    for _ in range(100):
        clock.turn(1)
        feed.fail(REFUSED)
        feed.fail(BROKEN)
    clock.turn(20)
    feed.publish(["a"], partial=("one of two members",))
    feed.publish(["b"], partial=("one of two members",))
    feed.publish(["b"])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "prod answers"),
        ("WARNING", "prod fails: no connection"),
        ("INFO", "prod answers again after 1m"),
        ("WARNING", "prod answers in part: one of two members"),
        ("INFO", "prod answers in full again"),
    ]


def test_before_the_first_answer_nothing_is_claimed() -> None:
    feed = feed_on(ManualClock())
    assert feed.snapshot == Snapshot(Freshness("prod"))
    assert (feed.source, feed.snapshot.freshness.trusted) == ("prod", False)


def test_an_answer_is_published_whole() -> None:
    feed = feed_on(ManualClock())
    feed.publish(["a", "b"], latency=timedelta(milliseconds=5), partial=("one of two members",))
    assert feed.snapshot == Snapshot(
        Freshness(
            "prod",
            FreshnessState.FRESH,
            checked_at=EPOCH,
            latency=timedelta(milliseconds=5),
            valid_for=MINUTE,
            partial=("one of two members",),
        ),
        1,
        ("a", "b"),
    )


def test_a_failure_keeps_the_last_data_and_when_the_failing_began() -> None:
    clock = ManualClock()
    feed = feed_on(clock)
    feed.publish(["a"])
    clock.turn(5)
    feed.fail(REFUSED)
    clock.turn(5)
    feed.fail(BROKEN)
    snapshot = feed.snapshot
    assert (snapshot.items, snapshot.version) == (("a",), 3)
    assert snapshot.freshness.state is FreshnessState.STALE
    assert snapshot.freshness.reason == "prod answered 500"
    assert (snapshot.freshness.checked_at, snapshot.freshness.failing_since) == (EPOCH, EPOCH + timedelta(seconds=5))
    feed.publish([])
    assert feed.snapshot.freshness == Freshness(
        "prod", FreshnessState.FRESH, checked_at=EPOCH + timedelta(seconds=10), valid_for=MINUTE
    )


def test_a_source_that_never_answered_is_failing() -> None:
    feed = feed_on(ManualClock())
    feed.fail(REFUSED)
    assert (state(feed), feed.snapshot.items) == (FreshnessState.FAILING, ())


def test_an_answer_expires_although_nobody_notices_a_failure() -> None:
    clock = ManualClock()
    feed = feed_on(clock)
    feed.publish(["a"])
    clock.turn(60)
    assert state(feed) is FreshnessState.FRESH
    clock.turn(1)
    assert state(feed) is FreshnessState.STALE
    assert feed.snapshot.items == ("a",)


def test_a_sign_of_life_makes_the_data_fresh_again() -> None:
    clock = ManualClock()
    feed = feed_on(clock)
    feed.publish(["a"], partial=("one of two members",))
    feed.fail(BROKEN)
    clock.turn(120)
    feed.confirm()
    freshness = feed.snapshot.freshness
    assert (freshness.state, freshness.failing_since, freshness.reason) == (FreshnessState.FRESH, None, "")
    assert (freshness.checked_at, freshness.partial) == (clock.now(), ("one of two members",))
    assert feed.snapshot.items == ("a",)


@pytest.mark.parametrize("failed", [False, True])
def test_a_sign_of_life_is_no_answer(failed: bool) -> None:
    """Without data, fresh would say that there is nothing, and nobody has said so."""
    feed = feed_on(ManualClock())
    if failed:
        feed.fail(REFUSED)
    before = feed.snapshot
    feed.confirm()
    assert feed.snapshot == before
    assert not feed.snapshot.freshness.trusted


def test_everybody_is_told_until_they_leave() -> None:
    feed = feed_on(ManualClock())
    seen: list[int] = []

    def subscriber(snapshot: Snapshot[str]) -> None:
        seen.append(snapshot.version)

    first, second = feed.subscribe(subscriber), feed.subscribe(subscriber)
    feed.publish([])
    first()
    first()  # once more does nothing, to the other subscription neither
    feed.fail(BROKEN)
    second()
    feed.publish([])
    assert seen == [1, 1, 2]


def test_one_broken_subscriber_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    feed = feed_on(ManualClock())
    seen: list[tuple[str, ...]] = []

    def broken(snapshot: Snapshot[str]) -> None:
        raise RuntimeError("a view is broken")

    feed.subscribe(broken)
    feed.subscribe(lambda snapshot: seen.append(snapshot.items))
    feed.publish(["a"])
    assert seen == [("a",)]
    assert "a subscriber of prod failed" in caplog.text


def test_who_was_sent_away_in_the_same_round_hears_no_more() -> None:
    feed = feed_on(ManualClock())
    seen: list[int] = []
    feed.subscribe(lambda snapshot: leave())
    leave = feed.subscribe(lambda snapshot: seen.append(snapshot.version))
    feed.publish([])
    assert seen == []


def test_a_subscriber_that_publishes_leaves_everybody_with_the_newest() -> None:
    feed = feed_on(ManualClock())
    seen: list[tuple[str, ...]] = []
    feed.subscribe(lambda snapshot: feed.publish(["b"]) if snapshot.items == ("a",) else None)
    feed.subscribe(lambda snapshot: seen.append(snapshot.items))
    feed.publish(["a"])
    assert seen
    assert set(seen) == {("b",)}


# The back-off.


@pytest.mark.parametrize("seed", range(20))
def test_the_waits_double_within_their_jitter_and_start_anew(seed: int) -> None:
    backoff = Backoff(1.0, 30.0, Random(seed))
    ceilings = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    waits = [backoff.next() for _ in ceilings]
    assert all(ceiling / 2 < wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
    backoff.reset()
    assert 0.5 < backoff.next() <= 1.0


def test_two_consoles_do_not_wait_alike() -> None:
    assert Backoff(1.0, 30.0, Random(1)).next() != Backoff(1.0, 30.0, Random(2)).next()


def test_failing_for_years_does_not_overflow() -> None:
    backoff = Backoff(1.0, 30.0, Random(1))
    assert all(backoff.next() <= 30.0 for _ in range(5000))


# The poller.


class Source:
    """Answers or fails as told, after ``takes`` seconds, and remembers when it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.takes = 0.0
        self.error: BaseException | None = None
        self.asked: list[float] = []
        self.busy = 0
        self.busiest = 0

    async def read(self) -> list[str]:
        self.asked.append(self.clock.monotonic())
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            if self.takes:
                await self.clock.sleep(self.takes)
            if self.error:
                raise self.error
            return [f"answer {len(self.asked)}"]
        finally:
            self.busy -= 1

    @property
    def pauses(self) -> list[float]:
        """Seconds between the starts of readings."""
        return [round(later - earlier, 6) for earlier, later in pairwise(self.asked)]


@asynccontextmanager
async def polling(clock: ManualClock, source: Source, interval: float = 5.0) -> AsyncIterator[Poller[str]]:
    poller = Poller(feed_on(clock), source.read, clock, interval=interval, random=Random(7))
    task = asyncio.create_task(poller.run())
    await settle()
    try:
        yield poller
    finally:
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_source_is_asked_at_once_and_then_at_every_interval() -> None:
    clock = ManualClock()
    source = Source(clock)
    async with polling(clock, source) as poller:
        assert poller.feed.snapshot.items == ("answer 1",)
        await clock.advance(15)
        assert source.pauses == [5.0, 5.0, 5.0]
        assert poller.feed.snapshot.freshness.latency == timedelta(0)


async def test_readings_never_overlap_and_a_slow_source_is_asked_less_often() -> None:
    clock = ManualClock()
    source = Source(clock)
    source.takes = 10.0
    async with polling(clock, source) as poller:
        await clock.advance(5)
        poller.refresh()
        await clock.advance(5)
        assert poller.feed.snapshot.freshness.latency == timedelta(seconds=10)
        await clock.advance(200)
    assert source.busiest == 1
    # The wish for a refresh during the first reading is granted right after it; then a quarter of the time is reading.
    assert source.pauses[:3] == [10.0, 40.0, 40.0]


async def test_a_source_that_got_quick_again_is_asked_as_often_as_before() -> None:
    clock = ManualClock()
    source = Source(clock)
    source.takes = 10.0
    async with polling(clock, source):
        await clock.advance(39)
        source.takes = 0.0
        await clock.advance(11)
        assert source.pauses == [40.0, 5.0, 5.0]


async def test_a_failing_source_is_asked_with_growing_pauses_until_it_answers() -> None:
    clock = ManualClock()
    source = Source(clock)
    async with polling(clock, source) as poller:
        source.error = REFUSED
        await clock.advance(300)
        assert poller.feed.snapshot.items == ("answer 1",)
        assert state(poller.feed) is FreshnessState.STALE
        regular, *waits = source.pauses
        assert regular == 5.0
        ceilings = [min(30.0, 2.0**index) for index in range(len(waits))]
        assert len(waits) > 8
        assert all(ceiling / 2 < wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
        source.error = None
        await clock.advance(30)
        assert state(poller.feed) is FreshnessState.FRESH
        source.error = REFUSED
        answered = len(source.asked)
        await clock.advance(7)
        # The first pause after a new failure is short again.
        regular, wait = source.pauses[answered - 1 : answered + 1]
        assert regular == 5.0
        assert 0.5 < wait <= 1.0


async def test_a_refresh_does_not_wait() -> None:
    clock = ManualClock()
    source = Source(clock)
    async with polling(clock, source, interval=3600) as poller:
        clock.turn(7)
        poller.refresh()
        poller.refresh()
        await settle()
        assert source.pauses == [7.0]
        await clock.advance(3599)
        assert len(source.asked) == 2
        await clock.advance(1)
        assert source.pauses == [7.0, 3600.0]


async def test_a_refresh_does_not_wait_for_the_back_off_either() -> None:
    clock = ManualClock()
    source = Source(clock)
    source.error = REFUSED
    async with polling(clock, source) as poller:
        await clock.advance(60)
        source.error = None
        poller.refresh()
        await settle()
        assert state(poller.feed) is FreshnessState.FRESH


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (REFUSED, "prod: no connection"),
        (ValueError("odd"), "the console failed to read it: ValueError: odd"),
        (TimeoutError(), "the console failed to read it: TimeoutError"),
        (asyncio.CancelledError(), "the reading was broken off"),
    ],
)
async def test_no_failure_of_a_reading_ends_the_polling(error: BaseException, reason: str) -> None:
    clock = ManualClock()
    source = Source(clock)
    source.error = error
    async with polling(clock, source) as poller:
        assert poller.feed.snapshot.freshness.reason == reason
        source.error = None
        await clock.advance(5)
        assert state(poller.feed) is FreshnessState.FRESH


async def test_cancelling_ends_a_reading_under_way() -> None:
    clock = ManualClock()
    source = Source(clock)
    source.takes = 10.0
    async with polling(clock, source) as poller:
        assert source.busy == 1
    assert source.busy == 0
    assert poller.feed.snapshot.version == 0


async def test_nothing_is_left_behind_after_cancelling() -> None:
    clock = ManualClock()
    before = asyncio.all_tasks()
    async with polling(clock, Source(clock)) as poller:
        poller.refresh()
        await settle()
    await settle()
    assert asyncio.all_tasks() == before
