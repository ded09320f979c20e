"""The guard: every write to an outside system passes here, whoever asks, and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn, final

from services.safety import journal
from services.safety.actor import Actor, Surface
from services.safety.audit import Audit, AuditRecord, Decision, refusal
from services.safety.breaker import read_circuit
from services.safety.circuit import Circuit
from services.safety.outcome import Outcome, OutcomeStatus, Unfinished
from services.safety.permit import PermitError, WritePermit
from services.safety.plan import Applied, Plan, Risk
from services.storage.engine import Store
from services.vocabulary.clock import Clock
from services.vocabulary.errors import FailureKind, Refused, SourceError, StoreError

PERMIT_LIFE = timedelta(seconds=30)
"""How long after the intent a write may still leave."""

Confirmer = Callable[[Plan], Awaitable[bool]]

_SECRET = object()
# The other side understood, said no and did nothing.
_UNDERSTOOD = (FailureKind.REJECTED, FailureKind.DENIED, FailureKind.CONFIGURATION)

_log = logging.getLogger(__name__)


@final
class IssuedPermit(WritePermit):
    """The only permit there is. Covers one action on one target, once, until it expires."""

    __slots__ = ("_action", "_clock", "_deadline", "_secret", "_spent", "_target", "intent")

    def __init__(self, secret: object, *, action: str, target: str, intent: int, clock: Clock, deadline: float) -> None:
        """Only the guard holds the ``secret``.

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
            raise PermitError(f"the permit of intent {self.intent} has expired")
        self._spent = True

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise PermitError("a permit cannot be copied")


