"""Keys and commands from the screen down to the wire: through the real registry, guard and store."""

from __future__ import annotations

import asyncio
import inspect
import pkgutil
import string
from collections import Counter
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import _character_to_key
from textual.widgets import Input

import console
import screens
import widgets
from screens.confirm import ConfirmScreen
from screens.operations import OperationsScreen
from screens.result import ResultScreen
from screens.wallboard import WallboardScreen
from services.alerts.model import AlertDraft
from services.command import Command, Positional
from services.registry import CommandError, quote
from services.safety.plan import Plan
from services.vocabulary.errors import ConsoleError, Refused
from tests.support.stage import quiet
from tests.support.tapped import Tapped, tapped
from widgets.command_line import CommandLine
from widgets.pane import Pane

CHARACTERS = {_character_to_key(character): character for character in string.printable[:95]}
"""Key -> what it prints."""
LEAVING = frozenset({"ctrl+q"})
"""What ends the program."""


def declared_keys() -> list[str]:
    """Every key that any screen or widget of ours declares, and every other key of a keyboard."""
    keys = {f"f{number}" for number in range(1, 25)}
    keys |= CHARACTERS.keys()
    for package in (console, screens, widgets):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for _, found in inspect.getmembers(import_module(module.name), inspect.isclass):
                if issubclass(found, DOMNode):
                    for binding in found.__dict__.get("BINDINGS", ()):
                        made = binding if isinstance(binding, Binding) else Binding(*binding)
                        keys |= {key.strip() for key in made.key.split(",")}
    return sorted(keys - LEAVING)


BESIDE = {"alerts silence": ("--for", "1h", "--comment", "because")}
"""What a command wants besides, though no single one of it is required."""


def lines_of(command: Command[Any, Any], selection: dict[str, tuple[str, ...]]) -> list[str]:
    """Lines that run ``command``: its own examples, and one made of the types of its arguments."""
    words = [f"/{command.name}"]
    for name, field in command.arguments.model_fields.items():
        place = next((one for one in field.metadata if isinstance(one, Positional)), None)
        if place is not None and place.selection in selection:
            words.append(quote(selection[place.selection][0]))
        elif field.is_required():
            choices = command.choices.get(name)
            kind = field.annotation
            named = selection.get(f"{name} name", ())
            value = (
                choices[0].value
                if choices
                else named[0]
                if named
                else "1h"
                if kind is timedelta
                else "1"
                if kind is int
                else "because"
            )
            words += [value] if place is not None else [f"--{field.alias or name.replace('_', '-')}", value]
    words += BESIDE.get(command.name, ())
    return [*command.examples, " ".join(words)]


async def agree(plan: Plan) -> bool:
    """A person who says yes to everything."""
    return True


def selection_of(desk: Tapped) -> dict[str, tuple[str, ...]]:
    """The first item of each kind."""
    chosen: dict[str, tuple[str, ...]] = {}
    for feed in desk.desk.alerts.values():
        chosen["alert"] = tuple(one.id for one in feed.snapshot.items[:1])
        chosen["acked alert"] = tuple(one.id for one in feed.snapshot.items if one.ack is not None)
        names = Counter(one.name for one in feed.snapshot.items)
        chosen["alert name"] = tuple(name for name, count in names.items() if count == 1)
        silences = [one for alert in feed.snapshot.items for one in alert.silences]
        chosen["silence"] = tuple(f"{one.cluster}/{one.id}" for one in silences[:1])
    for context in desk.desk.deployments.values():
        chosen["deployment"] = tuple(one.id for one in context.snapshot.items[:1])
    return {kind: keys for kind, keys in chosen.items() if keys}


async def open_breaker(desk: Tapped) -> None:
    """Open it, if it is not."""
    records = desk.backend.records
    assert records is not None
    if not (await records.breaker.read()).is_open:
        await records.breaker.open(desk.backend.actor, "test")


async def made_by_hand(desk: Tapped) -> None:
    """Let the first alert pass for one that a person created, so that there is one to resolve."""
    records, feed = desk.backend.records, next(iter(desk.desk.alerts.values()))
    alert = feed.snapshot.items[0]
    assert records is not None
    ends_at = desk.backend.clock.now() + timedelta(hours=1)
    draft = AlertDraft(alert.labels, {}, alert.starts_at, ends_at)
    await records.kept.created(alert.cluster, alert.environment, draft, desk.backend.actor)


async def run_everything(desk: Tapped, commands: tuple[Command[Any, Any], ...]) -> dict[str, list[str]]:
    """Run every line of every command with the breaker open; command -> what was refused."""
    refused: dict[str, list[str]] = {}
    selection = selection_of(desk)
    for command in commands:
        # An ack can be given back only of an alert that has one.
        acked = {**selection, "alert": selection.get("acked alert", ())}
        for line in (*lines_of(command, selection), *lines_of(command, acked if acked["alert"] else selection)):
            await open_breaker(desk)
            try:
                request = desk.backend.registry.parse(line, selection)
                await desk.backend.registry.run(request, desk.backend.invocation(selection, agree))
            except Refused as error:
                refused.setdefault(command.name, []).append(str(error))
            except ConsoleError:
                continue
    return refused


