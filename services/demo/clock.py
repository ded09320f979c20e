"""The clock of the demo: it may start at any time and run at any speed, or stand still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.vocabulary.clock import Clock


class SimulatedClock:
    """Implements :class:`services.vocabulary.clock.Clock` on top of a real one.

    Args:
        real: where elapsed time comes from.
        start: what it shows now; None shows the real time of day.
        speed: simulated seconds a real second; 0 stands still.

    Attributes:
        follows: whether it shows the real time, even when that jumps.
    """

    def __init__(self, real: Clock, start: datetime | None = None, speed: float = 1.0) -> None:
        self._real = real
        self._origin = real.monotonic()
        self._start = (start or real.now()).astimezone(UTC)
        self.follows = start is None and speed == 1.0
        self.speed = speed

    def now(self) -> datetime:
        if self.follows:  # a suspended machine moves its wall clock, not its monotonic one
            return self._real.now()
        return self._start + timedelta(seconds=(self._real.monotonic() - self._origin) * self.speed)

    def monotonic(self) -> float:
        return (self._real.monotonic() - self._origin) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for simulated seconds; with speed 0 it looks again after each real second."""
        if seconds <= 0 or self.speed > 0:
            await self._real.sleep(seconds / self.speed if self.speed else 0)
            return
        await self._real.sleep(1.0)

    async def pause(self, seconds: float) -> None:
        """Wait for real seconds, whatever the speed."""
        await self._real.sleep(seconds)
