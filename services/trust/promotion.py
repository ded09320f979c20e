"""When the next level is offered. Pure: counts and times in, an offer or what is lacking out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from services.trust.levels import Level
from services.vocabulary.durations import format_age


@dataclass(frozen=True, slots=True)
class Criterion:
    """What has to be so before the next level is offered.

    Attributes:
        successes: so many times it was right, at least.
        errors: the share of errors, at most; 0 to 1, exact.
        after: so long at its level, at least.
    """

    successes: int
    errors: Fraction
    after: timedelta


CRITERIA: tuple[Criterion, ...] = (
    Criterion(10, Fraction(20, 100), timedelta(hours=24)),
    Criterion(20, Fraction(10, 100), timedelta(hours=72)),
    Criterion(50, Fraction(5, 100), timedelta(hours=168)),
    Criterion(100, Fraction(2, 100), timedelta(hours=336)),
)
"""From shadow, dry run, assisted and supervised to the next level each."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What counts at one level, since it began.

    Attributes:
        good: how often it was right: a person did the same, agreed and it was done, or it was done.
        bad: how often it was wrong: nobody did the same, a person said no, the other side said no, or it failed.
        waiting: proposals that somebody may still match; until then they count against.
        failed: how many of the bad ones failed, lately, so that two of them demote.
    """

    good: int = 0
    bad: int = 0
    waiting: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All that counts."""
        return self.good + self.bad + self.waiting

    @property
    def errors(self) -> Fraction:
        """The share that counts against, 0 where nothing counts at all."""
        return Fraction(self.bad + self.waiting, self.total) if self.total else Fraction(0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What stands between a level and the next.

    Attributes:
        to: the next level; None where there is none, or none may be reached.
        lacking: what is missing, each half a sentence; empty with ``to`` is an offer.
    """

    to: Level | None
    lacking: tuple[str, ...] = ()

    @property
    def offered(self) -> bool:
        """Whether a person may promote it now."""
        return self.to is not None and not self.lacking


def outlook(
    level: Level,
    tally: Tally,
    held_for: timedelta,
    *,
    criteria: tuple[Criterion, ...] = CRITERIA,
    cap: Level = Level.SELECTIVE_AUTONOMY,
    progressive: bool = True,
) -> Outlook:
    """Whether the next level is offered.

    A proposal that still waits counts against, so that no clock that is set back turns what nobody did into what
    somebody may still do.

    Args:
        level: what was earned so far.
        tally: what counts at it.
        held_for: how long ago the level began, by the clock now; negative where the clock was set back behind that.
        criteria: one for each step up.
        cap: the most that is allowed; nothing above it is offered.
        progressive: whether levels are earned at all.
    """
    to = level.above
    if to is None:
        return Outlook(None, ("it is the highest level",))
    if not progressive:
        return Outlook(None, ("progressive_trust is off",))
    if to > cap:
        return Outlook(None, (f"[sre.trust] cap is {cap.word}",))
    wanted = criteria[level]
    lacking = []
    if tally.good < wanted.successes:
        lacking.append(f"{tally.good} of {wanted.successes} {_GOOD[level]}")
    if tally.errors > wanted.errors:
        lacking.append(f"{percent(tally.errors)} errors, at most {percent(wanted.errors)}")
    if held_for < timedelta(0):
        lacking.append("the clock was set back to before its level began")
    elif held_for < wanted.after:
        lacking.append(f"{format_age(wanted.after - held_for)} more at its level")
    return Outlook(to, tuple(lacking))


def percent(share: Fraction) -> str:
    """A share as people read it, such as ``12.5 %``."""
    return f"{float(share) * 100:.3g} %"


_GOOD = {
    Level.SHADOW: "proposals that a person then did",
    Level.DRY_RUN: "dry runs that a person then did",
    Level.ASSISTED: "writes that a person agreed to and that were done",
    Level.SUPERVISED: "writes that were done",
}
