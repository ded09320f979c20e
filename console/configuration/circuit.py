"""``[sre.circuit]``: what the breakers of the sources endure before they open by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from console.configuration.section import Seconds, Section

if TYPE_CHECKING:
    from services.safety.window import Thresholds

_DAY = 86_400.0


class CircuitSettings(Section):
    """``[sre.circuit]``."""

    consecutive_failures: Annotated[int, Field(ge=1, le=1000)] = 3
    failure_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    minimum_writes: Annotated[int, Field(ge=1, le=1000)] = 5
    window: Annotated[Seconds, Field(gt=0, le=_DAY)] = 300.0
    cooldown: Annotated[Seconds, Field(gt=0, le=_DAY)] = 60.0
    longest_cooldown: Annotated[Seconds, Field(gt=0, le=7 * _DAY)] = 3600.0
    half_open_probe: bool = True

    def thresholds(self) -> Thresholds:
        """The same for the breakers."""
        from services.safety.window import Thresholds

        return Thresholds(
            self.consecutive_failures,
            self.failure_rate,
            self.minimum_writes,
            timedelta(seconds=self.window),
            timedelta(seconds=self.cooldown),
            timedelta(seconds=self.longest_cooldown),
            self.half_open_probe,
        )
