"""The rows in which the breakers are kept.

Whoever writes holds the store's only write transaction, so nobody toggles a breaker beside an intent.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.storage.chain import storable
from services.storage.tables import breakers
from services.vocabulary.errors import StoreError


async def read_circuits(connection: AsyncConnection, *scopes: str) -> tuple[Circuit, ...]:
    """The global breaker, then those of sources, as the transaction of ``connection`` sees them.

    Args:
        connection: the transaction.
        scopes: the sources, each answered even where it was never touched and is closed; without any, every source
            whose breaker was ever touched, by name.

    Raises:
        StoreError: a record is gone or is not one this program knows; nobody may take that for closed.
    """
    query = select(breakers)
    if scopes:
        query = query.where(breakers.c.scope.in_((GLOBAL, *scopes)))
    kept = {row.scope: _circuit(row) for row in await connection.execute(query)}
    circuit = kept.pop(GLOBAL, None)
    if circuit is None:
        raise StoreError("the store holds no circuit breaker any more", "restore the store from a copy")
    names = dict.fromkeys(scopes or sorted(kept))
    return circuit, *(kept.get(name, Circuit(scope=name)) for name in names if name != GLOBAL)


async def write_circuit(connection: AsyncConnection, circuit: Circuit) -> None:
    """Keep ``circuit`` in the write transaction of ``connection``."""
    values = {
        "state": circuit.state.value,
        "revision": circuit.revision,
        "changed_by": storable(circuit.changed_by),
        "changed_at": circuit.changed_at,
        "reason": storable(circuit.reason),
        "manual": circuit.manual,
        "trips": circuit.trips,
        "retry_at": circuit.retry_at,
        "probe": circuit.probe,
    }
    changed = await connection.execute(update(breakers).where(breakers.c.scope == circuit.scope).values(**values))
    if changed.rowcount == 0:
        await connection.execute(insert(breakers).values(scope=circuit.scope, **values))


def _circuit(row: Row[Any]) -> Circuit:
    try:
        state = CircuitState(row.state)
    except ValueError:
        raise StoreError(
            f"the circuit breaker is in a state this console does not know: {row.state}", "update the console"
        ) from None
    return Circuit(
        state,
        row.revision,
        row.changed_by,
        row.changed_at,
        row.reason,
        row.manual,
        row.scope,
        row.trips,
        row.retry_at,
        row.probe,
    )
