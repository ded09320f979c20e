"""What nobody expected: it goes to the log and is told, and the terminal shows nothing of it but one line."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from screens.wallboard import WallboardScreen
from services.vocabulary.snapshot import Freshness, FreshnessState
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_desk
from tests.support.stage import desk_stage
from tests.support.terminal import Terminal
from widgets.band import Band
from widgets.top_bar import TopBar
from widgets.wall_canvas import WallCanvas

ROOT = Path(__file__).resolve().parents[2]

CRASHING = """
import logging, sys, threading, warnings
from pathlib import Path
from console.app import ConsoleApp
from console.log import Log

async def connect(app):
    password = "hunter2-of-a-local-variable"
    logging.getLogger("services.feed").warning("a source fails")
    logging.getLogger("elsewhere").error("another package")
    warnings.warn("mind the gap")
    thread = threading.Thread(target=lambda: int("apples"))
    thread.start()
    thread.join()
    raise TypeError("no such field \\x1b]0;owned\\x07 http://op:hunter2@host/")

with Log(Path(sys.argv[1])) as log:
    app = ConsoleApp(connect)
    app.run()
    code = log.crashed(app.crash)
sys.exit(code)
"""


def test_a_crash_goes_to_the_log_and_one_line_to_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    command = [sys.executable, "-P", "-c", CRASHING, str(log)]
    with Terminal(command, environment={"PYTHONPATH": str(ROOT)}, cwd=str(tmp_path)) as terminal:
        terminal.wait_for("the log says where")
        assert terminal.process.wait(10) == 1
    written = bytes(terminal.output)
    assert b"TypeError: no such field" in written
    for unwanted in (b"hunter2", b"Traceback", b"\x1b]0;owned", b"mind the gap", b"another package", b"apples"):
        assert unwanted not in written
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    crash = lines[-1]
    assert crash["level"] == "critical"
    assert "in connect" in crash["trace"]
    assert "TypeError: no such field" in crash["trace"]
    assert "hunter2" not in log.read_text()
    messages = "\n".join(line["message"] for line in lines)
    for wanted in ("a source fails", "another package", "mind the gap", "the thread"):
        assert wanted in messages


async def test_what_broke_off_is_told_on_both_screens_as_long_as_it_lasts() -> None:
    clock = ManualClock()
    reason = "looking at the handoffs broke off: ValueError: \x1b[31mx"
    broken: list[Freshness] = [Freshness("console", FreshnessState.FAILING, failing_since=EPOCH, reason=reason)]
    desk = replace(make_desk(clock, valid_for=timedelta(hours=1)), fault=lambda: broken[0] if broken else None)
    app = desk_stage(clock, desk)
    async with app.run_test(size=(140, 40)) as pilot:
        while not app.screen.query(".-trouble.-said"):
            desk.alerts["prod"].confirm()
            await pilot.pause()
        clock.turn(65)
        band = app.screen.query_one(".-trouble", Band)
        async with asyncio.timeout(120):
            while "for 1m" not in str(band.content):
                desk.alerts["prod"].confirm()
                await pilot.pause()
        assert str(band.content).startswith("✗ PART OF THE CONSOLE IS BROKEN for 1m: looking at the handoffs broke off")
        assert "␛[31mx" in str(band.content)
        assert "✗ console failing 1m" in app.screen.query_one(TopBar).render().plain
        await pilot.press("w")
        wall = app.screen
        assert isinstance(wall, WallboardScreen)
        wall.tick()
        state = wall.query_one(WallCanvas).state
        assert state is not None
        assert "console" in [source.source for source in state.sources]
        await pilot.press("w")
        broken.clear()
        async with asyncio.timeout(120):
            while app.screen.query(".-trouble.-said"):
                desk.alerts["prod"].confirm()
                await pilot.pause()
        assert "console failing" not in app.screen.query_one(TopBar).render().plain
