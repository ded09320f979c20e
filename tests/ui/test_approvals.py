"""Two consoles on one store: one asks, the other sees it within a moment, agrees with keys; the first is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from console.app import ConsoleApp
from screens.approvals import ApprovalsScreen
from screens.confirm import ConfirmScreen
from screens.result import ResultScreen
from services.approvals.commands import COMMANDS, ApprovalsNeeds
from services.approvals.gate import ApprovalDesk
from services.approvals.repository import ApprovalRepository
from services.command import Arguments, Command, Invocation, Result
from services.feed import Feed
from services.policy.gate import PolicyGate
from services.policy.model import Effect, Policy
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.guard import Guard
from services.safety.plan import Plan, Risk
from services.storage.engine import Store
from services.vocabulary.errors import FailureKind, Refused, SourceError
from tests.support.answering import answerable
from tests.support.clock import ManualClock
from tests.support.desk import make_desk
from tests.support.stage import desk_stage, quiet, ready
from tests.support.store import COLLEAGUE, OPERATOR, Outside, plan_for, temporary_store
from widgets.record_table import RecordTable
from widgets.top_bar import TopBar

LINE = "/thing change"
HOSTILE = "\x1b]52;c;aGk=\x07changes \u202ethe thing [/foo]"


class Console:
    """One console in front of the store, its outside system counting the writes."""

    def __init__(self, store: Store, actor: Actor, clock: ManualClock) -> None:
        self.outside = Outside()
        self.approvals = ApprovalRepository(store, clock)
        gate = PolicyGate((Policy("pairs", Effect.REQUIRE_APPROVAL),), ApprovalDesk(self.approvals))
        registry = Registry(Guard(store, clock, gates=(gate,)))
        feed = Feed[Any]("approvals", clock)

        async def plan(needs: object, request: Arguments, invocation: Invocation) -> Plan:
            return replace(plan_for(self.outside), summary=HOSTILE)

        async def run(line: str, invocation: Invocation) -> Result:
            return await registry.run(registry.parse(line), invocation)

        registry.add(
            (Command(name="thing change", summary="Change it", arguments=Arguments, risk=Risk.WRITE, plan=plan),), None
        )
        registry.add(COMMANDS, ApprovalsNeeds(self.approvals, run, lambda: feed.snapshot.items, clock))
        self.desk = replace(
            make_desk(clock, registry=registry),
            operator=actor.operator,
            approvals=feed,
            invocation=lambda selection, confirm: Invocation(actor, confirm, selection),
        )
        self.feed = feed
        self.app: ConsoleApp = desk_stage(clock, self.desk)

    async def ask(self) -> None:
        """The line, without the screen."""
        registry = self.desk.registry
        await registry.run(registry.parse(LINE), Invocation(OPERATOR, _no))

    async def hear(self) -> None:
        """What its poller does within a second."""
        self.feed.publish(await self.approvals.list(ended=5))

    @property
    def toasts(self) -> list[str]:
        """Everything that was told, title and words."""
        return [f"{one.title}: {one.message}" for one in self.app._notifications]

    @property
    def said(self) -> str:
        """What the command line says of what stands in it."""
        return str(self.app.screen.query_one("#said", Static).render())

    @property
    def bar(self) -> str:
        """The first line of the screen."""
        return self.app.screen_stack[0].query_one(TopBar).render().plain


@asynccontextmanager
async def running(console: Console) -> AsyncIterator[Pilot[Any]]:
    async with console.app.run_test(size=(140, 40)) as pilot:
        await console.hear()
        await ready(pilot)
        yield pilot


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_an_approval_goes_from_screen_to_screen(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock) as other:
        asker, helper = Console(one, OPERATOR, clock), Console(other, COLLEAGUE, clock)
        with pytest.raises(Refused, match="approval 1 was asked for"):
            await asker.ask()
        async with running(helper) as pilot:
            assert "! 1 to approve (p)" in helper.bar
            assert any("1 to approve: p shows them" in words for words in helper.toasts)
            await pilot.press("p")
            await pilot.pause()
            assert isinstance(helper.app.screen, ApprovalsScreen)
            picture = helper.app.export_screenshot()
            assert "\x1b" not in picture
            assert "\u202e" not in picture
            await pilot.press("enter")
            assert "That is somebody else's." in helper.toasts[-1]
            await pilot.press("y")
            await pilot.pause()
            assert isinstance(helper.app.screen, ConfirmScreen)
            await answerable(pilot, clock)
            await pilot.press("y")
            await quiet(pilot)
            assert "approval 1 is given; op-a can run it" in helper.toasts[-1]
            await helper.hear()
            await pilot.pause()
            assert "to approve" not in helper.bar
        async with running(asker) as pilot:
            assert "✓ 1 to run (p)" in asker.bar
            await pilot.press("p")
            await pilot.pause()
            await pilot.press("y")
            assert "That is yours: somebody else decides it." in asker.toasts[-1]
            await pilot.press("enter")
            await quiet(pilot)
            assert "the thing is changed" in asker.toasts[-1]
            assert asker.outside.calls == ["thing"]


async def test_news_are_told_as_they_come(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock) as other:
        asker, helper = Console(one, OPERATOR, clock), Console(other, COLLEAGUE, clock)
        async with running(asker) as pilot:
            await pilot.press(*LINE)
            await pilot.press("enter")
            # Quicker than the preview could be seen: once more.
            await quiet(pilot, lambda: "enter again does it" in asker.said, workers=False)
            await pilot.press("enter")
            # The refusal stands on a page of its own, with the line that does the same by hand.
            await quiet(pilot, lambda: isinstance(asker.app.screen, ResultScreen), workers=False)
            await asker.hear()
            await helper.approvals.reject(1, COLLEAGUE, "wait for the backup")
            await asker.hear()
            await pilot.pause()
            assert "Approval 1 is rejected: By op-b: wait for the backup" in asker.toasts
        async with running(helper) as pilot:
            with pytest.raises(Refused, match="approval 2 was asked for"):
                await asker.ask()
            await helper.hear()
            await pilot.pause()
            assert any(words.startswith("Approval 2 is wanted: op-a ") for words in helper.toasts)
            await pilot.press("p")
            await pilot.pause()
            await pilot.press("x")
            await pilot.pause()
            await pilot.press(*"too late")
            await pilot.press("enter")
            await quiet(pilot, lambda: "approval 2 is rejected" in helper.toasts[-1], workers=False)
            assert (await helper.approvals.get(2)).votes[0].note == "too late"
            assert asker.outside.calls == []


async def _no(plan: Plan) -> bool:
    return False


async def test_a_request_that_slid_under_the_cursor_is_not_decided(tmp_path: Path, clock: ManualClock) -> None:
    async with temporary_store(tmp_path, clock) as one:
        asker = Console(one, OPERATOR, clock)
        with pytest.raises(Refused):
            await asker.ask()
        async with running(asker) as pilot:
            (older,) = asker.feed.snapshot.items
            asker.feed.publish([older, replace(older, number=older.number + 1)])
            await pilot.press("p")
            await pilot.pause()
            asker.feed.publish([older])
            await pilot.pause()
            await pilot.press("c")
            await quiet(pilot)
            assert isinstance(asker.app.screen, ApprovalsScreen)
            assert asker.toasts[-1].endswith(
                "The row under the cursor is gone. Look where the cursor stands now, then press again."
            )
            await pilot.press("c")
            await quiet(pilot)
            assert not isinstance(asker.app.screen, ApprovalsScreen)


async def test_requests_of_a_store_that_no_longer_answers_are_not_shown_as_live(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with temporary_store(tmp_path, clock) as one:
        asker = Console(one, OPERATOR, clock)
        with pytest.raises(Refused):
            await asker.ask()
        async with running(asker) as pilot:
            await pilot.press("p")
            await pilot.pause()
            page = asker.app.screen
            assert not page.query_one(RecordTable).stale
            assert "checked" in str(page.query_one("#freshness", Static).render())
            asker.feed.fail(SourceError(FailureKind.UNREACHABLE, "the store does not answer"))
            await pilot.pause()
            assert page.query_one(RecordTable).stale
            assert "the store does not answer" in str(page.query_one("#freshness", Static).render())
