"""What can go wrong under a store that is in use: a clear word, nothing half-written, and no write to the outside."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert

from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.safety.outcome import OutcomeStatus
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied, Confirmation, Plan
from services.storage.engine import Store, open_store
from services.storage.tables import chain_heads, counters
from services.vocabulary.errors import FailureKind, Refused, SourceError, StoreError, StoreLost
from tests.support.clock import ManualClock
from tests.support.postgresql import PostgresqlServer, free_port, own_server, ready_template
from tests.support.postgresql_front import Front, front
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, count_up, counted, plan_for, store_url

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

NOBODY = 65534


class Desk:
    """A console on a store, and an outside system that counts what reaches it."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.guard = Guard(store, clock)
        self.breaker = Breaker(store, clock)
        self.outside = Outside()

    async def writes(self) -> str:
        """Ask the guard for a write that nothing speaks against."""
        outcome = await self.guard.execute(plan_for(self.outside), command="/thing", actor=OPERATOR, confirm=agree)
        return f"{outcome.status.value}: {outcome.message}"

    async def is_refused(self, words: str) -> StoreError:
        """The write is refused in these words, with the way by hand, and nothing is sent."""
        before = len(self.outside.calls)
        with pytest.raises(Refused, match=words) as refused:
            await self.writes()
        assert refused.value.message.startswith("nothing was sent")
        assert refused.value.equivalent == "outsidectl change thing"
        assert len(self.outside.calls) == before
        cause = refused.value.__cause__
        assert isinstance(cause, StoreError)
        return cause

    async def is_whole(self, entries: int) -> None:
        """Nothing of what failed was kept."""
        assert await counted(self.store) == 0
        assert await self.guard.unfinished() == ()
        found = await Audit(self.store).verify()
        assert (found.whole, found.entries) == (True, entries), found.problem


@asynccontextmanager
async def desk_at(url: str, *, busy: float = 5.0) -> AsyncIterator[Desk]:
    """A console on the store at ``url``."""
    clock = ManualClock()
    store = await open_store(url, clock, busy=busy)
    try:
        yield Desk(store, clock)
    finally:
        await store.close()


async def fills(store: Store) -> None:
    """One write that takes more room than there is."""
    async with store.write() as connection:
        await connection.execute(counters.update().values(value=9))
        for number in range(3000):
            row = {"name": f"{number}" + os.urandom(1000).hex(), "sequence": 1, "hash": ""}
            await connection.execute(insert(chain_heads).values(row))


def fill_up(filler: Path) -> None:
    """Take all the room that is left on the disk of ``filler``."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)


@contextmanager
def no_larger_files(size: int) -> Iterator[None]:
    """No file of this process grows beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    """Makes a disk of so many bytes; skips where this user may mount none."""
    made: list[Path] = []

    def make(size: int) -> Path:
        place = Path(tempfile.mkdtemp(prefix="sre-disk-"))
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", place], capture_output=True, check=False
        )
        if done.returncode:
            place.rmdir()
            pytest.skip("this user may mount no disk")
        made.append(place)
        return place

    yield make
    for place in made:
        subprocess.run(["umount", "-l", place], check=False)
        place.rmdir()


async def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    async with desk_at(f"sqlite:///{tmp_path}/state/console.db") as desk:
        assert (await desk.writes()).startswith("done")
        with no_larger_files((tmp_path / "state" / "console.db-wal").stat().st_size):
            await desk.is_refused(r"cannot be reached on its disk|disk is full")
            with pytest.raises(StoreError, match=r"cannot be reached on its disk|disk is full"):
                await fills(desk.store)
        await desk.is_whole(1)
        assert (await desk.writes()).startswith("done")


async def test_a_full_disk_under_a_file(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1 << 20)
    async with desk_at(f"sqlite:///{disk}/state/console.db") as desk:
        assert (await desk.writes()).startswith("done")
        filler = disk / "filler"
        fill_up(filler)
        cause = await desk.is_refused("the store has no room: the disk is full")
        assert "make room" in cause.hint
        filler.unlink()
        with pytest.raises(StoreError, match="has no room: the disk is full"):
            await fills(desk.store)
        await desk.is_whole(1)
        assert (await desk.writes()).startswith("done")


async def test_a_disk_that_fills_while_a_write_is_on_its_way(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1 << 20)
    filler = disk / "filler"
    async with desk_at(f"sqlite:///{disk}/state/console.db") as desk:

        async def apply(permit: WritePermit) -> Applied:
            spend(permit, "test.change", "thing")
            fill_up(filler)
            return Applied("the thing is changed")

        plan = plan_for(desk.outside, apply=apply)
        outcome = await desk.guard.execute(plan, command="/thing", actor=OPERATOR, confirm=agree)
        assert (outcome.status, outcome.recorded) == (OutcomeStatus.DONE, False)
        assert "could not be kept: the store has no room" in outcome.message
        filler.unlink()
        # Whoever looks next finds the intent without outcome, and it counts as a failure.
        desk.clock.turn(31)
        (lost,) = await desk.guard.settle(COLLEAGUE)
        assert lost.check.startswith("unknown, check: ")
        assert (await Audit(desk.store).verify()).whole


