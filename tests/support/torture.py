"""Consoles without a screen that toggle, write and create until they are killed.

``python -m tests.support.torture STORE ALERTMANAGER`` imports everything once and then obeys lines: ``spawn NAME``
forks a console, ``kill NAME`` kills it as a power cut does, ``rest`` lets all of them only look on. Each console prints
a line for what the store has acknowledged, for each revision of the breaker that it sees, and when it has come to rest.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import aiohttp

from services.incidents.repository import IncidentRepository
from services.safety.actor import Actor, Surface
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied
from services.storage.engine import Store, open_store
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError
from tests.support.store import Outside, agree, plan_for

_CLOCK = SystemClock()


def _say(*words: object) -> None:
    # One short write to a pipe is never mixed with another one.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def _opened(url: str) -> Store:
    while True:
        try:
            return await open_store(url, _CLOCK)
        except ConsoleError:
            await asyncio.sleep(0.1)


class _Console:
    def __init__(self, name: str, alertmanager: str) -> None:
        self.name = name
        self.actor = Actor(name, name, "desk", Surface.EXEC)
        self._alertmanager = alertmanager
        self._random = Random(name)
        self._number = 0
        self.resting = asyncio.Event()

    async def run(self, url: str) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.resting.set)
        store = await _opened(url)
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(self._look(store), self._act(store, session))

    async def _look(self, store: Store) -> None:
        changes, seen, shown = Breaker(store, _CLOCK).changes(), -1, -1
        while True:
            try:
                seen = await store.wait(seen)
                (circuit,) = await changes.read()
            except ConsoleError:
                await asyncio.sleep(0.1)
                continue
            if circuit.revision != shown:
                shown = circuit.revision
                _say(self.name, "sees", shown)

    async def _act(self, store: Store, session: aiohttp.ClientSession) -> None:
        breaker, incidents = Breaker(store, _CLOCK), IncidentRepository(store, _CLOCK)
        guard = Guard(store, _CLOCK)
        while not self.resting.is_set():
            self._number += 1
            key = f"{self.name}/{self._number}"
            try:
                match self._random.randrange(16):
                    case 0:
                        await breaker.open(self.actor, key)
                        circuit = await breaker.close(self.actor, key)
                        _say(self.name, "circuit", circuit.revision)
                    case number if number % 2:
                        incident = await incidents.create(key, 3, self.name)
                        _say(self.name, "created", incident.number, key)
                    case _:
                        outcome = await guard.execute(
                            replace(plan_for(Outside()), apply=self._silence(session, key)),
                            command=key,
                            actor=self.actor,
                            confirm=agree,
                        )
                        if outcome.ok and outcome.recorded:
                            _say(self.name, "done", outcome.intent, key)
            except ConsoleError:
                await asyncio.sleep(0.02)
        _say(self.name, "rests")

    def _silence(self, session: aiohttp.ClientSession, key: str) -> Callable[[WritePermit], Awaitable[Applied]]:
        async def apply(permit: WritePermit) -> Applied:
            spend(permit, "test.change", "thing")
            try:
                async with session.post(self._alertmanager, json={"comment": key}) as answer:
                    answer.raise_for_status()
            except aiohttp.ClientError as error:
                raise SourceError(FailureKind.UNREACHABLE, str(error)) from error
            return Applied("silenced", {}, "")

        return apply


def main(url: str, alertmanager: str) -> None:
    children: dict[str, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["spawn", name]:
                child = os.fork()
                if child == 0:
                    asyncio.run(_Console(name, alertmanager).run(url))
                    os._exit(0)
                children[name] = child
            case ["kill", name]:
                child = children.pop(name)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                _say(name, "dead")
            case ["rest"]:
                for child in children.values():
                    os.kill(child, signal.SIGUSR1)
    for child in children.values():
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
