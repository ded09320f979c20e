"""Waiting for what a real socket brings, with a limit and no fixed pause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.support.clock import ManualClock


async def eventually(condition: Callable[[], bool], clock: ManualClock | None = None, turn: float = 0.3) -> None:
    """Let the loop run until ``condition`` holds.

    Args:
        condition: asked again and again.
        clock: turned by ``turn`` seconds each time, for whoever sleeps on it.
        turn: seconds.

    Raises:
        TimeoutError: it did not hold within five seconds.
    """
    async with asyncio.timeout(5):
        while not condition():
            if clock is not None:
                clock.turn(turn)
            await asyncio.sleep(0.002)
