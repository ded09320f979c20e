"""What is typed while a question opens, stands and goes: nothing answers by accident, nothing reaches what is below."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Static

from console.app import ConsoleApp
from screens.confirm import ARMING, ConfirmScreen, Question
from screens.operations import OperationsScreen
from services.command import Arguments, Command, Invocation, Positional, Result
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan, Risk
from tests.support.answering import answerable
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import ByHand, quiet

NAMED = {"\r": "enter", "\x1b": "escape"}


class Words(Arguments):
    """Whatever was typed."""

    words: Annotated[str, Positional(rest=True, selection="alert")] = ""


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: object) -> Outcome:
        raise AssertionError("nothing here writes")


class Person:
    """Types in front of a console whose commands only remember that they ran."""

    def __init__(self, pilot: Pilot[int], clock: ManualClock, ran: list[str]) -> None:
        self.pilot = pilot
        self.clock = clock
        self.ran = ran
        self.answers: list[bool | None] = []

    async def ask(self, typed: str = "") -> None:
        """A question opens."""
        self.pilot.app.push_screen(ConfirmScreen(Question("Delete it", typed=typed), self.clock), self.answers.append)

    def types(self, keys: str) -> None:
        """Everything at once, before the program can draw anything in between."""
        for character in keys:
            key = NAMED.get(character) or _character_to_key(character)
            self.pilot.app.post_message(events.Key(key, character))

    async def rests(self) -> None:
        """All that was typed has done what it does."""
        await quiet(self.pilot, workers=False)

    @property
    def is_asked(self) -> bool:
        return isinstance(self.pilot.app.screen, ConfirmScreen)


@asynccontextmanager
async def person() -> AsyncIterator[Person]:
    clock = ManualClock()
    ran: list[str] = []

    def command(name: str) -> Command[None, Words]:
        async def run(needs: None, request: Words, invocation: Invocation) -> Result:
            ran.append(name)
            return Result("done")

        return Command(name=name, summary="Remember it", arguments=Words, risk=Risk.RECORD, run=run)

    registry = Registry(Nobody())
    registry.add([command(name) for name in ("alerts ack", "circuit open", "approval reject")], None)
    alerts = [make_alert(name, "critical", EPOCH, service="checkout") for name in ("First", "Second", "Third")]
    desk = make_desk(clock, alerts={"prod": alerts}, registry=registry)

    async def connect(_: ConsoleApp) -> ByHand:
        return ByHand(desk)

    app = ConsoleApp(connect, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        await quiet(pilot)
        yield Person(pilot, clock, ran)


@pytest.mark.parametrize("keys", ["jy", "jn", "xn", "bay", "\ry", "ban", "jjjjn", "j\x1b"])
async def test_no_key_that_means_nothing_to_a_question_reaches_what_is_below(keys: str) -> None:
    async with person() as one:
        table = one.pilot.app.screen.query_one("#alerts RecordTable")
        before = table.cursor_key  # type: ignore[attr-defined]
        await one.ask()
        await answerable(one.pilot, one.clock)
        one.types(keys)
        await one.rests()
        assert one.answers == [keys.endswith("y")]
        assert isinstance(one.pilot.app.screen, OperationsScreen)
        assert one.ran == []
        assert table.cursor_key == before  # type: ignore[attr-defined]


async def test_a_key_that_meant_nothing_to_the_lists_means_nothing_to_a_question_that_opens_behind_it() -> None:
    async with person() as one:
        # Both were typed on the lists, where n means nothing; a asks what is to be done with two.
        await one.pilot.press("space", "space")
        one.types("na")
        await quiet(one.pilot, lambda: one.is_asked, workers=False)
        await answerable(one.pilot, one.clock)
        assert one.is_asked


async def test_letters_typed_before_a_question_was_seen_do_not_answer_it() -> None:
    async with person() as one:
        await one.ask()
        one.types("yyn")
        await one.rests()
        assert one.answers == []
        # Drawn, and somebody types on: still nothing.
        for _ in range(5):
            one.clock.turn(ARMING * 0.75)
            await one.rests()
            one.types("x")
            await one.rests()
            one.types("y")
            await one.rests()
        assert one.answers == []
        assert "…" in str(one.pilot.app.screen.query_one("#keys", Static).render())
        one.clock.turn(ARMING)
        await one.rests()
        assert "…" not in str(one.pilot.app.screen.query_one("#keys", Static).render())
        one.types("y")
        await one.rests()
        assert one.answers == [True]
        assert one.ran == []


async def test_escape_leaves_a_question_as_soon_as_it_stands() -> None:
    async with person() as one:
        await one.ask()
        await one.rests()
        one.types("\x1b")
        await one.rests()
        assert one.answers == [False]


async def test_a_word_that_must_be_typed_needs_no_pause_and_its_letters_are_no_answers() -> None:
    async with person() as one:
        await one.ask(typed="nanny")
        await one.rests()
        one.types("yqn\r")
        await one.rests()
        assert one.answers == []
        assert one.is_asked
        for _ in range(3):
            await one.pilot.press("backspace")
        one.types("nanny\r")
        await one.rests()
        assert one.answers == [True]
        assert one.ran == []
