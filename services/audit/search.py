"""Finds entries of the audit by what a filter asks for, quickly however many there are.

Without a filter entries are ordered by number. With one they are ordered by time, and within it by number: each index
holds a filtered column and the time, so a page is read from its newest end and no further. (Consoles whose clocks
differ write times that do not rise with the numbers.) Of several conditions the rarest chooses the index, which is
found out by counting a little, as not every engine knows by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.model import AuditFilter
from services.safety.audit_entry import AuditEntry, entry_of
from services.storage.engine import Store
from services.storage.tables import audit, audit_words
from services.vocabulary.errors import ConsoleError, NotFound

_BATCH = 500
_NAMES = 200
"""So many different commands and kinds are looked through."""
_TARGETS = 20
"""So many different targets may begin alike."""
_COUNTED = 2000
"""A condition that more entries meet counts as common."""


class AuditSearch:
    """Reads entries; changes none."""

    def __init__(self, store: Store) -> None:
        """
        Args:
            store: where the audit is.
        """
        self._store = store

    async def page(self, wanted: AuditFilter, limit: int, *, before: int | None = None) -> tuple[AuditEntry, ...]:
        """The newest entries that ``wanted`` asks for, the newest first.

        Args:
            wanted: which.
            limit: how many at most.
            before: page on behind the entry of this number.

        Raises:
            NotFound: there is no entry ``before``.
            ConsoleError: ``wanted.target`` means too many targets.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            if wanted.empty:
                query = select(audit).order_by(audit.c.sequence.desc()).limit(limit)
                if before is not None:
                    query = query.where(audit.c.sequence < before)
                return tuple([entry_of(row) for row in (await connection.execute(query)).mappings()])
            last = None if before is None else (await _moment(connection, before), before)
            found: dict[int, AuditEntry] = {}
            for query in await _queries(connection, wanted, last):
                for row in (await connection.execute(query.limit(limit))).mappings():
                    found[row["sequence"]] = entry_of(row)
        return tuple(sorted(found.values(), key=lambda entry: (entry.at, entry.sequence), reverse=True)[:limit])

    async def get(self, sequence: int) -> AuditEntry:
        """One entry.

        Raises:
            NotFound: there is none of that number.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            row = (await connection.execute(select(audit).where(audit.c.sequence == sequence))).mappings().one_or_none()
        if row is None:
            raise NotFound(f"the audit has no entry {sequence}", "/audit list shows the newest")
        return entry_of(row)

    async def about(self, intent: int) -> tuple[AuditEntry, ...]:
        """Every entry about one write and about what was to take it back, the oldest first.

        Raises:
            StoreError: the store cannot be read.
        """
        query = select(audit).where(or_(audit.c.intent == intent, audit.c.undoes == intent)).order_by(audit.c.sequence)
        async with self._store.read() as connection:
            return tuple([entry_of(row) for row in (await connection.execute(query)).mappings()])

    async def stream(self, wanted: AuditFilter) -> AsyncIterator[Sequence[AuditEntry]]:
        """Every entry that ``wanted`` asks for, the oldest first, some at a time, in one view of the store.

        Raises:
            ConsoleError: ``wanted.target`` means too many targets.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            conditions = [one.test() for one in await _conditions(connection, wanted)]
            conditions += _bounds(audit, wanted)
            last = 0
            while True:
                query = select(audit).where(audit.c.sequence > last, *conditions).order_by(audit.c.sequence)
                rows = (await connection.execute(query.limit(_BATCH))).mappings().all()
                if rows:
                    last = rows[-1]["sequence"]
                    yield [entry_of(row) for row in rows]
                if len(rows) < _BATCH:
                    return


@dataclass(frozen=True)
class _Condition:
    """Something that an entry has to be: one of several values of a column, or found by one of several words."""

    values: Sequence[str]
    column: ColumnElement[str] | None = None
    kind: str = ""

    def along(self) -> Iterator[tuple[Select[Any], Table]]:
        """For each value a query along its index, and the table of that index."""
        joined = audit_words.join(audit, audit.c.sequence == audit_words.c.sequence)
        for value in self.values:
            if self.column is not None:
                yield select(audit).where(self.column == value), audit
            else:
                words = select(audit).select_from(joined)
                yield words.where(audit_words.c.kind == self.kind, audit_words.c.word == value), audit_words

    def test(self) -> ColumnElement[bool]:
        """The same as a test of an entry that was found by something else; tempts no engine to use its index."""
        if self.column is not None:
            return self.column.concat("").in_(self.values)
        words = audit_words.alias()
        return exists().where(
            words.c.sequence == audit.c.sequence, words.c.kind == self.kind, words.c.word.in_(self.values)
        )


