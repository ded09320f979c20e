"""Opens the store, on the engine that its URL names."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

from services.storage.address import PostgresqlAddress, parse_address
from services.storage.store import Store
from services.vocabulary.clock import Clock
from services.vocabulary.errors import StoreError

__all__ = ["BUSY", "Store", "open_store"]

BUSY = 5.0
"""Seconds to wait for another console's write before giving up."""


async def open_store(
    url: str,
    clock: Clock,
    *,
    read_only: bool = False,
    busy: float = BUSY,
    password: Callable[[], str] | None = None,
    make: bool = True,
) -> Store:
    """Open the store, making it or bringing its tables up to date where needed.

    The engine's driver is imported here, in a thread.

    Args:
        url: ``sqlite:///`` and the path of the file, or ``postgresql://user@host/database``.
        clock: for those who write records.
        read_only: nothing can be written through the store, and nothing is made or brought up to date.
        busy: seconds to wait for another console's write, and for a connection, before giving up.
        password: tells the password of PostgreSQL's user, asked at each new connection; None leaves it to libpq
            (``~/.pgpass``, a service file, a certificate, the socket's peer).
        make: whether a store that holds nothing is filled with tables; False where it was there before.

    Raises:
        StoreGone: it holds nothing, and must not be made.
        StoreError: missing (read-only), not makeable, not reachable, locked, damaged, another program's, or newer
            than this program. Says which and what to do.
    """
    address = parse_address(url)
    if isinstance(address, PostgresqlAddress):
        room = await asyncio.to_thread(importlib.import_module, "services.storage.postgresql_store")
        team: Store = await room.open_postgresql(
            address, clock, read_only=read_only, busy=busy, password=password, make=make
        )
        return team
    if password is not None:
        raise StoreError("a store in a file has no password", "leave password out under [sre.store]")
    room = await asyncio.to_thread(importlib.import_module, "services.storage.sqlite_store")
    own: Store = await room.open_sqlite(address.path, clock, read_only=read_only, busy=busy, make=make)
    return own
