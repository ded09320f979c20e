"""The rows in which the breakers are kept.

Whoever writes holds the store's only write transaction, so nobody toggles a breaker beside an intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.audit import AuditHead
from services.safety.audit_check import CHAIN
from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.storage.chain import storable
from services.storage.tables import breakers, chain_heads
from services.vocabulary.errors import StoreError

# Put together once: each write to an outside system asks it three times.
_STANDING = select(
    breakers, chain_heads.c.sequence.label("last"), chain_heads.c.hash, chain_heads.c.key_id
).select_from(breakers.outerjoin(chain_heads, chain_heads.c.name == CHAIN))
_STANDING_OF = _STANDING.where(breakers.c.scope.in_(bindparam("scopes", expanding=True)))


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
    return _understood((await connection.execute(query)).all(), scopes)


async def read_standing(connection: AsyncConnection, *scopes: str) -> tuple[tuple[Circuit, ...], AuditHead | None]:
    """What stands between a write and its record, in one question: the breakers, and the last entry of the audit.

    Args:
        connection: the transaction.
        scopes: as for :func:`read_circuits`.

    Returns:
        The breakers, and the last entry; None where the note of it is lost.

    Raises:
        StoreError: as :func:`read_circuits`.
    """
    asked = await (
        connection.execute(_STANDING_OF, {"scopes": (GLOBAL, *scopes)}) if scopes else connection.execute(_STANDING)
    )
    rows = asked.all()
    head = None if not rows or rows[0].last is None else AuditHead(rows[0].last, rows[0].hash, rows[0].key_id)
    return _understood(rows, scopes), head


def _understood(rows: Sequence[Row[Any]], scopes: Sequence[str]) -> tuple[Circuit, ...]:
    kept = {row.scope: _circuit(row) for row in rows}
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
