"""One kept record of the audit, and the canonical forms over which its hash is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

FORM = 2
"""The form of what is written now. Entries of an older one keep their hashes; the form never goes down in a chain."""

INDEXED = 256
"""Characters that are kept of a text which lists are filtered by."""

_WORD = 200


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One kept record, as it stands in the chain. All texts raw; times UTC; duration in milliseconds.

    Attributes:
        form: what the hash is over; see :func:`hashed_fields`.
        key_id: the key behind the hash; empty for none.
        undo: the line that takes the write back; empty where nothing does.
        undoes: the number of the intent that this write took back.
    """

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
    form: int = 1
    database_user: str = ""
    automation: bool = False
    undo: str = ""
    undoes: int | None = None
    key_id: str = ""


_LINKS = ("previous", "hash")
_LATER: Mapping[str, Any] = {
    "form": 1,
    "database_user": "",
    "automation": False,
    "undo": "",
    "undoes": None,
    "key_id": "",
}
"""What the first form does not know, and what stands there in its entries."""
_ALL = tuple(field.name for field in fields(AuditEntry) if field.name not in _LINKS)
_FIRST = tuple(name for name in _ALL if name not in _LATER)


def hashed_fields(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields over which the hash of ``row`` is made, all of them but the links themselves.

    The first form is of before the audit knew the database user; what was added since must stand at its default in
    it, so that nothing can be written into an old entry either.

    Returns:
        None where no entry of that form can look so.
    """
    if row["form"] == FORM:
        return {name: row[name] for name in _ALL}
    if row["form"] == 1 and all(row[name] == value for name, value in _LATER.items()):
        return {name: row[name] for name in _FIRST}
    return None


def entry_of(row: RowMapping) -> AuditEntry:
    """One row of the table."""
    return AuditEntry(**{**row, "targets": tuple(row["targets"])})


def words_of(command: str, targets: Any) -> Iterator[tuple[str, str]]:
    """What an entry is found by besides its columns: kind and word.

    ``command`` is the command's name (its first two words), ``target`` the whole name of each target and what
    follows its last slash.
    """
    first = command.removeprefix("/").split(maxsplit=2)[:2]
    name = first[:1] if len(first) < 2 or not first[1].isalpha() else first
    if name:
        yield "command", " ".join(name)[:_WORD]
    for target in targets:
        whole = str(target["name"])
        yield "target", whole[:_WORD]
        if tail := whole.rpartition("/")[2]:
            yield "target", tail[:_WORD]
