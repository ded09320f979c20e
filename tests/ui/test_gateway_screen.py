"""The real program on a terminal with a gateway beside its screen: whatever hits the one, the other stays alive."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.contract.test_gateway_hostile import GARBAGE
from tests.support.terminal import Terminal
from tests.support.walker import ESCAPE

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
_CONSOLE = "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))"


def configured(directory: Path, port: int) -> Path:
    """A console that shows its own store alone, with a gateway."""
    file = directory / "config.toml"
    file.write_text(
        f"[gateway]\nenabled = true\nport = {port}\n"
        f'[sre]\noperator = "op-a"\n[sre.store]\nurl = "sqlite:///{directory}/store/store.db"\n'
    )
    return file


def run(directory: Path, *words: str) -> str:
    """What the command line prints."""
    command = [sys.executable, "-c", _CONSOLE, *words, "--config", str(directory / "config.toml")]
    home = {"XDG_STATE_HOME": str(directory / "home"), "PATH": ""}
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=home).stdout.strip()


def start(directory: Path) -> Terminal:
    """The console on a terminal."""
    command = [sys.executable, "-c", _CONSOLE, "--config", str(directory / "config.toml")]
    return Terminal(command, environment={"XDG_STATE_HOME": str(directory / "home")}, cwd=str(ROOT))


def command(terminal: Terminal, line: str, answer: str) -> None:
    """Type a slash command and wait for its answer."""
    terminal.send(line + "\r")
    terminal.wait_for(answer, PATIENCE)


def listening(terminal: Terminal, directory: Path) -> str:
    """Where the gateway listens, as the log says; waited for."""
    log = directory / "home" / "sre-console" / "console.log"

    def found() -> str:
        lines = log.read_text().splitlines() if log.exists() else []
        words = [json.loads(line)["message"] for line in lines]
        return next((word.rpartition(" ")[2] for word in words if word.startswith("the gateway listens on")), "")

    terminal.wait_until(lambda _: bool(found()), "the gateway never listened", PATIENCE)
    return found()


def test_whatever_hits_the_gateway_the_screen_stays_alive(tmp_path: Path) -> None:
    configured(tmp_path, 0)
    secret = run(tmp_path, "token", "create", "--scope", "read", "--scope", "circuit:write", "--name", "robot")
    with start(tmp_path) as terminal, ExitStack() as held:
        terminal.wait_for("On-call", PATIENCE)
        url = listening(terminal, tmp_path)
        port = int(url.rpartition(":")[2])
        load = held.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.load", f"{url}/api/sre/status", secret, "8", "6"],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
        )
        for raw in GARBAGE.values():
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            try:
                connection.sendall(raw)
            except ConnectionError:
                continue  # it hung up on the rest
        for _ in range(50):
            held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(b"GET /slow")
        # A person works on meanwhile, and sees what a program does.
        terminal.send("?")
        terminal.wait_for("Half a page down", PATIENCE)
        terminal.send(ESCAPE)
        terminal.wait_for("? Help", PATIENCE)
        command(terminal, "/circuit status", f"the gateway listens on {url}")
        terminal.send(ESCAPE)
        statuses = json.loads(load.communicate(timeout=PATIENCE)[0])["statuses"]
        assert statuses.get("200", 0) > 0
        assert set(statuses) <= {"200", "429"}
        with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as client:
            opened = client.post(
                "/api/sre/circuit",
                json={"action": "open", "reason": "\x1b]0;owned\x07 by a robot"},
                headers={"Authorization": f"Bearer {secret}", "If-Match": "*"},
            )
            assert opened.status_code == 200
        terminal.wait_for("CIRCUIT OPEN", PATIENCE)
        terminal.wait_for("by robot", PATIENCE)
        assert b"\x1b]0;owned" not in terminal.output
        shown = terminal.text()
        for strange in ("Traceback", "uvicorn", "INFO", "GET /", "PART OF THE CONSOLE IS BROKEN"):
            assert strange not in shown
        terminal.send("\x11")
        assert terminal.process.wait(PATIENCE) == 0


def test_a_gateway_that_cannot_listen_is_told_and_nothing_else_suffers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configured(tmp_path, taken.getsockname()[1])
        run(tmp_path, "token", "create", "--scope", "read")
        with start(tmp_path) as terminal:
            terminal.wait_for("The gateway does not listen", PATIENCE)
            command(terminal, "/circuit status", "the gateway does not listen: the gateway cannot listen on")
            terminal.send(ESCAPE)
            assert "PART OF THE CONSOLE IS BROKEN" not in terminal.text()
            command(terminal, "/circuit open", "CIRCUIT OPEN")
            terminal.send("\x11")
            assert terminal.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("ending", ["SIGTERM"])
def test_a_signal_still_ends_the_console(tmp_path: Path, ending: str) -> None:
    configured(tmp_path, 0)
    run(tmp_path, "token", "create", "--scope", "read")
    with start(tmp_path) as terminal:
        terminal.wait_for("On-call", PATIENCE)
        listening(terminal, tmp_path)
        terminal.process.terminate()
        assert terminal.process.wait(PATIENCE) is not None
