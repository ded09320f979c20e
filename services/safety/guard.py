"""The guard: every write to an outside system passes here, whoever asks, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety import journal
from services.safety.actor import Actor, Surface
from services.safety.applying import Ending, apply
from services.safety.audit import Audit, AuditRecord, Decision, refusal
from services.safety.breaker_rows import read_standing
from services.safety.circuit import Circuit
from services.safety.emergency import Emergency
from services.safety.gate import Asked, Gate, LossWitness, Ruling, Verdict, Witness
from services.safety.glass_journal import GlassJournal
from services.safety.heartbeat import Heartbeat
from services.safety.issuing import PERMIT_LIFE, IssuedPermit, Issuer
from services.safety.judging import Denied, Judgement, Keep, judge, passage, to_agree, with_confirmation
from services.safety.last_known import LastKnown
from services.safety.outcome import Outcome, OutcomeStatus, Unfinished
from services.safety.plan import Confirmation, Plan, Risk
from services.safety.settling import Settler
from services.safety.tripping import Counter, Ended
from services.safety.window import Thresholds
from services.safety.witnessing import put_on_record
from services.storage.engine import Store
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Refused, SourceError, StoreError, StoreLost

__all__ = ["PATIENCE", "PERMIT_LIFE", "Confirmer", "Guard"]

Confirmer = Callable[[Plan], Awaitable[bool]]

PATIENCE = 15.0
"""Seconds that a console which is left waits for the writes that are on their way."""

_log = logging.getLogger(__name__)


class Guard:
    """The road of every write: mode, breaker, gates, confirmation, intent and permit, doing it, verification, outcome.

    Nothing leaves before its intent is in the store, and the transaction that writes the intent has read the breaker
    and asked every gate.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        read_only: bool = False,
        gates: Sequence[Gate] = (),
        witnesses: Sequence[Witness] = (),
        thresholds: Thresholds | None = None,
        last_known: LastKnown | None = None,
        journal: GlassJournal | None = None,
    ) -> None:
        """
        Args:
            store: keeps breaker, intents and audit.
            clock: the time.
            read_only: refuse everything, whoever asks (the wallboard).
            gates: what else can stop a write, in the order in which they are asked.
            witnesses: who is told of every end, in the transaction that puts it on record.
            thresholds: what the breakers endure; the default ones without.
            last_known: what is known of the breakers where the store is lost.
            journal: keeps what a person writes then; without these two nobody writes.
        """
        self._store = store
        self._clock = clock
        self._read_only = read_only
        self._gates = tuple(gates)
        self._audit = Audit(store)
        self._witnesses = tuple(witnesses)
        self._thresholds = thresholds or Thresholds()
        self._last_known = last_known
        self._emergency = Emergency(last_known, journal, clock, self._gates) if last_known and journal else None
        self._issuer = Issuer(store, clock, self._gates, self._thresholds, last_known)
        self._heartbeat = Heartbeat(store, clock)
        self._counter = Counter(self._audit, self._thresholds)
        losses = [one for one in self._witnesses if isinstance(one, LossWitness)]
        self._settler = Settler(store, self._audit, self._counter, losses)
        self._running: set[int] = set()
        self._writes: set[asyncio.Task[Outcome]] = set()

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        """Do what ``plan`` says, if it may be done.

        Args:
            plan: what to do.
            command: the line that asked, for the record.
            actor: who asks.
            confirm: asks the person where the plan or a gate wants it; it is handed the plan with all that has to be
                agreed to.

        Returns:
            What became of it, failures of the other side included.

        Raises:
            Refused: it may not be done; nothing left. Carries the line that does the same by hand.
            ValueError: the plan contradicts itself: a fault of the program.
        """
        _check(plan)
        if self._read_only:
            raise Refused("this screen only shows: it cannot change anything", equivalent=plan.equivalent)
        asked = Asked(plan, command, self._audit.known(actor), self._clock.now())
        try:
            judgement = await self._early_word(asked)
        except StoreLost as lost:
            return await self._without_store(asked, lost, confirm)
        if judgement.stopped is not None and judgement.stopped.ruling is Ruling.TRY:
            return await self._try(asked, judgement.stopped)
        agreed = to_agree(plan, judgement.asks, waived=judgement.waived)
        if agreed is not None and not await confirm(with_confirmation(plan, agreed)):
            raise await self._decline(asked, agreed, judgement.keeps)
        if plan.prepare is not None:
            try:
                await plan.prepare()
            except SourceError as error:
                return await self._unready(asked, error)
        asked = replace(asked, actor=self._audit.known(actor), at=self._clock.now())
        permit, judgement = await self._intend(asked, agreed)
        self._running.add(permit.intent)
        return await self._on_its_way(self._do(asked, permit, _rule(judgement, agreed)), command)

    @property
    def under_way(self) -> tuple[str, ...]:
        """The commands whose writes are on their way now (raw)."""
        return tuple(sorted(write.get_name() for write in self._writes))

    async def drain(
        self, actor: Actor, patience: float = PATIENCE, hurry: asyncio.Event | None = None
    ) -> tuple[Unfinished, ...]:
        """Wait for the writes that are on their way; to be called before the sources and the store are closed.

        Whoever cancels this leaves them on their way.

        Args:
            actor: who leaves.
            patience: seconds to wait for all of them together.
            hurry: ends the waiting when it is set.

        Returns:
            Those that did not end in time. They are put down as unknown.
        """
        if not self._writes:
            return ()
        late = await _ended(set(self._writes), patience, hurry or asyncio.Event())
        left = set(self._running)
        for write in late:
            write.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if not left:
            return ()
        try:
            return await self._settler.leave(self._audit.known(actor), left)
        except StoreError as error:
            _log.warning("what was left unfinished could not be put down: %s", error)
            return ()

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Writes that were begun and have no outcome, by this console's earlier lives or by other consoles.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            return await journal.unfinished(connection, besides=self._running)

    async def settle(self, actor: Actor) -> tuple[Unfinished, ...]:
        """Put down as ``unknown`` every unfinished write that nobody is at any more: it has missed its heartbeats.

        Returns:
            Those that this call put down; another console that asks at the same time gets none of them.

        Raises:
            StoreError: the store cannot be written.
        """
        await self.bring(actor)
        return await self._settler.settle(actor, besides=self._running)

    async def bring(self, actor: Actor) -> None:
        """Take into the audit what a person wrote while the store was lost.

        Raises:
            StoreError: the store cannot be read or written.
        """
        if self._emergency is not None:
            await self._emergency.bring(self._store, self._audit.known(actor))

    async def _early_word(self, asked: Asked) -> Judgement:
        # Nobody should be asked to agree to what will be refused. The word that counts is read with the intent.
        try:
            async with self._store.read() as connection:
                circuits, head = await read_standing(connection, asked.plan.source)
                self._audit.require(head)
                if self._last_known is not None:
                    self._last_known.check(circuits, self._store.name)
                way = passage(circuits, asked, self._thresholds)
                if way.stopped is not None:
                    judgement = Judgement(way.stopped)
                else:
                    judgement = await judge(self._gates, asked, connection, final=False)
                    judgement = replace(judgement, asks=(*way.asks, *judgement.asks))
        except StoreLost:
            raise
        except StoreError as error:
            raise _unguarded(asked.plan, error) from error
        if judgement.stopped is not None and judgement.stopped.ruling is Ruling.REFUSE:
            raise await self._refuse(asked, judgement.stopped)
        return judgement

    async def _without_store(self, asked: Asked, lost: StoreLost, confirm: Confirmer) -> Outcome:
        if self._emergency is None:
            raise _unguarded(asked.plan, lost) from lost
        going = await self._emergency.begin(asked, lost, confirm, partial(self._early_word, asked))
        return await self._on_its_way(self._emergency.go(going), asked.command)

    async def _on_its_way(self, work: Coroutine[Any, Any, Outcome], command: str) -> Outcome:
        # Whoever asked may be cancelled, as the console is left; what is on its way goes on.
        write = asyncio.create_task(work, name=command)
        self._writes.add(write)
        write.add_done_callback(self._over)
        return await asyncio.shield(write)

    async def _intend(self, asked: Asked, agreed: Confirmation | None) -> tuple[IssuedPermit, Judgement]:
        try:
            return await self._issuer.issue(asked, agreed)
        except Denied as denied:
            verdict = denied.verdict
        except StoreError as error:
            raise _unguarded(asked.plan, error) from error
        if verdict.ruling is Ruling.TRY:
            verdict = replace(verdict, reason=f"only a dry run is allowed by now: {verdict.reason or verdict.rule}")
        raise await self._refuse(asked, verdict)

    async def _refuse(self, asked: Asked, verdict: Verdict) -> Refused:
        record = refusal(
            asked.plan, actor=asked.actor, command=asked.command, rule=verdict.rule, message=verdict.reason
        )
        reason = verdict.reason
        # A refusal stands even where it cannot be kept.
        try:
            async with self._store.write() as connection:
                more = await verdict.keep(connection) if verdict.keep is not None else ""
                reason = f"{reason}; {more}" if more else reason
                await self._audit.append(connection, replace(record, message=reason))
        except StoreError as error:
            _log.warning("a refusal of %s could not be kept: %s", record.action, error)
            if verdict.keep is not None:
                reason = f"{verdict.reason}; it could not be written down: {error.message}"
        return Refused(reason, verdict.hint, equivalent=asked.plan.equivalent, recorded=True)

    async def _decline(self, asked: Asked, agreed: Confirmation, keeps: Sequence[Keep]) -> Refused:
        hint = ""
        if asked.actor.automation:
            hint = "a person has to agree: run it without --automation" if agreed.person or agreed.typed else ""
        if asked.actor.surface is Surface.EXEC and not hint:
            hint = _typing(agreed.typed) if agreed.typed else "add --yes to agree"
        reason = f"not confirmed, nothing was done: {agreed.question}"
        verdict = Verdict(Ruling.REFUSE, rule="confirmation", reason=reason, hint=hint)
        return await self._refuse(asked, replace(verdict, keep=partial(_every, keeps) if keeps else None))

    async def _try(self, asked: Asked, verdict: Verdict) -> Outcome:
        plan, failure = asked.plan, ""
        if plan.dry_run is None:
            said = f"{plan.summary} ({plan.source} knows no dry run: nothing was sent)"
        else:
            try:
                said = await plan.dry_run()
            except SourceError as error:
                said, failure = f"the dry run failed: {error}", error.kind.value
        status = OutcomeStatus.NOT_SENT if failure else OutcomeStatus.TRIED
        reason = f"; {verdict.reason}" if verdict.reason else ""
        data = {"dry_run": failure or ("done" if plan.dry_run is not None else "none")}
        outcome = Outcome(None, status, f"only tried, nothing was changed: {said}{reason}", data)
        return await self._noted(asked, outcome, verdict.rule or "dry run", self._witnesses)

    async def _unready(self, asked: Asked, error: SourceError) -> Outcome:
        said = str(error)
        message = said if said.startswith("nothing was sent") else f"nothing was sent: {said}"
        return await self._noted(asked, Outcome(None, OutcomeStatus.NOT_SENT, message), "not ready")

    async def _noted(self, asked: Asked, outcome: Outcome, rule: str, witnesses: Sequence[Witness] = ()) -> Outcome:
        async def note(connection: AsyncConnection) -> Sequence[Circuit]:
            await self._audit.append(connection, _record(asked, outcome, rule))
            return ()

        try:
            await put_on_record(self._store, note, witnesses, asked, Ending(outcome))
        except StoreError as error:
            return replace(outcome, message=f"{outcome.message} (this could not be kept: {error.message})")
        return outcome

    def _over(self, write: asyncio.Task[Outcome]) -> None:
        self._writes.discard(write)
        if not write.cancelled() and (error := write.exception()) is not None:
            _log.debug("a write ended with %s", type(error).__name__)  # whoever still waits for it is told

    async def _do(self, asked: Asked, permit: IssuedPermit, rule: str) -> Outcome:
        begun = self._clock.monotonic()
        try:
            # A cancellation passes by: the intent stays without outcome, and is put down as unknown.
            async with self._heartbeat.beating(permit.intent):
                ending = await apply(asked.plan, permit)
            took = timedelta(seconds=self._clock.monotonic() - begun)
            outcome = await self._finish(asked, permit, ending, rule, took)
        finally:
            self._running.discard(permit.intent)
        if ending.fault is not None:
            # A fault of the program. What it leaves behind was put down before it goes on its way.
            raise ending.fault
        return outcome

    async def _finish(
        self, asked: Asked, permit: IssuedPermit, ending: Ending, rule: str, duration: timedelta
    ) -> Outcome:
        outcome = ending.outcome
        record = replace(_record(asked, outcome, rule), duration=duration)

        async def finish(connection: AsyncConnection) -> Sequence[Circuit]:
            now = self._clock.now()
            circuits, head = await read_standing(connection)
            await journal.finish(connection, outcome, failure=ending.failure, at=now)
            await self._audit.append(connection, record, head=head)
            ended = Ended(asked.plan.source, permit.intent, ending.counts, asked.actor, asked.command, now)
            return await self._counter.count(connection, ended, circuits)

        try:
            await put_on_record(self._store, finish, self._witnesses, asked, ending)
        except StoreError as error:
            message = f"{outcome.message} (this outcome could not be kept: {error.message})"
            return replace(outcome, message=message, recorded=False)
        return outcome


