"""The command line while a person types: what it says, when, and what it must not disturb."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field
from textual.app import App
from textual.widgets import Input, OptionList, Static

from services.circuit.commands import COMMANDS as CIRCUIT
from services.command import Arguments, Candidate, Command, Invocation, Positional
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk, Target
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk, open_circuit
from tests.support.stage import Stage, desk_stage, quiet, ready
from widgets.command_line import CommandLine
from widgets.pane import Pane

SIZE = (120, 40)
PAUSE = 0.2


class MuteArguments(Arguments):
    """``/mute <id> --comment …``."""

    id: Annotated[str, Positional()]
    comment: str = Field("", description="why")


class OfTheSelected(Arguments):
    """``/mute`` of what the cursor stands on."""

    id: Annotated[str, Positional(selection="alert")]
    comment: str = Field("", description="why")


@dataclass
class World:
    """Counts what is asked of it."""

    planned: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Any) -> Outcome:
        """Does what it is told."""
        self.done.append(command)
        return Outcome(1, OutcomeStatus.DONE, "done")


async def _plan(world: World, request: MuteArguments | OfTheSelected, invocation: Invocation) -> Plan:
    world.planned.append(request.id)

    async def apply(permit: WritePermit) -> Applied:
        raise AssertionError

    return Plan(
        "mute",
        Risk.WRITE,
        "alertmanager prod",
        "prod",
        (Target("alert", request.id, "prod"),),
        f"mutes {request.id}",
        "amtool silence add",
        apply,
        preview=("matchers:", f'  alertname="{request.id}"', "hits 1 alert"),
    )


MUTE = Command[World, MuteArguments](
    name="mute",
    summary="Mute it",
    arguments=MuteArguments,
    risk=Risk.WRITE,
    plan=_plan,
    complete={"id": lambda world: [Candidate(f"a{number}") for number in range(3)]},
)

MUTE_SELECTED = Command[World, OfTheSelected](
    name="mute", summary="Mute it", arguments=OfTheSelected, risk=Risk.WRITE, plan=_plan
)


def stage(world: World, clock: ManualClock) -> Stage:
    registry = Registry(world)
    registry.add((MUTE,), world)
    return desk_stage(clock, make_desk(clock, registry=registry))


def said(app: App[Any]) -> str:
    return str(app.screen.query_one("#said", Static).render())


async def test_a_line_is_worked_out_once_the_person_pauses() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"mute a1")
        await quiet(pilot, workers=False)
        assert world.planned == []
        clock.turn(PAUSE)
        await quiet(pilot)
        assert world.planned == ["a1"]
        assert "mutes a1" in said(app)
        # What it would hit stands there before enter is pressed.
        assert 'alertname="a1"' in said(app)
        assert "hits 1 alert" in said(app)


async def test_what_a_line_would_do_leaves_the_offer_that_was_chosen() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"mute a", "down", "down")
        await quiet(pilot, workers=False)
        clock.turn(PAUSE)
        await quiet(pilot)
        assert "mutes a" in said(app)
        assert app.screen.query_one("#offers", OptionList).highlighted == 2
        await pilot.press("enter")
        await quiet(pilot, workers=False)
        assert app.screen.query_one(CommandLine).line == "/mute a2 "


async def test_a_line_that_waits_for_words_is_not_called_wrong_before_enter() -> None:
    clock = ManualClock()
    desk = make_desk(clock, circuit=open_circuit(clock.now()), registry=_circuit())
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("b")
        await quiet(pilot)
        assert app.screen.query_one(CommandLine).line == '/circuit close --reason ""'
        assert "✗" not in said(app)
        assert "--reason REASON is still missing" in said(app)
        await pilot.press("enter")
        await quiet(pilot)
        assert "✗" in said(app)
        assert app.screen.query_one(CommandLine).is_open


def _circuit() -> Registry:
    registry = Registry(World())
    registry.add(CIRCUIT, None)
    return registry


async def test_the_offers_stand_where_the_words_below_them_begin() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"mute ")
        await quiet(pilot, workers=False)
        offers, below = app.screen.query_one("#offers", OptionList), app.screen.query_one("#said", Static)
        assert offers.content_region.x == below.content_region.x


async def test_enter_that_outruns_the_preview_shows_it_and_does_nothing_yet() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"mute a1", "enter")
        await quiet(pilot)
        assert world.done == []
        assert app.screen.query_one(CommandLine).line == "/mute a1"
        assert "enter came before this could be shown: enter again does it" in said(app)
        assert 'alertname="a1"' in said(app)
        await pilot.press("enter")
        await quiet(pilot)
        assert world.done == ["/mute a1"]
        assert not app.screen.query_one(CommandLine).is_open


async def test_what_is_typed_behind_a_preview_must_be_seen_too() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"mute a1")
        await quiet(pilot, workers=False)
        clock.turn(PAUSE)
        await quiet(pilot)
        await pilot.press("0", "enter")
        await quiet(pilot)
        assert world.done == []
        assert 'alertname="a10"' in said(app)
        await pilot.press("enter")
        await quiet(pilot)
        assert world.done == ["/mute a10"]


async def test_a_line_whose_preview_was_seen_runs_at_once() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"mute a1")
        await quiet(pilot, workers=False)
        clock.turn(PAUSE)
        await quiet(pilot)
        assert "enter again" not in said(app)
        await pilot.press("enter")
        await quiet(pilot)
        assert world.done == ["/mute a1"]


async def test_a_line_for_the_selected_alert_is_shown_again_when_another_one_is_selected() -> None:
    clock, world = ManualClock(), World()
    first, second = make_alert("First", "critical", EPOCH), make_alert("Second", "critical", EPOCH)
    registry = Registry(world)
    registry.add((MUTE_SELECTED,), world)
    desk = make_desk(clock, alerts={"prod": [first, second]}, registry=registry)
    app = desk_stage(clock, desk)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        under = app.screen.query_one("#alerts", Pane).table.cursor_key
        await pilot.press("slash", *"mute ")
        await quiet(pilot, workers=False)
        clock.turn(PAUSE)
        await quiet(pilot)
        assert world.planned == [under]
        # The alert that the preview was about ends; the cursor falls on the other one.
        desk.alerts["prod"].publish([one for one in (first, second) if one.id != under])
        await quiet(pilot)
        await pilot.press("enter")
        await quiet(pilot)
        assert world.done == []
        (other,) = {first.id, second.id} - {under}
        assert world.planned == [under, other]


async def test_a_hidden_character_has_a_place_of_its_own_in_a_line_that_scrolls() -> None:
    clock, world = ManualClock(), World()
    app = stage(world, clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        line = app.screen.query_one(CommandLine)
        line.open("/mute " + "a\u200b\u202e\t" * 40 + "END")
        await quiet(pilot, workers=False)
        field = app.screen.query_one("#command-line Input", Input)
        shown = field.render_line(0).text
        assert shown.rstrip().endswith("END"), shown
        # The cursor stands behind the last letter, and a click on a sign leads to that very character.
        assert field._cursor_offset - field.scroll_offset.x == shown.index("END") + 4
        await pilot.click(field, offset=(shown.index("END") + 1, 0))
        await pilot.press("backspace")
        assert line.line == "/mute " + "a\u200b\u202e\t" * 40 + "ND"
