"""A person at the console while the store is lost: the question says so, and wants a reason and the target."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input, Static

from screens.confirm import ConfirmScreen
from screens.result import ResultScreen
from tests.support.stage import quiet
from tests.support.tapped import Tapped, tapped
from tests.support.waiting import eventually

SILENCES = ("POST", "/api/v2/silences")


def told(desk: Tapped) -> str:
    """Every toast so far."""
    return "\n".join(note.message for note in desk.app._notifications)


def shown(desk: Tapped) -> str:
    """The texts of the screen on top."""
    return " ".join(str(one.render()) for one in desk.app.screen.query(Static))


async def asked(desk: Tapped) -> ConfirmScreen:
    """Press ``a`` with the store gone."""
    await desk.press("a", workers=False)
    await quiet(desk.pilot, lambda: isinstance(desk.app.screen, ConfirmScreen), workers=False)
    screen = desk.app.screen
    assert isinstance(screen, ConfirmScreen)
    return screen


async def test_a_person_breaks_the_glass_and_the_audit_hears_of_it(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        (tmp_path / "store.db").rename(tmp_path / "aside.db")
        screen = await asked(desk)
        picture = shown(desk)
        for words in ("removed or replaced", "Nobody can tell", "As last known", "say why this cannot wait"):
            assert words in picture, words
        word = screen.query_one("#typed", Input).placeholder
        await desk.press(*"stop", "enter", *word, "enter", workers=False)
        await eventually(lambda: desk.writes == [SILENCES])
        await quiet(desk.pilot)
        assert "kept on this machine until the store is back" in told(desk)
        (tmp_path / "aside.db").rename(tmp_path / "store.db")
        records = desk.backend.records
        assert records is not None
        assert records.guard is not None
        await records.guard.settle(desk.backend.actor)
        (entry,) = await records.audit.list(10)
        assert (entry.action, entry.rule, entry.outcome) == ("alertmanager.ack", "break-glass", "done")
        assert "because stop" in entry.message


async def test_without_a_reason_or_with_another_word_nothing_is_sent(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        (tmp_path / "store.db").rename(tmp_path / "aside.db")
        screen = await asked(desk)
        word = screen.query_one("#typed", Input).placeholder
        await desk.press("tab", *word, "enter", workers=False)
        assert "Say why first" in told(desk)
        await desk.press(*"stop", "enter", "x", "enter", workers=False)
        assert "That is not the word" in told(desk)
        assert desk.app.screen is screen
        await desk.press("escape", workers=False)
        await quiet(desk.pilot, lambda: isinstance(desk.app.screen, ResultScreen))
        assert "The same by hand:" in shown(desk)
        assert desk.writes == []
        (tmp_path / "aside.db").rename(tmp_path / "store.db")
