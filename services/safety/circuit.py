"""The state of the circuit breaker, as everybody sees it. Light: imports no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.vocabulary.durations import format_age


class CircuitState(Enum):
    """Closed lets writes to outside systems through; open refuses them all."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Circuit:
    """One state of the breaker.

    Attributes:
        state: see :class:`CircuitState`.
        revision: grows by one with every toggle; 0 was never touched.
        changed_by: the operator of the last toggle (raw); empty before the first.
        changed_at: when that was (UTC); None before the first.
        reason: what the operator gave as the reason (raw); may be empty.
        manual: whether a person toggled it.
    """

    state: CircuitState = CircuitState.CLOSED
    revision: int = 0
    changed_by: str = ""
    changed_at: datetime | None = None
    reason: str = ""
    manual: bool = False

    @property
    def is_open(self) -> bool:
        """Whether writes to outside systems are refused."""
        return self.state is CircuitState.OPEN

    def since(self, now: datetime) -> str:
        """Who, when and why, such as ``since 19:31:07 UTC (4m), by op-a: rollout storm`` (raw); empty if untouched.

        The date stands before the time where it is not today's.
        """
        if self.changed_at is None:
            return ""
        pattern = "%H:%M:%S UTC" if self.changed_at.date() == now.date() else "%Y-%m-%d %H:%M:%S UTC"
        told = f"since {self.changed_at.strftime(pattern)} ({format_age(now - self.changed_at)}), by {self.changed_by}"
        return f"{told}: {self.reason}" if self.reason else f"{told}, no reason given"
