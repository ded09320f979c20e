"""What is known of a source, and how fresh that knowledge is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class FreshnessState(Enum):
    """Waiting: no answer yet. Fresh: answered in time. Stale: the last answer is old. Failing: never answered."""

    WAITING = "waiting"
    FRESH = "fresh"
    STALE = "stale"
    FAILING = "failing"

    @property
    def glyph(self) -> str:
        """One cell wide; tells the state apart without colour."""
        return {"waiting": "○", "fresh": "●", "stale": "◐", "failing": "✗"}[self.value]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the data of one source can be trusted.

    Attributes:
        source: the name that the person gave it, such as ``alertmanager prod``.
        state: see :class:`FreshnessState`.
        checked_at: when the last good answer arrived (UTC); None before the first.
        failing_since: when the first of the present row of failures happened (UTC).
        reason: one sentence about the last failure; empty while fresh.
        latency: what the last good answer took.
        valid_for: how long an answer counts as fresh; an older one is stale even if nobody noticed a failure
            (a suspended machine, a poll that hangs). None where the source itself says when it is stale.
        partial: what the source itself said is missing from its answer.
    """

    source: str
    state: FreshnessState = FreshnessState.WAITING
    checked_at: datetime | None = None
    failing_since: datetime | None = None
    reason: str = ""
    latency: timedelta | None = None
    valid_for: timedelta | None = None
    partial: tuple[str, ...] = ()

    def at(self, now: datetime) -> Freshness:
        """The same knowledge judged at ``now``: a fresh answer that grew too old is stale."""
        if self.state is not FreshnessState.FRESH or self.checked_at is None or self.valid_for is None:
            return self
        expiry = self.checked_at + self.valid_for
        if now <= expiry:
            return self
        return replace(self, state=FreshnessState.STALE, failing_since=expiry, reason="no answer since")

    @property
    def trusted(self) -> bool:
        """Whether an absence in the data means absence in the world."""
        return self.state is FreshnessState.FRESH


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """Everything a source said at one moment; immutable.

    Attributes:
        version: grows by one with every publication; equal versions hold the same items, though a fresh one may
            have grown stale meanwhile.
        items: in the source's order; kept from the last good answer while the source fails.
        freshness: how far to trust it.
    """

    freshness: Freshness
    version: int = 0
    items: tuple[T, ...] = field(default=())
