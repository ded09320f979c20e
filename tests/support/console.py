"""A console without a screen, run as a process of its own: ``python -m tests.support.console URL TASK ROUNDS NAME``.

It prints a line for each write once the store has acknowledged it, so that a test that kills it knows what must be
there.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from services.incidents.repository import Change, IncidentRepository
from services.safety.actor import Actor, Surface
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied
from services.storage.engine import Store, open_store
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import Conflict, Refused, StoreError
from tests.support.store import Outside, agree, plan_for


def _say(*words: object) -> None:
    print(*words, flush=True)


async def _create(store: Store, actor: Actor, rounds: int) -> None:
    repository = IncidentRepository(store, store.clock)
    for number in range(rounds):
        created = await repository.create(f"{actor.operator} {number}", 3, actor.operator)
        _say("created", created.number)


async def _change(store: Store, actor: Actor, rounds: int) -> None:
    # Each change names the revision it saw; whoever loses looks again, so that no change is lost.
    repository = IncidentRepository(store, store.clock)
    for number in range(rounds):
        while True:
            seen = (await repository.get(1)).revision
            try:
                changed = await repository.change(
                    1, seen, actor.operator, Change(kind="x", text=f"{actor.operator} {number}")
                )
            except Conflict:
                continue
            _say("changed", changed.revision)
            break


async def _everything(store: Store, actor: Actor, rounds: int) -> None:
    repository, breaker = IncidentRepository(store, store.clock), Breaker(store, store.clock)
    guard = Guard(store, store.clock)
    for number in range(rounds):
        circuit = await breaker.close(actor, f"round {number}")
        _say("circuit", circuit.revision)
        outcome = await guard.execute(plan_for(Outside()), command="/thing", actor=actor, confirm=agree)
        _say("done", outcome.intent)
        created = await repository.create(f"{actor.operator} {number}", 3, actor.operator)
        _say("created", created.number)
        await repository.note(created.number, actor.operator, "noted")
        _say("noted", created.number)
        circuit = await breaker.open(actor, f"round {number}")
        _say("circuit", circuit.revision)


async def _probe(store: Store, actor: Actor, rounds: int) -> None:
    # One attempt at the probe of a half-open breaker; the write itself takes long enough for the others to meet it.
    del rounds
    guard = Guard(store, store.clock)

    async def slow(permit: WritePermit) -> Applied:
        spend(permit, "test.change", "thing")
        _say("probing")
        await asyncio.to_thread(sys.stdin.readline)  # until all others were refused
        return Applied("done")

    plan = replace(plan_for(Outside(), apply=slow), reversible=True)
    while True:
        try:
            outcome = await guard.execute(plan, command="/thing", actor=actor, confirm=agree)
        except Refused as refused:
            if isinstance(refused.__cause__, StoreError):
                continue  # so many at once that the store was busy for longer than anybody waits
            _say("refused", refused.message)
            return
        break
    _say("ended", outcome.status.value)


_TASKS = {"probe": _probe, "create": _create, "change": _change, "everything": _everything}


async def main(url: str, task: str, rounds: int, name: str) -> None:
    store = await open_store(url, SystemClock())
    _say("open")
    sys.stdin.readline()  # all begin together
    await _TASKS[task](store, Actor(name, name, "desk", Surface.EXEC), rounds)
    await store.close()
    _say("finished")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
