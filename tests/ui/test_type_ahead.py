"""Keys that arrive faster than the screen follows: each still goes to where the one before it led."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from pydantic import Field
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import ConsoleApp
from services.command import Arguments, Command, Invocation, Positional, Result
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan, Risk
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import ByHand, quiet
from widgets.command_line import CommandLine
from widgets.pane import Pane

NAMED = {"\r": "enter", "\x1b": "escape", "\t": "tab"}


class Words(Arguments):
    """Whatever was typed."""

    words: Annotated[str, Positional(rest=True, selection="alert")] = Field("", description="words")


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: object) -> Outcome:
        raise AssertionError("nothing here writes")


class Console:
    """A running console whose commands only remember that they ran."""

    def __init__(self, pilot: Pilot[int], ran: list[str]) -> None:
        self.pilot = pilot
        self.ran = ran

    async def burst(self, *keys: str) -> None:
        """Everything at once, as a paste or a slow line delivers it; words are taken letter by letter."""
        for word in keys:
            named = word if word in ("end", "home", "left", "right", "backspace") else ""
            for character in (named,) if named else word:
                key = named or NAMED.get(character) or _character_to_key(character)
                self.pilot.app.post_message(events.Key(key, None if named else character))
        await quiet(self.pilot, workers=False)

    @property
    def line(self) -> str:
        return self.pilot.app.screen.query_one(CommandLine).line

    @property
    def filter(self) -> str:
        return self.pilot.app.screen.query_one("#alerts", Pane).filter


@asynccontextmanager
async def console() -> AsyncIterator[Console]:
    clock = ManualClock()
    ran: list[str] = []

    def command(name: str) -> Command[None, Words]:
        async def run(needs: None, request: Words, invocation: Invocation) -> Result:
            ran.append(f"{name} {request.words}".strip())
            return Result("done")

        return Command(name=name, summary="Remember it", arguments=Words, risk=Risk.RECORD, run=run)

    registry = Registry(Nobody())
    names = ("alerts ack", "alerts silence", "incident create", "circuit open", "circuit close")
    registry.add([command(name) for name in names], None)
    alerts = [make_alert(name, "critical", EPOCH, service="checkout") for name in ("First", "Second")]
    desk = make_desk(clock, alerts={"prod": alerts}, registry=registry)

    async def connect(_: ConsoleApp) -> ByHand:
        return ByHand(desk)

    app = ConsoleApp(connect, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        await quiet(pilot)
        yield Console(pilot, ran)


@pytest.mark.parametrize("pane", ["", "1", "2", "3", "4"])
async def test_the_letters_of_a_filter_are_no_commands(pane: str) -> None:
    async with console() as person:
        await person.burst(pane, "f", "a bias: wizard", "\r")
        assert person.ran == []
        name = {"": "alerts", "1": "alerts", "2": "incidents", "3": "deployments", "4": "oncall"}[pane]
        assert person.pilot.app.screen.query_one(f"#{name}", Pane).filter == "a bias: wizard"
        # Once more, now that the field is there.
        await person.burst("\x1b")
        await person.burst("f", "bass", "\r")
        assert person.ran == []
        assert person.pilot.app.screen.query_one(f"#{name}", Pane).filter == "bass"


async def test_a_filter_that_is_dropped_takes_no_key_from_the_next_one() -> None:
    async with console() as person:
        await person.burst("f", "First", "\x1b", "f", "Second")
        assert person.filter == "Second"
        await person.burst("\x1b", "f", "bias", "\r", "\x1b", "f", "abba", "\x1b", "ja")
        assert person.filter == ""
        second = person.pilot.app.screen.query_one("#alerts", Pane).table.rows[1]
        assert person.ran == [f"alerts ack {second.key}"]


async def test_a_line_that_was_left_or_run_takes_no_key_from_what_follows() -> None:
    async with console() as person:
        await person.burst("/", "alerts", "\x1b", "f", "Second", "\r", "\x1b", "/", "incident create ab", "\r", "ja")
        second = person.pilot.app.screen.query_one("#alerts", Pane).table.rows[1]
        assert person.ran == ["incident create ab", f"alerts ack {second.key}"]
        assert person.line == "/"
        await person.burst("/", "\r", "f", "First")
        assert person.filter == "First"


async def test_the_letters_of_a_line_are_no_commands() -> None:
    async with console() as person:
        await person.burst("/", "alerts ack bba")
        assert person.line == "/alerts ack bba"
        assert person.ran == []
        await person.burst("\x1b")
        await person.burst("/", "alerts ack bias", "\r")
        assert person.ran == ["alerts ack bias"]
        await person.burst("i")
        await person.burst("\x1b")
        await person.burst("/", "incident create abs", "\r")
        assert person.ran[1:] == ["incident create abs"]


async def test_keys_that_move_the_cursor_keep_their_place_between_the_letters() -> None:
    async with console() as person:
        await person.burst("/", "incident create bd", "left", "c", "home", "x", "end", "e", "backspace", "f")
        assert person.line == "/xincident create bcdf"
        assert person.ran == []


async def test_keys_without_a_field_act_in_their_order() -> None:
    async with console() as person:
        field = person.pilot.app.screen
        await person.burst("ja")
        second = person.pilot.app.screen.query_one("#alerts", Pane).table.rows[1]
        assert person.ran == [f"alerts ack {second.key}"]
        assert not [one for one in field.query(Input) if one.has_focus]
