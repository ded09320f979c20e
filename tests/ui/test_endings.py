"""What ends the program from outside: signals, a terminal that vanishes, one that takes nothing any more."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.demo.clock import SimulatedClock
from services.demo.server import DemoServers
from services.safety.audit import Audit
from services.storage.engine import open_store
from services.vocabulary.clock import SystemClock
from tests.support.tap import Tap, tap
from tests.support.terminal import Terminal
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-P", "-c", "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))")
PATIENCE = 60.0
"""Seconds; on an idle machine everything comes within two."""

FLOODING = """
import asyncio, os, sys
from pathlib import Path
from console.app import ConsoleApp

async def connect(app):
    Path(sys.argv[1]).touch()
    # More than everything between the program and its terminal takes: this waits for somebody who reads.
    for _ in range(1000):
        app._driver.write(" " * 100_000)
    await asyncio.Event().wait()

app = ConsoleApp(connect)
app.run()
Path(sys.argv[2]).touch()
if app.stuck:
    os._exit(app.return_code)
sys.exit(app.return_code)
"""
"""Its main thread waits for the terminal, so that its loop hears nothing."""


@dataclass
class Running:
    """The program on a terminal, in front of an Alertmanager that lets no write through before it is told.

    Attributes:
        terminal: what a person would see.
        wire: the way to the Alertmanager.
        home: where everything is kept.
    """

    terminal: Terminal
    wire: Tap
    home: Path

    async def begins_a_write(self) -> None:
        """Ack the first alert and wait until that is on the wire."""
        self.terminal.send("a")
        assert await until(self._asked, PATIENCE)

    async def _asked(self) -> bool | None:
        return bool(self.wire.writes) or None

    async def sees(self, words: str) -> None:
        """Wait for words on the screen."""
        await asyncio.to_thread(self.terminal.wait_for, words, PATIENCE)

    async def ends(self) -> int:
        """Wait for the end; the exit code."""
        return await asyncio.to_thread(self.terminal.process.wait, PATIENCE)

    async def audited(self) -> list[tuple[str, str, str]]:
        """Action, outcome and rule of all that was written down."""
        store = await open_store(f"sqlite:///{self.home}/store.db", SystemClock())
        try:
            return [(one.action, one.outcome, one.rule) for one in await Audit(store).list(10)]
        finally:
            await store.close()

    def log(self) -> str:
        """What it left in its log."""
        return "\n".join(one.read_text() for one in self.home.rglob("*.log"))


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Running]:
    demo = DemoServers(SimulatedClock(SystemClock()), seed=7, offset=400.0)
    async with demo as servers, tap(servers.alertmanager_url) as wire:
        wire.held = True
        config = home / "config.toml"
        config.touch(mode=0o600)
        config.write_text(
            f'[sre]\noperator = "op-a"\n[[sre.alertmanager]]\nname = "prod"\nurls = ["{wire.url}"]\n'
            f'environment = "staging"\n[sre.store]\nurl = "sqlite:///{home}/store.db"\n'
        )
        environment = {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home)}
        command = (*PROGRAM, "--config", str(config))
        terminal = Terminal(command, columns=120, lines=40, environment=environment, cwd=str(home))
        try:
            person = Running(terminal, wire, home)
            await person.sees("breaker closed")
            await person.sees("crit")
            yield person
        finally:
            await asyncio.to_thread(terminal.close)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_the_program_and_its_screen(tmp_path: Path, ending: signal.Signals) -> None:
    async with running(tmp_path) as person:
        person.terminal.process.send_signal(ending)
        assert await person.ends() == 128 + ending
        assert b"\x1b[?1049l" in person.terminal.output, "the terminal is not as it was"
        assert b"Traceback" not in person.terminal.output
        assert f"ended by {ending.name}" in person.log()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_waits_for_the_write_on_its_way(tmp_path: Path, ending: signal.Signals) -> None:
    async with running(tmp_path) as person:
        await person.begins_a_write()
        person.terminal.process.send_signal(ending)
        await person.sees("1 write is still on the way")
        await person.sees("/alerts ack prod/")
        person.wire.let_go.set()
        assert await person.ends() == 128 + ending
        assert [one[:2] for one in await person.audited()] == [("alertmanager.ack", "done")]


async def test_a_second_signal_waits_no_longer_and_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    async with running(tmp_path) as person:
        await person.begins_a_write()
        person.terminal.process.send_signal(signal.SIGTERM)
        await person.sees("1 write is still on the way")
        person.terminal.process.send_signal(signal.SIGTERM)
        assert await person.ends() == 128 + signal.SIGTERM
        assert await person.audited() == [("alertmanager.ack", "unknown", "left unfinished")]
        assert b"unknown, check" in person.terminal.output


async def test_a_terminal_that_vanishes_without_a_signal_ends_the_program(tmp_path: Path) -> None:
    async with running(tmp_path) as person:
        await asyncio.to_thread(person.terminal.vanish)
        assert await person.ends() == 128 + signal.SIGHUP
        assert "the terminal is gone" in person.log()
        assert "did not end by itself" not in person.log()


async def test_a_terminal_that_vanishes_leaves_the_write_on_its_way_its_grace(tmp_path: Path) -> None:
    async with running(tmp_path) as person:
        await person.begins_a_write()
        await asyncio.to_thread(person.terminal.vanish)
        person.wire.let_go.set()
        assert await person.ends() == 128 + signal.SIGHUP
        assert [one[:2] for one in await person.audited()] == [("alertmanager.ack", "done")]


async def test_a_terminal_that_takes_nothing_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    async with running(tmp_path) as person:
        await person.begins_a_write()
        await asyncio.to_thread(person.terminal.stop_reading)
        for _ in range(60):
            person.terminal.send("zz1234")
        person.terminal.process.send_signal(signal.SIGTERM)
        person.wire.let_go.set()
        assert await person.ends() == 128 + signal.SIGTERM
        assert [one[:2] for one in await person.audited()] == [("alertmanager.ack", "done")]


async def test_a_terminal_that_holds_the_whole_program_up_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"
    command = [sys.executable, "-P", "-c", FLOODING, str(begun), str(over)]
    terminal = Terminal(command, environment={"PYTHONPATH": str(ROOT)}, cwd=str(tmp_path))
    try:
        await asyncio.to_thread(terminal.stop_reading)
        await until(_exists(begun), PATIENCE)
        terminal.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(terminal.process.wait, PATIENCE) == 128 + signal.SIGTERM
        assert over.exists(), "it did not leave in order"
    finally:
        await asyncio.to_thread(terminal.close)


def _exists(file: Path) -> Callable[[], Awaitable[bool | None]]:
    async def ask() -> bool | None:
        return file.exists() or None

    return ask
