"""Time is handed in, never taken from the wall."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The only road to the time of day, to elapsed time and to waiting."""

    def now(self) -> datetime:
        """The wall clock: an aware datetime in UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back. Only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock; returns at once for zero or less."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
