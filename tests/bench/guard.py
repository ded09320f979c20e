"""What the guard costs: a permitted write beside the two transactions that any write on record takes."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from sqlalchemy import bindparam, insert, update

from console.records import Records
from services.policy.model import Policy, Scope
from services.safety.plan import Plan
from services.storage.engine import Store
from services.storage.tables import intents
from services.vocabulary.clock import SystemClock
from tests.bench.harness import Limit, Table, percentile
from tests.support.postgresql import PostgresqlServer, find_binaries
from tests.support.store import OPERATOR, Outside, agree, plan_for

NAME = "guard"

_PAIRS = 300
_WARM = 30
_LIMIT = 2.5
_POLICIES = tuple(Policy(f"freeze-{number}", scope=Scope(environments=(f"other-{number}",))) for number in range(5))


_INTEND = insert(intents)
_END = update(intents).where(intents.c.number == bindparam("intent"))


async def _bare(store: Store, number: int) -> None:
    """An intent before, its outcome behind, each kept by a transaction of its own; and nothing else."""
    texts = ("operator", "os_user", "host", "surface", "command", "action", "risk", "source", "environment")
    now = store.clock.now()
    intent = dict.fromkeys(texts, "bare") | {
        "at": now,
        "expires_at": now + timedelta(seconds=30),
        "targets": [{"kind": "thing", "name": f"{number}", "environment": "prod"}],
        "equivalent": "outsidectl change thing",
        "breaker_revision": 0,
    }
    async with store.write() as connection:
        result = await connection.execute(_INTEND, intent)
    assert result.inserted_primary_key is not None
    done = {"status": "done", "failure": "", "message": "done", "undo": "", "finished_at": store.clock.now()}
    async with store.write() as connection:
        await connection.execute(_END, {"intent": result.inserted_primary_key[0], **done})


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def _measure(url: str, directory: Path) -> tuple[list[float], list[float]]:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        # The console's own, with every gate and witness that it has.
        records = Records(url, clock, writing=True, policies=_POLICIES, memory=directory, actor=OPERATOR)
        store: Store = records.store
        stack.push_async_callback(store.close)
        guard = records.guard
        assert guard is not None
        outside = Outside()

        async def guarded() -> None:
            plan: Plan = plan_for(outside)
            outcome = await guard.execute(plan, command="/thing change", actor=OPERATOR, confirm=agree)
            assert outcome.ok
            assert outcome.recorded

        bare, permitted = [], []
        for number in range(_WARM + _PAIRS):
            first = await _timed(lambda number=number: _bare(store, number))  # type: ignore[misc]
            second = await _timed(guarded)
            if number >= _WARM:
                bare.append(first)
                permitted.append(second)
        return bare, permitted


def run() -> Table:
    """Both engines, each pair interleaved."""
    rows, limits = [], []
    with tempfile.TemporaryDirectory(prefix="sre-bench-") as home:
        directory = Path(home)
        engines = {"SQLite": f"sqlite:///{directory}/store.db"}
        binaries = find_binaries()
        server = None if binaries is None else PostgresqlServer(binaries, fsync=True)
        try:
            if server is not None:
                server.start("full_page_writes=on")
                engines["PostgreSQL"] = server.url(server.create_database())
            for engine, url in engines.items():
                bare, permitted = asyncio.run(_measure(url, directory / engine))
                ratio = percentile(permitted, 50) / percentile(bare, 50)
                rows += [
                    _row(f"{engine}, two bare transactions", bare),
                    _row(f"{engine}, a permitted write", permitted),
                ]
                limits.append(Limit(f"{engine}: a permitted write over two bare transactions, medians", ratio, _LIMIT))
        finally:
            if server is not None:
                server.close()
    notes = (
        f"{_PAIRS} pairs, interleaved, every commit on the disk. A permitted write passes the console's own guard: it "
        "reads the breakers, asks five policies, trust and undo, reads and asks them again with its intent, and puts "
        "down outcome, audit and the breaker's count.",
        *(() if len(engines) == 2 else ("PostgreSQL is not installed here.",)),
    )
    return Table("The guard", ("what", "ms, median", "ms, p95"), rows, limits, notes)


def _row(what: str, seconds: list[float]) -> tuple[str, ...]:
    return (what, f"{percentile(seconds, 50) * 1000:.1f}", f"{percentile(seconds, 95) * 1000:.1f}")