@pytest.fixture
def team() -> Iterator[PostgresqlServer]:
    """A server of its own, whose port a front can stand before."""
    with own_server(port=free_port()) as server:
        yield server


async def test_a_full_disk_under_a_server(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(200 << 20)
    with own_server(home=disk / "server") as server:
        url = server.url(server.create_database(ready_template(server)))
        async with desk_at(url) as desk:
            assert (await desk.writes()).startswith("done")
            fill_up(disk / "filler")
            with pytest.raises(StoreError, match="the store has no room: the server's disk is full"):
                await fills(desk.store)
            (disk / "filler").unlink()
            await desk.is_whole(1)
            assert (await desk.writes()).startswith("done")


@contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody whom modes hold back, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.fixture
def shut() -> Iterator[Path]:
    """A directory with a store in it, in which nobody may write any more."""
    home = Path(tempfile.mkdtemp(prefix="sre-shut-"))
    home.chmod(0o755)
    state = home / "state"
    asyncio.run(_made(state))
    (state / "console.db").chmod(0o644)
    state.chmod(0o555)
    yield state
    subprocess.run(["rm", "-rf", home], check=True)


async def _made(state: Path) -> None:
    async with desk_at(f"sqlite:///{state}/console.db") as desk:
        assert (await desk.writes()).startswith("done")


@pytest.mark.parametrize("name", ["console.db", "new.db"])
def test_a_directory_that_may_not_be_written(shut: Path, name: str) -> None:
    async def opening() -> None:
        await open_store(f"sqlite:///{shut}/{name}", ManualClock())

    before = sorted(file.name for file in shut.iterdir())
    with unprivileged(), pytest.raises(StoreError, match=r"cannot be (written|made)") as told:
        asyncio.run(opening())
    assert "owner and mode" in told.value.hint
    assert sorted(file.name for file in shut.iterdir()) == before


async def test_a_user_of_the_database_who_may_not_write(team: PostgresqlServer) -> None:
    name = team.create_database(ready_template(team))
    team.execute("CREATE ROLE reader LOGIN")
    team.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=name)
    async with desk_at(team.url(name, user="reader")) as desk:
        await desk.is_refused("does not allow this user what the console needs")


@pytest.mark.usefixtures("engine")
async def test_a_store_that_somebody_holds(tmp_path: Path) -> None:
    url = store_url(tmp_path)
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(desk_at(url, busy=0.05))
        if url.startswith("sqlite"):
            holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            stack.callback(holder.close)
            holder.execute("BEGIN IMMEDIATE")
            await desk.is_refused("is locked by another program")
            holder.execute("ROLLBACK")
        else:
            other = await stack.enter_async_context(desk_at(url))
            async with other.store.write():
                await desk.is_refused("is locked by another program")
        await desk.is_whole(0)
        assert (await desk.writes()).startswith("done")


