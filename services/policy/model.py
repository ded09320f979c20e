"""What a policy says. Light and frozen; evaluated in :mod:`services.policy.evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import Enum

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Effect(Enum):
    """What a policy does to a write that it covers."""

    BLOCK = "block"
    REQUIRE_APPROVAL = "require-approval"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which writes a policy covers: all conditions that are given must hold, each by any of its patterns.

    An empty condition holds for everything. Patterns are those of :mod:`services.policy.patterns`.

    Attributes:
        actions: kinds of write, such as ``alertmanager.silence.create``.
        commands: names of slash commands, without the slash.
        risks: ``write`` or ``destructive``.
        sources: the systems written to, such as ``alertmanager prod``.
        environments: of the plan or any of its targets.
        namespaces: any that the plan touches; a plan that cannot tell counts as touching them.
        surfaces: where it was asked from.
        automation: True covers automation alone, False people alone, None both.
    """

    actions: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    automation: bool | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A time that comes back every week, on the wall clock.

    Attributes:
        days: on which days it begins, 0 for Monday.
        start: when it begins.
        end: when it ends: the next day where that is not after ``start``; the same time is a whole day later.
    """

    days: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time that comes once.

    Attributes:
        starts: its first moment (UTC).
        ends: the first moment after it (UTC).
        reason: why (raw); may be empty.
    """

    starts: datetime
    ends: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """When a policy is active: always where nothing is given, else whenever any of the parts says so.

    Attributes:
        zone: IANA name; where the wall clock of the windows hangs.
        during: active inside any of these.
        outside: active outside all of these, where there are any.
        freezes: active inside any of these.
    """

    zone: str = "UTC"
    during: tuple[Window, ...] = ()
    outside: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a write may reach before the policy takes effect; None for no such limit.

    Attributes:
        targets: so many things at most.
        percent: such a part of all there are at most, 0 to 100. Where nobody knows how many there are, the limit
            counts as exceeded.
    """

    targets: int | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """Whose approval a write needs.

    Attributes:
        policy: the policy that wants it.
        count: so many different people, the requester never among them.
        approvers: the operators who count, or database users written ``db:name``; empty for anybody.
    """

    policy: str
    count: int = 1
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule.

    Attributes:
        name: unique.
        effect: what it does.
        reason: why there is such a rule, for whoever meets it (raw); may be empty.
        enabled: False takes it out of force.
        scope: which writes it covers.
        hours: when.
        limits: from which size on.
        count: how many people must approve. approvers: who; empty for anybody. Both for an approval alone.
        problems: why it cannot be read; it then blocks whatever the readable part of its scope may cover.
    """

    name: str
    effect: Effect = Effect.BLOCK
    reason: str = ""
    enabled: bool = True
    scope: Scope = Scope()
    hours: Hours = Hours()
    limits: Limits = Limits()
    count: int = 1
    approvers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def requirement(self) -> Requirement:
        """What it asks for where it requires an approval."""
        return Requirement(self.name, self.count, self.approvers)


class Standing(Enum):
    """How a policy stands to one write."""

    OFF = "switched off"
    ELSEWHERE = "does not apply"
    IDLE = "not active now"
    WITHIN = "within its limits"
    BLOCKS = "blocks"
    WANTS_APPROVAL = "requires approval"
    UNREADABLE = "cannot be evaluated, so it blocks"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of holding one policy against one write.

    Attributes:
        policy: its name.
        standing: see :class:`Standing`.
        words: why, in half a sentence (raw).
    """

    policy: str
    standing: Standing
    words: str


class Answer(Enum):
    """What all policies together say of one write."""

    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs approval"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What the policies say of one write, and by which of them.

    Attributes:
        answer: see :class:`Answer`.
        rule: the policy that decided, as the record names it: ``policy night``; empty where none had to.
        reason: one sentence (raw); empty where it is allowed.
        findings: every policy that was looked at, in the order of the configuration.
        requirements: the approvals that it needs, one for each policy that wants some.
    """

    answer: Answer
    rule: str = ""
    reason: str = ""
    findings: tuple[Finding, ...] = field(default=())
    requirements: tuple[Requirement, ...] = field(default=())
