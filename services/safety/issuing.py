"""The one transaction that reads the breaker, asks the gates, writes the intent, and then issues the permit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn, final

from services.safety import journal
from services.safety.audit import Audit
from services.safety.breaker_rows import read_standing, write_circuit
from services.safety.gate import Asked, Gate
from services.safety.judging import Denied, Judgement, judge, own_question, passage, unasked
from services.safety.last_known import LastKnown
from services.safety.permit import PermitError, PermitExpired, WritePermit
from services.safety.plan import Confirmation, Plan
from services.safety.window import Thresholds
from services.storage.engine import Store
from services.vocabulary.clock import Clock

PERMIT_LIFE = timedelta(seconds=30)
"""How long after the intent a write may still leave."""

_SECRET = object()


@final
class IssuedPermit(WritePermit):
    """The only permit there is. Covers one action on one target, once, until it expires."""

    __slots__ = ("_action", "_clock", "_deadline", "_secret", "_spent", "_target", "intent")

    def __init__(self, secret: object, *, action: str, target: str, intent: int, clock: Clock, deadline: float) -> None:
        """Only this module holds the ``secret``.

        Args:
            secret: proof that the guard calls.
            action: what it covers.
            target: the raw name of what it covers.
            intent: the number of the intent behind it.
            clock: tells when it expires.
            deadline: that moment on the clock's monotonic scale, in seconds.

        Raises:
            PermitError: somebody else calls.
        """
        if secret is not _SECRET:
            raise PermitError("only the guard makes permits")
        self._secret = secret
        self._action = action
        self._target = target
        self._clock = clock
        self._deadline = deadline
        self._spent = False
        self.intent = intent

    @property
    def spent(self) -> bool:
        """Whether it was used."""
        return self._spent

    def spend(self, action: str, target: str) -> None:
        if getattr(self, "_secret", None) is not _SECRET:
            raise PermitError("this permit was not made by the guard")
        if self._spent:
            raise PermitError(f"the permit of intent {self.intent} was spent before")
        if action != self._action:
            raise PermitError(f"the permit of intent {self.intent} covers {self._action}, not {action}")
        if target != self._target:
            raise PermitError(f"the permit of intent {self.intent} covers another target")
        if self._clock.monotonic() >= self._deadline:
            raise PermitExpired(f"the permit of intent {self.intent} has expired")
        self._spent = True

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise PermitError("a permit cannot be copied")


def permit_without_store(plan: Plan, entry: int, clock: Clock, deadline: float) -> IssuedPermit:
    """A permit for what :mod:`services.safety.emergency` has put into its journal. Nobody else asks for one.

    Args:
        plan: what it covers.
        entry: the number of the intent in the journal.
        clock: tells when it expires.
        deadline: that moment on the clock's monotonic scale, in seconds.
    """
    return IssuedPermit(
        _SECRET, action=plan.action, target=plan.targets[0].name, intent=entry, clock=clock, deadline=deadline
    )


class Issuer:
    """Issues permits, each together with its intent. Nothing but the guard holds one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        gates: Sequence[Gate],
        thresholds: Thresholds,
        last_known: LastKnown | None = None,
    ) -> None:
        self._store = store
        self._last_known = last_known
        self._clock = clock
        self._gates = tuple(gates)
        self._thresholds = thresholds
        self._audit = Audit(store)

    async def issue(self, asked: Asked, agreed: Confirmation | None) -> tuple[IssuedPermit, Judgement]:
        """Write the intent of ``asked`` and issue its permit, if nothing speaks against it now.

        Args:
            asked: the write.
            agreed: what the person agreed to; None where nobody was asked.

        Raises:
            Denied: it may not be done; of the transaction nothing was kept.
            StoreError: the store cannot be read or written.
        """
        plan, now = asked.plan, asked.at
        deadline = self._clock.monotonic() + PERMIT_LIFE.total_seconds()
        async with self._store.write() as connection:
            # What cannot be put on record is not done.
            circuits, head = await read_standing(connection, plan.source)
            self._audit.require(head)
            if self._last_known is not None:
                self._last_known.check(circuits, self._store.name)
            way = passage(circuits, asked, self._thresholds)
            if way.stopped is not None:
                raise Denied(way.stopped)
            judgement = await judge(self._gates, asked, connection, final=True)
            if judgement.stopped is not None:
                raise Denied(judgement.stopped)
            own = own_question(plan, waived=judgement.waived)
            if surprise := unasked((*own, *way.asks, *judgement.asks), agreed):
                raise Denied(surprise)
            number = await journal.begin(
                connection,
                plan,
                actor=asked.actor,
                command=asked.command,
                at=now,
                expires_at=now + PERMIT_LIFE,
                breaker_revision=circuits[0].revision,
            )
            for circuit in way.probing:
                await write_circuit(connection, replace(circuit, probe=number))
            if way.probing:
                judgement = replace(judgement, rules=("probe", *judgement.rules))
        permit = IssuedPermit(
            _SECRET,
            action=plan.action,
            target=plan.targets[0].name,
            intent=number,
            clock=self._clock,
            deadline=deadline,
        )
        return permit, judgement
