"""Keeps approvals in the store. Every step is checked, written and put into the audit in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.approvals.model import Approval, ApprovalState, Person, same_person
from services.approvals.rows import approval_of, person_values, request_values, vote_of
from services.policy.model import Requirement
from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.gate import Asked
from services.storage.chain import storable
from services.storage.changes import Changes
from services.storage.engine import Store
from services.storage.tables import approval_votes, approvals, counters
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, NotFound, Refused

_COUNTER = "approvals"
_OPEN = tuple(state.value for state in ApprovalState if state.is_open)
RECENT = 20
"""How many ended requests a feed carries beside the open ones."""


class ApprovalRepository:
    """Asks, lists, approves, rejects, cancels and spends."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lifetime: timedelta = timedelta(minutes=30),
        *,
        rejected: Callable[[AsyncConnection, Approval], Awaitable[None]] | None = None,
    ) -> None:
        """
        Args:
            store: shared by the consoles of a team.
            clock: the time.
            lifetime: how long after it was asked for something can come of a request.
            rejected: told of each request that is rejected, in the transaction that puts it on record.
        """
        self._store = store
        self._clock = clock
        self._lifetime = lifetime
        self._rejected = rejected
        self._audit = Audit(store)

    def person(self, actor: Actor) -> Person:
        """Who ``actor`` is to the store, which is open."""
        user = self._store.database_user or actor.database_user
        return Person(storable(actor.operator), storable(actor.os_user), storable(actor.host), storable(user))

    async def ask(
        self, connection: AsyncConnection, asked: Asked, requirements: tuple[Requirement, ...]
    ) -> tuple[Approval, bool]:
        """Ask for an approval in the transaction of ``connection``.

        Returns:
            The request and whether it is new: the same write that waits already is not asked for twice.
        """
        now, requester = self._clock.now(), self.person(asked.actor)
        for waiting in await self.waiting(connection, asked):
            values = request_values(asked, requester, requirements)
            same = waiting.digest == values["digest"] and waiting.reach >= values["reach"]
            if same and waiting.state is ApprovalState.PENDING and waiting.requirements == requirements:
                return waiting, False
        await connection.execute(update(counters).where(counters.c.name == _COUNTER).values(value=counters.c.value + 1))
        number = (await connection.execute(select(counters.c.value).where(counters.c.name == _COUNTER))).scalar_one()
        await connection.execute(
            insert(approvals).values(
                number=number,
                state=ApprovalState.PENDING.value,
                revision=1,
                requested_at=now,
                expires_at=now + self._lifetime,
                changed_at=now,
                changed_by=requester.operator,
                **request_values(asked, requester, requirements),
            )
        )
        approval = await self._get(connection, number)
        await self._record(connection, asked.actor, approval, "request", f"asked for: {approval.summary}")
        return approval, True

    async def waiting(self, connection: AsyncConnection, asked: Asked) -> tuple[Approval, ...]:
        """The requests for this very line by this very person of which something can still come, newest first."""
        requester = self.person(asked.actor)
        query = select(approvals).where(
            approvals.c.state.in_(_OPEN),
            approvals.c.expires_at > self._clock.now(),
            approvals.c.command == storable(asked.command),
            approvals.c.operator == requester.operator,
            approvals.c.database_user == requester.database_user,
            approvals.c.automation == asked.actor.automation,
        )
        rows = (await connection.execute(query.order_by(approvals.c.number.desc()))).all()
        return tuple([await self._with_votes(connection, row) for row in rows])

    async def spend(self, connection: AsyncConnection, approval: Approval, actor: Actor) -> None:
        """Use an approval up, in the transaction that writes the intent.

        Raises:
            Refused: it was used, rejected or cancelled meanwhile.
        """
        spent = await connection.execute(
            update(approvals)
            .where(approvals.c.number == approval.number, approvals.c.state == ApprovalState.APPROVED.value)
            .values(**_changed(ApprovalState.SPENT, actor.operator, self._clock.now()))
        )
        if spent.rowcount != 1:
            raise Refused(f"approval {approval.number} was used or withdrawn meanwhile")
        await self._record(connection, actor, approval, "spend", f"used for: {approval.summary}")

    async def approve(self, number: int, actor: Actor, note: str = "") -> Approval:
        """Say yes.

        Raises:
            NotFound: there is none with this number.
            Conflict: it is no longer pending; tells who did what.
            Refused: nobody approves their own, or it is not theirs to approve; a script approves nothing.
        """
        if actor.automation:
            raise Refused("an approval is a person's to give, and no script's", "run it without --automation")
        async with self._store.write() as connection:
            approval = await self._pending(connection, number, "approve")
            person = self.person(actor)
            if same := same_person(approval.requester, person):
                raise Refused(
                    f"nobody approves their own request: {same}",
                    f"somebody else runs /approval approve {number}; /approval cancel {number} takes it back",
                )
            if approval.requester.database_user and not person.database_user:
                raise Refused("this console does not know whom the database knows you as", "restart it and ask again")
            if any(vote.agrees and not _distinct(vote.person, person) for vote in approval.votes):
                raise Conflict(f"you approved {number} already", f"it still needs {' and '.join(approval.missing)}")
            named = {name for one in approval.requirements for name in one.approvers}
            anybody = any(not one.approvers for one in approval.requirements)
            if not anybody and not {person.operator, f"db:{person.database_user}"} & named:
                raise Refused(f"approval {number} is for {', '.join(sorted(named))} to give, not {person.operator}")
            await self._vote(connection, approval, person, note, agrees=True)
            after = await self._get(connection, number)
            state = ApprovalState.PENDING if after.missing else ApprovalState.APPROVED
            await self._set(connection, number, state, actor)
            said = f"approved: {approval.summary}" + (f"; {note}" if note else "")
            await self._record(connection, actor, approval, "approve", said)
            return await self._get(connection, number)

    async def reject(self, number: int, actor: Actor, reason: str) -> Approval:
        """Say no, also to what was approved and not yet used.

        Raises:
            NotFound, Conflict: as :meth:`approve`.
            Refused: whoever asked takes it back instead.
        """
        async with self._store.write() as connection:
            approval = await self._open(connection, number, "reject")
            person = self.person(actor)
            if approval.requester.operator == person.operator:
                raise Refused(f"approval {number} was asked for by you", f"take it back with /approval cancel {number}")
            await self._vote(connection, approval, person, reason, agrees=False)
            await self._set(connection, number, ApprovalState.REJECTED, actor)
            if self._rejected is not None:
                await self._rejected(connection, approval)
            await self._record(connection, actor, approval, "reject", f"rejected: {reason}")
            return await self._get(connection, number)

    async def cancel(self, number: int, actor: Actor) -> Approval:
        """Take one's own request back.

        Raises:
            NotFound, Conflict: as :meth:`approve`.
            Refused: it is somebody else's.
        """
        async with self._store.write() as connection:
            approval = await self._open(connection, number, "cancel")
            person, requester = self.person(actor), approval.requester
            if (person.operator, person.database_user) != (requester.operator, requester.database_user):
                raise Refused(
                    f"approval {number} was asked for by {requester.operator}",
                    f'/approval reject {number} --reason "…" says no to it',
                )
            await self._set(connection, number, ApprovalState.CANCELLED, actor)
            await self._record(connection, actor, approval, "cancel", "taken back by whoever asked")
            return await self._get(connection, number)

    async def expire(self, actor: Actor) -> tuple[int, ...]:
        """Write down what has expired; the numbers of those that this call wrote down."""
        now = self._clock.now()
        due = select(approvals).where(approvals.c.state.in_(_OPEN), approvals.c.expires_at <= now)
        async with self._store.read() as connection:
            if (await connection.execute(due.limit(1))).first() is None:
                return ()
        async with self._store.write() as connection:
            expired = [approval_of(row) for row in (await connection.execute(due)).all()]
            for approval in expired:
                await self._set(connection, approval.number, ApprovalState.EXPIRED, actor)
                await self._record(connection, actor, approval, "expire", "nobody used it in time")
        return tuple(approval.number for approval in expired)

    async def get(self, number: int) -> Approval:
        """One request with its votes.

        Raises:
            NotFound: there is none with this number.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            return await self._get(connection, number)

    async def list(self, *, ended: int = 0) -> tuple[Approval, ...]:
        """Those of which something can come, the oldest first, then at most ``ended`` ended ones, the latest first."""
        is_open = approvals.c.state.in_(_OPEN)
        async with self._store.read() as connection:
            rows = list((await connection.execute(select(approvals).where(is_open).order_by(approvals.c.number))).all())
            if ended > 0:
                query = select(approvals).where(~is_open).order_by(approvals.c.number.desc()).limit(ended)
                rows += (await connection.execute(query)).all()
            return tuple([await self._with_votes(connection, row) for row in rows])

    def changes(self) -> Changes[Approval]:
        """Open and recently ended requests, for a poller; reads again only when somebody wrote to the store."""

        async def read() -> tuple[Approval, ...]:
            return await self.list(ended=RECENT)

        return Changes(self._store, read)

    def watch(self, actor: Actor | None) -> Callable[[], Awaitable[Sequence[Approval]]]:
        """Like ``changes().read``, and writes down what expires.

        Args:
            actor: who writes it down; None writes nothing.
        """
        changes = self.changes()

        async def read() -> Sequence[Approval]:
            found, now = await changes.read(), self._clock.now()
            if actor is not None and any(one.state.is_open and now >= one.expires_at for one in found):
                await self.expire(actor)
                found = await changes.read()
            return found

        return read

    async def _pending(self, connection: AsyncConnection, number: int, verb: str) -> Approval:
        approval = await self._open(connection, number, verb)
        if approval.state is not ApprovalState.PENDING:
            raise self._too_late(approval, verb)
        return approval

    async def _open(self, connection: AsyncConnection, number: int, verb: str) -> Approval:
        approval = await self._get(connection, number, for_update=True)
        if not approval.state_at(self._clock.now()).is_open:
            raise self._too_late(approval, verb)
        return approval

    def _too_late(self, approval: Approval, verb: str) -> Conflict:
        state = approval.state_at(self._clock.now())
        when = f"at {approval.changed_at:%H:%M:%S} UTC"
        said = next((f": {vote.note}" for vote in reversed(approval.votes) if not vote.agrees and vote.note), "")
        what = {
            ApprovalState.EXPIRED: f"expired at {approval.expires_at:%H:%M:%S} UTC",
            ApprovalState.SPENT: f"was used by {approval.changed_by} {when}",
        }.get(state, f"was {state.value} by {approval.changed_by} {when}{said}")
        return Conflict(f"approval {approval.number} {what}", f"nothing was changed: too late to {verb} it")

    async def _get(self, connection: AsyncConnection, number: int, *, for_update: bool = False) -> Approval:
        query = select(approvals).where(approvals.c.number == number)
        row = (await connection.execute(query.with_for_update() if for_update else query)).one_or_none()
        if row is None:
            raise NotFound(f"there is no approval {number}", "/approval list --all shows them")
        return await self._with_votes(connection, row)

    async def _with_votes(self, connection: AsyncConnection, row: Any) -> Approval:
        query = select(approval_votes).where(approval_votes.c.approval == row.number)
        votes = (await connection.execute(query.order_by(approval_votes.c.sequence))).all()
        return approval_of(row, [vote_of(vote) for vote in votes])

    async def _vote(
        self, connection: AsyncConnection, approval: Approval, person: Person, note: str, *, agrees: bool
    ) -> None:
        await connection.execute(
            insert(approval_votes).values(
                approval=approval.number,
                sequence=len(approval.votes) + 1,
                at=self._clock.now(),
                agrees=agrees,
                note=storable(note),
                **person_values(person),
            )
        )

    async def _set(self, connection: AsyncConnection, number: int, state: ApprovalState, actor: Actor) -> None:
        values = _changed(state, actor.operator, self._clock.now())
        await connection.execute(update(approvals).where(approvals.c.number == number).values(**values))

    async def _record(
        self, connection: AsyncConnection, actor: Actor, approval: Approval, verb: str, message: str
    ) -> None:
        await self._audit.append(
            connection,
            AuditRecord(
                actor=self._audit.known(actor),
                command=f"approval {approval.number}: {approval.command}",
                action=f"approval.{verb}",
                decision=Decision.ALLOWED,
                rule=", ".join(f"policy {one.policy}" for one in approval.requirements),
                outcome=verb,
                message=message,
                source=approval.source,
                environment=approval.environment,
            ),
        )


def _distinct(one: Person, other: Person) -> bool:
    return not same_person(one, other)


def _changed(state: ApprovalState, operator: str, now: datetime) -> dict[str, Any]:
    return {
        "state": state.value,
        "changed_at": now,
        "changed_by": storable(operator),
        "revision": approvals.c.revision + 1,
    }
