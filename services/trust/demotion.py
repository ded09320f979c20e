"""When a level is lost, and how much of it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from services.trust.levels import Level

FAILURES = 2
"""So many failures at one level cost it."""


class Cause(Enum):
    """Why a level changed."""

    PROMOTED = "promoted"
    DEMOTED = "demoted"
    DESTRUCTIVE_FAILURE = "destructive failure"
    BREAKER_TRIP = "breaker trip"
    FAILURES = "two failures"


def causes(*, failed: bool, destructive: bool, failures: int, tripped: bool) -> tuple[Cause, ...]:
    """What the end of one write gives cause for, the weightiest first.

    Args:
        failed: whether automation's own write reached the other side, or may have, and failed.
        destructive: whether that write was destructive.
        failures: how many failed at this level lately, this one included.
        tripped: whether a breaker that concerns it opened by itself.
    """
    found = []
    if failed and destructive:
        found.append(Cause.DESTRUCTIVE_FAILURE)
    if tripped:
        found.append(Cause.BREAKER_TRIP)
    if failed and failures >= FAILURES:
        found.append(Cause.FAILURES)
    return tuple(found)


def demoted(level: Level, found: Collection[Cause]) -> Level:
    """Where ``level`` ends: at shadow after a destructive failure, else one lower; one end costs one level once."""
    if Cause.DESTRUCTIVE_FAILURE in found:
        return Level.SHADOW
    return level.below if Cause.BREAKER_TRIP in found or Cause.FAILURES in found else level
