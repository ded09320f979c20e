"""The store in a PostgreSQL database that a team shares."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from hashlib import sha256
from typing import Any

import psycopg
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.storage.address import PostgresqlAddress
from services.storage.bell import Bell
from services.storage.failures import explained
from services.storage.postgresql_connection import Connector
from services.storage.readiness import gone, holds_ours, is_newest, outdated
from services.storage.store import LOOK, Store, StoreServer
from services.storage.transactions import begins, take_over
from services.vocabulary.clock import Clock
from services.vocabulary.errors import StoreError

# One moment for all statements, and no way to write.
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Each statement sees what was kept before it began. All writers hold one lock, so nothing changes between two of them.
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_LONGEST_NAME = 63
_ALONE = text(
    "SELECT pg_advisory_xact_lock(:lock), pg_notify(:channel, pg_current_xact_id()::text), pg_current_xact_id()::text"
)
_SERVER: TextClause = text(
    "SELECT clock_timestamp(), current_setting('server_version'), current_setting('fsync'), "
    "(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
)
_QUIET = 5.0
_PATIENCE = 5.0
_PAUSE = 0.1
_UPGRADE = "SELECT set_config('lock_timeout', '60000', true), set_config('statement_timeout', '0', true)"


class PostgresqlStore(Store):
    """One writer at a time among all consoles: they queue at an advisory lock, in the order in which they came.

    A connection that broke while it lay idle is replaced without a word.
    """

    def __init__(self, engine: AsyncEngine, connector: Connector, clock: Clock, *, read_only: bool) -> None:
        """Use :func:`services.storage.engine.open_store`."""
        self._reader = begins(engine, _READ)
        self._writer = begins(engine, _WRITE)
        self._engine = engine
        self._connector = connector
        self._writing = asyncio.Lock()
        self._lock, self._channel = _own(connector.address)
        self._bell = Bell(connector, self._channel, clock)
        self._snapshot = ""
        self._version = 0
        self.clock = clock
        self.read_only = read_only

    @property
    def name(self) -> str:
        return self._connector.address.name

    @property
    def database_user(self) -> str:
        return self._connector.user

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with explained(self.name):
            async with _begun(self._reader) as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        if self.read_only:
            raise StoreError("this console has opened the store for reading alone", "use a console that may write")
        async with self._writing:
            with explained(self.name):
                async with _begun(self._writer) as connection:
                    alone = await connection.execute(_ALONE, {"lock": self._lock, "channel": self._channel})
                    *_, transaction = alone.one()
                    yield connection
                    await self._commit(connection, transaction)

    async def version(self) -> int:
        async with self.read() as connection:
            # Says which transactions of the whole server had ended: differs after every write of anybody, and at
            # times without one, which costs a reading and does no harm.
            snapshot = (await connection.exec_driver_sql("SELECT pg_current_snapshot()::text")).scalar_one()
        if snapshot != self._snapshot:
            self._snapshot = snapshot
            self._version += 1
        return self._version

    async def wait(self, seen: int) -> int:
        while True:
            ring = self._bell.next()
            version = await self.version()
            if version != seen:
                return version
            # A standby does not take LISTEN: then looking must do. A write by hand rings no bell, either.
            await self._rung(ring, _QUIET if self._bell.listening else LOOK)

    async def server(self) -> StoreServer:
        async with self.read() as connection:
            now, version, fsync, encrypted = (await connection.execute(_SERVER)).one()
        warnings = []
        if fsync != "on":
            warnings.append("the server runs with fsync = off: a power cut loses records")
        if not self._connector.address.local and not encrypted:
            warnings.append("the connection is not encrypted: add ?sslmode=verify-full to the url")
        elif not self._connector.verified:
            warnings.append("TLS does not prove which server answers: add ?sslmode=verify-full to the url")
        return StoreServer(f"PostgreSQL {version.split()[0]}", now, tuple(warnings))

    async def close(self) -> None:
        await self._bell.close()
        await self._engine.dispose()

    async def _rung(self, ring: asyncio.Event, seconds: float) -> None:
        bell = asyncio.ensure_future(ring.wait())
        pause = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            await asyncio.wait({bell, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            bell.cancel()
            pause.cancel()

    async def _commit(self, connection: AsyncConnection, transaction: str) -> None:
        try:
            await connection.commit()
        except DBAPIError as error:
            # The word may have been lost on its way there or on its way back: the server knows which.
            if not error.connection_invalidated or not await self._kept(transaction):
                raise

    async def _kept(self, transaction: str) -> bool:
        """Whether a write whose end was not heard was kept.

        Raises:
            StoreError: the server does not tell.
        """
        for _ in range(round(_PATIENCE / _PAUSE)):
            with suppress(psycopg.Error, StoreError):
                async with await self._connector.connect() as connection:
                    answer = await connection.execute("SELECT pg_xact_status(%s::xid8)", (transaction,))
                    row = await answer.fetchone()
                    if row is not None and row[0] in ("committed", "aborted"):
                        return bool(row[0] == "committed")
            await asyncio.sleep(_PAUSE)
        raise StoreError(
            f"the connection to the store {self.name} was cut: it is not known whether this write was kept",
            "look before you try again",
        )


@asynccontextmanager
async def _begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction; dropped at the end unless it was committed."""
    async with AsyncExitStack() as stack:
        for last in (False, True):
            connection = await stack.enter_async_context(engine.connect())
            try:
                await connection.begin()
                break
            except DBAPIError as error:
                # It broke while it lay in the pool; then all of them did, and the next one is new.
                if last or not error.connection_invalidated:
                    raise
        else:
            raise AssertionError("the second attempt ends one way or the other")
        yield connection