async def test_with_the_breaker_open_no_command_reaches_the_wire(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        # One write before, so that there is a silence to end and something to take back.
        await desk.press("a")
        before = desk.writes
        assert len(before) == 1
        await open_breaker(desk)
        await made_by_hand(desk)
        commands = desk.backend.registry.commands
        refused = await run_everything(desk, commands)
        writing = {command.name for command in commands if command.risk.outside}
        # Each was really tried: it came as far as the breaker. A new command needs an example that runs in the demo,
        # or arguments that this test can make up.
        assert {"alerts ack", "alerts silence"} <= writing
        assert writing <= refused.keys(), f"never tried: {sorted(writing - refused.keys())}"
        for name in writing:
            assert any("circuit is open" in words for words in refused[name]), refused[name]
        assert desk.taps[0].requests
        assert desk.writes == before


async def test_a_breaker_that_is_closed_lets_an_ack_through_to_the_wire(tmp_path: Path) -> None:
    # The proof that the taps hear a write where there is one.
    async with tapped(tmp_path) as desk:
        await desk.press("a")
        assert desk.writes == [("POST", "/api/v2/silences")]
        _, silences = await desk.demo.alertmanager("GET", "/api/v2/silences")
        assert isinstance(silences, list)
        assert [one["createdBy"] for one in silences if one["comment"].startswith("ACK! ")] == ["op-a"]


async def test_with_the_breaker_open_no_key_reaches_the_wire(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        for key in declared_keys():
            await open_breaker(desk)
            await _press_and_agree(desk, key)
            assert desk.writes == [], key
        records = desk.backend.records
        assert records is not None
        refused = {one.action for one in await records.audit.list(1000) if one.decision == "refused"}
        assert {"alertmanager.ack", "alertmanager.silence.create"} <= refused


async def _strike(desk: Tapped, *keys: str) -> None:
    """Press keys without a pause between them, and wait until no command runs that does not ask the person."""
    for key in keys:
        desk.app.post_message(events.Key(key, key if len(key) == 1 else CHARACTERS.get(key)))
    await desk.pilot.pause()
    async with asyncio.timeout(120):
        while isinstance(desk.app.screen, OperationsScreen) and any(
            worker.group == "commands" and not worker.is_finished for worker in desk.app.workers
        ):
            await asyncio.sleep(0.002)
    await desk.pilot.pause()


async def _press_and_agree(desk: Tapped, key: str) -> None:
    """Press ``key`` on the first alert, finish what it began, say yes to all it asks, and come back to the lists."""
    await _strike(desk, "1", "g", key)
    for _ in range(8):
        screen = desk.app.screen
        if isinstance(screen, ConfirmScreen):
            await _strike(desk, "y")
        elif isinstance(screen, OperationsScreen):
            lines = list(screen.query(CommandLine))
            if lines and lines[0].is_open:
                await _strike(desk, "b", "e")
                # The first of the two may come before the preview, which must have been seen.
                for _ in range(2):
                    if lines[0].is_open:
                        await _strike(desk, "enter")
                        await quiet(desk.pilot, workers=False)
                if lines[0].is_open:
                    await _strike(desk, "escape")
            elif any(field.has_focus for field in screen.query(Input)) or any(one.filter for one in screen.query(Pane)):
                await _strike(desk, "escape")
            else:
                return
        elif isinstance(screen, WallboardScreen):
            await _strike(desk, "w")
        else:
            await _strike(desk, "escape")
    raise AssertionError(f"{key} leads to {desk.app.screen} and never back")


async def test_a_wallboard_writes_nothing_whatever_is_pressed_or_asked(tmp_path: Path) -> None:
    (tmp_path / "console").mkdir()
    async with tapped(tmp_path / "console") as desk:
        every = desk.backend.registry.commands
        selection = selection_of(desk)
    async with tapped(tmp_path, wallboard=True) as wall:
        for key in declared_keys():
            await _strike(wall, key)
            for _ in range(4):
                if isinstance(wall.app.screen, WallboardScreen):
                    break
                await _strike(wall, "escape")
            assert isinstance(wall.app.screen, WallboardScreen), key
        known = 0
        for command in every:
            for line in lines_of(command, selection):
                try:
                    request = wall.backend.registry.parse(line, selection)
                    await wall.backend.registry.run(request, wall.backend.invocation(selection, agree))
                except CommandError:
                    continue
                except ConsoleError:
                    pass
                known += 1
                assert not command.risk.outside, line
        assert known
        assert wall.taps[0].requests
        assert wall.writes == []


async def test_an_open_breaker_answers_the_ack_key_with_the_line_by_hand(tmp_path: Path) -> None:
    async with tapped(tmp_path) as desk:
        await desk.press("b")
        assert desk.app.screen.has_class("-circuit-open")
        await desk.press("a")
        page = desk.app.screen
        assert isinstance(page, ResultScreen)
        told = "\n".join(page._lines)
        assert "Refused. the circuit is open" in told
        assert "amtool silence add" in told
        await desk.press("escape")
        # Closing wants a reason, and then the same key goes through.
        await desk.press("b", *"healed", "enter")
        assert not desk.app.screen.has_class("-circuit-open")
        assert desk.writes == []
        await desk.press("a")
        assert desk.writes == [("POST", "/api/v2/silences")]
