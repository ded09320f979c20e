"""What the end of a write does to the breakers: count it, open, open everything, heal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.breaker_rows import read_circuits, write_circuit
from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.safety.window import Execution, Thresholds, cooldown, next_trip, tripped
from services.storage.tables import executions

_LOOKED_AT = 1000

_SQLITE, _POSTGRESQL = sqlite.insert(executions), postgresql.insert(executions)
_NOTE_SQLITE = _SQLITE.on_conflict_do_update(index_elements=["intent"], set_={"failed": _SQLITE.excluded.failed})
_NOTE_POSTGRESQL = _POSTGRESQL.on_conflict_do_update(
    index_elements=["intent"], set_={"failed": _POSTGRESQL.excluded.failed}
)


@dataclass(frozen=True, slots=True)
class Ended:
    """One write that ended.

    Attributes:
        source: the system it went to; the scope of its breaker.
        intent: its number.
        failed: True a failure, False a success, None neither: it did not reach the other side, or was refused there.
        actor: who asked.
        command: the line that asked.
        at: when it ended (UTC).
    """

    source: str
    intent: int
    failed: bool | None
    actor: Actor
    command: str
    at: datetime


class Counter:
    """Counts the ends of writes and moves the breakers, each in the transaction that writes the outcome."""

    def __init__(self, audit: Audit, thresholds: Thresholds) -> None:
        self._audit = audit
        self._thresholds = thresholds

    async def count(
        self, connection: AsyncConnection, ended: Ended, every: Sequence[Circuit] = ()
    ) -> tuple[Circuit, ...]:
        """Count one end.

        Args:
            connection: the write transaction.
            ended: the end.
            every: all breakers, where this very transaction has read them; else they are read.

        Returns:
            The breakers that opened or closed by it, as they are now.
        """
        circuits = {circuit.scope: circuit for circuit in every or await read_circuits(connection)}
        moved: dict[str, Circuit] = {}
        if ended.failed is not None:
            await _note(connection, ended)
        for scope, circuit in circuits.items():
            if circuit.probe != ended.intent:
                continue
            after = self._after_probe(circuit, ended)
            await write_circuit(connection, after)
            if ended.failed is False:
                await connection.execute(delete(executions).where(executions.c.scope == scope))
            if after.revision != circuit.revision:
                moved[scope] = after
        own = circuits.get(ended.source, Circuit(scope=ended.source))
        if ended.failed and not own.is_open and (why := await self._why(connection, ended)):
            # A success never opens a breaker, whatever the share of failures before it.
            moved[ended.source] = self._opened(own, why, ended.at)
            await write_circuit(connection, moved[ended.source])
        for after in moved.values():
            await self._audit.append(connection, _record(after, ended.actor, ended.command, ended.intent, ended.at))
        if any(after.is_open and after.scope != GLOBAL for after in moved.values()):
            every = tuple({**circuits, **moved}.values())
            opened = await open_with_two(
                connection,
                self._audit,
                every,
                self._thresholds,
                actor=ended.actor,
                command=ended.command,
                at=ended.at,
            )
            if opened is not None:
                moved[GLOBAL] = opened
        return tuple(moved.values())

    async def _why(self, connection: AsyncConnection, ended: Ended) -> str:
        newest = (
            select(executions.c.at, executions.c.failed)
            .where(executions.c.scope == ended.source)
            .order_by(executions.c.number.desc())
            .limit(_LOOKED_AT)
        )
        rows = (await connection.execute(newest)).all()
        return tripped([Execution(row.at, row.failed) for row in reversed(rows)], ended.at, self._thresholds)

    def _after_probe(self, circuit: Circuit, ended: Ended) -> Circuit:
        if ended.failed is None:
            return replace(circuit, probe=None)
        if ended.failed:
            return self._opened(circuit, f"the probe of {ended.actor.operator} failed", ended.at)
        return Circuit(
            CircuitState.CLOSED,
            circuit.revision + 1,
            changed_at=ended.at,
            reason=f"the probe of {ended.actor.operator} succeeded",
            scope=circuit.scope,
            trips=circuit.trips,
        )

    def _opened(self, before: Circuit, why: str, at: datetime) -> Circuit:
        return opened_by_itself(before, why, at, self._thresholds)


def opened_by_itself(before: Circuit, why: str, at: datetime, thresholds: Thresholds) -> Circuit:
    """``before``, tripped: open until a probe heals it or a person closes it."""
    trips = before.trips + 1 if before.is_open else next_trip(before.trips, before.changed_at, at, thresholds)
    return Circuit(
        CircuitState.OPEN,
        before.revision + 1,
        changed_at=at,
        reason=why,
        scope=before.scope,
        trips=trips,
        retry_at=at + cooldown(trips, thresholds),
    )


async def open_with_two(
    connection: AsyncConnection,
    audit: Audit,
    every: Sequence[Circuit],
    thresholds: Thresholds,
    *,
    actor: Actor,
    command: str,
    at: datetime,
    emergency: bool = False,
) -> Circuit | None:
    """Open the global breaker where a second source has just opened; None where it stays as it is.

    Args:
        connection: the write transaction.
        audit: where it is kept.
        every: all breakers as they are now.
        thresholds: the cooldown.
        actor: whose write or toggle it was.
        command: the line.
        at: the moment (UTC).
        emergency: a person stops what goes on: it is kept whether or not the audit's key is here.
    """
    circuit = next(one for one in every if one.scope == GLOBAL)
    names = sorted(one.scope for one in every if one.scope != GLOBAL and one.is_open)
    if circuit.is_open or len(names) < 2:
        return None
    opened = opened_by_itself(circuit, f"{len(names)} sources are open at once: {', '.join(names)}", at, thresholds)
    await write_circuit(connection, opened)
    await audit.append(connection, _record(opened, actor, command, None, at), emergency=emergency)
    return opened


async def _note(connection: AsyncConnection, ended: Ended) -> None:
    # A write that was put down as unknown and ended after all is counted once, as what it was.
    # Both engines say it alike, each in a dialect of its own.
    note = _NOTE_SQLITE if connection.dialect.name == "sqlite" else _NOTE_POSTGRESQL
    await connection.execute(
        note, {"scope": ended.source, "intent": ended.intent, "at": ended.at, "failed": ended.failed}
    )


def _record(after: Circuit, actor: Actor, command: str, intent: int | None, at: datetime) -> AuditRecord:
    outlook = after.outlook(at)
    return AuditRecord(
        actor=actor,
        command=command,
        action="circuit.trip" if after.is_open else "circuit.heal",
        decision=Decision.ALLOWED,
        rule="breaker",
        outcome="done",
        message=f"{after.name} {after.state.value}, revision {after.revision}: {after.reason}"
        + (f"; {outlook}" if outlook else ""),
        source="" if after.scope == GLOBAL else after.scope,
        intent=intent,
    )
