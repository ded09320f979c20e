"""Whether the tables of a store are those of this program. The same question on every engine."""

from __future__ import annotations

from collections.abc import Collection

from services.storage.migrations import HEAD, REVISIONS
from services.vocabulary.errors import StoreError, StoreGone

_OURS = {"chain_heads", "intents"}


def holds_ours(name: str, tables: Collection[str], elsewhere: str) -> bool:
    """Whether there are tables, and they are ours.

    Args:
        name: of the store.
        tables: every table that is there.
        elsewhere: what a person can do where another program's are there.

    Raises:
        StoreError: they are another program's.
    """
    if not tables:
        return False
    if "alembic_version" not in tables or not set(tables) >= _OURS:
        raise StoreError(f"{name} is another program's database", elsewhere)
    return True


def is_newest(name: str, revision: str | None) -> bool:
    """Whether ``revision`` is the one that this program works with.

    Raises:
        StoreError: it is a newer program's.
    """
    if revision not in REVISIONS:
        raise StoreError(
            f"the store {name} was written by a newer version of the console (revision {revision})",
            "update the console; an older one must not write here",
        )
    return revision == HEAD


def gone(name: str) -> StoreGone:
    """What is said of a store that was there before, and of which nothing is left."""
    return StoreGone(
        f"the store is gone: {name} was here before, and a new one would know of no breaker that somebody opened",
        'put it back, or start a new one on purpose with sre-console store init --reason "…"',
    )


def outdated(name: str) -> StoreError:
    """What a console that may not write says of a store that is not up to date."""
    return StoreError(f"the store {name} is not up to date", "open it once with a console that may write")
