"""Writes down what automation proposes, tries and does, what people do, and every change of a level.

Everything here happens in somebody else's transaction: that of a refusal, of an outcome, of a vote, of a command.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.storage.chain import storable
from services.storage.engine import Store
from services.storage.tables import trust_changes, trust_evidence, trust_levels
from services.trust.act import Act
from services.trust.demotion import Cause
from services.trust.levels import Level
from services.trust.model import Held, Scope, TrustRules
from services.trust.promotion import Tally
from services.trust.rows import (
    BAD,
    GOOD,
    OPEN,
    last_period,
    newest,
    read_held,
    read_tally,
    within,
)
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_duration

_log = logging.getLogger(__name__)


class _Open(NamedTuple):
    number: int
    at: datetime
    form: str


class Ledger:
    """The book of trust. Holds no state of its own."""

    def __init__(self, store: Store, clock: Clock, rules: TrustRules) -> None:
        """
        Args:
            store: takes secrets out of what is kept; its audit gets every change.
            clock: the time.
            rules: windows and levels.
        """
        self._store = store
        self._clock = clock
        self._rules = rules
        self._audit = Audit(store)

    async def held(self, connection: AsyncConnection, scope: Scope) -> Held:
        """What is kept of ``scope``."""
        return await read_held(connection, scope)

    async def tally(self, connection: AsyncConnection, held: Held) -> Tally:
        """What counts for and against ``held`` now."""
        since = self._clock.now() - self._rules.failure_window
        return await read_tally(connection, held, failures_since=since)

    async def propose(self, connection: AsyncConnection, act: Act, level: Level, *, form: str, message: str) -> str:
        """Note what automation would have done, for a person to do the same; once as long as it waits.

        Args:
            connection: the transaction.
            act: what it asked for.
            level: the level in force.
            form: ``proposal`` or ``dry run``.
            message: what the dry run said; empty for a proposal.

        Returns:
            One sentence for whoever asked.
        """
        held, now = await self._begun(connection, await self.held(connection, act.scope)), self._clock.now()
        window = format_duration(self._rules.match_window)
        for row in await self._open(connection, act):
            if within(self._rules.match_window, row.at, now):
                return f"{row.form} {row.number} of the same waits already for a person to do it"
            await self._settle(connection, row.number, BAD, "nobody did it in time")
        number = await self._insert(connection, held, act, level, state=OPEN, form=form, message=message)
        return f"noted as {form} {number}, which counts if a person does the same within {window}"

    async def note(
        self,
        connection: AsyncConnection,
        act: Act,
        level: Level,
        *,
        state: str,
        form: str,
        message: str,
        intent: int | None = None,
    ) -> Held:
        """Note whether automation was right; a write that ended before as unknown is corrected, not counted twice.

        Args:
            connection: the transaction.
            act: what it asked for.
            level: the level in force.
            state: ``good``, ``bad`` or ``failed``.
            form: ``write``, ``dry run`` or ``approval``.
            message: what became of it.
            intent: the number of the write; None where nothing was to leave.

        Returns:
            What is kept of its scope.
        """
        held = await self._begun(connection, await self.held(connection, act.scope))
        if intent is not None:
            values = {"state": state, "message": self._kept(message), "settled_at": self._clock.now()}
            own = trust_evidence.c.intent == intent
            if (await connection.execute(update(trust_evidence).where(own).values(**values))).rowcount:
                return held
        await self._insert(connection, held, act, level, state=state, form=form, message=message, intent=intent)
        return held

    async def match(self, connection: AsyncConnection, act: Act) -> bool:
        """A person did ``act``: the oldest proposal of the same that still waits was right.

        The same is the same kind of action on exactly the same targets, done after it was proposed and within the
        window. One act is an answer to one proposal.
        """
        now = self._clock.now()
        for row in await self._open(connection, act):
            if within(self._rules.match_window, row.at, now):
                await self._settle(connection, row.number, GOOD, act.operator)
                return True
        return False

    async def took_back(self, connection: AsyncConnection, intent: int, by: str) -> bool:
        """A person took back what automation had done: within the window that says that it had been wrong.

        Later it says nothing: what was right then may well be over.

        Args:
            connection: the transaction.
            intent: the number of the write that was taken back.
            by: who took it back (raw).
        """
        query = select(trust_evidence.c.number, trust_evidence.c.at).where(
            trust_evidence.c.intent == intent, trust_evidence.c.state == GOOD
        )
        row = (await connection.execute(query)).one_or_none()
        if row is None or not within(self._rules.match_window, row.at, self._clock.now()):
            return False
        await self._settle(connection, row.number, BAD, by)
        return True

    async def move(
        self,
        connection: AsyncConnection,
        held: Held,
        to: Level,
        cause: Cause,
        *,
        actor: Actor,
        reason: str,
        command: str,
        intent: int | None = None,
    ) -> Held:
        """Change a level, begin a new period, and put that into the history and the audit.

        Args:
            connection: the transaction.
            held: what is kept; where that cannot be read it is replaced.
            to: the new level.
            cause: why, as a kind.
            actor: who changes it, or whose write does.
            reason: why, in words.
            command: the line.
            intent: the write behind it.
        """
        scope, at = held.scope, await self._moment(connection, held)
        period = max(held.period, await last_period(connection, scope)) + 1
        own = (trust_levels.c.kind == scope.kind) & (trust_levels.c.environment == scope.environment)
        await connection.execute(delete(trust_levels).where(own))
        await connection.execute(
            insert(trust_levels).values(
                kind=scope.kind, environment=scope.environment, level=int(to), period=period, since=at
            )
        )
        await connection.execute(
            insert(trust_changes).values(
                at=at,
                kind=scope.kind,
                environment=scope.environment,
                before=int(held.level),
                after=int(to),
                cause=cause.value,
                operator=storable(actor.operator),
                os_user=storable(actor.os_user),
                host=storable(actor.host),
                database_user=storable(actor.database_user),
                reason=self._kept(reason),
                intent=intent,
            )
        )
        up = cause is Cause.PROMOTED
        await self._audit.append(
            connection,
            AuditRecord(
                actor=actor,
                command=command,
                action="trust.promote" if up else "trust.demote",
                decision=Decision.ALLOWED,
                rule=cause.value,
                outcome=to.word,
                message=f"{scope}: from {held.level.word} to {to.word}: {reason}",
                environment=scope.environment,
                intent=intent,
            ),
        )
        _log.log(
            logging.INFO if up else logging.WARNING,
            "trust in %s went from %s to %s: %s",
            scope,
            held.level.word,
            to.word,
            cause.value,
        )
        return Held(scope, to, period, at)

    async def _begun(self, connection: AsyncConnection, held: Held) -> Held:
        """``held``, with a row of its own where it had none: the time at shadow runs from the first proposal on."""
        if held.period or held.problem:
            return held
        at = await self._moment(connection, held)
        await connection.execute(
            insert(trust_levels).values(
                kind=held.scope.kind, environment=held.scope.environment, level=int(held.level), period=1, since=at
            )
        )
        return Held(held.scope, held.level, 1, at)

    async def _moment(self, connection: AsyncConnection, held: Held) -> datetime:
        """Now, and never before what is written down already: a clock that was set back makes nothing look older."""
        known = (self._clock.now(), await newest(connection, held.scope), held.since)
        return max(one for one in known if one is not None)

    async def _open(self, connection: AsyncConnection, act: Act) -> list[_Open]:
        query = (
            select(trust_evidence.c.number, trust_evidence.c.at, trust_evidence.c.form)
            .where(
                trust_evidence.c.kind == act.scope.kind,
                trust_evidence.c.environment == act.scope.environment,
                trust_evidence.c.state == OPEN,
                trust_evidence.c.digest == act.digest,
            )
            .order_by(trust_evidence.c.number)
        )
        return [_Open(row.number, row.at, row.form) for row in (await connection.execute(query)).all()]

    async def _settle(self, connection: AsyncConnection, number: int, state: str, by: str) -> None:
        values = {"state": state, "settled_at": self._clock.now(), "settled_by": storable(by)}
        await connection.execute(update(trust_evidence).where(trust_evidence.c.number == number).values(**values))

    async def _insert(
        self,
        connection: AsyncConnection,
        held: Held,
        act: Act,
        level: Level,
        *,
        state: str,
        form: str,
        message: str,
        intent: int | None = None,
    ) -> int:
        result = await connection.execute(
            insert(trust_evidence).values(
                at=await self._moment(connection, held),
                kind=held.scope.kind,
                environment=held.scope.environment,
                period=held.period,
                level=int(level),
                state=state,
                form=form,
                source=storable(act.source),
                operator=storable(act.operator),
                command=self._kept(act.command),
                digest=act.digest,
                message=self._kept(message),
                intent=intent,
                settled_at=None if state == OPEN else self._clock.now(),
                settled_by="",
            )
        )
        key = result.inserted_primary_key
        if key is None:
            raise AssertionError("an insert answers with its key")
        return int(key[0])

    def _kept(self, text: str) -> str:
        return storable(self._store.redact(text))