async def _queries(
    connection: AsyncConnection, wanted: AuditFilter, last: tuple[datetime, int] | None
) -> list[Select[Any]]:
    conditions = await _conditions(connection, wanted)
    if not conditions:
        return [_newest(select(audit), audit, wanted, last)]
    counts = [await _count(connection, one, wanted) for one in conditions] if len(conditions) > 1 else [0]
    first = conditions[counts.index(min(counts))]
    tests = [one.test() for one in conditions if one is not first]
    return [_newest(query.where(*tests), table, wanted, last) for query, table in first.along()]


def _newest(query: Select[Any], table: Table, wanted: AuditFilter, last: tuple[datetime, int] | None) -> Select[Any]:
    query = query.where(*_bounds(table, wanted)).order_by(table.c.at.desc(), table.c.sequence.desc())
    if last is None:
        return query
    at, sequence = last
    return query.where(table.c.at <= at, or_(table.c.at < at, and_(table.c.at == at, table.c.sequence < sequence)))


def _bounds(table: Table, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(table.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(table.c.at <= wanted.until)
    return found


async def _conditions(connection: AsyncConnection, wanted: AuditFilter) -> list[_Condition]:
    found: list[_Condition] = []
    if wanted.target is not None:
        found.append(_Condition(await _targets(connection, wanted.target), kind="target"))
    if wanted.operator is not None:
        found.append(_Condition((wanted.operator,), audit.c.operator))
    if wanted.command is not None:
        name = wanted.command.removeprefix("/")
        every = await _distinct(connection, audit_words.c.word, "command", _NAMES)
        found.append(_Condition([one for one in every if f"{one} ".startswith(f"{name} ")], kind="command"))
    if wanted.kind is not None:
        every = await _distinct(connection, audit.c.action, "", _NAMES)
        found.append(_Condition([one for one in every if f"{one}.".startswith(f"{wanted.kind}.")], audit.c.action))
    if wanted.outcome is not None:
        found.append(_Condition((wanted.outcome,), audit.c.outcome))
    if wanted.decision is not None:
        found.append(_Condition((wanted.decision,), audit.c.decision))
    return found


async def _count(connection: AsyncConnection, condition: _Condition, wanted: AuditFilter) -> int:
    """How many entries meet ``condition``, as far as it has to be known."""
    count = 0
    for value in condition.values:
        if condition.column is not None:
            query, table = select(audit.c.sequence).where(condition.column == value), audit
        else:
            table = audit_words
            query = select(table.c.sequence).where(table.c.kind == condition.kind, table.c.word == value)
        some = query.where(*_bounds(table, wanted)).limit(_COUNTED).subquery()
        count += int((await connection.execute(select(func.count()).select_from(some))).scalar_one())
        if count >= _COUNTED:
            break
    return count


async def _moment(connection: AsyncConnection, sequence: int) -> datetime:
    query = select(audit.c.at).where(audit.c.sequence == sequence)
    at: datetime | None = (await connection.execute(query)).scalar_one_or_none()
    if at is None:
        raise NotFound(f"the audit has no entry {sequence} to page on behind")
    return at


async def _targets(connection: AsyncConnection, beginning: str) -> list[str]:
    names = await _distinct(connection, audit_words.c.word, "target", _TARGETS + 1, beginning=beginning)
    if beginning in names:
        return [beginning]
    if len(names) > _TARGETS:
        raise ConsoleError(
            f"more than {_TARGETS} targets begin with {beginning!r}", "write more of the one that is meant"
        )
    return names


async def _distinct(
    connection: AsyncConnection, column: ColumnElement[str], kind: str, limit: int, *, beginning: str = ""
) -> list[str]:
    """Different values of an indexed column, found by jumping from one to the next along its index."""
    found: list[str] = []
    while len(found) < limit:
        query = select(func.min(column))
        if kind:
            query = query.where(audit_words.c.kind == kind)
        if found:
            query = query.where(column > found[-1])
        elif beginning:
            query = query.where(column >= beginning)
        value = (await connection.execute(query)).scalar_one_or_none()
        if value is None or not value.startswith(beginning):
            break
        found.append(value)
    return found
