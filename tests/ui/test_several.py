"""Acting on several alerts at once: one that cannot be done keeps no other from being done."""

from __future__ import annotations

from typing import Annotated, Any

from screens.confirm import ConfirmScreen
from screens.result import ResultScreen
from services.command import Arguments, Command, Invocation, Positional, Result
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan, Risk
from services.vocabulary.errors import NotFound, Refused
from tests.support.answering import answerable
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import Stage, desk_stage, quiet, ready

NAMES = ("Ended", "Good", "Guarded", "Odd", "Unsure", "Gone", "Last")


class Words(Arguments):
    """``/alerts ack <id>``."""

    id: Annotated[str, Positional(selection="alert")]


class Nobody:
    """Stands where a guard would."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: object) -> Outcome:
        raise AssertionError("nothing here writes")


def stage(clock: ManualClock, done: list[str], *, only_good: bool = False) -> Stage:
    alerts = {alert.id: alert for alert in (make_alert(name, "critical", EPOCH, service=name) for name in NAMES)}

    async def ack(needs: None, request: Words, invocation: Invocation) -> Result:
        name = alerts[request.id].name
        if only_good or name in ("Good", "Last"):
            done.append(name)
            return Result("done")
        if name == "Guarded":
            raise Refused("the policy freeze blocks it", equivalent="amtool silence add")
        if name == "Odd":
            raise TypeError("\x1b[31mno such field")
        if name == "Unsure":
            return Result("it may or may not have happened", ok=False)
        raise NotFound("no alert has that id", "it may have ended")

    registry = Registry(Nobody())
    acking: Command[Any, Any] = Command(name="alerts ack", summary="Ack it", arguments=Words, risk=Risk.RECORD, run=ack)
    registry.add([acking], None)
    return desk_stage(clock, make_desk(clock, alerts={"prod": list(alerts.values())}, registry=registry))


async def test_what_could_not_be_acked_is_told_at_the_end_with_the_reason() -> None:
    clock, done = ManualClock(), list[str]()
    app = stage(clock, done)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press(*["space"] * len(NAMES), "a")
        await quiet(pilot, lambda: isinstance(app.screen, ConfirmScreen), workers=False)
        await answerable(pilot, clock)
        await pilot.press("y")
        await quiet(pilot)
        assert sorted(done) == ["Good", "Last"]
        page = app.screen
        assert isinstance(page, ResultScreen)
        first, *rest = page._lines
        assert first == "2 of 7 done, 5 not:"
        told = dict(_by_reason(rest))
        assert {reason: sorted(name.split()[1] for name in names) for reason, names in told.items()} == {
            "no alert has that id (it may have ended)": ["Ended", "Gone"],
            "the policy freeze blocks it": ["Guarded"],
            "the console failed: TypeError: ␛[31mno such field": ["Odd"],
            "it may or may not have happened": ["Unsure"],
        }


async def test_where_all_went_well_one_sentence_says_so() -> None:
    clock, done = ManualClock(), list[str]()
    app = stage(clock, done, only_good=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("space", "space", "a")
        await quiet(pilot, lambda: isinstance(app.screen, ConfirmScreen), workers=False)
        await answerable(pilot, clock)
        await pilot.press("y")
        await quiet(pilot)
        assert len(done) == 2
        assert "all 2 done" in "\n".join(note.message for note in app._notifications)


def _by_reason(lines: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("  "):
            found[-1][1].append(line)
        elif line:
            found.append((line, []))
    return found
