"""A store that is opened at its first use, and tried again as long as it cannot be opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.breaker_rows import read_circuits
from services.safety.last_known import LastKnown, LastKnownError
from services.storage.address import parse_address
from services.storage.engine import Store, open_store
from services.storage.keys import NO_KEYS, ChainKeys
from services.storage.store import StoreServer
from services.vocabulary.clock import Clock


class LateStore(Store):
    """Stands for the store before it is open. Whoever uses it meets the reason why it cannot be opened.

    So a broken store costs incidents, breaker and writes, and never the alerts; and a command that needs no store
    opens none.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        read_only: bool,
        password: Callable[[], str] | None = None,
        redaction: Callable[[str], str] | None = None,
        last_known: LastKnown | None = None,
        opened: Callable[[], Awaitable[None]] | None = None,
        keys: ChainKeys = NO_KEYS,
    ) -> None:
        """Nothing is opened or made before the first use.

        Args:
            url: as for :func:`services.storage.engine.open_store`.
            clock: for those who write records.
            read_only: nothing can be written, and nothing is made.
            password: tells the password of PostgreSQL's user, asked at each new connection.
            redaction: takes secrets out of what is kept; by default only what the patterns find.
            last_known: whether the store was there before, and what was open in it: what was there is never made
                anew. None where nobody remembers, as on a wallboard and in the demo.
            opened: called once it is open, before whoever opened it goes on.
            keys: hash the chain of the audit.
        """
        if redaction is not None:
            self.redact = redaction
        self.keys = keys
        self._url = url
        self._password = password
        self._opening = asyncio.Lock()
        self._open: Store | None = None
        self._last_known = last_known
        self._opened = opened
        self.clock = clock
        self.read_only = read_only

    @property
    def name(self) -> str:
        """How messages name it."""
        return self._open.name if self._open is not None else parse_address(self._url).name

    @property
    def database_user(self) -> str:
        """Whom the database knows this console as; empty before the store is open."""
        return "" if self._open is None else self._open.database_user

    @property
    def is_open(self) -> bool:
        """Whether anybody has used it."""
        return self._open is not None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with (await self._store()).read() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with (await self._store()).write() as connection:
            yield connection

    async def version(self) -> int:
        return await (await self._store()).version()

    async def wait(self, seen: int) -> int:
        return await (await self._store()).wait(seen)

    async def server(self) -> StoreServer:
        return await (await self._store()).server()

    async def close(self) -> None:
        store, self._open = self._open, None
        if store is not None:
            await store.close()

    async def _store(self) -> Store:
        async with self._opening:
            store = self._open
            if store is not None:
                return store
            store = self._open = await self._open_known()
        if self._opened is not None:
            await self._opened()
        return store

    async def _open_known(self) -> Store:
        make = self._last_known is None or _never_seen(self._last_known)
        store = await open_store(self._url, self.clock, read_only=self.read_only, password=self._password, make=make)
        try:
            if self._last_known is not None:
                async with store.read() as connection:
                    circuits = await read_circuits(connection)
                self._last_known.check(circuits, store.name)
                await self._last_known.remember(circuits, self.clock.now())
        except BaseException:
            await store.close()
            raise
        return store


def _never_seen(last_known: LastKnown) -> bool:
    try:
        return not last_known.knows()
    except LastKnownError:
        return False
