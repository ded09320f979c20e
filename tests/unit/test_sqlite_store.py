"""A store in a file: its modes, and every way it can be unusable."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from services.storage.engine import Store, open_store
from services.storage.tables import chain_heads, counters
from services.vocabulary.errors import StoreError
from tests.support.clock import ManualClock
from tests.support.store import count_up, counted, store_url, temporary_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path) as store:
        yield store


def file_of(directory: Path) -> Path:
    return directory / "state" / "console.db"


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
