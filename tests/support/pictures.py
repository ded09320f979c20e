"""``python -m tests.support.pictures [DIRECTORY]``: draw the pictures of the documents from the demo production.

The same seed and a clock that stands still: the same pictures, byte for byte.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual._doc import take_svg_screenshot
from textual.pilot import Pilot
from textual.widgets import Input

from screens.operations import OperationsScreen
from tests.support.stage import demo_stage, quiet, ready
from widgets.command_line import CommandLine

SIZE = (120, 40)
STORM = 300.0
"""Five minutes into the story: the bad rollout burns."""

Hands = Callable[[Pilot[Any]], Awaitable[None]]


async def type_command(pilot: Pilot[Any], line: str) -> None:
    """Open the command line, write ``line`` into it, and wait until it is explained."""
    await ready(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, OperationsScreen)
    await screen.action_command(line)
    await quiet(pilot)
    field = screen.query_one(CommandLine).query_one(Input)
    assert field.value == line.removeprefix("/")


async def look_at_the_error_rate(pilot: Pilot[Any]) -> None:
    """The cursor on the alert whose plot tells the story."""
    await ready(pilot)
    await pilot.press("j", "j", "j")
    await quiet(pilot)


async def complete_command(pilot: Pilot[Any]) -> None:
    """A command half written."""
    await type_command(pilot, "/alerts ")


async def open_breaker(pilot: Pilot[Any]) -> None:
    """Open the breaker as a person does, and let the toast go."""
    await ready(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, OperationsScreen)
    desk = screen._desk
    assert desk is not None
    circuit = desk.circuit
    assert circuit is not None
    await type_command(pilot, '/circuit open --reason "checkout storm: hands off until the rollback is through"')
    await pilot.press("enter")
    await quiet(pilot, lambda: any(one.is_open for one in circuit.snapshot.items))
    pilot.app.clear_notifications()
    await quiet(pilot)


SCENES: tuple[tuple[str, bool, Hands], ...] = (
    ("operations", False, look_at_the_error_rate),
    ("wallboard", True, ready),
    ("command-line", False, complete_command),
    ("breaker-open", False, open_breaker),
)
"""File name, whether it is the wallboard, and what is done before the picture is taken."""


def draw(directory: Path) -> list[Path]:
    """Draw every scene into ``directory``."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, wallboard, hands in SCENES:
        app = demo_stage(STORM, wallboard=wallboard)
        svg = take_svg_screenshot(app=app, terminal_size=SIZE, run_before=hands)
        path = directory / f"{name}.svg"
        path.write_text(svg, encoding="utf-8")
        drawn.append(path)
    return drawn


if __name__ == "__main__":
    for picture in draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")):
        print(picture)
