"""No byte of what outside systems say steers the terminal: the real program on a terminal, over every screen."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.alerts.wire import fingerprint
from services.vocabulary.text import display
from tests.support import hostile_walk
from tests.support.hostile import FEW, HOSTILE, Texts, marked, random_texts
from tests.support.hostile_production import Production, hostile_production
from tests.support.leaks import leaks
from tests.support.walker import ALL_PRINTED, Walker, start, start_printing

_EXAMPLES = int(os.environ.get("SRE_CONSOLE_TEST_HOSTILE", "0"))
"""How many sets of random texts to try, other ones each time; 0 for the few that are always the same."""

pytestmark = pytest.mark.timeout(900 + 30 * _EXAMPLES)
"""A walk is hundreds of keys, each answered by a drawn screen: on a busy machine that takes its time."""


@pytest.mark.parametrize(("columns", "lines", "texts"), [(120, 40, HOSTILE), (80, 24, FEW)], ids=["120x40", "80x24"])
async def test_nothing_hostile_gets_out_of_any_screen(tmp_path: Path, columns: int, lines: int, texts: Texts) -> None:
    loop = asyncio.get_running_loop()

    def walk(production: Production) -> Walker:
        def trip() -> None:
            asyncio.run_coroutine_threadsafe(production.trip(), loop).result()

        with start(production.config, columns=columns, lines=lines) as terminal:
            walker = Walker(terminal, texts.steering)
            hostile_walk.lists(walker, texts)
            hostile_walk.panes(walker)
            hostile_walk.filters(walker, texts)
            hostile_walk.command_line(walker, texts)
            hostile_walk.writes(walker, production)
            hostile_walk.breaker(walker, trip)
            hostile_walk.views(walker)
            hostile_walk.pages(walker)
            hostile_walk.approvals(walker)
            hostile_walk.around(walker, texts)
            walker.alive()
            return walker

    async with hostile_production(tmp_path, texts) as production:
        walker = await asyncio.to_thread(walk, production)
    seen = "\n".join(walker.seen)
    assert [name for name, text in texts.each.items() if display(text)[:7] not in seen] == []


async def test_nothing_hostile_gets_out_of_the_wallboard(tmp_path: Path) -> None:
    def watch(config: Path) -> None:
        with start(config, "--wallboard", columns=150, lines=100) as terminal:
            walker = Walker(terminal, HOSTILE.steering)
            walker.shows("PWN", "page ")
            hostile_walk.wall(walker)
            walker.alive("page ")
            walker.check()

    async with hostile_production(tmp_path) as production:
        await asyncio.to_thread(watch, production.config)


async def test_nothing_hostile_is_printed_without_a_screen(tmp_path: Path) -> None:
    def read(production: Production) -> bytes:
        alert = fingerprint(production.alertmanager.labels[0])
        lines = [
            "/incident show 1",
            "/approval show 1",
            f"/alerts show {alert}",
            f'/policy check "/alerts ack {alert}"',
        ]
        text = FEW.together.replace('"', "").replace("\0", "")
        lines += [f"/incident show {text}", text, f'/alerts list "{text}"']
        with start_printing(production.config, lines) as terminal:
            terminal.wait_for(ALL_PRINTED, 120.0)
            return bytes(terminal.output)

    async with hostile_production(tmp_path, FEW) as production:
        output = await asyncio.to_thread(read, production)
    # What a progress on its line leaves behind is the program's own.
    output = output.replace(b"\r\x1b[K", b"")
    assert leaks(output, FEW.steering, screen=False) == []
    assert [name for name, text in FEW.each.items() if display(text)[:7].encode() not in output] == []


@settings(
    max_examples=_EXAMPLES or 3,
    derandomize=not _EXAMPLES,
    phases=list(Phase) if _EXAMPLES else [Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(random_texts(), min_size=8, max_size=8))
def test_random_text_steers_no_terminal_and_ends_no_console(drawn: list[str]) -> None:
    texts = marked(drawn)

    def walk(config: Path) -> None:
        with start(config, columns=120, lines=40) as terminal:
            walker = Walker(terminal, texts.steering)
            hostile_walk.glance(walker, texts)
            walker.alive()
            walker.check()

    async def try_them(directory: Path) -> None:
        async with hostile_production(directory, texts) as production:
            await asyncio.to_thread(walk, production.config)

    with tempfile.TemporaryDirectory(prefix="sre-console-hostile-") as directory:
        asyncio.run(try_them(Path(directory)))
