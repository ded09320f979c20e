"""To the shell and back: the terminal is the shell's meanwhile, and the whole screen stands there again after it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
PROGRAM = """
import asyncio, sys
from console.app import ConsoleApp

async def connect(app):
    await asyncio.Event().wait()

app = ConsoleApp(connect)
app.run()
sys.exit(app.return_code)
"""


@pytest.mark.parametrize("by", ["key", "signal"])
def test_the_screen_is_drawn_again_after_the_program_was_suspended(by: str, tmp_path: Path) -> None:
    command = (sys.executable, "-P", "-c", PROGRAM)
    with Terminal(command, environment={"PYTHONPATH": str(ROOT)}, cwd=str(tmp_path)) as terminal:
        terminal.wait_for("connecting", PATIENCE)
        for _ in range(2):
            if by == "key":
                terminal.send(b"\x1a")
            else:
                terminal.process.send_signal(signal.SIGTSTP)
            _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            terminal.wait_for_bytes(b"\x1b[?1049l", PATIENCE)
            terminal.wipe()
            assert "connecting" not in terminal.text()
            terminal.process.send_signal(signal.SIGCONT)
            terminal.wait_for("connecting", PATIENCE)
            terminal.wait_for("Deployments", PATIENCE)
        terminal.send("w")
        terminal.wait_until(lambda rows: not any("Deployments" in row for row in rows), "w was not heard", PATIENCE)
        terminal.send(b"\x11")
        assert terminal.process.wait(PATIENCE) == 0
