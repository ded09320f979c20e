"""Intents: what is written down before a write leaves, so that its end is never silently unknown."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit import plain_targets
from services.safety.outcome import Outcome, OutcomeStatus, Unfinished
from services.safety.plan import Plan, Risk, Target
from services.storage.chain import storable
from services.storage.tables import intents

# Put together once: each write to an outside system passes here.
_BEGIN = insert(intents)
_FINISH = update(intents).where(intents.c.number == bindparam("intent"))


async def begin(
    connection: AsyncConnection,
    plan: Plan,
    *,
    actor: Actor,
    command: str,
    at: datetime,
    expires_at: datetime,
    breaker_revision: int,
) -> int:
    """Write an intent in the transaction of ``connection``.

    Returns:
        Its number.
    """
    result = await connection.execute(
        _BEGIN,
        {
            "at": at,
            "expires_at": expires_at,
            "operator": storable(actor.operator),
            "os_user": storable(actor.os_user),
            "host": storable(actor.host),
            "surface": actor.surface.value,
            "database_user": storable(actor.database_user),
            "automation": actor.automation,
            "command": storable(command),
            "action": plan.action,
            "risk": plan.risk.value,
            "source": storable(plan.source),
            "environment": storable(plan.environment),
            "targets": plain_targets(plan.targets),
            "equivalent": storable(plan.equivalent),
            "breaker_revision": breaker_revision,
            "undoes": plan.undoes,
        },
    )
    key = result.inserted_primary_key
    if key is None:
        raise AssertionError("an insert answers with its key")
    return int(key[0])


async def finish(connection: AsyncConnection, outcome: Outcome, *, failure: str, at: datetime) -> None:
    """Write the outcome of an intent in the transaction of ``connection``.

    Args:
        connection: the transaction.
        outcome: what became of it.
        failure: why it failed, as a kind; empty where it did not.
        at: now.
    """
    await connection.execute(
        _FINISH,
        {
            "intent": outcome.intent,
            "status": outcome.status.value,
            "failure": failure,
            "message": storable(outcome.message),
            "undo": storable(outcome.undo),
            "finished_at": at,
        },
    )


async def prolong(connection: AsyncConnection, intent: int, *, until: datetime) -> None:
    """Say in the transaction of ``connection`` that the write of an intent is on its way yet."""
    await connection.execute(
        update(intents).where(intents.c.number == intent, intents.c.status.is_(None)).values(expires_at=until)
    )


async def settle(connection: AsyncConnection, intent: int, *, message: str, at: datetime) -> bool:
    """Write ``unknown`` as the outcome of an intent that has none.

    Returns:
        False where somebody wrote an outcome meanwhile.
    """
    result = await connection.execute(
        update(intents)
        .where(intents.c.number == intent, intents.c.status.is_(None))
        .values(status=OutcomeStatus.UNKNOWN.value, failure="interrupted", message=message, undo="", finished_at=at)
    )
    return result.rowcount == 1


async def unfinished(connection: AsyncConnection, *, besides: Collection[int]) -> tuple[Unfinished, ...]:
    """Every intent without outcome, the oldest first, but for those numbered in ``besides``."""
    query = select(intents).where(intents.c.status.is_(None)).order_by(intents.c.number)
    return tuple(
        Unfinished(
            intent=row.number,
            at=row.at,
            expires_at=row.expires_at,
            operator=row.operator,
            command=row.command,
            action=row.action,
            source=row.source,
            targets=tuple(Target(**target) for target in row.targets),
            equivalent=row.equivalent,
            environment=row.environment,
            destructive=row.risk != Risk.WRITE.value,
            automation=row.automation,
        )
        for row in (await connection.execute(query)).all()
        if row.number not in besides
    )
