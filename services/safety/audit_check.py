"""Checks the whole chain of the audit in constant memory, against itself and against heads kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.audit_entry import hashed_fields, words_of
from services.storage.chain import GENESIS, Verification, Verifier
from services.storage.engine import Store
from services.storage.keys import ChainKeys
from services.storage.tables import audit, audit_words, chain_heads

CHAIN = "audit"
_BATCH = 250

Progress = Callable[[int, int], None]
"""Told how many of how many entries are checked."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was kept outside the store.

    Attributes:
        sequence: of the entry that was the last one then.
        hash: its hash.
        where: how the sentence names the place, such as ``the anchor file, line 7``.
    """

    sequence: int
    hash: str
    where: str


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """What checking the audit found.

    Attributes:
        entries: how many entries were whole, counted from the first.
        head: the hash of the last whole one.
        problem: one sentence naming the first entry that is not as it was; empty where all are.
        sequence: its number; None where all are whole.
        keyed: how many of them are hashed with a key.
        keyed_from: the first of these; 0 for none.
        key_ids: the keys behind them, the oldest first.
        anchored: the highest entry that a head kept elsewhere confirms; 0 for none.
        anchors: how many such heads were held against the chain.
    """

    entries: int
    head: str
    problem: str = ""
    sequence: int | None = None
    keyed: int = 0
    keyed_from: int = 0
    key_ids: tuple[str, ...] = ()
    anchored: int = 0
    anchors: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing was altered, removed, put in or put elsewhere."""
        return not self.problem


async def check(store: Store, *, anchors: Iterable[Anchor] = (), progress: Progress | None = None) -> AuditVerification:
    """Check every entry, in one view of the store.

    Args:
        store: where the audit is; its keys check the entries that are hashed with one.
        anchors: heads kept elsewhere, noted before this is called; read one after another.
        progress: told after each batch.

    Raises:
        StoreError: the store cannot be read.
    """
    walk = _Walk(store.keys)
    async with store.read() as connection:
        head = (await connection.execute(select(chain_heads).where(chain_heads.c.name == CHAIN))).one_or_none()
        total = head.sequence if head is not None else 0
        last = 0
        while True:
            page = select(audit).where(audit.c.sequence > last).order_by(audit.c.sequence).limit(_BATCH)
            rows = (await connection.execute(page)).mappings().all()
            if not rows:
                break
            words = await _words(connection, last, rows[-1]["sequence"])
            for row in rows:
                if not walk.take(row, words.get(row["sequence"], frozenset())):
                    break
            last = rows[-1]["sequence"]
            if progress is not None:
                progress(min(last, total), total)
            if walk.broken or len(rows) < _BATCH:
                break
        walk.end(total, head.hash if head is not None else "", head.key_id if head is not None else "")
        await walk.compare(connection, anchors)
    return walk.result()


async def _words(connection: AsyncConnection, after: int, until: int) -> dict[int, frozenset[tuple[str, str]]]:
    query = select(audit_words.c.sequence, audit_words.c.kind, audit_words.c.word).where(
        audit_words.c.sequence > after, audit_words.c.sequence <= until
    )
    found: dict[int, set[tuple[str, str]]] = {}
    for sequence, kind, word in (await connection.execute(query)).all():
        found.setdefault(sequence, set()).add((kind, word))
    return {sequence: frozenset(words) for sequence, words in found.items()}


@dataclass
class _Walk:
    """From the first entry to the last."""

    keys: ChainKeys
    _verifier: Verifier = field(default_factory=Verifier)
    _form: int = 1
    _keyed: int = 0
    _keyed_from: int = 0
    _key_ids: list[str] = field(default_factory=list)
    _aside: tuple[int, str] | None = None
    _anchored: int = 0
    _anchors: int = 0
    _found: Verification = field(default_factory=lambda: Verification(0, GENESIS))
    broken: bool = False

    def take(self, row: Any, words: frozenset[tuple[str, str]]) -> bool:
        """Check the next entry; False once the chain is broken."""
        sequence, key_id = row["sequence"], row["key_id"]
        found = hashed_fields(row)
        key = self.keys.find(key_id) if key_id else None
        if found is None or row["form"] < self._form:
            self._verifier.fail(sequence, f"entry {sequence} was altered after it was written (its form)")
        elif key_id and key is None:
            self._verifier.fail(
                sequence,
                f"entry {sequence} cannot be checked: it is hashed with the key {key_id}, which this console does not "
                "have",
            )
        ok = self._verifier.take(sequence, row["previous"], row["hash"], found or {}, key)
        if ok:
            self._form = row["form"]
            self._sign(row)
            if words != frozenset(words_of(row["command"], row["targets"])):
                self._set_aside(sequence, f"what entry {sequence} is found by was altered: filters may miss it")
        self.broken = not ok
        return ok

    def _sign(self, row: Any) -> None:
        if row["key_id"]:
            self._keyed += 1
            self._keyed_from = self._keyed_from or row["sequence"]
            if row["key_id"] not in self._key_ids:
                self._key_ids.append(row["key_id"])
        elif self._keyed:
            # The chain goes on behind it; so it is looked through to its end.
            self._set_aside(
                row["sequence"],
                f"entry {row['sequence']} is not hashed with a key, and entries before it are: {row['action']} by "
                f"{row['operator']} on {row['host']}, or somebody who has no key put it there",
            )

    def _set_aside(self, sequence: int, problem: str) -> None:
        if self._aside is None:
            self._aside = sequence, problem

    def end(self, sequence: int, head: str, key_id: str) -> None:
        """Compare with the store's own note of the head."""
        self._found = self._verifier.finish(sequence, head)
        if key_id and not self._keyed:
            self._set_aside(sequence, f"the store notes the key {key_id}, and no entry is hashed with it")
        elif self.keys.current is not None and sequence and not self._keyed:
            self._set_aside(
                1,
                f"no entry is hashed with a key, and this console has one ({self.keys.current.id}): either no console "
                "has written with it yet, or somebody without it has written the whole chain anew",
            )

    async def compare(self, connection: AsyncConnection, anchors: Iterable[Anchor]) -> None:
        """Hold heads kept elsewhere against the entries, a few at a time."""
        entries = self._found.entries
        for some in _chunks(anchors, _BATCH):
            wanted = {one.sequence for one in some}
            query = select(audit.c.sequence, audit.c.hash).where(audit.c.sequence.in_(wanted))
            there = {row.sequence: row.hash for row in (await connection.execute(query)).all()}
            for one in some:
                self._anchors += 1
                own = there.get(one.sequence)
                if own is None:
                    removed = f"entries up to {one.sequence} were there once, says {one.where}, and were removed"
                    self._set_aside(min(entries + 1, one.sequence), removed)
                elif own != one.hash:
                    self._set_aside(
                        one.sequence,
                        f"entry {one.sequence} is not the one that {one.where} notes: it, or one before it, was "
                        "replaced together with all hashes behind it",
                    )
                elif one.sequence <= entries:
                    self._anchored = max(self._anchored, one.sequence)

    def result(self) -> AuditVerification:
        """What was found; a break of the chain itself comes first."""
        sequence, problem = self._found.sequence, self._found.problem
        if not problem and self._aside is not None:
            sequence, problem = self._aside
        return AuditVerification(
            self._found.entries,
            self._found.head,
            problem,
            sequence,
            self._keyed,
            self._keyed_from,
            tuple(self._key_ids),
            self._anchored,
            self._anchors,
        )


def _chunks(anchors: Iterable[Anchor], size: int) -> Iterator[Sequence[Anchor]]:
    source = iter(anchors)
    while some := list(islice(source, size)):
        yield some
