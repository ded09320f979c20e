"""What follows for trust from the end of a write: it counts, it matches a proposal, it costs levels. At once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.safety.actor import Actor, Surface
from services.safety.circuit import GLOBAL, Circuit
from services.safety.gate import Asked
from services.safety.outcome import Outcome, OutcomeStatus, Unfinished
from services.safety.plan import Risk
from services.trust.act import Act, act_of, act_of_lost, scope_of
from services.trust.demotion import Cause, causes, demoted
from services.trust.levels import Level
from services.trust.model import Held, Scope, TrustRules
from services.trust.rows import BAD, FAILED, GOOD, read_scopes, scopes_of_source
from services.vocabulary.errors import FailureKind

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from services.approvals.model import Approval
    from services.trust.ledger import Ledger

_SAID_NO = (FailureKind.REJECTED.value, FailureKind.DENIED.value)

_log = logging.getLogger(__name__)


class TrustWitness:
    """Told by the guard of every end, and by the approvals of every no."""

    def __init__(self, ledger: Ledger, rules: TrustRules) -> None:
        """
        Args:
            ledger: where it is written down.
            rules: what the configuration says.
        """
        self._ledger = ledger
        self._rules = rules

    async def witness(
        self,
        asked: Asked,
        outcome: Outcome,
        connection: AsyncConnection,
        *,
        failed: bool | None,
        moved: Sequence[Circuit],
    ) -> None:
        """Count one end and demote where it gives cause."""
        act, own = act_of(asked), None
        if not asked.actor.automation:
            if outcome.ok:
                await self._ledger.match(connection, act)
                if asked.plan.undoes is not None:
                    await self._ledger.took_back(connection, asked.plan.undoes, asked.actor.operator)
        elif outcome.intent is None:
            await self._tried(connection, act, outcome)
        else:
            state = _state(outcome, failed)
            if state:
                own = await self._note(connection, act, state, outcome.message, outcome.intent)
        await self._demote(
            connection,
            own,
            moved,
            failed=bool(failed),
            destructive=asked.plan.risk is Risk.DESTRUCTIVE,
            actor=asked.actor,
            command=asked.command,
            intent=outcome.intent,
            said=outcome.message,
        )

    async def lost(
        self, lost: Unfinished, actor: Actor, connection: AsyncConnection, *, moved: Sequence[Circuit]
    ) -> None:
        """Count one write that nobody ended as failed, and demote where it gives cause."""
        own = None
        if lost.automation:
            own = await self._note(connection, act_of_lost(lost), FAILED, lost.check, lost.intent)
        await self._demote(
            connection,
            own,
            moved,
            failed=True,
            destructive=lost.destructive,
            actor=actor,
            command=lost.command,
            intent=lost.intent,
            said=lost.check,
        )

    async def rejected(self, connection: AsyncConnection, approval: Approval) -> None:
        """A person said no to what automation asked for: it was wrong. Never raises; a no stands in any case."""
        if not approval.automation:
            return
        scope = scope_of(approval.action, approval.environment)
        act = Act(scope, approval.source, approval.requester.operator, approval.command, "")
        try:
            async with connection.begin_nested():
                await self._note(connection, act, BAD, f"approval {approval.number} was rejected", None)
        except Exception:
            _log.exception("that approval %s was rejected could not be counted", approval.number)

    async def _tried(self, connection: AsyncConnection, act: Act, outcome: Outcome) -> None:
        level = await self._level(connection, act)
        if outcome.status is OutcomeStatus.TRIED:
            await self._ledger.propose(connection, act, level, form="dry run", message=outcome.message)
        elif outcome.data.get("dry_run") in _SAID_NO:
            await self._ledger.note(connection, act, level, state=BAD, form="dry run", message=outcome.message)

    async def _note(self, connection: AsyncConnection, act: Act, state: str, message: str, intent: int | None) -> Held:
        level = await self._level(connection, act)
        form = "approval" if intent is None else "write"
        return await self._ledger.note(connection, act, level, state=state, form=form, message=message, intent=intent)

    async def _level(self, connection: AsyncConnection, act: Act) -> Level:
        held = await self._ledger.held(connection, act.scope)
        return self._rules.in_force(held.level, Surface.EXEC).level

    async def _demote(
        self,
        connection: AsyncConnection,
        own: Held | None,
        moved: Sequence[Circuit],
        *,
        failed: bool,
        destructive: bool,
        actor: Actor,
        command: str,
        intent: int | None,
        said: str,
    ) -> None:
        tripped = [one for one in moved if one.is_open and not one.manual]
        affected = {scope: await self._ledger.held(connection, scope) for scope in await _reach(connection, tripped)}
        if own is not None:
            affected[own.scope] = own
        for scope, held in affected.items():
            mine = own is not None and scope == own.scope
            tally = await self._ledger.tally(connection, held)
            found = causes(
                failed=failed and mine, destructive=destructive, failures=tally.failed, tripped=bool(tripped)
            )
            to = demoted(held.level, found)
            if to < held.level:
                await self._ledger.move(
                    connection,
                    held,
                    to,
                    found[0],
                    actor=actor,
                    reason=_reason(found[0], tripped, said),
                    command=command,
                    intent=intent,
                )


def _state(outcome: Outcome, failed: bool | None) -> str:
    """What an end says of automation; empty where it says nothing, because nothing left."""
    if failed:
        return FAILED
    if outcome.ok:
        return GOOD
    return BAD if outcome.status is OutcomeStatus.FAILED else ""


async def _reach(connection: AsyncConnection, tripped: Sequence[Circuit]) -> set[Scope]:
    """Whom a trip concerns: whoever writes to the source; everybody where the global breaker opened."""
    if any(one.scope == GLOBAL for one in tripped):
        return set(await read_scopes(connection))
    return {scope for one in tripped for scope in await scopes_of_source(connection, one.scope)}


def _reason(cause: Cause, tripped: Sequence[Circuit], said: str) -> str:
    if cause is Cause.BREAKER_TRIP:
        return "; ".join(f"{one.name} opened by itself: {one.reason}" for one in tripped)
    return said
