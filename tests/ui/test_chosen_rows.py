"""A key acts on what the person chose: not on what slid under their hands, nor on what they do not see."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from textual.pilot import Pilot

from screens.confirm import ConfirmScreen
from screens.desk import Desk
from screens.operations import OperationsScreen
from screens.result import ResultScreen
from services.alerts.model import Alert
from services.command import Arguments, Command, Invocation, Positional, Result
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan, Risk
from services.vocabulary.errors import NotFound
from tests.support.answering import answerable
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import Stage, desk_stage, quiet, ready
from widgets.command_line import CommandLine
from widgets.pane import Pane

A, B, C = (make_alert(name, "critical", EPOCH, service=name) for name in "ABC")
MINOR = make_alert("Minor", "warning", EPOCH, service="minor")


class Words(Arguments):
    """``/alerts ack <id>``."""

    id: Annotated[str, Positional(selection="alert")]


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: object) -> Outcome:
        raise AssertionError("nothing here writes")


class Unshowable(Result):
    """An answer that nothing can draw."""

    @property
    def lines(self) -> Any:
        raise TypeError("no such lines")

    @lines.setter
    def lines(self, value: Any) -> None:
        pass


class Bench:
    """A console over some alerts, and an ack that notes what it was asked."""

    def __init__(self, *alerts: Alert) -> None:
        self.clock = ManualClock()
        self.acked: list[str] = []
        self.refused: frozenset[str] = frozenset()
        self.answer = Result("done")
        self.free = asyncio.Event()
        self.free.set()
        registry = Registry(Nobody())
        acking: Command[Any, Any] = Command(
            name="alerts ack", summary="Ack it", arguments=Words, risk=Risk.RECORD, run=self._ack
        )
        registry.add([acking], None)
        self.desk: Desk = make_desk(self.clock, alerts={"prod": alerts}, registry=registry)
        self.app: Stage = desk_stage(self.clock, self.desk)

    async def _ack(self, needs: None, request: Words, invocation: Invocation) -> Result:
        await self.free.wait()
        if request.id in self.refused:
            raise NotFound("no alert has that id", "it may have ended")
        self.acked.append(request.id)
        return self.answer

    def publish(self, *alerts: Alert) -> None:
        """The next answer of the Alertmanager."""
        self.desk.alerts["prod"].publish(alerts)

    @property
    def said(self) -> list[str]:
        """Every toast."""
        return [note.message for note in self.app._notifications]

    @property
    def front(self) -> str:
        """The pane that a narrow screen shows."""
        (shown,) = [pane.id for pane in self.app.screen.query(Pane) if not pane.has_class("-away")]
        return shown or ""


async def agree(pilot: Pilot[Any], bench: Bench) -> None:
    """Say yes to the question, once it can be answered."""
    await quiet(pilot, lambda: isinstance(bench.app.screen, ConfirmScreen), workers=False)
    await answerable(pilot, bench.clock)
    await pilot.press("y")


@pytest.mark.parametrize("key", ["a", "s", "i"])
async def test_a_selected_alert_that_ended_is_not_replaced_by_the_one_under_the_cursor(key: str) -> None:
    bench = Bench(A, B, C)
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("space")
        bench.publish(B, C)
        await quiet(pilot)
        await pilot.press(key)
        await quiet(pilot)
        assert bench.acked == []
        assert not bench.app.screen.query_one(CommandLine).is_open
        assert bench.said == [
            "Of what you selected, one row went away; nothing is selected any more. Look, then press again."
        ]
        await pilot.press("a")
        await quiet(pilot)
        assert bench.acked == [B.id], "who looked and pressed again means the row under the cursor"


async def test_a_selection_that_shrank_is_told_before_the_rest_is_acked() -> None:
    bench = Bench(A, B, C)
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("space", "space", "space")
        bench.publish(A, C)
        await quiet(pilot)
        await pilot.press("a")
        await quiet(pilot)
        assert isinstance(bench.app.screen, OperationsScreen)
        assert bench.said == ["Of what you selected, one row went away; 2 still selected. Look, then press again."]
        await pilot.press("a")
        await agree(pilot, bench)
        await quiet(pilot)
        assert bench.acked == [A.id, C.id]


async def test_who_selects_anew_after_a_loss_has_chosen() -> None:
    bench = Bench(A, B, C)
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("space")
        bench.publish(B, C)
        await quiet(pilot)
        await pilot.press("j", "space", "a")
        await quiet(pilot)
        assert bench.acked == [C.id]


async def test_the_report_names_the_alert_that_was_refused_whatever_the_order_of_the_feed() -> None:
    bench = Bench(MINOR, A)
    bench.refused = frozenset({MINOR.id})
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("space", "space", "a")
        await agree(pilot, bench)
        await quiet(pilot)
        assert bench.acked == [A.id]
        page = bench.app.screen
        assert isinstance(page, ResultScreen)
        first, _, reason, name = page._lines
        assert (first, reason) == ("1 of 2 done, 1 not:", "no alert has that id (it may have ended)")
        assert "Minor" in name


@pytest.mark.parametrize("key", ["a", "s"])
async def test_a_key_brings_alerts_that_are_not_seen_to_the_front_before_it_acts(key: str) -> None:
    bench = Bench(A, B)
    async with bench.app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("3")
        await quiet(pilot)
        assert bench.front == "deployments"
        await pilot.press(key)
        await quiet(pilot)
        assert bench.acked == []
        assert not bench.app.screen.query_one(CommandLine).is_open
        assert bench.front == "alerts"
        assert bench.said == ["Here are the alerts. Look where the cursor stands, then press again."]
        await pilot.press("a")
        await quiet(pilot)
        assert bench.acked == [A.id]


async def test_a_line_does_not_take_an_alert_that_is_not_seen() -> None:
    bench = Bench(A, B)
    async with bench.app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("3")
        await quiet(pilot)
        await pilot.press("slash", *"alerts ack", "enter")
        await quiet(pilot, workers=False)
        assert bench.acked == []
        assert bench.app.screen.query_one(CommandLine).is_open, "it stays for mending"


async def test_several_that_are_under_way_are_not_begun_again() -> None:
    bench = Bench(A, B)
    bench.free.clear()
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("space", "space", "a")
        await agree(pilot, bench)
        await quiet(pilot, lambda: isinstance(bench.app.screen, OperationsScreen), workers=False)
        assert not bench.app.screen.query_one("#alerts", Pane).table.selected_keys, "they have been dealt with"
        await pilot.press("g", "space", "space", "a")
        await quiet(pilot, lambda: bool(bench.said), workers=False)
        assert bench.said == ["Ack 2 alerts, each by itself: 2 of them still running."]
        assert isinstance(bench.app.screen, OperationsScreen)
        bench.free.set()
        await quiet(pilot)
        assert bench.acked == [A.id, B.id]


async def test_an_answer_that_cannot_be_drawn_is_told() -> None:
    bench = Bench(A)
    bench.answer = Unshowable("done")
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("a")
        await quiet(pilot)
        assert bench.acked == [A.id]
        assert bench.said == [
            "It ended, but its answer cannot be shown: TypeError. /audit list tells what was done.",
        ]


async def test_an_alert_that_comes_back_under_the_cursor_is_the_one_that_was_chosen() -> None:
    bench = Bench(A)
    async with bench.app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        bench.publish()
        await quiet(pilot)
        bench.publish(A, B)
        await quiet(pilot)
        await pilot.press("a")
        await quiet(pilot)
        assert bench.acked == [A.id]
