"""The circuit breaker: one durable switch that stops every write to outside systems, on every console of the store."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.circuit import Circuit, CircuitState
from services.storage.chain import storable
from services.storage.changes import Changes
from services.storage.engine import Store
from services.storage.tables import breakers
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, Refused, StoreError

_SCOPE = "global"


class Breaker:
    """Reads and moves the breaker. It is never satisfied by memory: every answer comes from the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Nothing is read before the first call."""
        self._store = store
        self._clock = clock
        self._audit = Audit(store)

    async def read(self) -> Circuit:
        """The state now.

        Raises:
            StoreError: the store cannot be read; nobody may take that for closed.
        """
        async with self._store.read() as connection:
            return await read_circuit(connection)

    def changes(self) -> Changes[Circuit]:
        """One circuit a reading, for a poller; reads again only when somebody wrote to the store."""

        async def read() -> tuple[Circuit, ...]:
            return (await self.read(),)

        return Changes(self._store, read)

    async def open(
        self, actor: Actor, reason: str = "", *, seen: int | None = None, command: str = "/circuit open"
    ) -> Circuit:
        """Refuse every write from now on. Opening an open breaker changes nothing.

        Args:
            actor: who.
            reason: why; may be empty, because seconds count.
            seen: the revision that the person looked at; None opens it whatever it was.
            command: the line that asked, for the audit.

        Returns:
            The state that is now in the store.

        Raises:
            Conflict: somebody toggled it after the revision ``seen``.
            StoreError: it could not be kept; nothing changed.
        """
        return await self._move(CircuitState.OPEN, actor, reason, seen, command)

    async def close(
        self, actor: Actor, reason: str, *, seen: int | None = None, command: str = "/circuit close"
    ) -> Circuit:
        """Let writes through again. Closing a closed breaker changes nothing.

        Args:
            actor: who.
            reason: why it is safe again; not blank.
            seen: the revision that the person looked at; None closes it whatever it was.
            command: the line that asked, for the audit.

        Returns:
            The state that is now in the store.

        Raises:
            Refused: no reason given.
            Conflict: somebody toggled it after the revision ``seen``.
            StoreError: it could not be kept; nothing changed.
        """
        if not reason.strip():
            raise Refused("closing the circuit needs a reason", 'write /circuit close --reason "…"')
        return await self._move(CircuitState.CLOSED, actor, reason, seen, command)

    async def _move(self, to: CircuitState, actor: Actor, reason: str, seen: int | None, command: str) -> Circuit:
        reason = storable(reason.strip())
        async with self._store.write() as connection:
            before = await read_circuit(connection, for_update=True)
            if seen is not None and seen != before.revision:
                raise Conflict(
                    f"somebody toggled the circuit meanwhile: it is {before.state.value} "
                    f"{before.since(self._clock.now())}",
                    "nothing was changed; look at it, then ask again",
                )
            if before.state is to:
                return before
            after = Circuit(to, before.revision + 1, storable(actor.operator), self._clock.now(), reason, manual=True)
            await connection.execute(
                update(breakers)
                .where(breakers.c.scope == _SCOPE)
                .values(
                    state=to.value,
                    revision=after.revision,
                    changed_by=after.changed_by,
                    changed_at=after.changed_at,
                    reason=reason,
                    manual=True,
                )
            )
            await self._audit.append(
                connection,
                AuditRecord(
                    actor=actor,
                    command=command,
                    action=f"circuit.{'open' if to is CircuitState.OPEN else 'close'}",
                    decision=Decision.ALLOWED,
                    rule="always allowed",
                    outcome="done",
                    message=f"circuit {to.value}, revision {after.revision}" + (f": {reason}" if reason else ""),
                ),
            )
        return after


async def read_circuit(connection: AsyncConnection, *, for_update: bool = False) -> Circuit:
    """The breaker as the transaction of ``connection`` sees it.

    Args:
        connection: the transaction.
        for_update: whether nobody may toggle it until the transaction ends (engines that lock rows).

    Raises:
        StoreError: the record is gone or is not one this program knows; nobody may take that for closed.
    """
    query = select(breakers).where(breakers.c.scope == _SCOPE).with_for_update(read=not for_update)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise StoreError("the store holds no circuit breaker any more", "restore the store from a copy")
    try:
        state = CircuitState(row.state)
    except ValueError:
        raise StoreError(
            f"the circuit breaker is in a state this console does not know: {row.state}", "update the console"
        ) from None
    return Circuit(state, row.revision, row.changed_by, row.changed_at, row.reason, row.manual)
