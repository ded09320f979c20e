"""A store of their own for tests, and people and plans to use it with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import select

from services.safety.actor import Actor, Surface
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied, Confirmation, Plan, Risk, Target
from services.storage.engine import Store, open_store
from services.storage.tables import counters
from services.vocabulary.clock import Clock
from tests.support.clock import ManualClock

OPERATOR = Actor("op-a", "alpha", "desk-1", Surface.CONSOLE)
COLLEAGUE = Actor("op-b", "beta", "desk-2", Surface.EXEC)

_ELSEWHERE = "store-url"


def store_url(directory: Path) -> str:
    """The URL of the store that tests keep in ``directory``: on PostgreSQL where :func:`keep_store_at` said so."""
    elsewhere = directory / _ELSEWHERE
    return elsewhere.read_text() if elsewhere.exists() else f"sqlite:///{directory / 'state' / 'console.db'}"


def keep_store_at(directory: Path, url: str) -> None:
    """Let the store of ``directory`` be at ``url``."""
    (directory / _ELSEWHERE).write_text(url)


@asynccontextmanager
async def temporary_store(
    directory: Path, clock: Clock | None = None, *, read_only: bool = False, busy: float = 5.0
) -> AsyncIterator[Store]:
    """An open store in ``directory`` (pytest's ``tmp_path``), closed at the end; the clock stands still by default."""
    store = await open_store(store_url(directory), clock or ManualClock(), read_only=read_only, busy=busy)
    try:
        yield store
    finally:
        await store.close()


def lose_store(directory: Path) -> None:
    """Take away what the store of ``directory`` holds, under the consoles that have it open."""
    url = store_url(directory)
    if url.startswith("sqlite"):
        (directory / "state" / "console.db").rename(directory / "gone")
        return
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")


async def count_up(store: Store) -> None:
    """One small write: see :func:`counted`."""
    async with store.write() as connection:
        await connection.execute(
            counters.update().where(counters.c.name == "incidents").values(value=counters.c.value + 1)
        )


async def counted(store: Store) -> int:
    """How often :func:`count_up` was kept."""
    async with store.read() as connection:
        query = select(counters.c.value).where(counters.c.name == "incidents")
        return int((await connection.execute(query)).scalar_one())


async def agree(plan: Plan) -> bool:
    """A person who says yes to everything."""
    return True


async def decline(plan: Plan) -> bool:
    """A person who says no to everything."""
    return False


async def die(*commands: str) -> None:
    """Leave the writes of these commands where they are, and their heartbeats, as where a process is killed."""
    left = [
        task
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task() and task.get_name().startswith(("heartbeat of intent", *commands))
    ]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class Outside:
    """Stands for an outside system: spends the permit as a client does, and remembers what it was told."""

    def __init__(self, failure: Exception | None = None, *, fails_before_spending: bool = False) -> None:
        self.failure = failure
        self.fails_before_spending = fails_before_spending
        self.calls: list[str] = []

    async def apply(self, permit: WritePermit) -> Applied:
        if self.failure and self.fails_before_spending:
            raise self.failure
        spend(permit, "test.change", "thing")
        self.calls.append("thing")
        if self.failure:
            raise self.failure
        return Applied("the thing is changed", {"id": 1}, "/undo thing")


def plan_for(
    outside: Outside,
    *,
    apply: Callable[[WritePermit], Awaitable[Applied]] | None = None,
    verify: Callable[[Applied], Awaitable[bool]] | None = None,
    confirmation: Confirmation | None = None,
    risk: Risk = Risk.WRITE,
    targets: tuple[Target, ...] = (Target("thing", "thing", "prod"),),
) -> Plan:
    """A plan that changes ``outside``."""
    return Plan(
        action="test.change",
        risk=risk,
        source="outside prod",
        environment="prod",
        targets=targets,
        summary="changes the thing",
        equivalent="outsidectl change thing",
        apply=apply or outside.apply,
        confirmation=confirmation,
        verify=verify,
    )