async def _ended(
    writes: set[asyncio.Task[Outcome]], patience: float, hurry: asyncio.Event
) -> set[asyncio.Task[Outcome]]:
    hurried = asyncio.ensure_future(hurry.wait())
    together = asyncio.ensure_future(asyncio.wait(writes))
    try:
        await asyncio.wait((together, hurried), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hurried.cancel()
        together.cancel()
    return {write for write in writes if not write.done()}


async def _every(keeps: Sequence[Keep], connection: AsyncConnection) -> str:
    return "; ".join([said for keep in keeps if (said := await keep(connection))])


def _record(asked: Asked, outcome: Outcome, rule: str) -> AuditRecord:
    plan = asked.plan
    return AuditRecord(
        actor=asked.actor,
        command=asked.command,
        action=plan.action,
        decision=Decision.ALLOWED,
        rule=rule,
        outcome=outcome.status.value,
        message=outcome.message,
        source=plan.source,
        environment=plan.environment,
        targets=plan.targets,
        intent=outcome.intent,
        undo=outcome.undo,
        undoes=plan.undoes,
    )


def _typing(word: str) -> str:
    return f"type it in the console, or add --confirm {shlex.quote(word)}"


def _rule(judgement: Judgement, agreed: Confirmation | None) -> str:
    return ", ".join(
        (
            *(() if "probe" in judgement.rules else ("breaker closed",)),
            *judgement.rules,
            *(("confirmed",) if agreed is not None else ()),
        )
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
