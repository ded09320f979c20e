"""The circuit breakers, as people read and move them: one for everything, and one a source that trips by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.actor import Actor, Surface
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.breaker_rows import read_circuits, write_circuit
from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.safety.last_known import LastKnown
from services.safety.tripping import open_with_two
from services.safety.window import Thresholds
from services.storage.chain import storable
from services.storage.changes import Changes
from services.storage.engine import Store
from services.storage.tables import executions
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, Refused


class Breaker:
    """Reads and moves the breakers. It is never satisfied by memory: every answer comes from the store."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        thresholds: Thresholds | None = None,
        last_known: LastKnown | None = None,
    ) -> None:
        """Nothing is read before the first call.

        Args:
            store: keeps them.
            clock: the time.
            thresholds: what a breaker endures; the default ones without.
            last_known: is told what was read, for the day on which the store cannot be.
        """
        self._store = store
        self._clock = clock
        self._audit = Audit(store)
        self._thresholds = thresholds or Thresholds()
        self._last_known = last_known

    async def read(self, scope: str = GLOBAL) -> Circuit:
        """One breaker, as it is now.

        Args:
            scope: the global one by default, or the name of a source.

        Raises:
            StoreError: the store cannot be read; nobody may take that for closed.
        """
        every = await self.read_all()
        return next((circuit for circuit in every if circuit.scope == scope), Circuit(scope=scope))

    async def read_all(self) -> tuple[Circuit, ...]:
        """The global breaker, then that of each source where it was ever touched, by name.

        Raises:
            StoreError: the store cannot be read, or is older than what was last known of it; nobody may take that
                for closed.
        """
        async with self._store.read() as connection:
            every = await read_circuits(connection)
        if self._last_known is not None:
            self._last_known.check(every, self._store.name)
        await self._remember(every)
        return every

    def changes(self) -> Changes[Circuit]:
        """All breakers a reading, the global one first, for a poller; reads again only when somebody wrote."""
        return Changes(self._store, self.read_all)

    async def open(
        self,
        actor: Actor,
        reason: str = "",
        *,
        seen: int | None = None,
        command: str = "/circuit open",
        scope: str = GLOBAL,
    ) -> Circuit:
        """Refuse every write from now on, until a person closes it. What is open so already stays as it is.

        Args:
            actor: who.
            reason: why; may be empty, because seconds count.
            seen: the revision that the person looked at; None opens it whatever it was.
            command: the line that asked, for the audit.
            scope: the global one by default, or the name of a source. With a second source open, the global one
                opens, too.

        Returns:
            The state that is now in the store.

        Raises:
            Conflict: somebody toggled it after the revision ``seen``.
            StoreError: it could not be kept; nothing changed.
        """
        async with self._store.write() as connection:
            before, every = await self._held(connection, scope, seen)
            if before.is_open and before.manual:
                return before
            after = self._moved(before, CircuitState.OPEN, actor, reason)
            await self._keep(connection, after, actor, command, "open")
            every = tuple(after if circuit.scope == scope else circuit for circuit in every)
            if scope != GLOBAL:
                at = self._clock.now()
                opened = await open_with_two(
                    connection,
                    self._audit,
                    every,
                    self._thresholds,
                    actor=actor,
                    command=command,
                    at=at,
                    emergency=True,
                )
                every = tuple(opened if opened and circuit.scope == GLOBAL else circuit for circuit in every)
        await self._remember(every)
        return after

    async def close(
        self,
        actor: Actor,
        reason: str,
        *,
        seen: int | None = None,
        command: str = "/circuit close",
        scope: str = GLOBAL,
    ) -> Circuit:
        """Let writes through again. Closing a closed breaker changes nothing.

        What it counted stays counted: where the next write fails as well, it opens again.

        Args:
            actor: who.
            reason: why it is safe again; not blank.
            seen: the revision that the person looked at; None closes it whatever it was.
            command: the line that asked, for the audit.
            scope: the global one by default, or the name of a source.

        Returns:
            The state that is now in the store.

        Raises:
            Refused: no reason given, or a script asks.
            Conflict: somebody toggled it after the revision ``seen``.
            StoreError: it could not be kept; nothing changed.
        """
        _needs_person(actor, "close")
        _needs_reason(reason, "close", scope)
        async with self._store.write() as connection:
            before, every = await self._held(connection, scope, seen)
            if not before.is_open:
                return before
            after = self._moved(before, CircuitState.CLOSED, actor, reason)
            await self._keep(connection, after, actor, command, "close")
        await self._remember(after if circuit.scope == scope else circuit for circuit in every)
        return after

    async def reset(
        self,
        actor: Actor,
        reason: str,
        *,
        seen: int | None = None,
        command: str = "/circuit reset",
        scope: str | None = None,
    ) -> tuple[Circuit, ...]:
        """Close, and forget what was counted and how often it tripped. The audit keeps all of it.

        Args:
            actor: who.
            reason: why it is safe again; not blank.
            seen: the revision of ``scope`` (of the global breaker without one) that the person looked at.
            command: the line that asked, for the audit.
            scope: the name of a source, or :data:`~services.safety.circuit.GLOBAL`; None for every breaker there is.

        Returns:
            The breakers that were reset, as they are now.

        Raises:
            Refused: no reason given, or a script asks.
            Conflict: somebody toggled it after the revision ``seen``.
            StoreError: it could not be kept; nothing changed.
        """
        _needs_person(actor, "reset")
        _needs_reason(reason, "reset", scope or GLOBAL)
        done: dict[str, Circuit] = {}
        async with self._store.write() as connection:
            one, every = await self._held(connection, scope or GLOBAL, seen)
            for before in every if scope is None else (one,):
                after = replace(self._moved(before, CircuitState.CLOSED, actor, reason), trips=0)
                await connection.execute(delete(executions).where(executions.c.scope == before.scope))
                await self._keep(connection, after, actor, command, "reset")
                done[after.scope] = after
        await self._remember(done.get(circuit.scope, circuit) for circuit in every)
        return tuple(done.values())

    async def _held(
        self, connection: AsyncConnection, scope: str, seen: int | None
    ) -> tuple[Circuit, tuple[Circuit, ...]]:
        every = await read_circuits(connection)
        before = next((one for one in every if one.scope == scope), None)
        if before is None:
            before = Circuit(scope=scope)
            every = (*every, before)
        if seen is not None and seen != before.revision:
            now = self._clock.now()
            raise Conflict(
                f"somebody toggled {before.name} meanwhile: it is {before.standing(now).value} {before.since(now)}",
                "nothing was changed; look at it, then ask again",
            )
        return before, every

    def _moved(self, before: Circuit, to: CircuitState, actor: Actor, reason: str) -> Circuit:
        return Circuit(
            to,
            before.revision + 1,
            storable(actor.operator),
            self._clock.now(),
            storable(reason.strip()),
            manual=True,
            scope=before.scope,
            trips=before.trips,
        )

    async def _keep(self, connection: AsyncConnection, after: Circuit, actor: Actor, command: str, verb: str) -> None:
        await write_circuit(connection, after)
        named = "circuit" if after.scope == GLOBAL else f"breaker of {after.scope}"
        words = f"{named} {after.state.value}, revision {after.revision}" + (
            f": {after.reason}" if after.reason else ""
        )
        await self._audit.append(
            connection,
            AuditRecord(
                actor=self._audit.known(actor),
                command=command,
                action=f"circuit.{verb}",
                decision=Decision.ALLOWED,
                rule="always allowed",
                outcome="done",
                message=words,
                source="" if after.scope == GLOBAL else after.scope,
            ),
            # An emergency stop waits for no key.
            emergency=after.is_open,
        )

    async def _remember(self, circuits: Iterable[Circuit]) -> None:
        if self._last_known is not None:
            await self._last_known.remember(circuits, self._clock.now())


def _needs_person(actor: Actor, verb: str) -> None:
    # Whoever holds a token of the gateway was given just this right by a person.
    if actor.automation and actor.surface is not Surface.GATEWAY:
        raise Refused(f"a script may open the breaker and not {verb} it", f"a person does: /circuit {verb}")


def _needs_reason(reason: str, verb: str, scope: str) -> None:
    if not reason.strip():
        named = "" if scope == GLOBAL else f" {scope}"
        doing = "closing" if verb == "close" else "resetting"
        raise Refused(f"{doing} the circuit needs a reason", f'write /circuit {verb}{named} --reason "…"')
