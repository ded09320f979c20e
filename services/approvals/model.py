"""What is asked of a second person, and what they said. Light and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.policy.model import Requirement


class ApprovalState(Enum):
    """How a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SPENT = "spent"

    @property
    def is_open(self) -> bool:
        """Whether something can still come of it."""
        return self in (ApprovalState.PENDING, ApprovalState.APPROVED)


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody says they are, and what is known of it. All texts raw.

    Attributes:
        operator: the configured name; claimed.
        os_user: the user of the operating system. host: the machine.
        database_user: whom the database knows; empty where it proves nobody's identity.
    """

    operator: str
    os_user: str
    host: str
    database_user: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's yes or no.

    Attributes:
        at: when (UTC).
        person: who.
        agrees: True for a yes.
        note: what they said to it (raw).
    """

    at: datetime
    person: Person
    agrees: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """One request. All texts raw; times UTC.

    Attributes:
        number: given out by the store, without gaps.
        state: as kept; :meth:`state_at` knows what has expired.
        revision: grows by one with every change.
        requested_at: when. expires_at: from when on nothing comes of it.
        changed_at: the last change. changed_by: whose it was.
        requester: who asks. automation: whether no person stood behind it.
        command: the whole line; it alone can be run.
        action, risk, source, environment: of the plan.
        targets: kind and name of each.
        digest: of all that makes the plan this plan; see :func:`services.approvals.binding.plan_digest`.
        reach: how many things at most it may reach.
        summary, preview, equivalent: of the plan as it was asked for.
        requirements: whose approval is needed.
        votes: in the order in which they were given.
    """

    number: int
    state: ApprovalState
    revision: int
    requested_at: datetime
    expires_at: datetime
    changed_at: datetime
    changed_by: str
    requester: Person
    automation: bool
    command: str
    action: str
    risk: str
    source: str
    environment: str
    targets: tuple[tuple[str, str], ...]
    digest: str
    reach: int
    summary: str
    preview: tuple[str, ...]
    equivalent: str
    requirements: tuple[Requirement, ...]
    votes: tuple[Vote, ...] = ()

    @property
    def id(self) -> str:
        """The number as text."""
        return str(self.number)

    def state_at(self, now: datetime) -> ApprovalState:
        """How it stands at ``now``: what nobody used in time has expired, whether that was written down or not."""
        if self.state.is_open and now >= self.expires_at:
            return ApprovalState.EXPIRED
        return self.state

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still missing, one half sentence a policy."""
        return missing(self.requirements, self.votes)

    @property
    def proven(self) -> bool:
        """Whether the database proves that everybody who said yes is somebody else than whoever asked."""
        yes = [vote.person.database_user for vote in self.votes if vote.agrees]
        return bool(self.requester.database_user) and all(yes)


def counts(vote: Vote, requirement: Requirement) -> bool:
    """Whether a vote is a yes of somebody whose yes is wanted."""
    person = vote.person
    names = {person.operator, *((f"db:{person.database_user}",) if person.database_user else ())}
    return vote.agrees and (not requirement.approvers or bool(names & set(requirement.approvers)))


def missing(requirements: Iterable[Requirement], votes: Sequence[Vote]) -> tuple[str, ...]:
    """What ``votes`` leave open of ``requirements``; empty where they are enough."""
    out = []
    for requirement in requirements:
        people = {vote.person.operator for vote in votes if counts(vote, requirement)}
        lacking = requirement.count - len(people)
        if lacking > 0:
            who = f" of {', '.join(requirement.approvers)}" if requirement.approvers else ""
            out.append(f"{lacking} more approval{'s' if lacking > 1 else ''}{who} for policy {requirement.policy}")
    return tuple(out)


def same_person(one: Person, other: Person) -> str:
    """Why ``one`` and ``other`` count as one person; empty where they do not.

    Operators are claimed. Where the database knows both, its users must differ as well.
    """
    if one.operator == other.operator:
        return f"both are operator {one.operator}"
    if one.database_user and one.database_user == other.database_user:
        return f"both are the database user {one.database_user}"
    return ""
