"""A clock that moves only when a test turns it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

EPOCH = datetime(2026, 3, 2, 19, 31, 7, tzinfo=UTC)


class ManualClock:
    """Implements :class:`services.vocabulary.clock.Clock`; sleepers wake in order as :meth:`advance` passes them."""

    def __init__(self, now: datetime = EPOCH) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        await future

    def jump(self, delta: timedelta) -> None:
        """Move the wall clock alone, as a clock correction does."""
        self._now += delta

    def turn(self, seconds: float) -> None:
        """Move both clocks and wake whoever slept until then; they run at the next await."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)

    async def advance(self, seconds: float) -> None:
        """Turn the clock from sleeper to sleeper, letting each run before the next."""
        end = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.turn(self._sleepers[0][0] - self._monotonic)
            await settle()
        self.turn(end - self._monotonic)
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let everything that is ready to run, run."""
    for _ in range(rounds):
        await asyncio.sleep(0)
