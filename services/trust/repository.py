"""Trust as people and programs ask for it: how it stands, what changed, promote, demote."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor
from services.safety.audit import Audit
from services.storage.engine import Store
from services.trust.act import scope_of
from services.trust.demotion import Cause
from services.trust.ledger import Ledger
from services.trust.levels import Level
from services.trust.model import Held, Scope, Standing, TrustChange, TrustRules, TrustStatus
from services.trust.promotion import outlook
from services.trust.rows import read_changes, read_scopes
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, NotFound, Refused


class TrustRepository:
    """Reads and changes how far automation is trusted, each in a transaction of its own."""

    def __init__(self, store: Store, clock: Clock, rules: TrustRules, ledger: Ledger) -> None:
        """
        Args:
            store: shared by the consoles of a team.
            clock: the time.
            rules: what this console's configuration says.
            ledger: what is kept.
        """
        self._store = store
        self._clock = clock
        self._rules = rules
        self._ledger = ledger
        self._audit = Audit(store)
        self.seen: tuple[Scope, ...] = ()
        """The scopes of the last reading, for completion."""

    @property
    def rules(self) -> TrustRules:
        """What this console's configuration says."""
        return self._rules

    async def status(self) -> TrustStatus:
        """How every scope stands that automation ever asked for.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            scopes = await read_scopes(connection)
            standings = [await self._stands(connection, await self._ledger.held(connection, one)) for one in scopes]
        self.seen = scopes
        return TrustStatus(self._rules, self._clock.now(), tuple(standings))

    async def standing(self, kind: str, environment: str) -> Standing:
        """How one scope stands.

        Raises:
            NotFound: no automation ever asked for it.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            return await self._stands(connection, await self._known(connection, scope_of(kind, environment)))

    async def history(self, kind: str = "", environment: str = "", *, limit: int = 50) -> tuple[TrustChange, ...]:
        """The newest promotions and demotions, the newest first.

        Args:
            kind: of these actions alone; empty for all.
            environment: of this one alone; empty for all.
            limit: how many at most.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            return await read_changes(connection, kind, environment, limit)

    async def promote(self, seen: Standing, actor: Actor, reason: str, *, command: str) -> Held:
        """Take up an offer. All of it is looked at again in the transaction that writes it.

        Args:
            seen: how it stood when the person agreed.
            actor: who promotes; a person.
            reason: why.
            command: the line.

        Raises:
            Refused: automation asks, or nothing is offered (any more).
            Conflict: the level changed meanwhile.
            StoreError: the store cannot be written.
        """
        check_promoter(actor)
        async with self._store.write() as connection:
            now = await self._stands(connection, await self._ledger.held(connection, seen.scope))
            if (now.held.period, now.held.level) != (seen.held.period, seen.held.level):
                raise Conflict(
                    f"the trust in {seen.scope} changed meanwhile: it is {now.held.level.word}",
                    "nothing was changed; look at it, then ask again",
                )
            return await self._ledger.move(
                connection,
                now.held,
                check_offered(now),
                Cause.PROMOTED,
                actor=self._audit.known(actor),
                reason=reason,
                command=command,
            )

    async def demote(
        self, kind: str, environment: str, to: Level | None, actor: Actor, reason: str, *, command: str
    ) -> tuple[tuple[Held, Held], ...]:
        """Lower levels at once.

        Args:
            kind: of these actions alone; empty for every kind.
            environment: of this one alone; empty for every environment.
            to: where to; None for one level lower.
            actor: who asks; automation may too.
            reason: why; may be empty.
            command: the line.

        Returns:
            Before and after of each one that was lowered. One that cannot be read is written anew, as shadow.

        Raises:
            NotFound: automation never asked for anything of that kind there.
            StoreError: the store cannot be written.
        """
        named = scope_of(kind, environment)
        async with self._store.write() as connection:
            scopes = [
                one
                for one in await read_scopes(connection)
                if named.kind in ("", one.kind) and named.environment in ("", one.environment)
            ]
            if not scopes and (kind or environment):
                raise _unknown(kind, environment)
            lowered = []
            for scope in scopes:
                before = await self._ledger.held(connection, scope)
                after = before.level.below if to is None else to
                if after >= before.level and not before.problem:
                    continue
                after = min(after, before.level)
                moved = await self._ledger.move(
                    connection,
                    before,
                    after,
                    Cause.DEMOTED,
                    actor=self._audit.known(actor),
                    reason=reason or "no reason given",
                    command=command,
                )
                lowered.append((before, moved))
        return tuple(lowered)

    async def _known(self, connection: AsyncConnection, scope: Scope) -> Held:
        if scope not in await read_scopes(connection):
            raise _unknown(scope.kind, scope.environment)
        return await self._ledger.held(connection, scope)

    async def _stands(self, connection: AsyncConnection, held: Held) -> Standing:
        tally, rules = await self._ledger.tally(connection, held), self._rules
        since = held.since or self._clock.now()
        found = outlook(
            held.level,
            tally,
            self._clock.now() - since,
            criteria=rules.criteria,
            cap=rules.cap,
            progressive=rules.progressive,
        )
        if held.problem:
            found = replace(found, to=None, lacking=(held.problem,))
        return Standing(held, rules.in_force(held.level), tally, found)


def check_promoter(actor: Actor) -> None:
    """Only a person promotes.

    Raises:
        Refused: no person stands behind ``actor``.
    """
    if actor.automation:
        raise Refused("automation cannot promote itself: a person confirms it", "run it without --automation")


def check_offered(standing: Standing) -> Level:
    """The level that is offered.

    Raises:
        Refused: none is; tells what is lacking.
    """
    found = standing.outlook
    if found.to is None:
        raise Refused(f"{standing.scope} stays at {standing.held.level.word}: {'; '.join(found.lacking)}")
    if not found.offered:
        raise Refused(
            f"{found.to.word} is not offered yet for {standing.scope}: {'; '.join(found.lacking)}",
            "/trust status shows what counts",
        )
    return found.to


def _unknown(kind: str, environment: str) -> NotFound:
    what = " in ".join(word for word in (kind or "anything", environment) if word)
    return NotFound(f"automation never asked for {what}, so it is at shadow", "/trust status lists what it asked for")