class Guard:
    """Takes a plan through mode, breaker, confirmation, intent and permit, does it, and writes down what came of it."""

    def __init__(self, store: Store, clock: Clock, *, read_only: bool = False) -> None:
        """
        Args:
            store: keeps breaker, intents and audit.
            clock: the time.
            read_only: refuse everything, whoever asks (the wallboard).
        """
        self._store = store
        self._clock = clock
        self._read_only = read_only
        self._audit = Audit(store)
        self._running: set[int] = set()

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        """Do what ``plan`` says, if it may be done.

        Args:
            plan: what to do.
            command: the line that asked, for the record.
            actor: who asks.
            confirm: asks the person where the plan wants it.

        Returns:
            What became of it, failures of the other side included.

        Raises:
            Refused: it may not be done; nothing left. Carries the line that does the same by hand.
            ValueError: the plan contradicts itself: a fault of the program.
        """
        _check(plan)
        if self._read_only:
            raise Refused("this screen only shows: it cannot change anything", equivalent=plan.equivalent)
        if plan.confirmation is not None:
            await self._early_word(plan, command, actor)
            if not await confirm(plan):
                await self._decline(plan, command, actor)
        permit = await self._intend(plan, command, actor)
        self._running.add(permit.intent)
        try:
            return await self._apply(plan, permit, command, actor)
        finally:
            self._running.discard(permit.intent)

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Writes that were begun and have no outcome, by this console's earlier lives or by other consoles.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            return await journal.unfinished(connection, besides=self._running)

    async def settle(self, actor: Actor) -> tuple[Unfinished, ...]:
        """Put down as ``unknown`` every unfinished write that nobody can be at any more (its permit has expired).

        Returns:
            Those that this call put down; another console that asks at the same time gets none of them.

        Raises:
            StoreError: the store cannot be written.
        """
        now = self._clock.now()
        settled = []
        async with self._store.write() as connection:
            for lost in await journal.unfinished(connection, besides=self._running):
                if lost.expires_at > now or not await journal.settle(
                    connection, lost.intent, message=lost.check, at=now
                ):
                    continue
                settled.append(lost)
                await self._audit.append(
                    connection,
                    AuditRecord(
                        actor=actor,
                        command=lost.command,
                        action=lost.action,
                        decision=Decision.ALLOWED,
                        rule="found unfinished",
                        outcome=OutcomeStatus.UNKNOWN.value,
                        message=f"begun by {lost.operator}; {lost.check}",
                        source=lost.source,
                        targets=lost.targets,
                        intent=lost.intent,
                    ),
                )
        return tuple(settled)

    async def _early_word(self, plan: Plan, command: str, actor: Actor) -> None:
        # Nobody should be asked to agree to what will be refused. The word that counts is read with the intent.
        try:
            async with self._store.read() as connection:
                circuit = await read_circuit(connection)
        except StoreError as error:
            raise _unguarded(plan, error) from error
        if circuit.is_open:
            refused = self._refused_by(circuit, plan)
            await self._note(refusal(plan, actor=actor, command=command, rule="breaker", message=refused.message))
            raise refused

    async def _decline(self, plan: Plan, command: str, actor: Actor) -> NoReturn:
        question = plan.confirmation.question if plan.confirmation else ""
        hint = "add --yes to agree" if actor.surface is Surface.EXEC else ""
        if plan.confirmation is not None and plan.confirmation.typed and hint:
            hint = "it has to be typed in the console"
        refused = Refused(f"not confirmed, nothing was done: {question}", hint, equivalent=plan.equivalent)
        await self._note(refusal(plan, actor=actor, command=command, rule="confirmation", message=refused.message))
        raise refused

    async def _intend(self, plan: Plan, command: str, actor: Actor) -> IssuedPermit:
        now, deadline = self._clock.now(), self._clock.monotonic() + PERMIT_LIFE.total_seconds()
        refused: Refused | None = None
        number = 0
        try:
            async with self._store.write() as connection:
                circuit = await read_circuit(connection)
                if circuit.is_open:
                    refused = self._refused_by(circuit, plan)
                    record = refusal(plan, actor=actor, command=command, rule="breaker", message=refused.message)
                    await self._audit.append(connection, record)
                else:
                    number = await journal.begin(
                        connection,
                        plan,
                        actor=actor,
                        command=command,
                        at=now,
                        expires_at=now + PERMIT_LIFE,
                        breaker_revision=circuit.revision,
                    )
        except StoreError as error:
            raise (refused or _unguarded(plan, error)) from error
        if refused is not None:
            raise refused
        return IssuedPermit(
            _SECRET,
            action=plan.action,
            target=plan.targets[0].name,
            intent=number,
            clock=self._clock,
            deadline=deadline,
        )

    async def _apply(self, plan: Plan, permit: IssuedPermit, command: str, actor: Actor) -> Outcome:
        begun = self._clock.monotonic()
        fault: Exception | None = None
        failure = ""
        try:
            applied = await plan.apply(permit)
            if not permit.spent:
                raise PermitError(f"{plan.action} claims to be done and never spent its permit")
            outcome, failure = await self._verified(plan, permit, applied)
        except SourceError as error:
            failure = error.kind.value
            outcome = _failed(permit, error)
        except Exception as error:
            # A fault of the program. What it leaves behind is put down before it goes on its way.
            fault, failure = error, type(error).__name__
            status = OutcomeStatus.UNKNOWN if permit.spent else OutcomeStatus.NOT_SENT
            outcome = Outcome(permit.intent, status, f"the console failed: {type(error).__name__}: {error}")
        # A cancellation (ctrl+c) passes by: the intent stays without outcome and shows as unknown at the next start.
        outcome = await self._finish(
            plan, outcome, failure, command, actor, timedelta(seconds=self._clock.monotonic() - begun)
        )
        if fault is not None:
            raise fault
        return outcome

    async def _verified(self, plan: Plan, permit: IssuedPermit, applied: Applied) -> tuple[Outcome, str]:
        outcome = Outcome(permit.intent, OutcomeStatus.DONE, applied.message, applied.data, applied.undo)
        if plan.verify is None:
            return outcome, ""
        try:
            so = await plan.verify(applied)
        except SourceError as error:
            message = f"accepted, but reading it back failed: {error}; check {plan.source}"
            return replace(outcome, status=OutcomeStatus.UNKNOWN, message=message), error.kind.value
        if so:
            return outcome, ""
        message = f"{plan.source} accepted it, yet it is not so: {applied.message}"
        return replace(outcome, status=OutcomeStatus.FAILED, message=message), "verification"

    async def _finish(
        self, plan: Plan, outcome: Outcome, failure: str, command: str, actor: Actor, duration: timedelta
    ) -> Outcome:
        record = AuditRecord(
            actor=actor,
            command=command,
            action=plan.action,
            decision=Decision.ALLOWED,
            rule="breaker closed" if plan.confirmation is None else "breaker closed, confirmed",
            outcome=outcome.status.value,
            message=outcome.message,
            source=plan.source,
            environment=plan.environment,
            targets=plan.targets,
            duration=duration,
            intent=outcome.intent,
        )
        try:
            async with self._store.write() as connection:
                await journal.finish(connection, outcome, failure=failure, at=self._clock.now())
                await self._audit.append(connection, record)
        except StoreError as error:
            message = f"{outcome.message} (this outcome could not be kept: {error.message})"
            return replace(outcome, message=message, recorded=False)
        return outcome

    async def _note(self, record: AuditRecord) -> None:
        # A refusal stands even where it cannot be kept.
        try:
            await self._audit.record(record)
        except StoreError as error:
            _log.warning("a refusal of %s could not be kept: %s", record.action, error)

    def _refused_by(self, circuit: Circuit, plan: Plan) -> Refused:
        return Refused(
            f"the circuit is open {circuit.since(self._clock.now())}",
            'nothing was sent; /circuit close --reason "…" lets writes through again',
            equivalent=plan.equivalent,
        )


def _check(plan: Plan) -> None:
    if not plan.risk.outside:
        raise ValueError(f"{plan.action} changes nothing outside and has no business with the guard")
    if not plan.targets:
        raise ValueError(f"{plan.action} names no target")
    if plan.risk is Risk.DESTRUCTIVE and (plan.confirmation is None or not plan.confirmation.typed):
        raise ValueError(f"{plan.action} is destructive and asks for no typed confirmation")


def _unguarded(plan: Plan, error: StoreError) -> Refused:
    return Refused(f"nothing was sent, because {error.message}", error.hint, equivalent=plan.equivalent)


def _failed(permit: IssuedPermit, error: SourceError) -> Outcome:
    if not error.sent or not permit.spent:
        return Outcome(permit.intent, OutcomeStatus.NOT_SENT, f"nothing was sent: {error}")
    if error.kind in _UNDERSTOOD:
        return Outcome(permit.intent, OutcomeStatus.FAILED, str(error))
    return Outcome(permit.intent, OutcomeStatus.UNKNOWN, f"it may or may not have happened: {error}; check first")
