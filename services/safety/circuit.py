"""The state of a circuit breaker, as everybody sees it. Light: imports no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from services.vocabulary.durations import format_age, format_duration

_SECOND = timedelta(seconds=1)

GLOBAL = "global"
"""The scope of the breaker that people call "the circuit"; every other scope is the name of a source."""


class CircuitState(Enum):
    """Closed lets writes to outside systems through; open refuses them; half-open lets one probe through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Circuit:
    """One state of one breaker.

    Attributes:
        state: what is kept: closed or open. Whether an open one is half-open by now, :meth:`standing` tells.
        revision: grows by one with every toggle; 0 was never touched.
        changed_by: the operator of the last toggle (raw); empty before the first, and where it opened by itself.
        changed_at: when that was (UTC); None before the first.
        reason: what the operator gave as the reason, or why it opened by itself (raw); may be empty.
        manual: whether a person toggled it. Opened by a person it stays open until a person closes it.
        scope: :data:`GLOBAL`, or the name of the source whose writes it stops.
        trips: how often it opened by itself in a row.
        retry_at: when a probe may be tried (UTC); None where none may.
        probe: the number of the intent that is its probe now; None where none is under way.
    """

    state: CircuitState = CircuitState.CLOSED
    revision: int = 0
    changed_by: str = ""
    changed_at: datetime | None = None
    reason: str = ""
    manual: bool = False
    scope: str = GLOBAL
    trips: int = 0
    retry_at: datetime | None = None
    probe: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether writes to outside systems are refused, but for a probe."""
        return self.state is not CircuitState.CLOSED

    @property
    def name(self) -> str:
        """How sentences name it (raw)."""
        return "the circuit" if self.scope == GLOBAL else f"the breaker of {self.scope}"

    def standing(self, now: datetime) -> CircuitState:
        """What it is at the moment ``now``. A clock that went back before the cooldown's end means open."""
        if not self.is_open:
            return CircuitState.CLOSED
        if self.probe is not None or (self.retry_at is not None and not self.manual and now >= self.retry_at):
            return CircuitState.HALF_OPEN
        return CircuitState.OPEN

    def since(self, now: datetime) -> str:
        """Who, when and why, such as ``since 19:31:07 UTC (4m), by op-a: rollout storm`` (raw); empty if untouched.

        The date stands before the time where it is not today's.
        """
        if self.changed_at is None:
            return ""
        pattern = "%H:%M:%S UTC" if self.changed_at.date() == now.date() else "%Y-%m-%d %H:%M:%S UTC"
        who = self.changed_by or "itself"
        told = f"since {self.changed_at.strftime(pattern)} ({format_age(now - self.changed_at)}), by {who}"
        return f"{told}: {self.reason}" if self.reason else f"{told}, no reason given"

    def outlook(self, now: datetime) -> str:
        """What comes next, such as ``a probe may be tried in 40s``; empty where it is closed."""
        standing = self.standing(now)
        if standing is CircuitState.CLOSED:
            return ""
        if standing is CircuitState.HALF_OPEN:
            return "one probe may be tried" if self.probe is None else f"intent {self.probe} is its probe"
        if self.manual or self.retry_at is None:
            return "it stays open until a person closes it"
        seconds = -((now - self.retry_at) // _SECOND)
        return f"a probe may be tried in {format_duration(_SECOND * seconds)}"
