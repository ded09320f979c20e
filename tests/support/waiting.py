"""Waiting for what a real socket brings, with a limit and no fixed pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.support.clock import ManualClock

T = TypeVar("T")


async def eventually(condition: Callable[[], bool], clock: ManualClock | None = None, turn: float = 0.3) -> None:
    """Let the loop run until ``condition`` holds.

    Args:
        condition: asked again and again.
        clock: turned by ``turn`` seconds each time, for whoever sleeps on it.
        turn: seconds.

    Raises:
        TimeoutError: it did not hold within two minutes.
    """
    async with asyncio.timeout(120):
        while not condition():
            if clock is not None:
                clock.turn(turn)
            await asyncio.sleep(0.002)


async def until(ask: Callable[[], Awaitable[T | None]], seconds: float = 120.0) -> T:
    """Ask a real server again and again for something that is still to come.

    Args:
        ask: returns None as long as it is not there.
        seconds: the limit.

    Raises:
        TimeoutError: it did not come in time.
    """
    async with asyncio.timeout(seconds):
        while (answer := await ask()) is None:
            await asyncio.sleep(0.05)
        return answer
