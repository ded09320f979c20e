"""The local schedule: readings, and a word at every handoff."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from services.feed import Feed, Poller
from services.oncall.local import LocalSchedule
from services.oncall.model import Duty
from services.oncall.rotation import Rotation
from tests.support.clock import EPOCH, ManualClock, settle

# EPOCH is 19:31:07 UTC; in Berlin that is 20:31:07.
PRIMARY = Rotation("primary", ("op-a", "op-b"), datetime.fromisoformat("2026-03-02T08:00"), "Europe/Berlin", "12h")
SECONDARY = Rotation("secondary", ("op-c", "op-d"), datetime.fromisoformat("2026-03-01T21:00"), "Europe/Berlin", "1d")
EMPTY = Rotation("nobody", (), datetime.fromisoformat("2026-03-01T21:00"), "UTC", "1d")


async def test_a_reading_has_one_duty_a_rotation_in_order() -> None:
    schedule = LocalSchedule([PRIMARY, SECONDARY, EMPTY], ManualClock())
    duties = await schedule.read()
    assert schedule.names == ("primary", "secondary", "nobody")
    assert [(duty.id, duty.member) for duty in duties] == [("primary", "op-b"), ("secondary", "op-c"), ("nobody", None)]


async def test_another_time_than_now() -> None:
    (duty,) = await LocalSchedule([PRIMARY], ManualClock()).duties_at(EPOCH + timedelta(hours=12))
    assert duty.member == "op-a"


async def test_the_feed_changes_hands_in_the_very_second() -> None:
    clock = ManualClock()
    schedule = LocalSchedule([PRIMARY, SECONDARY], clock)
    poller = Poller(Feed[Duty]("on-call", clock), schedule.read, clock, interval=3600)
    tasks = [asyncio.ensure_future(poller.run()), asyncio.ensure_future(schedule.call_at_handoffs(poller.refresh))]
    await settle()

    def on_call() -> list[str | None]:
        return [duty.member for duty in poller.feed.snapshot.items]

    to_nine = (datetime(2026, 3, 2, 20, 0, tzinfo=UTC) - EPOCH).total_seconds()
    await clock.advance(to_nine - 0.5)
    assert on_call() == ["op-b", "op-c"]
    await clock.advance(0.5)
    assert on_call() == ["op-b", "op-d"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Calls:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.at: list[datetime] = []

    def __call__(self) -> None:
        self.at.append(self.clock.now())


async def watched(schedule: LocalSchedule, clock: ManualClock) -> tuple[Calls, asyncio.Task[None]]:
    calls = Calls(clock)
    task = asyncio.create_task(schedule.call_at_handoffs(calls))
    await settle()
    return calls, task


async def test_every_handoff_calls_once() -> None:
    clock = ManualClock()
    calls, task = await watched(LocalSchedule([PRIMARY], clock), clock)
    await clock.advance(86400)
    assert calls.at == [datetime(2026, 3, 3, 7, tzinfo=UTC), datetime(2026, 3, 3, 19, tzinfo=UTC)]
    task.cancel()


async def test_a_machine_that_slept_over_a_handoff_notices_soon() -> None:
    clock = ManualClock()
    calls, task = await watched(LocalSchedule([PRIMARY], clock), clock)
    clock.jump(timedelta(hours=13))
    await clock.advance(30)
    assert len(calls.at) == 1
    await clock.advance(60)
    assert len(calls.at) == 1
    task.cancel()


async def test_a_clock_set_back_is_looked_at_anew() -> None:
    clock = ManualClock()
    calls, task = await watched(LocalSchedule([PRIMARY], clock), clock)
    clock.jump(timedelta(hours=-13))
    await clock.advance(30)
    assert len(calls.at) == 1
    # The handoff of that morning happens again.
    await clock.advance(3600)
    assert calls.at[1:] == [datetime(2026, 3, 2, 7, tzinfo=UTC)]
    task.cancel()


async def test_without_a_handoff_ahead_it_waits_and_never_calls() -> None:
    clock = ManualClock()
    calls, task = await watched(LocalSchedule([EMPTY], clock), clock)
    await clock.advance(3600)
    assert not calls.at
    assert not task.done()
    task.cancel()
