"""What every store keeps, on both engines: transactions, who sees what, its migrations."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Connection, MetaData, Table, insert, select
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from services.storage.changes import Changes
from services.storage.engine import Store, open_store
from services.storage.migrations import HEAD, REVISIONS
from services.storage.tables import UtcDateTime, counters, metadata
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import StoreError
from tests.support.clock import ManualClock
from tests.support.store import count_up, counted, store_url, temporary_store

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path) as store:
        yield store


async def test_it_opens_again_with_what_was_written(tmp_path: Path) -> None:
    async with temporary_store(tmp_path) as store:
        await count_up(store)
    async with temporary_store(tmp_path) as store:
        assert await counted(store) == 1


async def test_a_read_keeps_nothing_that_is_written_in_it_and_neither_does_a_failed_write(
    store: Store, engine: str
) -> None:
    async def sneak() -> None:
        async with store.read() as connection:
            await connection.execute(counters.update().values(value=9))

    if engine == "sqlite":
        await sneak()
    else:
        with pytest.raises(StoreError, match="cannot be written"):
            await sneak()

    async def fail() -> None:
        async with store.write() as connection:
            await connection.execute(counters.update().values(value=9))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await counted(store) == 0


async def test_a_cancelled_write_leaves_the_store_usable(store: Store) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with store.write() as connection:
            await connection.execute(counters.update().values(value=9))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await counted(store) == 0
    await count_up(store)
    assert await counted(store) == 1


async def test_racing_writers_lose_nothing(tmp_path: Path) -> None:
    async with temporary_store(tmp_path) as one, temporary_store(tmp_path) as other:
        await asyncio.gather(*(count_up(store) for _ in range(25) for store in (one, other)))
        assert await counted(one) == 50


async def test_many_consoles_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    stores = await asyncio.gather(*(open_store(store_url(tmp_path), ManualClock()) for _ in range(6)))
    for store in stores:
        await count_up(store)
    assert await counted(stores[0]) == 6
    for store in stores:
        await store.close()


async def test_it_notices_what_others_write(tmp_path: Path) -> None:
    async with temporary_store(tmp_path) as one, temporary_store(tmp_path, read_only=True) as other:
        seen = await other.version()
        assert await other.version() == seen
        await count_up(one)
        first = await other.version()
        assert first != seen
        own = await one.version()
        await count_up(one)
        assert await one.version() != own
        assert await other.version() != first


async def test_a_question_that_is_broken_off_breaks_no_other(store: Store) -> None:
    questions: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        store.version,
        partial(counted, store),
        partial(count_up, store),
    )
    for question in questions:
        for turns in range(24):
            asked = asyncio.create_task(question())
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            await store.version()
        before, seen = await counted(store), await store.version()
        await count_up(store)
        assert await counted(store) == before + 1
        assert await store.version() != seen


@pytest.mark.parametrize("read_only", [False, True])
async def test_whoever_waits_hears_of_a_write_within_a_second(tmp_path: Path, read_only: bool) -> None:
    clock = SystemClock()
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock, read_only=read_only) as other:
        seen = await other.version()
        waiting = asyncio.create_task(other.wait(seen))
        for _ in range(20):
            await asyncio.sleep(0)
        await count_up(one)
        async with asyncio.timeout(1):
            assert await waiting != seen


async def test_whoever_waits_for_what_is_already_there_waits_for_nothing(store: Store) -> None:
    seen = await store.version()
    await count_up(store)
    assert await store.wait(seen) == await store.version()


async def test_a_poll_reads_again_only_after_a_write(store: Store) -> None:
    readings = []

    async def read() -> tuple[int, ...]:
        readings.append(1)
        return (await counted(store),)

    changes = Changes(store, read)
    assert await changes.read() == (0,)
    assert await changes.read() == (0,)
    await count_up(store)
    assert await changes.read() == (1,)
    assert len(readings) == 2


async def test_read_only_sees_everything_and_writes_nothing(tmp_path: Path) -> None:
    async with temporary_store(tmp_path) as store:
        await count_up(store)
    async with temporary_store(tmp_path, read_only=True) as store:
        assert await counted(store) == 1
        with pytest.raises(StoreError, match="for reading alone"):
            await count_up(store)

        async def sneak() -> None:
            async with store.read() as connection:
                await connection.execute(counters.update().values(value=9))

        with pytest.raises(StoreError, match="cannot be written"):
            await sneak()


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_store_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    async with temporary_store(tmp_path) as store, store.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer version.*9999"):
        await open_store(store_url(tmp_path), ManualClock(), read_only=read_only)


async def test_migrations_build_what_the_tables_say(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection: Connection) -> tuple[str | None, list[object], MetaData]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        built = MetaData()
        built.reflect(connection)
        return context.get_current_revision(), compare_metadata(context, metadata), built

    async with store.read() as connection:
        revision, differences, built = await connection.run_sync(compare)
    assert (revision, differences) == (HEAD, [])
    assert constraints(built) == constraints(metadata)


def constraints(described: MetaData) -> dict[str, set[tuple[str, tuple[str, ...]]]]:
    def of(table: Table) -> set[tuple[str, tuple[str, ...]]]:
        found = {(f"index {index.name}", tuple(column.name for column in index.columns)) for index in table.indexes}
        for constraint in table.constraints:
            if isinstance(constraint, ColumnCollectionConstraint):
                found.add((type(constraint).__name__, tuple(column.name for column in constraint.columns)))
            if isinstance(constraint, CheckConstraint):
                found.add(("check", (str(constraint.name),)))
        return found

    return {name: of(table) for name, table in described.tables.items() if name != "alembic_version"}


def test_the_program_knows_every_revision_there_is() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "services.storage:migrations")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert tuple(reversed([revision.revision for revision in script.walk_revisions()])) == REVISIONS


async def test_opening_a_store_that_is_up_to_date_needs_no_alembic(tmp_path: Path) -> None:
    async with temporary_store(tmp_path):
        pass
    program = """
import asyncio, sys
from services.storage.engine import open_store
from services.vocabulary.clock import SystemClock

async def main():
    store = await open_store(sys.argv[1], SystemClock())
    await store.close()

asyncio.run(main())
print([name for name in sys.modules if name.split(".")[0] in ("alembic", "mako", "textual", "httpx")])
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, store_url(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert answer.stdout.strip() == "[]"


async def test_times_are_utc_and_exact(store: Store) -> None:
    from sqlalchemy import Column, Integer

    table = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))
    berlin = datetime(2026, 7, 1, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    async with store.write() as connection:
        await connection.run_sync(table.create)
        await connection.execute(insert(table), [{"at": berlin}, {"at": None}])
    async with store.read() as connection:
        first, second = (await connection.execute(select(table.c.at).order_by(table.c.id))).scalars()
    assert (first, first.tzinfo, second) == (berlin, UTC, None)

    async def naive() -> None:
        async with store.write() as connection:
            await connection.execute(insert(table).values(at=datetime(2026, 7, 1)))  # noqa: DTZ001 - the point

    with pytest.raises(StoreError, match="without a zone"):
        await naive()
