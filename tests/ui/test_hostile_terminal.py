"""No byte of what outside systems say steers the terminal: the real program on a terminal, over every screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.vocabulary.text import display
from tests.support import hostile_walk
from tests.support.hostile import HOSTILE, PAYLOADS
from tests.support.hostile_production import hostile_production
from tests.support.walker import Walker, start


@pytest.mark.parametrize(("columns", "lines"), [(120, 40)])
async def test_nothing_hostile_gets_out_of_any_screen(tmp_path: Path, columns: int, lines: int) -> None:
    def walk(config: Path) -> Walker:
        with start(config, columns=columns, lines=lines) as terminal:
            walker = Walker(terminal, HOSTILE.steering)
            hostile_walk.lists(walker, HOSTILE)
            hostile_walk.panes(walker)
            hostile_walk.filters(walker, HOSTILE)
            walker.alive()
            return walker

    async with hostile_production(tmp_path) as (config, _):
        walker = await asyncio.to_thread(walk, config)
    seen = "\n".join(walker.seen)
    assert [name for name, text in PAYLOADS.items() if display(text)[:7] not in seen] == []


async def test_nothing_hostile_gets_out_of_the_wallboard(tmp_path: Path) -> None:
    def watch(config: Path) -> None:
        with start(config, "--wallboard", columns=150, lines=100) as terminal:
            walker = Walker(terminal, HOSTILE.steering)
            walker.shows("PWN", "page 1")
            hostile_walk.wall(walker)
            walker.alive()
            walker.check()

    async with hostile_production(tmp_path) as (config, _):
        await asyncio.to_thread(watch, config)
