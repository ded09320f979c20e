"""The audit: who asked for what, what was decided, what came of it. Append-only and hash-chained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.plan import Plan, Target
from services.storage.chain import Verification, Verifier, digest, storable
from services.storage.engine import Store
from services.storage.tables import audit, chain_heads

_CHAIN = "audit"
_BATCH = 1000


class Decision(Enum):
    """What the console decided."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """What is to be kept of one decision. All texts raw.

    Attributes:
        actor: who asked, from where.
        command: the line that asked, or the key's equivalent.
        action: the kind of write, such as ``alertmanager.silence.create`` or ``circuit.open``.
        decision: what was decided.
        rule: what decided, such as ``breaker`` or ``confirmation``.
        outcome: what came of it, in a word; empty for a refusal.
        message: the sentence that the person saw.
        source: the system it went to; empty for the console's own records.
        environment: where it lives.
        targets: what it was to change.
        duration: from intent to outcome.
        intent: the number of the intent, where one was written.
    """

    actor: Actor
    command: str
    action: str
    decision: Decision
    rule: str
    outcome: str
    message: str
    source: str = ""
    environment: str = ""
    targets: tuple[Target, ...] = ()
    duration: timedelta | None = None
    intent: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One kept record, as it stands in the chain. All texts raw; times UTC; duration in milliseconds."""

    sequence: int
    at: datetime
    operator: str
    os_user: str
    host: str
    surface: str
    command: str
    action: str
    source: str
    environment: str
    targets: tuple[Mapping[str, str], ...]
    decision: str
    rule: str
    outcome: str
    message: str
    duration_ms: int | None
    intent: int | None
    previous: str
    hash: str


class Audit:
    """Appends to the audit, lists and checks it. Nothing here changes or removes an entry."""

    def __init__(self, store: Store) -> None:
        """Nothing is read before the first call."""
        self._store = store

    async def append(self, connection: AsyncConnection, record: AuditRecord) -> int:
        """Add ``record`` in the transaction of ``connection``; kept or dropped with it. Secrets are taken out of it.

        Returns:
            Its number in the chain.
        """
        head = (
            await connection.execute(
                select(chain_heads.c.sequence, chain_heads.c.hash).where(chain_heads.c.name == _CHAIN).with_for_update()
            )
        ).one()
        sequence = head.sequence + 1
        values = {**_values(record, self._store.redact), "sequence": sequence, "at": self._store.clock.now()}
        own = digest(head.hash, values)
        await connection.execute(insert(audit).values(**values, previous=head.hash, hash=own))
        await connection.execute(
            update(chain_heads).where(chain_heads.c.name == _CHAIN).values(sequence=sequence, hash=own)
        )
        return int(sequence)

    async def record(self, record: AuditRecord) -> int:
        """Add ``record`` in a transaction of its own.

        Raises:
            StoreError: it could not be kept.
        """
        async with self._store.write() as connection:
            return await self.append(connection, record)

    async def list(self, limit: int = 50, *, before: int | None = None) -> tuple[AuditEntry, ...]:
        """The newest entries, the newest first.

        Args:
            limit: how many at most.
            before: only those with a smaller number, to page on.

        Raises:
            StoreError: the store cannot be read.
        """
        query = select(audit).order_by(audit.c.sequence.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.sequence < before)
        async with self._store.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(_entry(row) for row in rows)

    async def verify(self) -> Verification:
        """Check the whole chain in constant memory.

        Finds any altered, removed, added or reordered entry, and a tail that was cut without the note of the head.
        Whoever can write the store's file can forge all of it, the hashes included: only a head kept elsewhere
        would show that.

        Raises:
            StoreError: the store cannot be read.
        """
        verifier, last, names = Verifier(), 0, _FIELDS
        async with self._store.read() as connection:
            while True:
                page = select(audit).where(audit.c.sequence > last).order_by(audit.c.sequence).limit(_BATCH)
                rows = (await connection.execute(page)).mappings().all()
                for row in rows:
                    last = row["sequence"]
                    if not verifier.take(last, row["previous"], row["hash"], {name: row[name] for name in names}):
                        rows = []
                        break
                if len(rows) < _BATCH:
                    break
            head = (await connection.execute(select(chain_heads).where(chain_heads.c.name == _CHAIN))).one_or_none()
        return verifier.finish(head.sequence if head else 0, head.hash if head else "")


def refusal(plan: Plan, *, actor: Actor, command: str, rule: str, message: str) -> AuditRecord:
    """The record of a plan that was not allowed."""
    return AuditRecord(
        actor=actor,
        command=command,
        action=plan.action,
        decision=Decision.REFUSED,
        rule=rule,
        outcome="",
        message=message,
        source=plan.source,
        environment=plan.environment,
        targets=plan.targets,
    )


def plain_targets(targets: tuple[Target, ...]) -> list[dict[str, str]]:
    """Targets as JSON types, fit for every database."""
    return [{name: storable(text) for name, text in asdict(target).items()} for target in targets]


def _values(record: AuditRecord, redact: Callable[[str], str]) -> dict[str, Any]:
    texts = {
        "operator": record.actor.operator,
        "os_user": record.actor.os_user,
        "host": record.actor.host,
        "surface": record.actor.surface.value,
        "command": record.command,
        "action": record.action,
        "source": record.source,
        "environment": record.environment,
        "decision": record.decision.value,
        "rule": record.rule,
        "outcome": record.outcome,
        "message": record.message,
    }
    return {
        **{name: storable(redact(text)) for name, text in texts.items()},
        "targets": plain_targets(tuple(replace(one, name=redact(one.name)) for one in record.targets)),
        "duration_ms": None if record.duration is None else record.duration // timedelta(milliseconds=1),
        "intent": record.intent,
    }


# Every field of an entry but the links themselves is hashed.
_FIELDS = tuple(field.name for field in fields(AuditEntry) if field.name not in ("previous", "hash"))


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(**{**row, "targets": tuple(row["targets"])})
