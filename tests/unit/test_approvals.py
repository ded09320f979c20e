"""Two consoles on one store: one asks, the other agrees, and exactly what was agreed to is done, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.approvals.gate import ApprovalDesk
from services.approvals.model import ApprovalState
from services.approvals.repository import ApprovalRepository
from services.approvals.view import trust_note
from services.policy.gate import PolicyGate
from services.policy.model import Effect, Policy, Scope
from services.safety.actor import Actor
from services.safety.audit import Audit
from services.safety.guard import Guard
from services.safety.plan import Plan, Reach, Target
from services.storage.store import Store, StoreServer
from services.vocabulary.errors import Conflict, NotFound, Refused
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

LINE = "/thing change"
THIRD = replace(OPERATOR, operator="op-c", os_user="gamma", host="desk-3", database_user="gamma")
PAIR = Policy("pairs", Effect.REQUIRE_APPROVAL, scope=Scope(environments=("prod",)))


class Console:
    """One console of the team: its own guard and repository on its own connection to the store."""

    def __init__(self, store: Store, actor: Actor, *policies: Policy) -> None:
        self.actor = actor
        self.store = store
        self.approvals = ApprovalRepository(_Known(store, actor.operator), store.clock)
        self.guard = Guard(store, store.clock, gates=(PolicyGate(policies or (PAIR,), ApprovalDesk(self.approvals)),))

    async def write(self, plan: Plan, line: str = LINE, actor: Actor | None = None) -> str:
        """Ask the guard; what it says."""
        try:
            outcome = await self.guard.execute(plan, command=line, actor=actor or self.actor, confirm=agree)
        except Refused as refused:
            return str(refused)
        return outcome.message


class _Known(Store):
    """A store that knows each console's user, where the engine does: tests share one user of the server."""

    def __init__(self, store: Store, user: str) -> None:
        self._store = store
        self._user = user
        self.clock = store.clock
        self.read_only = store.read_only

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def database_user(self) -> str:
        return f"db-{self._user}" if self._store.database_user else ""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._store.read()

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._store.write()

    async def version(self) -> int:
        return await self._store.version()

    async def server(self) -> StoreServer:
        return await self._store.server()

    async def close(self) -> None:
        await self._store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def stores(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[Store, Store]]:
    async with temporary_store(tmp_path, clock) as one, temporary_store(tmp_path, clock) as other:
        yield one, other


@pytest.fixture
def asker(stores: tuple[Store, Store]) -> Console:
    return Console(stores[0], OPERATOR)


@pytest.fixture
def helper(stores: tuple[Store, Store]) -> Console:
    return Console(stores[1], COLLEAGUE)


async def test_an_approval_goes_from_one_console_to_the_other(asker: Console, helper: Console) -> None:
    outside = Outside()
    said = await asker.write(plan_for(outside))
    assert "policy pairs requires the approval of 1 person besides whoever asks" in said
    assert "approval 1 was asked for until 20:01 UTC" in said
    (seen,) = await helper.approvals.list()
    assert (seen.number, seen.state, seen.command, seen.targets) == (
        1,
        ApprovalState.PENDING,
        LINE,
        (("thing", "thing"),),
    )
    assert (await helper.approvals.approve(1, helper.actor, "looked at it")).state is ApprovalState.APPROVED
    assert outside.calls == []
    assert await asker.write(plan_for(outside)) == "the thing is changed"
    assert outside.calls == ["thing"]
    assert (await helper.approvals.get(1)).state is ApprovalState.SPENT
    entries = await Audit(asker.store).list()
    assert [entry.action for entry in reversed(entries)] == [
        "approval.request",
        "test.change",
        "approval.approve",
        "approval.spend",
        "test.change",
    ]
    assert "policy pairs, approval 1 by op-b" in entries[0].rule
    assert entries[1].operator == "op-a"
    assert entries[2].operator == "op-b"
    assert (await Audit(asker.store).verify()).whole