async def test_a_damaged_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state/console.db"
    async with desk_at(url) as desk:
        assert (await desk.writes()).startswith("done")
    path = tmp_path / "state" / "console.db"
    with sqlite3.connect(path) as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'breakers'").fetchone()
    database.close()
    pages = bytearray(path.read_bytes())
    pages[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(bytes(pages))
    async with desk_at(url) as desk:
        cause = await desk.is_refused("the store is damaged")
        assert isinstance(cause, StoreLost)
        assert "recover" in cause.hint
        with pytest.raises(StoreLost):
            await desk.breaker.read()
    assert path.read_bytes() == bytes(pages)


async def test_a_damaged_table_of_a_server(team: PostgresqlServer) -> None:
    name = team.create_database(ready_template(team))
    url = team.url(name)
    async with desk_at(url) as desk:
        assert (await desk.writes()).startswith("done")
    ((place,),) = team.execute("SELECT pg_relation_filepath('breakers')", database=name)
    team.execute("CHECKPOINT")
    team.stop(signal.SIGINT)
    file = team.home / "data" / place
    file.write_bytes(b"\xff" * file.stat().st_size)
    team.start()
    async with desk_at(url) as desk:
        cause = await desk.is_refused("the store is damaged")
        assert isinstance(cause, StoreLost)
        assert "restore the database from a copy" in cause.hint


@pytest.mark.usefixtures("engine")
async def test_a_clock_that_jumps_back_an_hour_opens_nothing_that_is_shut(tmp_path: Path) -> None:
    async with desk_at(store_url(tmp_path)) as desk:
        desk.outside = Outside(SourceError(FailureKind.SERVER, "500"))
        for _ in range(3):
            assert (await desk.writes()).startswith("unknown")
        desk.clock.jump(timedelta(hours=-1))
        with pytest.raises(Refused, match="the breaker of outside prod is open"):
            await desk.writes()
        desk.clock.turn(3500)  # its cooldown of a minute is over on no clock but the old one
        with pytest.raises(Refused, match="is open"):
            await desk.writes()
        await desk.breaker.open(COLLEAGUE, "by hand")
        desk.clock.jump(timedelta(hours=-1))
        with pytest.raises(Refused, match="the circuit is open"):
            await desk.writes()
        assert len(desk.outside.calls) == 3
        assert (await Audit(desk.store).verify()).whole


async def test_a_server_that_goes_while_an_intent_is_written(team: PostgresqlServer) -> None:
    name = team.create_database(ready_template(team))
    async with desk_at(team.url(name)) as desk:

        async def slowly(plan: Plan) -> bool:
            team.stop(signal.SIGKILL)
            return True

        plan = plan_for(desk.outside, confirmation=Confirmation("sure?"))
        with pytest.raises(Refused, match="nothing was sent"):
            await desk.guard.execute(plan, command="/thing", actor=OPERATOR, confirm=slowly)
        assert desk.outside.calls == []
        team.start()
        await _until_back(desk)
        await desk.is_whole(0)


async def test_a_server_that_goes_while_a_write_is_on_its_way(team: PostgresqlServer) -> None:
    name = team.create_database(ready_template(team))
    async with desk_at(team.url(name)) as desk:

        async def apply(permit: WritePermit) -> Applied:
            spend(permit, "test.change", "thing")
            team.stop(signal.SIGKILL)
            return Applied("the thing is changed")

        plan = plan_for(desk.outside, apply=apply)
        outcome = await desk.guard.execute(plan, command="/thing", actor=OPERATOR, confirm=agree)
        assert (outcome.status, outcome.recorded) == (OutcomeStatus.DONE, False)
        assert "could not be kept" in outcome.message
        team.start()
        await _until_back(desk)
        desk.clock.turn(31)
        (lost,) = await desk.guard.settle(COLLEAGUE)
        assert lost.command == "/thing"
        (entry,) = await Audit(desk.store).list()
        assert (entry.outcome, entry.rule) == ("unknown", "found unfinished")


async def _until_back(desk: Desk) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                await desk.store.version()
            except StoreError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def fronted(server: PostgresqlServer) -> AsyncIterator[tuple[Desk, Front]]:
    """A console whose line to the server a test can cut."""
    name = server.create_database(ready_template(server))
    async with front(server.port) as line, desk_at(f"postgresql://postgres@127.0.0.1:{line.port}/{name}") as desk:
        yield desk, line


def _commit(piece: bytes) -> bool:
    return b"COMMIT\x00" in piece  # and not READ COMMITTED


async def test_a_line_that_is_cut_behind_a_commit_is_asked_about_and_nothing_is_done_twice(
    team: PostgresqlServer,
) -> None:
    async with fronted(team) as (desk, line):
        await count_up(desk.store)
        cuts = [0]

        def once(piece: bytes) -> bool:
            if _commit(piece) and not cuts[0]:
                cuts[0] = 1
                return True
            return False

        line.cut_after = once
        await count_up(desk.store)  # the server says that it was kept
        assert cuts == [1]
        assert await counted(desk.store) == 2
        cuts[0] = 0
        assert await desk.writes() == "done: the thing is changed"
        assert cuts == [1]
        assert desk.outside.calls == ["thing"]
        assert await desk.guard.unfinished() == ()
        assert (await Audit(desk.store).verify()).entries == 1


async def test_a_commit_that_the_server_never_heard_is_told_as_not_kept(team: PostgresqlServer) -> None:
    async with fronted(team) as (desk, line):
        await count_up(desk.store)
        cuts = [0]

        def before(piece: bytes) -> bool:
            if _commit(piece) and not cuts[0]:
                cuts[0] = 1
                return True
            return False

        line.swallow = before
        with pytest.raises(StoreError, match="lost its connection"):
            await count_up(desk.store)
        assert cuts == [1]
        assert await counted(desk.store) == 1
        cuts[0] = 0
        await desk.is_refused("lost its connection")
        assert await desk.guard.unfinished() == ()


async def test_an_intent_whose_end_nobody_can_tell_is_never_acted_on(team: PostgresqlServer) -> None:
    async with fronted(team) as (desk, line):
        await count_up(desk.store)

        def for_good(piece: bytes) -> bool:
            if _commit(piece):
                line.refuses = True
                return True
            return False

        line.cut_after = for_good
        with pytest.raises(Refused, match="it is not known whether this write was kept") as refused:
            await desk.writes()
        assert "look before you try again" in refused.value.hint
        assert desk.outside.calls == []
        line.refuses, line.cut_after = False, lambda piece: False
        await _until_back(desk)
        # The intent was kept: it is found, told, and put down.
        (lost,) = await desk.guard.unfinished()
        desk.clock.turn(31)
        assert [one.intent for one in await desk.guard.settle(COLLEAGUE)] == [lost.intent]


async def test_a_session_that_is_ended_in_the_middle_keeps_nothing(team: PostgresqlServer) -> None:
    name = team.create_database(ready_template(team))
    async with desk_at(team.url(name)) as desk:

        async def cut() -> None:
            async with desk.store.write() as connection:
                await connection.execute(counters.update().values(value=9))
                with psycopg.connect(team.url(name), autocommit=True) as killer:
                    killer.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )

        with pytest.raises(StoreError, match=r"lost its connection|being stopped"):
            await cut()
        await desk.is_whole(0)
        assert (await desk.writes()).startswith("done")
