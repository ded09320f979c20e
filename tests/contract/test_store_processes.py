"""Several consoles, each a process, on one store; and consoles that die at any moment."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from services.incidents.repository import IncidentRepository
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.storage.engine import Store
from services.storage.tables import intents
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import FailureKind, Refused, SourceError
from tests.support.clock import ManualClock
from tests.support.store import OPERATOR, Outside, agree, plan_for, store_url, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

ROOT = Path(__file__).parents[2]


def console(directory: Path, task: str, rounds: int, name: str) -> subprocess.Popen[str]:
    """A console that has opened its store and waits for the word to begin."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.console", store_url(directory), task, str(rounds), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.read().splitlines()


async def test_two_consoles_lose_no_update(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        repository = IncidentRepository(store, clock)
        await repository.create("shared", 3, "op-a")
        with ExitStack() as stack:
            processes = [stack.enter_context(console(tmp_path, "change", 25, name)) for name in ("op-a", "op-b")]
            for process in processes:
                begin(process)
            answers = [said(process) for process in processes]
        revisions = sorted(int(line.split()[1]) for lines in answers for line in lines if line != "finished")
        assert revisions == list(range(2, 52))
        incident = await repository.get(1)
        assert incident.revision == 51
        texts = [entry.text for entry in incident.timeline[1:]]
        assert sorted(texts) == sorted(f"{name} {number}" for name in ("op-a", "op-b") for number in range(25))
        assert (await repository.verify(1)).whole


async def test_two_consoles_number_incidents_without_gap_or_double(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # They make the store together, too.
        processes = [stack.enter_context(console(tmp_path, "create", 20, name)) for name in ("op-a", "op-b")]
        for process in processes:
            begin(process)
        answers = [said(process) for process in processes]
    numbers = [int(line.split()[1]) for lines in answers for line in lines if line != "finished"]
    assert sorted(numbers) == list(range(1, 41))


async def test_another_process_opens_the_circuit_and_this_one_refuses_from_then_on(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        guard, outside = Guard(store, clock), Outside()
        assert (await guard.execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)).ok
        changes = Breaker(store, clock).changes()
        await changes.read()
        with console(tmp_path, "everything", 1, "op-b") as process:
            begin(process)
            assert "finished" in said(process)
        (circuit,) = await changes.read()
        assert (circuit.is_open, circuit.changed_by) == (True, "op-b")
        with pytest.raises(Refused, match="by op-b: round 0"):
            await guard.execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
        assert outside.calls == ["thing"]


async def acknowledged(store: Store, lines: list[str]) -> None:
    """Every write that the dead console was told of is there."""
    repository = IncidentRepository(store, store.clock)
    circuit = await Breaker(store, store.clock).read()
    async with store.read() as connection:
        done = {row.number: row.status for row in await connection.execute(select(intents))}
    for line in lines:
        word, number = line.split()
        match word:
            case "created":
                assert (await repository.get(int(number))).number == int(number)
            case "noted":
                assert (await repository.get(int(number))).timeline[-1].text == "noted"
            case "done":
                assert done[int(number)] == "done"
            case "circuit":
                assert circuit.revision >= int(number)
            case _:
                raise AssertionError(line)


async def test_a_console_killed_at_any_moment_leaves_everything_it_acknowledged(tmp_path: Path, engine: str) -> None:
    clock, random = ManualClock(), Random(7)
    total = 0
    for round_ in range(12):
        with console(tmp_path, "everything", 10_000, f"op-{round_}") as process:
            begin(process)
            assert process.stdout is not None
            # It dies while it works on what comes after the last line read here, wherever that is.
            lines = [process.stdout.readline().rstrip("\n") for _ in range(random.randrange(40))]
            process.kill()
            lines += [line.rstrip("\n") for line in process.stdout if line.endswith("\n")]
        total += len(lines)
        async with temporary_store(tmp_path, clock) as store:
            await acknowledged(store, lines)
            assert (await Audit(store).verify()).whole
            repository = IncidentRepository(store, clock)
            found = await repository.list()
            assert sorted(incident.number for incident in found) == list(range(1, len(found) + 1))
            for incident in found[-3:]:
                assert (await repository.verify(incident.number)).whole
            lost = await Guard(store, clock).unfinished()
            assert all(one.check.startswith("unknown, check: test.change") for one in lost)
            if engine == "sqlite":
                async with store.read() as connection:
                    assert (await connection.exec_driver_sql("PRAGMA integrity_check")).scalar_one() == "ok"
    assert total > 100


async def test_a_console_killed_between_intent_and_outcome_shows_the_write_as_unknown(tmp_path: Path) -> None:
    clock = ManualClock()
    program = f"""
import asyncio, os, signal
from services.safety.guard import Guard
from services.storage.engine import open_store
from services.vocabulary.clock import SystemClock
from tests.support.store import OPERATOR, Outside, agree, plan_for

async def die(permit):
    permit.spend("test.change", "thing")
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = await open_store({store_url(tmp_path)!r}, SystemClock())
    await Guard(store, store.clock).execute(
        plan_for(Outside(), apply=die), command="/thing change", actor=OPERATOR, confirm=agree
    )

asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == -9
    async with temporary_store(tmp_path, clock) as store:
        (lost,) = await Guard(store, clock).unfinished()
        assert (lost.command, lost.operator) == ("/thing change", "op-a")
        assert lost.equivalent == "outsidectl change thing"


async def test_of_sixteen_processes_one_gets_the_probe(tmp_path: Path) -> None:
    past = ManualClock(SystemClock().now() - timedelta(minutes=2))
    async with temporary_store(tmp_path, past) as store:
        guard = Guard(store, past)
        for _ in range(3):
            failing = plan_for(Outside(SourceError(FailureKind.TIMEOUT, "no answer")))
            await guard.execute(failing, command="/x", actor=OPERATOR, confirm=agree)
        assert (await Breaker(store, past).read("outside prod")).is_open
        with ExitStack() as stack:
            processes = [stack.enter_context(console(tmp_path, "probe", 1, f"op-{number}")) for number in range(16)]
            for process in processes:
                begin(process)
            said_first = [process.stdout.readline().rstrip("\n") for process in processes if process.stdout is not None]
            assert said_first.count("probing") == 1
            refused = [line for line in said_first if "its probe is under way" in line]
            assert len(refused) == 15, said_first
            winner = processes[said_first.index("probing")]
            begin(winner)
            assert said(winner) == ["ended done", "finished"]
        healed = await Breaker(store, past).read("outside prod")
        assert (healed.is_open, healed.reason) == (False, f"the probe of op-{said_first.index('probing')} succeeded")
        assert (await Audit(store).verify()).whole
