"""What a database says when it fails, in words that help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.vocabulary.errors import StoreError

_MEANINGS = (
    (("database is locked", "table is locked"), "is locked by another program", "close what holds it, then try again"),
    (("disk is full",), "has no room: the disk is full", "make room on the disk; nothing of this write was kept"),
    (
        ("not a database", "malformed", "encrypted"),
        "is damaged",
        "move the file aside to start a new one, and keep it: most of it can be recovered with sqlite3 .recover",
    ),
    (("readonly database", "read-only"), "cannot be written", "check the owner and mode of the file and its directory"),
    (("disk i/o error",), "cannot be reached on its disk", "check the disk and the system's log"),
    (("unable to open",), "cannot be opened", "check the owner and mode of the file and its directory"),
    (
        ("no such table", "no such column"),
        "lacks tables that this version needs",
        "open it once with a writing console",
    ),
)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn every database failure inside into a :class:`StoreError` about the store ``name``."""
    try:
        yield
    except DBAPIError as error:
        raise explain(name, str(error.orig)) from error
    except PoolTimeoutError as error:
        raise StoreError(f"the store {name} is busy", "try again") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {name} failed: {error}") from error


def explain(name: str, text: str) -> StoreError:
    """The failure that a database described as ``text``."""
    lowered = text.lower()
    for signs, meaning, hint in _MEANINGS:
        if any(sign in lowered for sign in signs):
            return StoreError(f"the store {name} {meaning}", hint)
    return StoreError(f"the store {name} failed: {text}")
