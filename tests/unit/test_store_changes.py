"""Every console reads as soon as anybody writes, says when the store is lost, and reads again when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from console.store_changes import follow_store
from services.feed import Feed, Poller
from services.safety.breaker import Breaker
from services.safety.circuit import Circuit
from services.storage.store import Store, StoreServer
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import StoreError
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

PATIENCE = 30.0


class Fragile(Store):
    """A store that a test takes away and gives back; ``looks`` counts the waits that it began."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.clock = store.clock
        self.read_only = store.read_only
        self.looks = 0
        self.gone = asyncio.Event()

    @property
    def name(self) -> str:
        return self._store.name

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        self._there()
        return self._store.read()

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        self._there()
        return self._store.write()

    async def version(self) -> int:
        self._there()
        return await self._store.version()

    async def wait(self, seen: int) -> int:
        self.looks += 1
        self._there()
        waiting = asyncio.ensure_future(self._store.wait(seen))
        leaving = asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            self._there()
            return await waiting
        finally:
            waiting.cancel()
            leaving.cancel()

    async def server(self) -> StoreServer:
        return await self._store.server()

    async def close(self) -> None:
        await self._store.close()

    def _there(self) -> None:
        if self.gone.is_set():
            raise StoreError("the store is away")


class Console:
    """What a screen sees of the breakers; it reads when it is told to, and not by itself."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = Fragile(store)
        self.readings = 0
        self._changes = Breaker(self.store, clock).changes()
        self.feed = Feed[Circuit]("circuit", clock)
        # So long a pause that nothing but a call can end it.
        self.poller = Poller(self.feed, self._read, clock, interval=1e6)

    async def _read(self) -> Sequence[Circuit]:
        self.readings += 1
        return await self._changes.read()

    @property
    def revision(self) -> int:
        items = self.feed.snapshot.items
        return items[0].revision if items else -1

    @property
    def state(self) -> FreshnessState:
        return self.feed.snapshot.freshness.state


@asynccontextmanager
async def following(store: Store, clock: ManualClock) -> AsyncIterator[Console]:
    """A console that follows the store."""
    console = Console(store, clock)
    tasks = [
        asyncio.create_task(console.poller.run()),
        asyncio.create_task(follow_store(console.store, [console.poller], clock)),
    ]
    try:
        yield console
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended


async def until(condition: Callable[[], bool], clock: ManualClock | None = None) -> None:
    """Wait for something that is still to come; ``clock`` is turned by a second at each look."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            if clock is not None:
                clock.turn(1)
            await asyncio.sleep(0.005)


async def test_what_one_console_writes_every_other_one_reads(tmp_path: Path) -> None:
    real, clock = SystemClock(), ManualClock()
    async with (
        temporary_store(tmp_path, real) as one,
        temporary_store(tmp_path, real) as other,
        temporary_store(tmp_path, real, read_only=True) as wall,
        following(one, clock) as ann,
        following(other, clock) as bob,
        following(wall, clock) as tv,
    ):
        consoles = (ann, bob, tv)
        await until(lambda: all(console.revision == 0 for console in consoles))
        opened = await Breaker(one, clock).open(OPERATOR, "storm")
        await until(lambda: all(console.revision == opened.revision for console in consoles))
        assert all(console.feed.snapshot.items[0].is_open for console in consoles)
        closed = await Breaker(other, clock).close(COLLEAGUE, "over")
        await until(lambda: all(console.revision == closed.revision for console in consoles))
        # No change in between is read for nothing again and again.
        assert all(console.readings < 20 for console in consoles)


async def test_a_store_that_is_lost_is_told_at_once_and_read_again_when_it_is_back(tmp_path: Path) -> None:
    real, clock = SystemClock(), ManualClock()
    async with (
        temporary_store(tmp_path, real) as store,
        temporary_store(tmp_path, real) as other,
        following(store, clock) as console,
    ):
        await until(lambda: console.revision == 0 and console.store.looks > 1)
        console.store.gone.set()
        await until(lambda: console.feed.snapshot.freshness.failing_since is not None)
        assert console.revision == 0  # what was last known stays
        # As long as it is away it is tried again, and nobody is told the same twice.
        looks, readings = console.store.looks, console.readings
        await until(lambda: console.store.looks > looks + 3, clock)
        assert console.readings - readings <= console.store.looks - looks
        opened = await Breaker(other, clock).open(OPERATOR, "meanwhile")
        console.store.gone.clear()
        await until(lambda: console.revision == opened.revision, clock)
        assert console.state is FreshnessState.FRESH


async def test_what_is_written_while_it_begins_is_not_missed(tmp_path: Path) -> None:
    real, clock = SystemClock(), ManualClock()
    async with temporary_store(tmp_path, real) as store, temporary_store(tmp_path, real) as other:
        for _ in range(5):
            async with following(store, clock) as console:
                toggled = await Breaker(other, clock).open(OPERATOR, "storm")
                toggled = await Breaker(other, clock).close(OPERATOR, f"over {toggled.revision}")
                await until(partial(_shows, console, toggled.revision))


def _shows(console: Console, revision: int) -> bool:
    return console.revision == revision
