"""Writes whose end nobody wrote down: found again, told, and put down as unknown."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety import journal
from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.circuit import Circuit
from services.safety.gate import LossWitness
from services.safety.outcome import OutcomeStatus, Unfinished
from services.safety.tripping import Counter, Ended
from services.storage.engine import Store

_log = logging.getLogger(__name__)


class Settler:
    """Puts down as unknown what nobody ended. Each counts as a failure for the breaker of its source."""

    def __init__(self, store: Store, audit: Audit, counter: Counter, witnesses: Sequence[LossWitness] = ()) -> None:
        self._store = store
        self._audit = audit
        self._counter = counter
        self._witnesses = tuple(witnesses)

    async def settle(self, actor: Actor, *, besides: Collection[int]) -> tuple[Unfinished, ...]:
        """Put down as ``unknown`` every unfinished write that nobody is at any more: it has missed its heartbeats.

        Args:
            actor: who puts it down.
            besides: the intents that this console is at.

        Returns:
            Those that this call put down; another console that asks at the same time gets none of them.

        Raises:
            StoreError: the store cannot be written.
        """
        now = self._store.clock.now()
        async with self._store.read() as connection:
            if not any(lost.expires_at <= now for lost in await journal.unfinished(connection, besides=besides)):
                return ()
        async with self._store.write() as connection:
            settled = [
                lost
                for lost in await journal.unfinished(connection, besides=besides)
                if lost.expires_at <= now and await self._put_down(connection, lost, actor, "found unfinished")
            ]
        return tuple(settled)

    async def leave(self, actor: Actor, intents: Collection[int]) -> tuple[Unfinished, ...]:
        """Put down as ``unknown`` what this console itself was at and cannot wait for.

        Raises:
            StoreError: the store cannot be written.
        """
        async with self._store.write() as connection:
            left = [
                lost
                for lost in await journal.unfinished(connection, besides=())
                if lost.intent in intents and await self._put_down(connection, lost, actor, "left unfinished")
            ]
        return tuple(left)

    async def _put_down(self, connection: AsyncConnection, lost: Unfinished, actor: Actor, rule: str) -> bool:
        now = self._store.clock.now()
        if not await journal.settle(connection, lost.intent, message=lost.check, at=now):
            return False
        record = AuditRecord(
            actor=actor,
            command=lost.command,
            action=lost.action,
            decision=Decision.ALLOWED,
            rule=rule,
            outcome=OutcomeStatus.UNKNOWN.value,
            message=f"begun by {lost.operator}; {lost.check}",
            source=lost.source,
            targets=lost.targets,
            intent=lost.intent,
        )
        await self._audit.append(connection, record)
        ended = Ended(lost.source, lost.intent, True, actor, lost.command, now)
        moved = await self._counter.count(connection, ended)
        for witness in self._witnesses:
            await _told(witness, lost, actor, connection, moved)
        return True


async def _told(
    witness: LossWitness, lost: Unfinished, actor: Actor, connection: AsyncConnection, moved: Sequence[Circuit]
) -> None:
    try:
        async with connection.begin_nested():
            await witness.lost(lost, actor, connection, moved=moved)
    except Exception:
        _log.exception("what follows from the loss of intent %s could not be written down", lost.intent)
