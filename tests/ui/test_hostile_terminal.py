"""No byte of what outside systems say steers the terminal: the real program on a terminal, over every screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.vocabulary.text import display
from tests.support import hostile_walk
from tests.support.hostile import FEW, HOSTILE, Texts
from tests.support.hostile_production import Production, hostile_production
from tests.support.walker import Walker, start


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