async def open_postgresql(
    address: PostgresqlAddress,
    clock: Clock,
    *,
    read_only: bool,
    busy: float,
    password: Callable[[], str] | None,
    make: bool,
) -> PostgresqlStore:
    """Open the store in the database at ``address``; see :func:`services.storage.engine.open_store`."""
    connector = Connector(address, read_only=read_only, busy=busy, password=password)
    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connector.connect,
        pool_size=2,
        max_overflow=3,
        pool_timeout=30,
        use_native_hstore=False,
    )
    take_over(engine, default=_READ)
    try:
        with explained(address.name):
            async with _begun(engine) as connection:
                ready = await _ready(connection, address.name, make=make)
            if not ready:
                if read_only:
                    raise outdated(address.name)
                await _bring_up(engine, address)
        return PostgresqlStore(engine, connector, clock, read_only=read_only)
    except BaseException:
        await engine.dispose()
        raise


async def _ready(connection: AsyncConnection, name: str, *, make: bool = True) -> bool:
    """Whether the tables are those of this program.

    Raises:
        StoreGone: there are none, and none must be made.
        StoreError: they are of a newer program, or not ours at all.
    """
    there = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
    names = set((await connection.exec_driver_sql(there)).scalars())
    if not names and not make:
        raise gone(name)
    if not holds_ours(name, names, "name another database, or add ?schema=NAME to the url under [sre.store]"):
        return False
    return is_newest(name, (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar())


async def _bring_up(engine: AsyncEngine, address: PostgresqlAddress) -> None:
    module: Any = await asyncio.to_thread(importlib.import_module, "services.storage.migrations.upgrade")
    lock, channel = _own(address)
    async with _begun(begins(engine, _WRITE)) as connection:
        await connection.exec_driver_sql(_UPGRADE)
        await connection.execute(_ALONE, {"lock": lock, "channel": channel})
        if address.schema:
            await connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{address.schema}"')
        if not await _ready(connection, address.name):
            await connection.run_sync(module.upgrade)
        await connection.commit()


def _own(address: PostgresqlAddress) -> tuple[int, str]:
    """The key of the writers' lock and the channel of this store; both live within one database."""
    name = f"sre-console {address.schema}".strip()
    digest = sha256(name.encode())
    # The name of a channel has at most 63 bytes, as that of a schema has.
    channel = name if len(name) <= _LONGEST_NAME else f"sre-console {digest.hexdigest()[:32]}"
    return int.from_bytes(digest.digest()[:8], signed=True), channel
