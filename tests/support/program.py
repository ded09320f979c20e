"""The whole program on a terminal, and what a person does in front of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.terminal import Terminal

PROGRAM = str(Path(sys.executable).with_name("sre-console"))
ROOT = str(Path(__file__).resolve().parents[2])
LIMIT = 40.0
"""Seconds for anything to come; on an idle machine everything comes within a few."""

ENTER, ESCAPE, END = "\r", "\x1b", "\x1b[F"


class Desk:
    """A person in front of the program.

    Attributes:
        terminal: what they see and type on.
        config: the file that the program was given.
        environment: of the program.
    """

    def __init__(self, terminal: Terminal, config: Path, environment: dict[str, str]) -> None:
        self.terminal = terminal
        self._config = config
        self._environment = environment

    async def sees(self, *words: str) -> None:
        """Wait until each of ``words`` stands on the screen."""
        for one in words:
            await asyncio.to_thread(self.terminal.wait_for, one, LIMIT)

    async def sees_until(self, condition: Callable[[str], bool], what: str) -> None:
        """Wait until the whole screen satisfies ``condition``."""
        await asyncio.to_thread(
            self.terminal.wait_until, lambda rows: condition("\n".join(rows)), f"{what} never came", LIMIT
        )

    async def no_longer_sees(self, words: str) -> None:
        """Wait until ``words`` are gone."""
        await self.sees_until(lambda text: words not in text, f"the screen without {words!r}")

    def types(self, *keys: str) -> None:
        """Press keys; a word is typed letter by letter."""
        for key in keys:
            self.terminal.send(key)

    async def asks_again_until(self, words: str) -> None:
        """Press ``r`` (read every source now) until ``words`` are there; nobody waits for the next poll."""
        clock = asyncio.get_running_loop()
        end = clock.time() + LIMIT
        while words not in self.terminal.text():
            self.types("r")
            try:
                await asyncio.to_thread(self.terminal.wait_for, words, 3.0)  # what it says covers a corner for two
            except TimeoutError:
                if clock.time() > end:
                    raise

    async def executes(self, line: str) -> Any:
        """``data`` of what ``sre-console exec --json`` answers in front of the same configuration."""
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "--config", str(self._config), "exec", "--json", line),
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            cwd=ROOT,
        )
        out, _ = await process.communicate()
        answer = json.loads(out)
        assert (process.returncode, answer["ok"]) == (0, True), answer
        return answer["data"]


@asynccontextmanager
async def console(
    directory: Path,
    alertmanager: str,
    prometheus: str = "",
    *options: str,
    operator: str = "op-a",
    store: str = "",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Desk]:
    """The program in front of the servers of these URLs; everything it keeps is kept in ``directory``.

    Args:
        directory: for the configuration and all that is kept.
        alertmanager: the URL; empty for none.
        prometheus: likewise.
        options: of the command line.
        operator: who sits there.
        store: the lines under ``[sre.store]``; a file in ``directory`` by default.
        environment: further variables.
    """
    config = write_config(directory, alertmanager, prometheus, operator=operator, store=store)
    variables = own_environment(directory) | dict(environment or {})
    command = [PROGRAM, "--config", str(config), *options]
    terminal = Terminal(command, columns=140, lines=44, environment=variables, cwd=ROOT)
    try:
        yield Desk(terminal, config, variables)
    finally:
        await asyncio.to_thread(terminal.close)


def write_config(
    directory: Path, alertmanager: str = "", prometheus: str = "", *, operator: str = "op-a", store: str = ""
) -> Path:
    """The configuration of :func:`console`, as a file in ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "config.toml"
    metrics = f'prometheus_url = "{prometheus}"\n' if prometheus else ""
    cluster = f'[[sre.alertmanager]]\nname = "prod"\nurls = ["{alertmanager}"]\nenvironment = "staging"\n{metrics}'
    kept = store or f'url = "sqlite:///{directory}/state/store.db"'
    config.write_text(f'[sre]\noperator = "{operator}"\n{cluster if alertmanager else ""}[sre.store]\n{kept}\n')
    return config


def own_environment(directory: Path) -> dict[str, str]:
    """The environment of a program that keeps everything in ``directory``."""
    # The size of the terminal is the test's own; workers of xdist have another in their environment.
    dropped = ("SRE_CONSOLE_", "RUSTANT_", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "XDG_STATE_HOME": str(directory / "home"), "XDG_CONFIG_HOME": str(directory / "home")}
