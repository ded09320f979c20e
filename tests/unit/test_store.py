"""Opening a store: its modes, its migrations, and every way it can be unusable."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Connection, MetaData, Table, insert, select
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from services.storage.changes import Changes
from services.storage.engine import Store, open_store
from services.storage.migrations import HEAD, REVISIONS
from services.storage.tables import UtcDateTime, chain_heads, counters, metadata
from services.vocabulary.errors import StoreError
from tests.support.clock import ManualClock
from tests.support.store import store_url, temporary_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path) as store:
        yield store


def file_of(directory: Path) -> Path:
    return directory / "state" / "console.db"


async def count_up(store: Store) -> None:
    async with store.write() as connection:
        await connection.execute(counters.update().values(value=counters.c.value + 1))


async def counted(store: Store) -> int:
    async with store.read() as connection:
        return int((await connection.execute(select(counters.c.value))).scalar_one())


async def test_it_makes_its_directory_and_file_for_the_owner_alone(store: Store, tmp_path: Path) -> None:
    await count_up(store)
    directory = file_of(tmp_path).parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes == {"console.db": 0o600, "console.db-wal": 0o600, "console.db-shm": 0o600}


async def test_it_is_durable_and_enforces_its_keys(store: Store) -> None:
    async with store.read() as connection:
        await connection.execute(select(counters))  # the journal's mode is known once the file was read
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
        for pragma, value in wanted.items():
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one() == value


async def test_it_opens_again_with_what_was_written(tmp_path: Path) -> None:
    async with temporary_store(tmp_path) as store:
        await count_up(store)
    async with temporary_store(tmp_path) as store:
        assert await counted(store) == 1


async def test_a_read_drops_what_is_written_in_it_and_a_failed_write_too(store: Store) -> None:
    async with store.read() as connection:
        await connection.execute(counters.update().values(value=9))

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
        assert await other.version() != seen
        mine = await one.version()
        await count_up(one)
        assert await one.version() != mine


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


async def test_read_only_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"does not exist.*start a console that may write"):
        await open_store(store_url(tmp_path), ManualClock(), read_only=True)
    assert list(tmp_path.iterdir()) == []
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(StoreError, match="not up to date"):
        await open_store(f"sqlite:///{empty}", ManualClock(), read_only=True)
    assert empty.stat().st_size == 0


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://db/console", "cannot be kept in postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("console.db", "cannot be read"),
        ("sqlite:////proc/nowhere/console.db", "cannot be made"),
        ("sqlite:////dev/null/console.db", "cannot be made"),
    ],
)
async def test_urls_that_cannot_work_are_refused(url: str, word: str) -> None:
    with pytest.raises(StoreError, match=word) as refused:
        await open_store(url, ManualClock())
    assert refused.value.hint


@pytest.mark.parametrize("name", ["with blank", "per%20cent", "que?stion", "ha#sh", "ümlaut"])
async def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    from sqlalchemy.engine import URL

    url = URL.create("sqlite", database=str(tmp_path / name / "console.db"))
    text = url.render_as_string()
    if "?" in name:
        text = text.replace("?", "%3f")
    store = await open_store(text, ManualClock())
    assert Path(store.name).is_file()
    await store.close()


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_damaged_file_is_told(tmp_path: Path, read_only: bool) -> None:
    path = file_of(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="is damaged") as refused:
        await open_store(store_url(tmp_path), ManualClock(), read_only=read_only)
    assert "recover" in refused.value.hint
    assert path.read_bytes() == b"this is no database" * 100


async def test_damage_inside_is_told_when_it_is_met(tmp_path: Path) -> None:
    async with temporary_store(tmp_path) as store:
        await count_up(store)
    path = file_of(tmp_path)
    pages = bytearray(path.read_bytes())
    with sqlite3.connect(path) as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'counters'").fetchone()
    database.close()
    pages[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(bytes(pages))
    async with temporary_store(tmp_path) as store:
        with pytest.raises(StoreError, match="is damaged"):
            await counted(store)


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (title TEXT)")
    database.close()
    with pytest.raises(StoreError, match="another program's"):
        await open_store(f"sqlite:///{path}", ManualClock())


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_store_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    async with temporary_store(tmp_path) as store, store.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer version.*9999"):
        await open_store(store_url(tmp_path), ManualClock(), read_only=read_only)


async def test_a_locked_store_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    async with temporary_store(tmp_path, busy=0.05) as store:
        holder = sqlite3.connect(file_of(tmp_path), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            await count_up(store)
        assert await counted(store) == 0  # readers go on
        holder.execute("ROLLBACK")
        holder.close()
        await count_up(store)
        assert await counted(store) == 1


async def test_a_full_disk_is_told_and_nothing_is_half_written(store: Store) -> None:
    async def overfill() -> None:
        async with store.write() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
            await connection.execute(counters.update().values(value=9))
            for number in range(100):
                row = {"name": f"{number}" + "x" * 4000, "sequence": 1, "hash": ""}
                await connection.execute(insert(chain_heads).values(row))

    with pytest.raises(StoreError, match="disk is full"):
        await overfill()
    assert await counted(store) == 0


async def test_a_store_that_is_removed_or_replaced_is_told(store: Store, tmp_path: Path) -> None:
    path = file_of(tmp_path)
    path.rename(tmp_path / "aside")
    with pytest.raises(StoreError, match="removed or replaced"):
        await count_up(store)
    with pytest.raises(StoreError, match="removed or replaced"):
        await store.version()
    path.touch()
    with pytest.raises(StoreError, match="removed or replaced"):
        await count_up(store)


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
