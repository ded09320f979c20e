"""When a breaker opens by itself, and for how long: arithmetic alone, without a store or a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Execution:
    """One write that reached the other side, or may have.

    Attributes:
        at: when it ended (UTC).
        failed: whether it failed, was not verified, or nobody knows.
    """

    at: datetime
    failed: bool


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a breaker endures.

    Attributes:
        consecutive: it opens when so many writes in a row failed, however far apart.
        rate: it opens when this share of the writes within ``window`` failed; above 0, at most 1 ...
        minimum: ... and they were at least so many.
        window: how far back the share looks.
        cooldown: how long it stays open before a probe may be tried, the first time.
        longest: the most that doubling makes of that.
        probe: whether a probe may heal it at all; without, a person closes it.
    """

    consecutive: int = 3
    rate: float = 0.5
    minimum: int = 5
    window: timedelta = timedelta(seconds=300)
    cooldown: timedelta = timedelta(seconds=60)
    longest: timedelta = timedelta(hours=1)
    probe: bool = True


def tripped(executions: Sequence[Execution], now: datetime, thresholds: Thresholds) -> str:
    """Why a breaker has to open; empty where it has not.

    Args:
        executions: in the order in which they ended, the newest last.
        now: the moment (UTC). What seems to have ended later, because a clock went back, counts as recent.
        thresholds: what it endures.
    """
    last = executions[-thresholds.consecutive :]
    if len(last) == thresholds.consecutive and all(one.failed for one in last):
        count = thresholds.consecutive
        return "the last write failed" if count == 1 else f"the last {count} writes failed"
    recent = [one for one in executions if now - one.at <= thresholds.window]
    failed = sum(one.failed for one in recent)
    # Compared as products: a share such as 0.1 + 0.2 must not fail by its last binary digit.
    if len(recent) >= thresholds.minimum and failed > 0 and failed + 1e-9 >= thresholds.rate * len(recent):
        seconds = round(thresholds.window.total_seconds())
        return f"{failed} of {len(recent)} writes within {seconds} s failed"
    return ""


def cooldown(trips: int, thresholds: Thresholds) -> timedelta:
    """How long a breaker stays open that tripped ``trips`` times in a row, the first time included.

    Doubles with each time, up to ``thresholds.longest`` (a longer first cooldown stays what it is).
    """
    most = max(thresholds.longest, thresholds.cooldown)
    # 64 doublings are longer than any limit, and a larger number could not be multiplied.
    doubled = 1 << min(max(trips - 1, 0), 64)
    if thresholds.cooldown.total_seconds() * doubled >= most.total_seconds():
        return most
    return thresholds.cooldown * doubled


def next_trip(before: int, closed_at: datetime | None, now: datetime, thresholds: Thresholds) -> int:
    """How many trips in a row one more makes.

    A breaker that was closed for longer than the window begins anew; one that opens again sooner tripped again, and so
    did one whose closing seems to lie in the future.

    Args:
        before: the trips counted so far.
        closed_at: when it was closed; None where it never opened.
        now: the moment.
        thresholds: the window.
    """
    if closed_at is None or now - closed_at > thresholds.window:
        return 1
    return before + 1
