"""Leaving while a write is on its way: it is said at once, and nobody has to wait for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from screens.leaving import LeavingScreen
from screens.operations import OperationsScreen
from tests.support.stage import quiet
from tests.support.tapped import Tapped, tapped
from tests.support.waiting import eventually

SILENCES = ("POST", "/api/v2/silences")


def said(desk: Tapped) -> str:
    return str(desk.app.screen.query_one("#waiting", Static).render())


async def in_mid_write(desk: Tapped) -> None:
    """An ack is on the wire and gets no answer."""
    desk.taps[0].instead = b""
    await desk.pilot.press("a")
    await eventually(lambda: desk.writes == [SILENCES])


async def leaves(desk: Tapped) -> None:
    await desk.pilot.press("ctrl+q")
    await quiet(desk.pilot, lambda: isinstance(desk.app.screen, LeavingScreen), workers=False)


async def outcomes(directory: Path) -> list[tuple[str, str]]:
    """Outcome and rule of all that was written down, as the next life of the console finds it."""
    async with tapped(directory) as desk:
        assert desk.backend.records is not None
        return [(one.outcome, one.rule) for one in await desk.backend.records.audit.list(100)]


async def test_what_is_waited_for_is_said_at_once_and_then_the_program_ends(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await in_mid_write(desk)
        await leaves(desk)
        assert "1 write is still on the way; waiting for the answer, 15 s at most:" in said(desk)
        assert "/alerts ack demo/" in said(desk)
        assert "q or ctrl+c leaves now: the outcome is then put down as unknown" in said(desk)
        assert desk.app.is_running
        desk.taps[0].let_go.set()
        await eventually(lambda: not desk.app.is_running)
    assert desk.app.farewell == ()
    assert await outcomes(tmp_path) == [("unknown", "breaker closed")]


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_a_second_key_leaves_now_and_the_outcome_is_unknown(tmp_path: Path, key: str) -> None:
    async with tapped(tmp_path) as desk:
        await in_mid_write(desk)
        await leaves(desk)
        await desk.pilot.press(key)
        await eventually(lambda: not desk.app.is_running)
    (farewell,) = desk.app.farewell
    assert farewell.startswith("/alerts ack demo/")
    assert "unknown, check: alertmanager.ack on alertmanager demo" in farewell
    assert await outcomes(tmp_path) == [("unknown", "left unfinished")]


async def test_whoever_stays_after_all_is_told_what_came_of_it(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await in_mid_write(desk)
        await leaves(desk)
        await desk.pilot.press("escape")
        await quiet(desk.pilot, lambda: isinstance(desk.app.screen, OperationsScreen), workers=False)
        desk.taps[0].let_go.set()
        await quiet(desk.pilot, lambda: "it may or may not have happened" in told(desk))
        assert desk.app.is_running
        # The next one asks anew.
        desk.taps[0].let_go.clear()
        await desk.pilot.press("a")
        await eventually(lambda: desk.writes == [SILENCES] * 2)
        await leaves(desk)
        await desk.pilot.press("q")
        await eventually(lambda: not desk.app.is_running)


def told(desk: Tapped) -> str:
    """Every toast so far."""
    return "\n".join(note.message for note in desk.app._notifications)


async def test_without_a_write_on_its_way_it_ends_at_once(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await desk.pilot.press("ctrl+q")
        await eventually(lambda: not desk.app.is_running)
        assert desk.app.return_code == 0
