"""Writes whose end nobody saw: told as unknown, never repeated by themselves, found again by the next console."""

from __future__ import annotations

from pathlib import Path

import pytest

from screens.confirm import ConfirmScreen
from screens.operations import OperationsScreen
from services.safety.guard import PERMIT_LIFE
from tests.support.stage import quiet
from tests.support.tapped import Tapped, tapped
from tests.support.waiting import eventually
from widgets.command_line import CommandLine

SILENCES = ("POST", "/api/v2/silences")
TIMEOUT = 2.0


def told(desk: Tapped) -> str:
    """Every toast so far, with its title."""
    return "\n".join(f"{note.title}: {note.message}" for note in desk.app._notifications)


async def outcomes(desk: Tapped) -> list[tuple[str, str]]:
    """Action and outcome of the audit, the oldest first."""
    records = desk.backend.records
    assert records is not None
    return [(one.action, one.outcome) for one in reversed(await records.audit.list(100))]


async def silences(desk: Tapped) -> list[str]:
    """The comments of what Alertmanager holds, but for what the story put there."""
    _, found = await desk.demo.alertmanager("GET", "/api/v2/silences")
    assert isinstance(found, list)
    return [one["comment"] for one in found if one["createdBy"] == "op-a"]


async def begin_silence(desk: Tapped) -> None:
    """Type a silence of the selected alert, look at what it would do, and press enter."""
    await desk.press("s", *"disk full")
    await desk.press("enter")


@pytest.mark.parametrize("arrives", [False, True], ids=["lost on the way there", "lost on the way back"])
async def test_a_silence_that_times_out_is_unknown_and_is_not_sent_again(tmp_path: Path, arrives: bool) -> None:
    async with tapped(tmp_path, timeout=TIMEOUT) as desk:
        wire = desk.taps[0]
        if arrives:
            wire.swallows = True
        else:
            wire.instead = b""
        await begin_silence(desk)
        await quiet(desk.pilot, lambda: "it may or may not have happened" in told(desk))
        assert "check first" in told(desk)
        assert "demo" in told(desk)
        assert desk.writes == [SILENCES]
        assert await outcomes(desk) == [("alertmanager.silence.create", "unknown")]
        assert await silences(desk) == (["disk full"] if arrives else [])
        # The line that it was is brought back by a key, and nothing else sends it: not what reads every source again,
        # not the look for writes without an outcome.
        wire.swallows, wire.instead = False, None
        wire.let_go.set()
        await desk.press("r")
        records = desk.backend.records
        assert records is not None
        assert records.guard is not None
        assert await records.guard.settle(desk.backend.actor) == ()
        await quiet(desk.pilot)
        assert desk.writes == [SILENCES]
        assert isinstance(desk.app.screen, OperationsScreen)


async def test_whoever_asks_again_for_what_did_happen_is_asked_first(tmp_path: Path) -> None:
    async with tapped(tmp_path, timeout=TIMEOUT) as desk:
        wire = desk.taps[0]
        wire.swallows = True
        await begin_silence(desk)
        await quiet(desk.pilot, lambda: "it may or may not have happened" in told(desk))
        wire.swallows = False
        await desk.press("r")
        await desk.press("slash", "up")
        assert "--comment" in desk.app.screen.query_one(CommandLine).line
        await desk.press("enter", workers=False)
        await quiet(desk.pilot, lambda: isinstance(desk.app.screen, ConfirmScreen), workers=False)
        await desk.press("n")
        assert desk.writes == [SILENCES]
        assert await silences(desk) == ["disk full"]


async def test_a_write_that_another_life_left_is_told_once_with_what_to_check(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        desk.taps[0].instead = b""
        await desk.pilot.press("a")
        await eventually(lambda: desk.writes == [SILENCES])
        # This life ends as a killed one does: nobody writes down what became of it.
        records = desk.backend.records
        assert records is not None
        assert records.guard is not None
        for write in tuple(records.guard._writes):
            write.cancel()
        await quiet(desk.pilot)
        desk.taps[0].let_go.set()
    async with tapped(tmp_path, later=PERMIT_LIFE.total_seconds() + 1) as desk:
        await quiet(desk.pilot, lambda: "has no outcome" in told(desk))
        assert "of op-a has no outcome: unknown, check: alertmanager.ack on alertmanager demo" in told(desk)
        assert "by hand: amtool silence add" in told(desk)
        assert await outcomes(desk) == [("alertmanager.ack", "unknown")]
        assert desk.writes == [], "nobody repeats it"
    async with tapped(tmp_path, later=PERMIT_LIFE.total_seconds() + 60) as desk:
        await quiet(desk.pilot)
        assert "has no outcome" not in told(desk)
