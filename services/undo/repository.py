"""Writes that were done, read for those who want to take one back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.outcome import OutcomeStatus
from services.storage.chain import storable
from services.storage.engine import Store
from services.storage.tables import audit, intents
from services.undo.model import Reversal, Write
from services.vocabulary.errors import NotFound
from services.vocabulary.redaction import HIDDEN

_LOOKED_AT = 100


class Recorded(Enum):
    """How a recipe in the store compares with the audit."""

    SAME = "same"
    DIFFERENT = "different"
    UNCLEAR = "unclear"


class UndoRepository:
    """Reads writes and what took them back."""

    def __init__(self, store: Store) -> None:
        """
        Args:
            store: where intents and audit are.
        """
        self._store = store
        self.seen: tuple[Write, ...] = ()
        """The writes that were last listed, for completion."""

    async def list(self, limit: int, *, operator: str = "") -> tuple[Write, ...]:
        """The newest writes, the newest first.

        Args:
            limit: how many at most.
            operator: only those of this one; empty for everybody's.

        Raises:
            StoreError: the store cannot be read.
        """
        query = select(intents).order_by(intents.c.number.desc()).limit(limit)
        if operator:
            query = query.where(intents.c.operator == storable(operator))
        async with self._store.read() as connection:
            self.seen = await _writes(connection, query)
        return self.seen

    async def get(self, number: int) -> Write:
        """One write.

        Raises:
            NotFound: there is none of that number.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            found = await _writes(connection, select(intents).where(intents.c.number == number))
        if not found:
            raise NotFound(f"there is no write {number}", "/undo lists the newest")
        return found[0]

    async def last_of(self, actor: Actor) -> Write:
        """The newest write of ``actor`` that can be taken back and did not take one back itself.

        Raises:
            NotFound: none of the newest hundred can.
            StoreError: the store cannot be read.
        """
        query = select(intents).where(intents.c.operator == storable(actor.operator))
        user = self._store.database_user
        if user:
            # Where the database proves who somebody is, the same name is not enough.
            query = query.where(intents.c.database_user == storable(user))
        async with self._store.read() as connection:
            found = await _writes(connection, query.order_by(intents.c.number.desc()).limit(_LOOKED_AT))
        for write in found:
            if write.undoes is None and not write.obstacle:
                return write
        raise NotFound("none of your writes can be taken back", "/undo list says why not")

    async def recorded(self, write: Write) -> Recorded:
        """Whether the recipe of ``write`` is the one that the audit, whose hashes protect it, has.

        The audit took the secrets out that were known then. Others may be known now: both are looked at without
        either, and where a secret was taken out that nobody knows any more, nothing is said against anybody.

        Raises:
            StoreError: the store cannot be read.
        """
        query = select(audit.c.undo).where(audit.c.intent == write.number, audit.c.undo != "")
        async with self._store.read() as connection:
            kept = (await connection.execute(query.order_by(audit.c.sequence))).scalars().all()
        redacted = self._store.redact
        if [redacted(one) for one in kept] == [storable(redacted(write.recipe))]:
            return Recorded.SAME
        return Recorded.UNCLEAR if any(HIDDEN in one for one in kept) else Recorded.DIFFERENT


async def reversals_of(connection: AsyncConnection, numbers: Iterable[int]) -> dict[int, tuple[Reversal, ...]]:
    """Number of a write -> what took it back, or was to, the oldest first."""
    query = (
        select(intents.c.number, intents.c.operator, intents.c.status, intents.c.undoes)
        .where(intents.c.undoes.in_(list(numbers)))
        .order_by(intents.c.number)
    )
    found: dict[int, tuple[Reversal, ...]] = {}
    for row in (await connection.execute(query)).all():
        one = Reversal(row.number, row.operator, None if row.status is None else OutcomeStatus(row.status))
        found[row.undoes] = (*found.get(row.undoes, ()), one)
    return found


async def _writes(connection: AsyncConnection, query: Select[Any]) -> tuple[Write, ...]:
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    reversals = await reversals_of(connection, [row.number for row in rows])
    return tuple([_write(row, reversals.get(row.number, ())) for row in rows])


def _write(row: Row[Any], reversals: tuple[Reversal, ...]) -> Write:
    return Write(
        number=row.number,
        at=row.at,
        operator=row.operator,
        database_user=row.database_user,
        command=row.command,
        action=row.action,
        source=row.source,
        environment=row.environment,
        targets=tuple(target["name"] for target in row.targets),
        status=None if row.status is None else OutcomeStatus(row.status),
        recipe=row.undo or "",
        undoes=row.undoes,
        reversals=reversals,
    )
