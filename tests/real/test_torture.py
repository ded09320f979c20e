"""Twenty consoles on one PostgreSQL, one of them killed every second, the database restarted: nothing lost or doubled.

Takes a few seconds; ``SRE_CONSOLE_TEST_TORTURE=60`` lets it go on for a minute.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from sqlalchemy import select

from services.incidents.repository import IncidentRepository
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.storage.engine import open_store
from services.storage.tables import incidents, intents
from services.vocabulary.clock import SystemClock
from tests.support.postgresql import own_server, ready_template
from tests.support.store import OPERATOR

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

CONSOLES = 20
SECONDS = float(os.environ.get("SRE_CONSOLE_TEST_TORTURE", "5"))


async def recording() -> tuple[web.AppRunner, str, list[str]]:
    """An Alertmanager that remembers the comments of its silences."""
    heard: list[str] = []

    async def take(request: web.Request) -> web.Response:
        heard.append((await request.json())["comment"])
        return web.json_response({"silenceID": str(len(heard))})

    application = web.Application()
    application.router.add_post("/api/v2/silences", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}/api/v2/silences", heard


async def test_nothing_is_lost_or_doubled_whoever_dies() -> None:
    random, clock = Random(7), SystemClock()
    runner, alertmanager, heard = await recording()
    with own_server(fsync=True) as server:
        url = server.url(server.create_database(ready_template(server)))
        nursery = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.torture", url, alertmanager),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        said: list[list[str]] = []
        sees: dict[str, int] = {}
        resting: set[str] = set()

        async def listen(lines: asyncio.StreamReader) -> None:
            async for line in lines:
                words = line.decode().split()
                said.append(words)
                if words[1] == "sees":
                    sees[words[0]] = int(words[2])
                elif words[1] == "rests":
                    resting.add(words[0])

        listening = asyncio.create_task(listen(nursery.stdout))
        alive = [f"op-{number}" for number in range(CONSOLES)]
        nursery.stdin.write("".join(f"spawn {name}\n" for name in alive).encode())
        async with asyncio.timeout(60):
            while len(sees) < CONSOLES:
                await asyncio.sleep(0.02)
        for second in range(round(SECONDS)):
            await asyncio.sleep(1)
            victim = alive.pop(random.randrange(CONSOLES))
            alive.append(f"op-{CONSOLES + second}")
            nursery.stdin.write(f"kill {victim}\nspawn {alive[-1]}\n".encode())
            if second == round(SECONDS) // 2:
                await asyncio.to_thread(server.stop, signal.SIGQUIT)
                await asyncio.to_thread(server.start)
        async with asyncio.timeout(120):
            while not set(alive) <= set(sees):  # the youngest have just been born
                await asyncio.sleep(0.02)
        nursery.stdin.write(b"rest\n")
        async with asyncio.timeout(120):
            while not set(alive) <= resting:  # what one of them was at may move the breaker once more
                await asyncio.sleep(0.02)

        store = await open_store(url, clock)
        last = await Breaker(store, clock).open(OPERATOR, "everybody look")
        deadline = clock.monotonic() + 2
        while (late := [name for name in alive if sees[name] != last.revision]) and clock.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert not late, [(name, sees[name], last.revision) for name in late]
        nursery.stdin.close()
        await nursery.wait()
        await listening

        repository = IncidentRepository(store, clock)
        async with store.read() as connection:
            kept = {row.title: row.number for row in await connection.execute(select(incidents))}
            status = {row.number: (row.command, row.status) for row in await connection.execute(select(intents))}
        created = {words[3]: int(words[2]) for words in said if words[1] == "created"}
        done = {words[3]: int(words[2]) for words in said if words[1] == "done"}
        assert created.items() <= kept.items()
        assert sorted(kept.values()) == list(range(1, len(kept) + 1))
        assert max(Counter(heard).values(), default=0) == 1
        assert set(done) <= set(heard)
        assert all(status[number] == (key, "done") for key, number in done.items())
        assert set(heard) <= {command for command, _ in status.values()}
        assert (await Audit(store).verify()).whole
        for number in random.sample(sorted(kept.values()), min(20, len(kept))):
            assert (await repository.verify(number)).whole
        print(f"{len(kept)} incidents, {len(heard)} writes, {last.revision} revisions")
        assert created, "nobody came to anything"
        assert done, "nothing was ever written"
        await store.close()
    await runner.cleanup()
