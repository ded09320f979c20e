"""Acts whose ground gives way: the other side fails, the alert ends, the person leaves in the middle."""

from __future__ import annotations

from pathlib import Path

from screens.confirm import ConfirmScreen
from screens.result import ResultScreen
from services.alerts.model import Standing
from tests.support.tapped import Tapped, tapped
from tests.support.waiting import eventually
from widgets.pane import Pane

BROKEN = (
    b'HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"disk full"'
)
SILENCES = ("POST", "/api/v2/silences")


def told(desk: Tapped) -> str:
    """Every toast so far."""
    return "\n".join(note.message for note in desk.app._notifications)


async def outcomes(desk: Tapped) -> list[tuple[str, str]]:
    """Action and outcome of the audit, the oldest first."""
    records = desk.backend.records
    assert records is not None
    return [(one.action, one.outcome) for one in reversed(await records.audit.list(100))]


async def test_a_server_that_fails_leaves_an_unknown_outcome_and_says_check_first(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        desk.taps[0].instead = BROKEN
        await desk.press("a")
        assert desk.writes == [SILENCES], "a write is never repeated"
        assert "disk full" in told(desk)
        assert "it may or may not have happened" in told(desk)
        assert await outcomes(desk) == [("alertmanager.ack", "unknown")]
        # Nothing is shown as acked that is not.
        (feed,) = desk.desk.alerts.values()
        assert not [one for one in feed.snapshot.items if one.ack is not None and one.ack.created_by == "op-a"]
        desk.taps[0].instead = None
        await desk.press("a")
        assert desk.writes == [SILENCES, SILENCES]
        assert (await outcomes(desk))[-1] == ("alertmanager.ack", "done")


async def test_what_becomes_of_a_write_is_kept_though_the_person_leaves_in_the_middle(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        desk.taps[0].instead = b""
        await desk.pilot.press("a")
        await eventually(lambda: desk.writes == [SILENCES])
        await desk.pilot.press("ctrl+q")
        desk.taps[0].let_go.set()
    async with tapped(tmp_path) as desk:
        assert await outcomes(desk) == [("alertmanager.ack", "unknown")]
        assert desk.writes == [], "nobody repeats it"


async def test_an_alert_that_ends_under_the_cursor_is_not_replaced_by_its_neighbour(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        (feed,) = desk.desk.alerts.values()
        table = desk.app.screen.query_one("#alerts", Pane).table
        gone = table.cursor_key
        assert gone is not None
        feed.publish([one for one in feed.snapshot.items if one.id != gone and gone not in one.id])
        await desk.press("a")
        assert "under the cursor is gone" in told(desk)
        assert desk.writes == []


async def test_an_alert_that_ends_under_an_open_question_is_said_to_be_gone(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await desk.press("space", "space")
        await desk.press("a", workers=False)
        assert isinstance(desk.app.screen, ConfirmScreen)
        (feed,) = desk.desk.alerts.values()
        # Everything that fired has ended meanwhile.
        feed.publish([one for one in feed.snapshot.items if one.standing is not Standing.FIRING])
        await desk.press("y")
        page = desk.app.screen
        assert isinstance(page, ResultScreen)
        assert page._lines[0] == "0 of 13 done, 13 not:"
        assert "no alert has the id" in "\n".join(page._lines)
        assert desk.writes == []
