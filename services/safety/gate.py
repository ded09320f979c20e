"""What stands between a plan and its intent: the gates that the guard asks, one after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from services.safety.actor import Actor
    from services.safety.circuit import Circuit
    from services.safety.outcome import Outcome, Unfinished
    from services.safety.plan import Confirmation, Plan


class Ruling(Enum):
    """What a gate says of a write.

    Allow: nothing against it. Ask: only once a person agreed to it. Try: only as a dry run, nothing may change.
    Refuse: it may not be done.
    """

    ALLOW = "allow"
    ASK = "ask"
    TRY = "try"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a write, as the gates see it.

    Attributes:
        plan: what would be done.
        command: the line that asked.
        actor: who asks, from where.
        at: when (UTC).
        approvals: the numbers of the approvals that the gates before let it pass on.
    """

    plan: Plan
    command: str
    actor: Actor
    at: datetime
    approvals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate decided, and by which rule.

    Attributes:
        ruling: see :class:`Ruling`.
        rule: the rule that decided, for the record, such as ``policy night-freeze``; empty where none had to.
        reason: one sentence for the person (raw); empty for allow.
        hint: what the person can do (raw).
        confirmation: what has to be agreed to, for ask.
        keep: writes what belongs to the refusal, or for ask to the person's no, in the transaction that records it, and
            answers with a further sentence for the person, such as the number of the approval that was asked for.
        approval: the number of the approval that it rests on; None for none.
        waives: whether what the plan itself would ask needs no yes, as long as yes alone were enough for it.
    """

    ruling: Ruling
    rule: str = ""
    reason: str = ""
    hint: str = ""
    confirmation: Confirmation | None = None
    keep: Callable[[AsyncConnection], Awaitable[str]] | None = None
    approval: int | None = None
    waives: bool = False


ALLOWED = Verdict(Ruling.ALLOW)


class Gate(Protocol):
    """One more thing that can stop a write. Asked twice: before anybody is bothered, and with the intent."""

    @property
    def name(self) -> str:
        """How the record names it where it fails: ``policy``, ``trust``."""

    async def consider(self, asked: Asked, connection: AsyncConnection, *, final: bool) -> Verdict:
        """Judge one write. Whatever this raises counts as a refusal that names the gate.

        Args:
            asked: the write.
            connection: a transaction of the store.
            final: whether this is the transaction that writes the intent: now, and only now, an approval is spent.
                Nothing is written before.
        """


@runtime_checkable
class StandaloneGate(Protocol):
    """A gate that can also judge where the store is lost. One that cannot refuses what a person asks for then."""

    @property
    def name(self) -> str:
        """As :attr:`Gate.name`."""

    async def consider_alone(self, asked: Asked) -> Verdict:
        """Judge the write of a person without the store; all but allow is a refusal."""


class Witness(Protocol):
    """Sees the end of every write, and of every dry run, in the transaction that puts it on record."""

    async def witness(
        self,
        asked: Asked,
        outcome: Outcome,
        connection: AsyncConnection,
        *,
        failed: bool | None,
        moved: Sequence[Circuit],
    ) -> None:
        """Write down what follows from one end. Whatever this raises is logged, and nothing of it is kept.

        Args:
            asked: the write.
            outcome: what became of it; without an intent it was tried and not done.
            connection: the write transaction.
            failed: as the breakers count it: True a failure, False a success, None neither.
            moved: the breakers that opened or closed by it.
        """


@runtime_checkable
class LossWitness(Protocol):
    """A witness that also sees what nobody ended: writes that are put down as unknown, and count as failed."""

    async def lost(
        self, lost: Unfinished, actor: Actor, connection: AsyncConnection, *, moved: Sequence[Circuit]
    ) -> None:
        """Write down what follows. Whatever this raises is logged, and nothing of it is kept.

        Args:
            lost: the write.
            actor: who put it down.
            connection: the write transaction.
            moved: the breakers that opened by it.
        """
