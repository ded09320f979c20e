"""The demo's world: everything that can be asked, as pure functions of seed, epoch and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property

from services.demo.pods import PodFactory
from services.demo.rollouts import Rollouts
from services.demo.story import Story


class World:
    """One simulated production.

    Attributes:
        seed: chooses names, noise and placement.
        epoch: the start of the first turn of the story (UTC, cut to milliseconds).
        flood: extra alerts beside the story.
    """

    def __init__(self, seed: int, epoch: datetime, flood: int = 0) -> None:
        self.seed = seed
        utc = epoch.astimezone(UTC)
        self.epoch = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        self.flood = flood
        self.factory = PodFactory(seed)
        self.rollouts = Rollouts(self.factory)

    @property
    def story(self) -> Story:
        """The script."""
        return Story(self.epoch)

    @cached_property
    def midnight(self) -> float:
        """Seconds from 00:00 UTC to the epoch."""
        return (self.epoch - self.epoch.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()

    @cached_property
    def epoch_seconds(self) -> float:
        """The epoch as Unix time."""
        return self.epoch.timestamp()

    def seconds(self, at: datetime) -> float:
        """Seconds after the epoch."""
        return (at - self.epoch).total_seconds()

    def time(self, seconds: float) -> datetime:
        """The moment ``seconds`` after the epoch (UTC)."""
        return self.epoch + timedelta(seconds=seconds)


def rfc3339(at: datetime) -> str:
    """With milliseconds and ``Z``, as Alertmanager and Prometheus write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
