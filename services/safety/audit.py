"""The audit: who asked for what, what was decided, what came of it. Append-only and hash-chained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit_check import CHAIN, Anchor, AuditVerification, Progress, check
from services.safety.audit_entry import FORM, INDEXED, AuditEntry, entry_of, words_of
from services.safety.plan import Plan, Target
from services.storage.chain import digest, storable
from services.storage.engine import Store
from services.storage.keys import ChainKeys
from services.storage.tables import audit, audit_words, chain_heads
from services.vocabulary.errors import StoreError

__all__ = [
    "Anchor",
    "Audit",
    "AuditEntry",
    "AuditHead",
    "AuditRecord",
    "AuditVerification",
    "Decision",
    "audit_head",
    "plain_targets",
    "refusal",
]


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
        undo: the line that takes it back; empty where nothing does.
        undoes: the number of the intent that it takes back.
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
    undo: str = ""
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last entry of the chain: what is kept elsewhere, so that a cut tail shows.

    Attributes:
        sequence: its number; 0 where nothing was ever decided.
        hash: its hash; 64 zeros for the empty chain.
        key_id: the key behind the newest entry that is hashed with one; empty for none.
    """

    sequence: int
    hash: str
    key_id: str = ""


# Put together once: each write to an outside system passes here.
_APPEND, _WORDS = insert(audit), insert(audit_words)
_MOVE = update(chain_heads).where(chain_heads.c.name == CHAIN)


class Audit:
    """Appends to the audit, lists and checks it. Nothing here changes or removes an entry."""

    def __init__(self, store: Store) -> None:
        """Nothing is read before the first call."""
        self._store = store

    def known(self, actor: Actor) -> Actor:
        """``actor``, who asks from here, as the database knows them where it proves that: no claim of the console."""
        user = self._store.database_user
        return replace(actor, database_user=user) if user else actor

    async def append(
        self,
        connection: AsyncConnection,
        record: AuditRecord,
        *,
        emergency: bool = False,
        head: AuditHead | None = None,
    ) -> int:
        """Add ``record`` in the transaction of ``connection``; kept or dropped with it. Secrets are taken out of it.

        Args:
            connection: the transaction.
            record: what was decided.
            emergency: keep it even where it cannot be hashed with the key that belongs to it, because what it tells
                of must not wait: opening a breaker. ``/audit verify`` names such an entry.
            head: the last entry, where this very transaction has read it and added none since; else it is read.

        Returns:
            Its number in the chain.

        Raises:
            StoreError: it cannot be hashed with the key of this audit.
        """
        head = head or await _head(connection, alone=True)
        key = self._store.keys.current
        if key is None and not emergency:
            _require_key(self._store.keys, head)
        sequence = head.sequence + 1
        values = {
            **_values(record, self._store.redact),
            "sequence": sequence,
            "at": self._store.clock.now(),
            "form": FORM,
            "key_id": "" if key is None else key.id,
        }
        own = digest(head.hash, values, key)
        await connection.execute(_APPEND, {**values, "previous": head.hash, "hash": own})
        words = set(words_of(values["command"], values["targets"]))
        if words:
            rows = [
                {"sequence": sequence, "kind": kind, "word": word, "at": values["at"]} for kind, word in sorted(words)
            ]
            await connection.execute(_WORDS, rows)
        moved = {"sequence": sequence, "hash": own, "key_id": head.key_id if key is None else key.id}
        await connection.execute(_MOVE, moved)
        return int(sequence)

    def require(self, head: AuditHead | None) -> None:
        """Make sure that an entry can be added, before something is done that has to be on record.

        Args:
            head: the last entry; None where the note of it is lost.

        Raises:
            StoreError: it could not be hashed with the key of this audit.
        """
        if self._store.keys.current is None:
            _require_key(self._store.keys, _noted(head))

    async def head(self) -> AuditHead:
        """The last entry.

        Raises:
            StoreError: the store cannot be read.
        """
        return await audit_head(self._store)

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
        return tuple(entry_of(row) for row in rows)

    async def verify(self, *, anchors: Iterable[Anchor] = (), progress: Progress | None = None) -> AuditVerification:
        """Check the whole chain in constant memory.

        Finds any altered, removed, added or reordered entry, a tail that was cut without the note of the head, and
        whatever ``anchors`` contradict. Whoever can write the store and holds the key (or where there is none) can
        forge all of it, the hashes included: only a head kept elsewhere shows that.

        Args:
            anchors: heads kept elsewhere, noted before this is called.
            progress: told how many of how many entries are checked.

        Raises:
            StoreError: the store cannot be read.
        """
        return await check(self._store, anchors=anchors, progress=progress)


async def audit_head(store: Store) -> AuditHead:
    """The last entry of the audit of ``store``, to be kept elsewhere.

    Raises:
        StoreError: the store cannot be read.
    """
    async with store.read() as connection:
        return await _head(connection)


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
        undoes=plan.undoes,
    )


def plain_targets(targets: tuple[Target, ...]) -> list[dict[str, str]]:
    """Targets as JSON types, fit for every database."""
    return [{name: storable(text) for name, text in asdict(target).items()} for target in targets]


async def _head(connection: AsyncConnection, *, alone: bool = False) -> AuditHead:
    query = select(chain_heads.c.sequence, chain_heads.c.hash, chain_heads.c.key_id).where(chain_heads.c.name == CHAIN)
    row = (await connection.execute(query.with_for_update() if alone else query)).one_or_none()
    return _noted(None if row is None else AuditHead(row.sequence, row.hash, row.key_id))


def _noted(head: AuditHead | None) -> AuditHead:
    if head is None:
        raise StoreError(
            "the audit has lost the note of its last entry, so nothing can be added to it",
            "somebody altered the store; restore it from a copy",
        )
    return head


def _require_key(keys: ChainKeys, head: AuditHead) -> None:
    if keys.problem:
        raise StoreError(f"the key of the audit cannot be had: {keys.problem}", "mend [sre.audit] key and restart")
    if head.key_id:
        raise StoreError(
            f"the audit of this store is hashed with the key {head.key_id}, which this console does not have",
            "name it: [sre.audit] key",
        )


def _values(record: AuditRecord, redact: Callable[[str], str]) -> dict[str, Any]:
    actor = record.actor
    short = {
        "operator": actor.operator,
        "os_user": actor.os_user,
        "database_user": actor.database_user,
        "host": actor.host,
        "surface": actor.surface.value,
        "action": record.action,
        "decision": record.decision.value,
        "outcome": record.outcome,
    }
    long = {
        "command": record.command,
        "source": record.source,
        "environment": record.environment,
        "rule": record.rule,
        "message": record.message,
        "undo": record.undo,
    }
    return {
        **{name: storable(redact(text))[:INDEXED] for name, text in short.items()},
        **{name: storable(redact(text)) for name, text in long.items()},
        "automation": actor.automation,
        "targets": plain_targets(tuple(replace(one, name=redact(one.name)) for one in record.targets)),
        "duration_ms": None if record.duration is None else record.duration // timedelta(milliseconds=1),
        "intent": record.intent,
        "undoes": record.undoes,
    }
