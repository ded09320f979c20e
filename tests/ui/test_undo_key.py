"""``u`` takes one's own newest write back after a question; what takes long says how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from textual.content import Content

from screens.confirm import ConfirmScreen
from screens.result import ResultScreen
from services.command import Arguments, Command, Invocation, Positional, Result
from services.safety.plan import Risk
from tests.support.stage import quiet
from tests.support.tapped import Tapped, tapped
from tests.support.waiting import eventually
from widgets.band import Band


async def at_work(desk: Tapped) -> list[str]:
    """The ids of the silences that are at work and were made here."""
    _, silences = await desk.demo.alertmanager("GET", "/api/v2/silences")
    assert isinstance(silences, list)
    return [
        one["id"] for one in silences if one["status"]["state"] == "active" and one["comment"].startswith("ACK! ack")
    ]


async def audited(desk: Tapped) -> list[tuple[str, str, int | None]]:
    """Command, outcome and what it took back of every entry, the oldest first."""
    assert desk.backend.records is not None
    return [(one.command, one.outcome, one.undoes) for one in reversed(await desk.backend.records.audit.list())]


async def test_u_takes_ones_newest_write_back_after_a_yes(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await desk.press("a")
        assert len(await at_work(desk)) == 1
        await desk.press("u", workers=False)
        await eventually(lambda: isinstance(desk.app.screen, ConfirmScreen))
        await desk.press("n")
        assert isinstance(desk.app.screen, ResultScreen)  # with the line that does it by hand
        await desk.press("escape")
        assert len(await at_work(desk)) == 1
        await desk.press("u", workers=False)
        await eventually(lambda: isinstance(desk.app.screen, ConfirmScreen))
        await desk.press("y")
        assert await at_work(desk) == []
        assert [method for method, _ in desk.writes] == ["POST", "DELETE"]
        entries = await audited(desk)
        assert [(outcome, undoes) for _, outcome, undoes in entries] == [("done", None), ("", 1), ("done", 1)]
        assert entries[-1][0] == "/undo last"


async def test_u_with_nothing_to_take_back_says_so(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await desk.press("u")
        assert desk.writes == []
        assert any("none of your writes can be taken back" in one.message for one in desk.app._notifications)


class CountArguments(Arguments):
    to: Annotated[int, Positional()]


async def test_a_command_that_takes_long_says_how_far_it_is(tmp_path: Path) -> None:
    step: list[Callable[[int], None]] = []
    finish = asyncio.Event()

    async def count(needs: object, request: CountArguments, invocation: Invocation) -> Result:
        step.append(lambda done: invocation.progress("[b]things[/b]", done, request.to))
        await finish.wait()
        return Result("counted")

    async with tapped(tmp_path) as desk:
        desk.backend.registry.add(
            (Command(name="test count", summary="s", arguments=CountArguments, risk=Risk.READ, run=count),), object()
        )
        band = desk.app.screen.query_one(".-progress", Band)
        assert not band.has_class("-said")
        await desk.press("slash", *"test count 1000", workers=False)
        await desk.press("enter", workers=False)
        await eventually(lambda: bool(step))
        step[0](430)
        await desk.pilot.pause()
        assert band.has_class("-said")
        words = band.visual
        assert isinstance(words, Content)
        assert words.plain == "/test count 1000  █████████░░░░░░░░░░░  43%  430 of 1,000 [b]things[/b]"
        finish.set()
        await quiet(desk.pilot)
        await eventually(lambda: not band.has_class("-said"))


async def test_undo_lists_what_can_be_taken_back(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await desk.press("a")
        await desk.press("slash", *"undo", workers=False)
        await desk.press("enter")
        page = desk.app.screen
        assert isinstance(page, ResultScreen)
        assert "1 of the newest 1 writes can be taken back" in page._lines[0]
        assert any("yes: /alerts expire demo/" in line for line in page._lines)
