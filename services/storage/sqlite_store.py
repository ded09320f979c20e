"""The store in a file of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.storage.failures import explained
from services.storage.location import prepare, preparing, sqlite_url
from services.storage.readiness import gone, holds_ours, is_newest, outdated
from services.storage.store import LOOK, Store, StoreServer
from services.storage.transactions import begins, take_over
from services.vocabulary.clock import Clock
from services.vocabulary.errors import StoreError, StoreLost

_GLANCES = 20
"""How often the files are looked at before SQLite itself is asked again."""


class SqliteStore(Store):
    """One writer at a time in this process (they queue without spinning); SQLite itself keeps other processes apart."""

    def __init__(self, engine: AsyncEngine, path: Path, clock: Clock, *, read_only: bool) -> None:
        """Use :func:`services.storage.engine.open_store`."""
        self._engine = engine
        self._path = path
        self._files = (str(path), f"{path}-wal")
        self._identity = _identity(path)
        self._writer = begins(engine, "BEGIN IMMEDIATE")
        self._writing = asyncio.Lock()
        self._watch: AsyncConnection | None = None
        self._watching = asyncio.Lock()
        self._watches = 0
        self.clock = clock
        self.read_only = read_only

    @property
    def name(self) -> str:
        return str(self._path)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        self._still_there()
        with explained(self.name):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        if self.read_only:
            raise StoreError("this console has opened the store for reading alone", "use a console that may write")
        async with self._writing:
            self._still_there()
            with explained(self.name):
                async with self._writer.begin() as connection:
                    yield connection

    async def version(self) -> int:
        async with self._watching:
            self._still_there()
            with explained(self.name):
                if self._watch is None:
                    self._watch = await begins(self._engine, "").connect()
                try:
                    # SQLite: "PRAGMA data_version" changes with every commit of another connection, and this one
                    # never writes. Two connections count apart.
                    answer = await self._watch.exec_driver_sql("PRAGMA data_version")
                    return self._watches << 32 | int(answer.scalar_one())
                except BaseException:
                    await self._let_go()
                    raise

    async def _let_go(self) -> None:
        # A connection whose question was broken off, by a cancellation too, answers no other one.
        broken, self._watch = self._watch, None
        self._watches += 1
        if broken is not None:
            with contextlib.suppress(Exception):
                await broken.invalidate()
                await broken.close()

    async def wait(self, seen: int) -> int:
        # A question to SQLite goes to a thread and back several times. Every commit leaves its mark on the files, so a
        # glance at them tells that there was none; that a mark is missed (a log begun anew within one tick of the
        # system's clock) costs ten seconds. The marks are taken first: a commit behind them is seen in the next glance.
        while True:
            marks = self._marks()
            version = await self.version()
            if version != seen:
                return version
            for _ in range(_GLANCES):
                await self.clock.sleep(LOOK)
                if self._marks() != marks:
                    self._still_there()
                    break

    async def server(self) -> StoreServer:
        await self.version()
        return StoreServer(f"SQLite {sqlite3.sqlite_version}")

    async def close(self) -> None:
        async with self._watching:
            if self._watch is not None:
                await self._watch.close()
                self._watch = None
        await self._engine.dispose()

    def _marks(self) -> tuple[object, ...]:
        # The log is where a commit is written; the file itself is where the log is brought in.
        return tuple(map(_mark, self._files))

    def _still_there(self) -> None:
        # A file that was removed or replaced under an open store takes writes that nobody will ever read, and knows
        # nothing of what others write.
        if _identity(self._path) != self._identity:
            raise StoreLost(f"the store was removed or replaced: {self.name}", "put it back or restart the console")


async def open_sqlite(path: Path, clock: Clock, *, read_only: bool, busy: float, make: bool) -> SqliteStore:
    """Open the store in the file ``path``; see :func:`services.storage.engine.open_store`."""
    if not make and not await asyncio.to_thread(path.is_file):
        raise gone(str(path))
    if not read_only:
        await asyncio.to_thread(prepare, path)
    elif not await asyncio.to_thread(path.is_file):
        raise StoreError(f"the store {path} does not exist", "start a console that may write first; it makes the store")
    engine = _engine(path, read_only=read_only, busy=busy)
    try:
        with explained(str(path)):
            if not await _ready(engine, path, make=make):
                if read_only:
                    raise outdated(str(path))
                await _bring_up(path, busy)
        return SqliteStore(engine, path, clock, read_only=read_only)
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

    def prepared(connection: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        cursor.execute("PRAGMA synchronous = FULL")  # a commit is on the disk before anybody hears of it
        cursor.close()

    take_over(engine, prepared)
    return engine


async def _ready(engine: AsyncEngine, path: Path, *, make: bool) -> bool:
    """Whether the tables are those of this program.

    Raises:
        StoreGone: there are none, and none must be made.
        StoreError: they are of a newer program, or not ours at all.
    """
    async with engine.connect() as connection:
        names = set((await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
        if not names and not make:
            raise gone(str(path))
        if not holds_ours(str(path), names, "name another file under [sre.store] url"):
            return False
        return is_newest(
            str(path), (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar()
        )


async def _bring_up(path: Path, busy: float) -> None:
    module = await asyncio.to_thread(importlib.import_module, "services.storage.migrations.upgrade")
    # Altering a table on SQLite builds it anew, which needs foreign keys off; they are checked before the commit.
    engine = _engine(path, read_only=False, busy=busy, foreign_keys=False)
    lock = preparing(path.parent, busy)
    await asyncio.to_thread(lock.__enter__)
    try:
        async with begins(engine, "").connect() as connection:
            await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        async with begins(engine, "BEGIN IMMEDIATE").begin() as connection:
            await connection.run_sync(module.upgrade)
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
            if broken:
                raise StoreError(f"the store {path} holds records that belong to nothing", "restore it from a copy")
    finally:
        lock.__exit__(None, None, None)
        await engine.dispose()


def _mark(file: str) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
