"""A store that is opened at its first use, and tried again as long as it cannot be opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from services.storage.address import parse_address
from services.storage.engine import Store, open_store
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
    ) -> None:
        """Nothing is opened or made before the first use.

        Args:
            url: as for :func:`services.storage.engine.open_store`.
            clock: for those who write records.
            read_only: nothing can be written, and nothing is made.
            password: tells the password of PostgreSQL's user, asked at each new connection.
            redaction: takes secrets out of what is kept; by default only what the patterns find.
        """
        if redaction is not None:
            self.redact = redaction
        self._url = url
        self._password = password
        self._opening = asyncio.Lock()
        self._open: Store | None = None
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
            if self._open is None:
                self._open = await open_store(self._url, self.clock, read_only=self.read_only, password=self._password)
            return self._open
