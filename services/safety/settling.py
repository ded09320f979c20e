"""Writes whose end nobody wrote down: found again, told, and put down as unknown."""

from __future__ import annotations

from collections.abc import Collection

from services.safety import journal
from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.outcome import OutcomeStatus, Unfinished
from services.storage.engine import Store


async def settle(store: Store, audit: Audit, actor: Actor, *, besides: Collection[int]) -> tuple[Unfinished, ...]:
    """Put down as ``unknown`` every unfinished write that nobody can be at any more: its permit has expired.

    Args:
        store: where the intents are.
        audit: where it is kept.
        actor: who puts it down.
        besides: the intents that this console is at.

    Returns:
        Those that this call put down; another console that asks at the same time gets none of them.

    Raises:
        StoreError: the store cannot be written.
    """
    now = store.clock.now()
    async with store.read() as connection:
        if not any(lost.expires_at <= now for lost in await journal.unfinished(connection, besides=besides)):
            return ()
    settled = []
    async with store.write() as connection:
        for lost in await journal.unfinished(connection, besides=besides):
            if lost.expires_at > now or not await journal.settle(connection, lost.intent, message=lost.check, at=now):
                continue
            settled.append(lost)
            await audit.append(connection, _record(lost, actor))
    return tuple(settled)


def _record(lost: Unfinished, actor: Actor) -> AuditRecord:
    return AuditRecord(
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
    )
