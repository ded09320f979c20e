"""Opens the store and hands out its transactions."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.storage.failures import explained
from services.storage.location import prepare, preparing, sqlite_path, sqlite_url
from services.storage.migrations import HEAD, REVISIONS
from services.vocabulary.clock import Clock
from services.vocabulary.errors import StoreError

_BEGIN = "sre_begin"  # execution option: the statement that begins a transaction; empty for none
_BUSY = 5.0


class Store:
    """The console's own records. Read and write through its transactions; close it at the end.

    One writer at a time in this process (they queue without spinning); SQLite itself keeps other processes apart.
    """

    def __init__(self, engine: AsyncEngine, path: Path, clock: Clock, *, read_only: bool) -> None:
        """Use :func:`open_store`."""
        self._engine = engine
        self._path = path
        self._identity = _identity(path)
        self._writer = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._writing = asyncio.Lock()
        self._watch: AsyncConnection | None = None
        self._watching = asyncio.Lock()
        self._version = -1
        self.clock = clock
        self.read_only = read_only

    @property
    def name(self) -> str:
        """How messages name it: the path of its file."""
        return str(self._path)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment of the store. What is written in it is dropped.

        Raises:
            StoreError: the store cannot be read.
        """
        with explained(self.name):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that nobody else writes beside; kept when the block ends well, dropped when it raises.

        Once the block has ended, what it wrote survives the death of the process and of the machine.

        Raises:
            StoreError: read-only, or the store cannot be written; nothing of it was kept.
        """
        if self.read_only:
            raise StoreError("this console has opened the store for reading alone", "use a console that may write")
        async with self._writing:
            self._still_there()
            with explained(self.name):
                async with self._writer.begin() as connection:
                    yield connection

    async def version(self) -> int:
        """A number that differs after anybody, in any process, wrote to the store. Costs next to nothing.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._watching:
            self._still_there()
            with explained(self.name):
                if self._watch is None:
                    self._watch = await self._engine.execution_options(**{_BEGIN: ""}).connect()
                # SQLite: "PRAGMA data_version" changes with every commit of another connection, and this one
                # never writes.
                answer = await self._watch.exec_driver_sql("PRAGMA data_version")
                return int(answer.scalar_one())

    async def changed(self) -> bool:
        """Whether anybody wrote since this was last asked; True the first time. For one asker; see ``Changes``."""
        version = await self.version()
        before, self._version = self._version, version
        return version != before

    async def close(self) -> None:
        """Close every connection."""
        async with self._watching:
            if self._watch is not None:
                await self._watch.close()
                self._watch = None
        await self._engine.dispose()

    def _still_there(self) -> None:
        # A file that was removed or replaced under an open store takes writes that nobody will ever read.
        if _identity(self._path) != self._identity:
            raise StoreError(f"the store {self.name} was removed or replaced", "put it back or restart the console")


async def open_store(url: str, clock: Clock, *, read_only: bool = False, busy: float = _BUSY) -> Store:
    """Open the store, making it or bringing its tables up to date where needed.

    Args:
        url: ``sqlite:///`` and the path of the file.
        clock: for those who write records.
        read_only: nothing can be written through the store, and nothing is made or brought up to date.
        busy: seconds to wait for another program's write before giving up.

    Raises:
        StoreError: missing (read-only), not makeable, locked, damaged, another program's, or newer than this
            program. Says which and what to do.
    """
    path = sqlite_path(url)
    if not read_only:
        await asyncio.to_thread(prepare, path)
    elif not path.is_file():
        raise StoreError(f"the store {path} does not exist", "start a console that may write first; it makes the store")
    engine = _engine(path, read_only=read_only, busy=busy)
    try:
        with explained(str(path)):
            if not await _ready(engine, path):
                if read_only:
                    raise StoreError(
                        f"the store {path} is not up to date", "open it once with a console that may write"
                    )
                await _bring_up(path, busy)
        return Store(engine, path, clock, read_only=read_only)
    except BaseException:
        await engine.dispose()
        raise


def _engine(path: Path, *, read_only: bool, busy: float, foreign_keys: bool = True) -> AsyncEngine:
    engine = create_async_engine(
        sqlite_url(path, "ro" if read_only else "rw"),
        connect_args={"timeout": busy},
        pool_size=4,
        max_overflow=8,
        pool_timeout=30,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, record: object) -> None:  # noqa: ARG001 - the event's signature
        connection.isolation_level = None  # transactions begin where the store says, not where the driver guesses
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        cursor.execute("PRAGMA synchronous = FULL")  # a commit is on the disk before anybody hears of it
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


async def _ready(engine: AsyncEngine, path: Path) -> bool:
    """Whether the tables are those of this program.

    Raises:
        StoreError: they are of a newer program, or not ours at all.
    """
    async with engine.connect() as connection:
        names = set((await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
        if not names:
            return False
        if "alembic_version" not in names or not {"chain_heads", "intents"} <= names:
            raise StoreError(f"{path} is another program's database", "name another file under [sre.store] url")
        revision = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar()
    if revision not in REVISIONS:
        raise StoreError(
            f"the store {path} was written by a newer version of the console (revision {revision})",
            "update the console; an older one must not write here",
        )
    return bool(revision == HEAD)


async def _bring_up(path: Path, busy: float) -> None:
    module = await asyncio.to_thread(importlib.import_module, "services.storage.migrations.upgrade")
    # Altering a table on SQLite builds it anew, which needs foreign keys off; they are checked before the commit.
    engine = _engine(path, read_only=False, busy=busy, foreign_keys=False)
    lock = preparing(path.parent, busy)
    await asyncio.to_thread(lock.__enter__)
    try:
        async with engine.execution_options(**{_BEGIN: ""}).connect() as connection:
            await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        async with engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}).begin() as connection:
            await connection.run_sync(module.upgrade)
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
            if broken:
                raise StoreError(f"the store {path} holds records that belong to nothing", "restore it from a copy")
    finally:
        lock.__exit__(None, None, None)
        await engine.dispose()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