async def test_it_is_spent_once(asker: Console, helper: Console) -> None:
    outside = Outside()
    await asker.write(plan_for(outside))
    await helper.approvals.approve(1, helper.actor)
    await asker.write(plan_for(outside))
    assert "approval 2 was asked for" in await asker.write(plan_for(outside))
    assert outside.calls == ["thing"]


async def test_asking_again_asks_for_the_same(asker: Console) -> None:
    await asker.write(plan_for(Outside()))
    assert "approval 1 waits for 1 more approval for policy pairs until 20:01 UTC" in await asker.write(
        plan_for(Outside())
    )
    assert len(await asker.approvals.list()) == 1


async def test_nobody_approves_their_own(asker: Console, stores: tuple[Store, Store]) -> None:
    await asker.write(plan_for(Outside()))
    with pytest.raises(Refused, match="nobody approves their own request: both are operator op-a"):
        await asker.approvals.approve(1, asker.actor)
    renamed = replace(OPERATOR, operator="op-z")
    if stores[0].database_user:
        with pytest.raises(Refused, match="both are the database user db-op-a"):
            await asker.approvals.approve(1, renamed)
        assert (await asker.approvals.get(1)).state is ApprovalState.PENDING
    else:
        # A file proves nobody's identity: it is allowed, and said to be only claimed.
        approval = await asker.approvals.approve(1, renamed)
        assert not approval.proven
        assert trust_note(approval).endswith("does not prove who anybody is, and both are alpha@desk-1")
        await asker.write(plan_for(Outside()))
        assert "(identity claimed)" in (await Audit(asker.store).list(1))[0].rule


async def test_where_the_database_knows_both_it_is_proven(asker: Console, helper: Console) -> None:
    await asker.write(plan_for(Outside()))
    approval = await helper.approvals.approve(1, helper.actor)
    assert approval.proven is bool(asker.store.database_user)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"targets": (Target("thing", "another", "prod"),)}, "no longer thing; now another"),
        ({"targets": (Target("thing", "thing", "prod"), Target("thing", "more", "prod"))}, "now more"),
        ({"reach": Reach(14, 20, "alerts")}, "it reaches 14 now, and 1 were asked for"),
    ],
)
async def test_another_target_is_not_covered(
    asker: Console, helper: Console, changed: dict[str, object], words: str
) -> None:
    outside = Outside()
    await asker.write(plan_for(outside))
    await helper.approvals.approve(1, helper.actor)
    said = await asker.write(replace(plan_for(outside), **changed))  # type: ignore[arg-type]
    assert "approval 1 does not match" in said
    assert words in said
    assert "approval 2 was asked for" in said
    assert outside.calls == []


async def test_another_line_or_person_or_a_script_is_not_covered(asker: Console, helper: Console) -> None:
    outside = Outside()
    await asker.write(plan_for(outside))
    await helper.approvals.approve(1, helper.actor)
    assert "was asked for" in await asker.write(plan_for(outside), f"{LINE} --hard")
    assert "was asked for" in await asker.write(plan_for(outside), actor=replace(OPERATOR, automation=True))
    assert "was asked for" in await helper.write(plan_for(outside))
    assert outside.calls == []


async def test_it_expires(asker: Console, helper: Console, clock: ManualClock) -> None:
    outside = Outside()
    await asker.write(plan_for(outside))
    clock.turn(29 * 60)
    await helper.approvals.approve(1, helper.actor)
    clock.turn(60)
    assert "approval 2 was asked for" in await asker.write(plan_for(outside))
    with pytest.raises(Conflict, match="approval 1 expired at"):
        await helper.approvals.reject(1, helper.actor, "late")
    assert await helper.approvals.expire(helper.actor) == (1,)
    assert await asker.approvals.expire(asker.actor) == ()
    clock.jump(-timedelta(hours=1))  # a clock that goes back brings nothing back to life
    assert (await asker.approvals.get(1)).state_at(clock.now()) is ApprovalState.EXPIRED
    assert outside.calls == []


