"""A store on a real PostgreSQL: who may, what breaks in mid-life, and what is said of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from services.storage.engine import Store, open_store
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import StoreError
from tests.support.clock import ManualClock
from tests.support.postgresql import PostgresqlServer, own_server, shared_server
from tests.support.store import count_up, counted

pytestmark = pytest.mark.real


@pytest.fixture
def database() -> Iterator[tuple[PostgresqlServer, str]]:
    """An empty database of the shared server."""
    server = shared_server()
    name = server.create_database()
    yield server, name
    server.drop_database(name)


async def until_counted(store: Store) -> None:
    """Write until it works again."""
    async with asyncio.timeout(120):
        while True:
            try:
                await count_up(store)
            except StoreError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_it_knows_its_user_and_shows_no_secret(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    store = await open_store(server.url(name), ManualClock())
    assert store.database_user == "postgres"
    told = await store.server()
    assert told.product.startswith("PostgreSQL ")
    assert told.now is not None
    assert abs((told.now - SystemClock().now()).total_seconds()) < 5
    assert told.warnings == ("the server runs with fsync = off: a power cut loses records",)
    await store.close()


async def test_a_schema_of_its_own_stands_beside_another_programs_tables(
    database: tuple[PostgresqlServer, str],
) -> None:
    server, name = database
    server.execute("CREATE TABLE songs (title text)", database=name)
    with pytest.raises(StoreError, match="another program's") as refused:
        await open_store(server.url(name), ManualClock())
    assert "?schema=" in refused.value.hint
    # As long as a schema's name can be: that of a channel must not be longer either.
    one = await open_store(server.url(name) + "&schema=" + "desk_" * 12 + "abc", ManualClock())
    other = await open_store(server.url(name) + "&schema=bench", ManualClock())
    await count_up(one)
    assert (await counted(one), await counted(other)) == (1, 0)
    await one.close()
    await other.close()


async def test_a_user_who_may_only_read_reads(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    store = await open_store(server.url(name), ManualClock())
    await count_up(store)
    await store.close()
    user = f"reader_{name}"
    server.execute(f"CREATE ROLE {user} LOGIN")
    server.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}", database=name)
    for read_only in (True, False):
        store = await open_store(server.url(name, user=user), ManualClock(), read_only=read_only)
        assert await counted(store) == 1
        with pytest.raises(StoreError, match="for reading alone" if read_only else "does not allow this user"):
            await count_up(store)
        await store.close()


async def test_what_cannot_be_opened_is_told(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    with pytest.raises(StoreError, match="does not exist on its server"):
        await open_store(server.url("nowhere"), ManualClock())
    with pytest.raises(StoreError, match="not up to date"):
        await open_store(server.url(name), ManualClock(), read_only=True)
    with pytest.raises(StoreError, match=r"cannot be reached.*start the server"):
        await open_store("postgresql://127.0.0.1:1/console", ManualClock())
    latin = f"latin_{name}"
    server.execute(f"CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1'")
    with pytest.raises(StoreError, match="its encoding is LATIN1"):
        await open_store(server.url(latin), ManualClock())
    server.drop_database(latin)


async def test_whoever_holds_the_lock_too_long_is_told_of(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    one = await open_store(server.url(name), ManualClock(), busy=0.05)
    other = await open_store(server.url(name), ManualClock())
    async with other.write() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(StoreError, match="locked by another program"):
            await count_up(one)
        assert await counted(one) == 0
    await count_up(one)
    assert await counted(one) == 1
    await one.close()
    await other.close()


async def test_a_full_disk_is_told_and_nothing_is_half_written(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    store = await open_store(server.url(name), ManualClock())
    server.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING "
        "ERRCODE = 'disk_full', MESSAGE = 'could not extend file: No space left on device'; END $$",
        database=name,
    )
    server.execute("CREATE TRIGGER full_disk AFTER UPDATE ON chain_heads EXECUTE FUNCTION full_disk()", database=name)

    async def overfill() -> None:
        async with store.write() as connection:
            await connection.execute(text("UPDATE counters SET value = 9"))
            await connection.execute(text("UPDATE chain_heads SET sequence = 9"))

    with pytest.raises(StoreError, match="disk is full"):
        await overfill()
    assert await counted(store) == 0
    await store.close()


async def test_a_connection_that_was_cut_is_replaced_without_a_word(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    store = await open_store(server.url(name), ManualClock())
    await count_up(store)
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await count_up(store)
    assert await counted(store) == 2
    await store.close()


async def test_a_write_whose_connection_is_cut_is_not_kept(database: tuple[PostgresqlServer, str]) -> None:
    server, name = database
    store = await open_store(server.url(name), ManualClock())

    async def cut() -> None:
        async with store.write() as connection:
            await connection.execute(text("UPDATE counters SET value = 9"))
            server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    with pytest.raises(StoreError):
        await cut()
    assert await counted(store) == 0
    await store.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_stops_and_comes_back_is_taken_again(how: signal.Signals) -> None:
    with own_server() as server:
        name = server.create_database()
        store = await open_store(server.url(name), SystemClock())
        await count_up(store)
        seen = await store.wait(-1)
        server.stop(how)
        with pytest.raises(StoreError, match=r"cannot be reached|lost its connection|being stopped"):
            await count_up(store)
        with pytest.raises(StoreError):
            await store.wait(seen)
        with pytest.raises(psycopg.OperationalError):
            server.execute("SELECT 1")
        server.start()
        await until_counted(store)
        assert await counted(store) == 2
        seen = await store.version()
        waiting = asyncio.create_task(store.wait(seen))
        await asyncio.sleep(0)
        await count_up(store)
        async with asyncio.timeout(2):
            assert await waiting != seen
        await store.close()
