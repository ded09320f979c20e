"""Break glass: how a person may go on while the store is lost, and what is kept of it until the store is back."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor, Surface
from services.safety.applying import apply
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.circuit import GLOBAL
from services.safety.gate import Asked, Gate, Ruling, StandaloneGate
from services.safety.glass_journal import GlassJournal, JournalError, Kept, Written
from services.safety.issuing import PERMIT_LIFE, IssuedPermit, permit_without_store
from services.safety.last_known import LastKnown, LastKnownError, moment
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.plan import BreakGlass, Plan, Target
from services.storage.engine import Store
from services.storage.tables import audit
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Refused, SourceError, StoreLost

Confirmer = Callable[[Plan], Awaitable[bool]]

RULE = "break-glass"
"""What the audit names as the rule of a write without the store."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Going:
    """One write that goes out without the store.

    Attributes:
        asked: the write.
        permit: for it.
        entry: its number in the journal.
    """

    asked: Asked
    permit: IssuedPermit
    entry: int


class Emergency:
    """Lets a person write without the store, one typed target at a time, and never against a last-known open.

    Whoever is no person at a console is refused, and so is everybody where it is not known that no person had opened
    a breaker. Policies of the configuration hold as ever; what they want approved cannot be.
    """

    def __init__(self, last_known: LastKnown, journal: GlassJournal, clock: Clock, gates: Sequence[Gate]) -> None:
        """
        Args:
            last_known: what is known of the store's breakers.
            journal: where every such write is kept.
            clock: the time.
            gates: those of the guard; one that cannot judge without the store refuses.
        """
        self._last_known = last_known
        self._journal = journal
        self._clock = clock
        self._gates = tuple(gates)

    async def begin(
        self, asked: Asked, lost: StoreLost, confirm: Confirmer, look: Callable[[], Awaitable[object]]
    ) -> Going:
        """Ask the person, put the intent into the journal, and make the permit.

        Args:
            asked: the write.
            lost: what is wrong with the store.
            confirm: asks; is handed the plan with a :class:`~services.safety.plan.BreakGlass`.
            look: asks the store once more.

        Raises:
            Refused: they do not go on, or may not; or the store is back; or nothing can be kept.
            StoreError: the store is back, and refuses.
        """
        reason = await self._agree(asked, lost, confirm)
        try:
            await look()
        except StoreLost as still:
            lost = still
        else:
            raise Refused("the store is back: nothing was sent", "ask again", equivalent=asked.plan.equivalent)
        if asked.plan.prepare is not None:
            try:
                await asked.plan.prepare()
            except SourceError as error:
                self._no(asked, lost, str(error))
        # Time has passed since the person was asked; another console of this machine may have seen a breaker open.
        await self._permitted(asked, lost)
        now = self._clock.now()
        deadline = self._clock.monotonic() + PERMIT_LIFE.total_seconds()
        try:
            entry = await asyncio.to_thread(
                self._journal.begin,
                asked.plan,
                actor=asked.actor,
                command=asked.command,
                reason=reason,
                why=lost.message,
                at=now,
                expires_at=now + PERMIT_LIFE,
            )
        except JournalError as error:
            self._no(asked, lost, f"{lost.message}; and {error}")
        return Going(asked, permit_without_store(asked.plan, entry, self._clock, deadline), entry)

    async def go(self, going: Going) -> Outcome:
        """Do it, and put the outcome into the journal. A cancellation leaves the intent without outcome."""
        begun = self._clock.monotonic()
        ending = await apply(going.asked.plan, going.permit)
        took = timedelta(seconds=self._clock.monotonic() - begun)
        outcome = replace(ending.outcome, intent=None)
        try:
            await asyncio.to_thread(self._journal.finish, going.entry, outcome, took=took, at=self._clock.now())
            kept = "kept on this machine until the store is back"
        except JournalError as error:
            outcome = replace(outcome, recorded=False)
            kept = f"this outcome could not be kept: {error}"
        if ending.fault is not None:
            raise ending.fault
        return replace(outcome, message=f"{outcome.message} ({kept})")

    async def bring(self, store: Store, actor: Actor) -> int:
        """Take into the audit of ``store`` what the journal holds; each once, whoever else asks at the same time.

        Args:
            store: the one that was lost; it is back.
            actor: who brings it.

        Returns:
            How many writes were taken in.

        Raises:
            StoreError: the store cannot be read or written.
        """
        try:
            kept = await asyncio.to_thread(self._journal.read)
            now = self._clock.now()
            due = [one for one in kept.waiting if one.outcome is not None or one.expires_at <= now]
            if not due and not kept.problem:
                return 0
            async with store.write() as connection:
                taken = [one for one in due if await _take(connection, Audit(store), one)]
                if kept.problem:
                    await Audit(store).append(connection, _broken(kept, self._journal, actor))
            if kept.problem:
                aside = await asyncio.to_thread(self._journal.set_aside, now)
                _log.error("the journal of what was written without the store is broken; it lies in %s", aside)
            else:
                await asyncio.to_thread(self._journal.taken, [one.hash for one in due], now)
        except JournalError as error:
            # What was not noted as taken is found in the audit next time.
            _log.warning("what was written without the store is not all taken in: %s", error)
            return 0
        for one in taken:
            _log.warning("taken into the audit: %s of %s, written without the store", one.intent["action"], one.at)
        return len(taken)

    async def _agree(self, asked: Asked, lost: StoreLost, confirm: Confirmer) -> str:
        known = await self._permitted(asked, lost)
        reasons: list[str] = []
        word = typed_word(asked.plan)
        question = f"{lost.message}. Nobody can tell whether a breaker was opened since. {known}"
        agreed = BreakGlass(question, word, person=True, explain=reasons.append)
        if not await confirm(replace(asked.plan, confirmation=agreed)):
            hint = lost.hint
            if asked.actor.surface is Surface.EXEC:
                typed = shlex.quote(word)
                hint += f'; a person may go on all the same: --break-glass --reason "…" --confirm {typed}'
            raise Refused(f"nothing was sent: {lost.message}", hint, equivalent=asked.plan.equivalent) from lost
        if not any(reason.strip() for reason in reasons):
            self._no(asked, lost, f"going on without the store needs a reason; {lost.message}")
        return reasons[-1].strip()

    async def _permitted(self, asked: Asked, lost: StoreLost) -> str:
        if asked.actor.automation or asked.actor.surface not in (Surface.CONSOLE, Surface.EXEC):
            self._no(asked, lost, f"automation never goes on without the store; {lost.message}")
        try:
            if not self._last_known.knows():
                self._no(
                    asked,
                    lost,
                    f"{lost.message}; this machine never saw it, so nobody can tell whether the circuit is open",
                )
            opened, noted = self._last_known.opened(), self._last_known.noted_at()
        except LastKnownError as error:
            self._no(asked, lost, f"{lost.message}; and nobody can tell whether the circuit is open: {error}")
        for one in opened:
            if one.manual and one.scope in (GLOBAL, asked.plan.source):
                self._no(asked, lost, f"as last known, {one.told}; {lost.message}")
        for gate in self._gates:
            await self._judged(gate, asked, lost)
        if not opened:
            return f"As last known (noted {moment(noted)}), no breaker was open"
        return f"As last known (noted {moment(noted)}), {'; '.join(one.told for one in opened)}"

    async def _judged(self, gate: Gate, asked: Asked, lost: StoreLost) -> None:
        if not isinstance(gate, StandaloneGate):
            self._no(asked, lost, f"{gate.name} cannot judge without the store; {lost.message}")
        try:
            verdict = await gate.consider_alone(asked)
        except Exception as error:
            _log.exception("%s could not judge %s", gate.name, asked.plan.action)
            self._no(asked, lost, f"{gate.name} could not be evaluated: {str(error) or type(error).__name__}")
        if verdict.ruling is not Ruling.ALLOW:
            self._no(asked, lost, f"{verdict.reason or verdict.rule}; {lost.message}")

    def _no(self, asked: Asked, lost: StoreLost, reason: str) -> NoReturn:
        raise Refused(f"nothing was sent: {reason}", lost.hint, equivalent=asked.plan.equivalent) from lost


