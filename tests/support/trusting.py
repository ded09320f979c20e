"""A console with all that trust needs, on a store of its own, and automation that sits at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from services.approvals.gate import ApprovalDesk
from services.approvals.repository import ApprovalRepository
from services.command import Confirmer, Invocation, Result
from services.policy.gate import PolicyGate
from services.policy.model import Policy
from services.registry import Registry
from services.safety.actor import Actor, Surface
from services.safety.guard import Guard
from services.safety.outcome import Outcome
from services.safety.plan import Plan, Target
from services.storage.engine import Store
from services.storage.store import StoreServer
from services.trust.act import scope_of
from services.trust.commands import COMMANDS, TrustNeeds
from services.trust.demotion import Cause
from services.trust.gate import TrustedDesk, TrustGate
from services.trust.ledger import Ledger
from services.trust.levels import Level
from services.trust.model import Standing, TrustRules
from services.trust.repository import TrustRepository
from services.trust.witness import TrustWitness
from services.vocabulary.errors import Refused
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, plan_for, temporary_store

SCRIPT = replace(OPERATOR, surface=Surface.EXEC, automation=True)
"""Automation of the operator, with nobody in front of it."""

ATTENDED = replace(OPERATOR, automation=True)
"""Automation inside a console that the operator sits at."""

KIND, PROD = "test.change", "prod"
SCOPE = scope_of(KIND, PROD)
LINE = "/thing change"


def targets(*names: str) -> tuple[Target, ...]:
    """The thing that tests change, and further ones."""
    return tuple(Target("thing", name, PROD) for name in ("thing", *names))


class Trusting:
    """One console; the store may be another console's too."""

    def __init__(self, store: Store, clock: ManualClock, rules: TrustRules, policies: Sequence[Policy]) -> None:
        self.store = store
        self.clock = clock
        self.rules = rules
        self.ledger = Ledger(store, clock, rules)
        self.trust = TrustRepository(store, clock, rules, self.ledger)
        self.witness = TrustWitness(self.ledger, rules)
        self.approvals = ApprovalRepository(store, clock, rejected=self.witness.rejected)
        desk = ApprovalDesk(self.approvals)
        self.gate = TrustGate(self.ledger, rules, desk)
        gates = (PolicyGate(tuple(policies), TrustedDesk(self.gate, desk)), self.gate)
        self.guard = Guard(store, clock, gates=gates, witnesses=(self.witness,))
        self.registry = Registry(self.guard)
        self.registry.add(COMMANDS, TrustNeeds(self.trust, lambda: self.trust.seen, (KIND,), (PROD,), clock))
        self.outside = Outside()
        self.colleague = ApprovalRepository(_Colleague(store), clock, rejected=self.witness.rejected)

    async def write(
        self, plan: Plan | None = None, actor: Actor = SCRIPT, *, line: str = LINE, confirm: Confirmer = agree
    ) -> Outcome:
        """Ask the guard."""
        return await self.guard.execute(plan or plan_for(self.outside), command=line, actor=actor, confirm=confirm)

    async def refused(
        self, plan: Plan | None = None, actor: Actor = SCRIPT, *, line: str = LINE, confirm: Confirmer = agree
    ) -> Refused:
        """Ask the guard for what must be refused."""
        try:
            outcome = await self.write(plan, actor, line=line, confirm=confirm)
        except Refused as refused:
            return refused
        raise AssertionError(f"it was not refused: {outcome}")

    async def do(self, line: str, actor: Actor = COLLEAGUE, confirm: Confirmer = agree) -> Result:
        """Run a slash command."""
        return await self.registry.run(self.registry.parse(line), Invocation(actor, confirm))

    async def put_at(self, level: Level, environment: str = PROD, kind: str = KIND) -> None:
        """Let the scope be at ``level``, as if it had been promoted there."""
        async with self.store.write() as connection:
            held = await self.ledger.held(connection, scope_of(kind, environment))
            await self.ledger.move(
                connection, held, level, Cause.PROMOTED, actor=COLLEAGUE, reason="for the test", command="/trust"
            )

    async def stands(self, environment: str = PROD, kind: str = KIND) -> Standing:
        """How the scope stands."""
        return await self.trust.standing(kind, environment)

    async def level(self, environment: str = PROD, kind: str = KIND) -> Level:
        """The level that is kept."""
        return (await self.stands(environment, kind)).held.level

    async def proposed_and_done(self, *names: str) -> None:
        """Automation proposes, and a person does the same a minute later."""
        plan = plan_for(self.outside, targets=targets(*names))
        await self.refused(plan)
        self.clock.jump(timedelta(minutes=1))
        assert (await self.write(plan, COLLEAGUE)).ok


class _Colleague(Store):
    """The same store as somebody else's console sees it, who is another user of the database where there are users."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.clock = store.clock
        self.read_only = store.read_only

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def database_user(self) -> str:
        return "colleague" if self._store.database_user else ""

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


@asynccontextmanager
async def trusting(
    directory: Path,
    *,
    rules: TrustRules | None = None,
    policies: Sequence[Policy] = (),
    clock: ManualClock | None = None,
) -> AsyncIterator[Trusting]:
    """A console on the store of ``directory``."""
    clock = clock or ManualClock()
    async with temporary_store(directory, clock) as store:
        yield Trusting(store, clock, rules or TrustRules(), policies)