async def test_a_rejection_is_told_and_ends_it(asker: Console, helper: Console) -> None:
    await asker.write(plan_for(Outside()))
    await helper.approvals.approve(1, helper.actor)
    await helper.approvals.reject(1, helper.actor, "wait for the backup")
    with pytest.raises(Conflict, match="approval 1 was rejected by op-b at 19:31:07 UTC: wait for the backup"):
        await helper.approvals.approve(1, THIRD)
    assert "approval 2 was asked for" in await asker.write(plan_for(Outside()))


async def test_only_whoever_asked_takes_it_back(asker: Console, helper: Console) -> None:
    await asker.write(plan_for(Outside()))
    with pytest.raises(Refused, match="asked for by op-a"):
        await helper.approvals.cancel(1, helper.actor)
    with pytest.raises(Refused, match="asked for by you"):
        await asker.approvals.reject(1, asker.actor, "no")
    assert (await asker.approvals.cancel(1, asker.actor)).state is ApprovalState.CANCELLED
    with pytest.raises(Conflict, match="was cancelled by op-a"):
        await helper.approvals.approve(1, helper.actor)
    with pytest.raises(NotFound):
        await helper.approvals.approve(9, helper.actor)


async def test_several_people_and_named_ones(stores: tuple[Store, Store]) -> None:
    two = replace(PAIR, name="two", count=2)
    named = replace(PAIR, name="named", approvers=("op-c",))
    asker, helper = Console(stores[0], OPERATOR, two, named), Console(stores[1], COLLEAGUE, two, named)
    third = Console(stores[1], THIRD, two, named)
    outside = Outside()
    await asker.write(plan_for(outside))
    after = await helper.approvals.approve(1, helper.actor)
    assert after.missing == ("1 more approval for policy two", "1 more approval of op-c for policy named")
    with pytest.raises(Conflict, match="you approved 1 already"):
        await helper.approvals.approve(1, helper.actor)
    assert (await third.approvals.approve(1, third.actor)).state is ApprovalState.APPROVED
    assert await asker.write(plan_for(outside)) == "the thing is changed"


async def test_only_named_people_may_approve(stores: tuple[Store, Store]) -> None:
    named = replace(PAIR, approvers=("op-c",))
    asker, helper = Console(stores[0], OPERATOR, named), Console(stores[1], COLLEAGUE, named)
    await asker.write(plan_for(Outside()))
    with pytest.raises(Refused, match="approval 1 is for op-c to give, not op-b"):
        await helper.approvals.approve(1, helper.actor)


async def test_a_policy_that_came_since_wants_its_own_approval(stores: tuple[Store, Store]) -> None:
    outside = Outside()
    asker, helper = Console(stores[0], OPERATOR), Console(stores[1], COLLEAGUE)
    await asker.write(plan_for(outside))
    await helper.approvals.approve(1, helper.actor)
    stricter = Console(stores[0], OPERATOR, PAIR, replace(PAIR, name="two", count=2))
    said = await stricter.write(plan_for(outside))
    assert "approval 1 is not enough now: it lacks 1 more approval for policy two" in said
    assert outside.calls == []


async def test_a_block_is_never_approved_away(stores: tuple[Store, Store]) -> None:
    outside = Outside()
    asker, helper = Console(stores[0], OPERATOR), Console(stores[1], COLLEAGUE)
    await asker.write(plan_for(outside))
    await helper.approvals.approve(1, helper.actor)
    blocked = Console(stores[0], OPERATOR, PAIR, Policy("freeze"))
    assert "policy freeze blocks it" in await blocked.write(plan_for(outside))
    assert (await helper.approvals.get(1)).state is ApprovalState.APPROVED
    assert outside.calls == []