def typed_word(plan: Plan) -> str:
    """What a person types to go on without the store."""
    word = plan.confirmation.typed if plan.confirmation is not None else ""
    return word or plan.targets[0].name


async def _take(connection: AsyncConnection, into: Audit, one: Written) -> bool:
    mark = f"journal {one.hash[:16]}"
    there = select(audit.c.sequence).where(audit.c.rule == RULE, audit.c.message.contains(mark, autoescape=True))
    if (await connection.execute(there.limit(1))).first() is not None:
        return False
    intent, outcome = one.intent, one.outcome
    targets = tuple(Target(**target) for target in intent["targets"])
    names = ", ".join(f"{target.kind} {target.name}" for target in targets)
    check = f"unknown, check: {intent['action']} on {intent['source']}, {names}"
    said = check if outcome is None else outcome["message"]
    await into.append(
        connection,
        AuditRecord(
            actor=Actor(intent["operator"], intent["os_user"], intent["host"], Surface(intent["surface"])),
            command=intent["command"],
            action=intent["action"],
            decision=Decision.ALLOWED,
            rule=RULE,
            outcome=OutcomeStatus.UNKNOWN.value if outcome is None else outcome["status"],
            message=f"{said}; begun {moment(one.at)} without the store ({intent['why']}), "
            f"because {intent['reason']}; {mark}",
            source=intent["source"],
            environment=intent["environment"],
            targets=targets,
            duration=None if outcome is None else timedelta(milliseconds=outcome["duration_ms"]),
        ),
    )
    return True


def _broken(kept: Kept, journal: GlassJournal, actor: Actor) -> AuditRecord:
    return AuditRecord(
        actor=actor,
        command="",
        action="break-glass.journal",
        decision=Decision.ALLOWED,
        rule=RULE,
        outcome=OutcomeStatus.UNKNOWN.value,
        message=f"the journal {journal.path} of {actor.host} is broken: {kept.problem}; {kept.entries} entries before "
        "it are whole, and what comes behind them is not known",
    )
