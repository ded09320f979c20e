"""On-call from rotations written in the configuration: no network, no store, nothing but the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from services.vocabulary.clock import Clock

if TYPE_CHECKING:
    from services.oncall.model import Duty
    from services.oncall.rotation import Rotation

# A machine that slept, or a clock that was set, is noticed after this many seconds at the latest.
_LOOK = 30.0


class LocalSchedule:
    """Answers from rotations alone."""

    def __init__(self, rotations: Sequence[Rotation], clock: Clock) -> None:
        self._rotations = tuple(rotations)
        self._clock = clock

    @property
    def names(self) -> tuple[str, ...]:
        """The rotations' names, in the order of the configuration."""
        return tuple(rotation.name for rotation in self._rotations)

    async def read(self) -> tuple[Duty, ...]:
        """One duty a rotation, now: the reading of a :class:`services.feed.Poller`."""
        return await self.duties_at(self._clock.now())

    async def duties_at(self, at: datetime) -> tuple[Duty, ...]:
        """One duty a rotation at ``at`` (aware).

        Raises:
            ValueError: ``at`` is naive.
        """
        from services.oncall.rotation import duty_at

        return tuple(duty_at(rotation, at) for rotation in self._rotations)

    async def call_at_handoffs(self, refresh: Callable[[], None]) -> None:
        """Call ``refresh`` exactly at every handoff, and when the wall clock was set back; runs until cancelled.

        Args:
            refresh: such as :meth:`services.feed.Poller.refresh`.
        """
        seen = self._clock.now()
        upcoming = self._next(seen)
        while True:
            wait = _LOOK if upcoming is None else min(_LOOK, (upcoming - seen).total_seconds())
            await self._clock.sleep(wait)
            now = self._clock.now()
            if now < seen or (upcoming is not None and now >= upcoming):
                refresh()
                upcoming = self._next(now)
            seen = now

    def _next(self, now: datetime) -> datetime | None:
        from services.oncall.rotation import duty_at

        ends = [duty_at(rotation, now).until for rotation in self._rotations]
        return min((end for end in ends if end is not None), default=None)
