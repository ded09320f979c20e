"""Approvals between people whom the database knows: whatever they call themselves, nobody approves their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from sqlalchemy import text

from services.approvals.gate import ApprovalDesk
from services.approvals.repository import ApprovalRepository
from services.approvals.view import trust_note
from services.incidents.repository import IncidentRepository
from services.policy.gate import PolicyGate
from services.policy.model import Effect, Policy, Scope
from services.safety.actor import Actor
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.storage.engine import Store, open_store
from services.vocabulary.errors import Conflict, Refused, StoreError
from tests.support.clock import ManualClock
from tests.support.postgresql import PostgresqlServer, ready_template, shared_server
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, plan_for

pytestmark = pytest.mark.real

PAIRS = Policy("pairs", Effect.REQUIRE_APPROVAL, scope=Scope(environments=("prod",)))
ANN, BOB = replace(OPERATOR, operator="ann"), replace(COLLEAGUE, operator="bob")


@pytest.fixture
def database() -> Iterator[tuple[PostgresqlServer, str]]:
    """A database of two people who may do what the console needs, and no more."""
    server = shared_server()
    name = server.create_database(ready_template(server))
    for person in ("ann", "bob"):
        user = f"{person}_{name}"
        server.execute(f"CREATE ROLE {user} LOGIN")
        rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        server.execute(f"GRANT {rights} TO {user}", database=name)
        server.execute(
            f"REVOKE UPDATE, DELETE ON audit, audit_words, timeline, approval_votes FROM {user}", database=name
        )
        server.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {user}", database=name)
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user}", database=name)
    yield server, name
    server.drop_database(name)


class Console:
    """One person's console: what they claim to be, and the user they come in as."""

    def __init__(self, store: Store, actor: Actor) -> None:
        self.actor = actor
        self.store = store
        self.outside = Outside()
        self.approvals = ApprovalRepository(store, store.clock)
        self.guard = Guard(store, store.clock, gates=(PolicyGate((PAIRS,), ApprovalDesk(self.approvals)),))

    async def write(self) -> str:
        """Ask the guard; what it says."""
        try:
            plan = plan_for(self.outside)
            outcome = await self.guard.execute(plan, command="/thing", actor=self.actor, confirm=agree)
        except Refused as refused:
            return str(refused)
        return outcome.message


@pytest.fixture
async def opened(database: tuple[PostgresqlServer, str]) -> AsyncIterator[AsyncExitStack]:
    """Closes what a test opens, before the database goes."""
    del database
    async with AsyncExitStack() as stack:
        yield stack


async def joins(stack: AsyncExitStack, database: tuple[PostgresqlServer, str], person: str, actor: Actor) -> Console:
    """A console that comes in as ``person`` and calls itself ``actor``."""
    server, name = database
    store = await open_store(server.url(name, user=f"{person}_{name}"), ManualClock())
    stack.push_async_callback(store.close)
    return Console(store, actor)


async def test_another_user_approves_and_the_database_proves_it(
    opened: AsyncExitStack, database: tuple[PostgresqlServer, str]
) -> None:
    ann, bob = await joins(opened, database, "ann", ANN), await joins(opened, database, "bob", BOB)
    assert "approval 1 was asked for" in await ann.write()
    with pytest.raises(Refused, match="nobody approves their own"):
        await ann.approvals.approve(1, ANN)
    approval = await bob.approvals.approve(1, BOB)
    assert approval.proven
    assert "claimed" not in trust_note(approval)
    assert await ann.write() == "the thing is changed"
    assert ann.outside.calls == ["thing"]
    entries = await Audit(ann.store).list()
    rule = next(one.rule for one in entries if one.action == "test.change" and one.decision == "allowed")
    assert "approval 1 by bob" in rule
    assert "identity claimed" not in rule


async def test_a_faked_operator_approves_nothing_of_its_own(
    opened: AsyncExitStack, database: tuple[PostgresqlServer, str]
) -> None:
    ann = await joins(opened, database, "ann", ANN)
    assert "approval 1 was asked for" in await ann.write()
    # The same person with another name in the configuration, as another user of another machine.
    for fake in (BOB, replace(BOB, database_user=f"bob_{database[1]}")):
        disguised = await joins(opened, database, "ann", fake)
        with pytest.raises(Refused, match=f"both are the database user ann_{database[1]}"):
            await disguised.approvals.approve(1, fake)
    assert "waits for" in await ann.write()
    assert ann.outside.calls == []


async def test_one_user_counts_once_whatever_names_they_use(
    opened: AsyncExitStack, database: tuple[PostgresqlServer, str]
) -> None:
    ann, bob = await joins(opened, database, "ann", ANN), await joins(opened, database, "bob", BOB)
    two = PolicyGate((replace(PAIRS, count=2),), ApprovalDesk(ann.approvals))
    ann.guard = Guard(ann.store, ann.store.clock, gates=(two,))
    assert "approval 1 was asked for" in await ann.write()
    await bob.approvals.approve(1, BOB)
    carol = replace(BOB, operator="carol")
    with pytest.raises(Conflict, match="you approved 1 already"):
        await (await joins(opened, database, "bob", carol)).approvals.approve(1, carol)
    assert ann.outside.calls == []


async def test_the_database_itself_keeps_the_past_from_those_who_may_only_add_to_it(
    opened: AsyncExitStack, database: tuple[PostgresqlServer, str]
) -> None:
    ann = await joins(opened, database, "ann", ANN)
    await ann.write()
    await Breaker(ann.store, ann.store.clock).open(ANN, "storm", scope="outside prod")
    await Breaker(ann.store, ann.store.clock).reset(ANN, "over")
    incident = await IncidentRepository(ann.store, ann.store.clock).create("Checkout is down", 2, "ann")
    await IncidentRepository(ann.store, ann.store.clock).note(incident.number, "ann", "looking")

    async def rewrite(statement: str) -> None:
        async with ann.store.write() as connection:
            await connection.execute(text(statement))

    for statement in (
        "UPDATE audit SET operator = 'bob'",
        "DELETE FROM audit",
        "UPDATE timeline SET text = ''",
        "UPDATE approval_votes SET agrees = true",
        "UPDATE alembic_version SET version_num = '9999'",
        "DROP TABLE audit",
    ):
        with pytest.raises(StoreError, match="does not allow this user"):
            await rewrite(statement)
    assert (await Audit(ann.store).verify()).whole


async def test_a_named_user_of_the_database_can_be_wanted(
    opened: AsyncExitStack, database: tuple[PostgresqlServer, str]
) -> None:
    ann, bob = await joins(opened, database, "ann", ANN), await joins(opened, database, "bob", BOB)
    named = PolicyGate((replace(PAIRS, approvers=(f"db:bob_{database[1]}",)),), ApprovalDesk(ann.approvals))
    ann.guard = Guard(ann.store, ann.store.clock, gates=(named,))
    assert "approval 1 was asked for" in await ann.write()
    assert (await bob.approvals.approve(1, replace(BOB, operator="anybody"))).missing == ()
    assert await ann.write() == "the thing is changed"
