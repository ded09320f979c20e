"""What goes on beside the screen breaks off: it is logged, told, and begun again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from console.background import STEADY, Background, Work
from services.feed import Feed
from services.vocabulary.errors import ConsoleError
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import EPOCH, ManualClock, settle


class Works:
    """Breaks off as often as it is told, then goes on."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.begun = 0
        self.ended = asyncio.Event()

    async def run(self) -> None:
        self.begun += 1
        if self.failures:
            raise self.failures.pop(0)
        await self.ended.wait()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_a_broken_reader_is_told_where_its_data_stands_and_begun_again(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    feed: Feed[str] = Feed("alertmanager prod", clock)
    feed.publish(("alert",))
    works, background = Works(TypeError("no such field")), Background(clock, Random(1))
    background.keep(Work("reading alertmanager prod", works.run, feed.fail))
    await settle()
    freshness = feed.snapshot.freshness
    assert freshness.state is FreshnessState.STALE
    assert "reading alertmanager prod broke off: TypeError: no such field" in freshness.reason
    assert "begun again" in freshness.reason
    assert feed.snapshot.items == ("alert",)
    assert background.fault is None, "it is told at its own place"
    (record,) = (one for one in caplog.records if one.levelno >= logging.ERROR)
    assert record.exc_info is not None
    assert works.begun == 1
    await clock.advance(1.0)
    assert works.begun == 2
    await background.close()


async def test_what_has_no_place_of_its_own_is_told_of_the_console_until_it_is_steady(clock: ManualClock) -> None:
    works, background = Works(ValueError("x"), KeyError("y")), Background(clock, Random(1))
    background.keep(Work("looking at the handoffs", works.run))
    await settle()
    fault = background.fault
    assert fault is not None
    assert (fault.source, fault.state, fault.failing_since) == ("console", FreshnessState.FAILING, EPOCH)
    assert "looking at the handoffs broke off: ValueError: x" in fault.reason
    await clock.advance(5.0)
    assert works.begun == 3
    fault = background.fault
    assert fault is not None
    assert fault.failing_since == EPOCH
    assert "KeyError" in fault.reason
    await clock.advance(STEADY)
    assert background.fault is None
    await background.close()


async def test_the_pauses_grow_and_shrink_again_once_it_held(clock: ManualClock) -> None:
    works, background = Works(*(ValueError(str(n)) for n in range(40))), Background(clock, Random(1))
    background.keep(Work("x", works.run))
    await clock.advance(60.0)
    assert 4 <= works.begun <= 9
    await clock.advance(3600.0)
    works.failures.clear()
    await clock.advance(2 * STEADY)
    begun = works.begun
    works.failures.append(ValueError("again"))
    works.ended.set()
    await settle()
    assert background.fault is None, "it was done"
    assert works.begun == begun
    await background.close()


async def test_what_must_not_happen_twice_is_told_and_left(clock: ManualClock) -> None:
    works, background = Works(RuntimeError("half done")), Background(clock)
    background.keep(Work("opening the rest", works.run, again=False))
    await clock.advance(3600.0)
    assert works.begun == 1
    assert background.fault is not None
    assert "half done" in background.fault.reason
    assert "begun again" not in background.fault.reason
    await background.close()


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), ExceptionGroup("several", [OSError("disk")])])
async def test_a_cancellation_from_inside_and_a_group_count_too(clock: ManualClock, failure: BaseException) -> None:
    works, background = Works(failure), Background(clock)
    background.keep(Work("x", works.run))
    await settle()
    assert background.fault is not None
    assert "several" not in background.fault.reason
    await clock.advance(1.0)
    assert works.begun == 2
    await background.close()


async def test_closing_ends_everything_and_tells_nothing(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    told: list[ConsoleError] = []
    background, running, waiting = Background(clock), Works(), Works(ValueError("x"))
    background.keep(Work("a", running.run, told.append))
    background.keep(Work("b", waiting.run))
    await settle()
    caplog.clear()
    await background.close()
    assert told == []
    assert not caplog.records
    await clock.advance(100.0)
    assert (running.begun, waiting.begun) == (1, 1)


async def test_what_fails_where_nobody_waits_for_it_is_told(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    background = Background(clock)
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(background.unhandled)
    try:
        loop.call_soon(_fails(ZeroDivisionError("in a callback")))
        await settle()
    finally:
        loop.set_exception_handler(before)
    assert background.fault is not None
    assert "in a callback" in background.fault.reason
    assert caplog.records[-1].exc_info is not None


def _fails(error: Exception) -> Callable[[], Coroutine[Any, Any, None] | None]:
    def fail() -> None:
        raise error

    return fail
