"""What is known of the trust in automation. Light and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.safety.actor import Surface
from services.trust.levels import InForce, Level, in_force, mode_cap
from services.trust.promotion import CRITERIA, Criterion, Outlook, Tally


@dataclass(frozen=True, slots=True)
class TrustRules:
    """What this console's configuration says of trust.

    Attributes:
        progressive: whether levels are earned; without, all automation is assisted and nothing is offered.
        cap: the most that any automation is allowed.
        match_window: how long after a proposal a person may do the same for it to count as right.
        failure_window: how far back a failure counts towards the two that demote.
        criteria: what each step up needs, from shadow on.
    """

    progressive: bool = True
    cap: Level = Level.SELECTIVE_AUTONOMY
    match_window: timedelta = timedelta(minutes=30)
    failure_window: timedelta = timedelta(days=7)
    criteria: tuple[Criterion, ...] = CRITERIA

    def in_force(self, scoped: Level, surface: Surface = Surface.EXEC) -> InForce:
        """Which level counts where ``scoped`` was earned."""
        return in_force(scoped, cap=self.cap, mode=mode_cap(surface), progressive=self.progressive)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What trust is keyed by. Both raw.

    Attributes:
        kind: of action, such as ``alertmanager.silence.create``.
        environment: where.
    """

    kind: str
    environment: str

    def __str__(self) -> str:
        return f"{self.kind} in {self.environment}"


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of one scope.

    Attributes:
        scope: which.
        level: what was earned; shadow where nothing is kept, or what is kept cannot be read.
        period: grows by one with every change; evidence counts within one. 0 where nothing is kept.
        since: when the level began (UTC); None where nothing is kept.
        problem: why what is kept cannot be read (one sentence); empty where it can.
    """

    scope: Scope
    level: Level = Level.SHADOW
    period: int = 0
    since: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one scope stands now.

    Attributes:
        held: what is kept.
        in_force: the level that counts, and what holds it.
        tally: what counts towards the next level.
        outlook: what the next level lacks.
    """

    held: Held
    in_force: InForce
    tally: Tally
    outlook: Outlook

    @property
    def scope(self) -> Scope:
        """Which."""
        return self.held.scope


@dataclass(frozen=True, slots=True)
class TrustStatus:
    """How all of it stands.

    Attributes:
        rules: of this console's configuration.
        at: when it was read (UTC).
        standings: every scope that automation ever asked for, by kind and environment.
    """

    rules: TrustRules
    at: datetime
    standings: tuple[Standing, ...]

    @property
    def offers(self) -> tuple[Standing, ...]:
        """Those that a person may promote now."""
        return tuple(one for one in self.standings if one.outlook.offered)


@dataclass(frozen=True, slots=True)
class TrustChange:
    """One promotion or demotion. Texts raw; times UTC.

    Attributes:
        number: grows by one.
        at: when.
        scope: of what.
        before: as kept, shadow where that could not be read. after: likewise.
        cause: see :class:`services.trust.demotion.Cause`.
        operator, os_user, host, database_user: who changed it, or whose write did.
        reason: why.
        intent: the write behind it; None where there is none.
    """

    number: int
    at: datetime
    scope: Scope
    before: Level
    after: Level
    cause: str
    operator: str
    os_user: str
    host: str
    database_user: str
    reason: str
    intent: int | None = None
