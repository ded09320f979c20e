"""Answers a policy that wants an approval: one that fits is spent with the intent, else one is asked for."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.approvals.binding import mismatch
from services.approvals.model import Approval, ApprovalState, missing
from services.approvals.repository import ApprovalRepository
from services.policy.model import PolicyDecision
from services.safety.gate import Asked, Ruling, Verdict


class ApprovalDesk:
    """Holds what was approved against what is asked for now."""

    def __init__(self, repository: ApprovalRepository) -> None:
        """
        Args:
            repository: where approvals are kept.
        """
        self._repository = repository

    async def answer(
        self, asked: Asked, decision: PolicyDecision, connection: AsyncConnection, *, final: bool
    ) -> Verdict:
        """The verdict on a write that needs the approvals of ``decision``.

        Raises:
            ConsoleError: it cannot be told.
        """
        notes: list[str] = []
        for approval in await self._repository.waiting(connection, asked):
            if words := mismatch(approval, asked.plan):
                notes.append(f"approval {approval.number} does not match: {words}")
            elif approval.state is ApprovalState.PENDING:
                return _pending(decision, approval)
            elif lacking := missing(decision.requirements, approval.votes):
                notes.append(f"approval {approval.number} is not enough now: it lacks {' and '.join(lacking)}")
            else:
                if final:
                    await self._repository.spend(connection, approval, asked.actor)
                names = ", ".join(vote.person.operator for vote in approval.votes if vote.agrees)
                claimed = "" if approval.proven else " (identity claimed)"
                rule = f"{decision.rule}, approval {approval.number} by {names}{claimed}"
                return Verdict(Ruling.ALLOW, rule=rule, approval=approval.number)

        async def keep(writing: AsyncConnection) -> str:
            request, _ = await self._repository.ask(writing, asked, decision.requirements)
            return (
                f"approval {request.number} was asked for until {request.expires_at:%H:%M} UTC: somebody else runs "
                f"/approval approve {request.number}, then you /approval run {request.number}"
            )

        return Verdict(
            Ruling.REFUSE,
            rule=decision.rule,
            reason="; ".join([decision.reason, *notes]),
            hint="nothing was sent; /approval list shows what waits",
            keep=keep,
        )


def _pending(decision: PolicyDecision, approval: Approval) -> Verdict:
    lacks = " and ".join(approval.missing)
    return Verdict(
        Ruling.REFUSE,
        rule=decision.rule,
        reason=f"{decision.reason}; approval {approval.number} waits for {lacks} until {approval.expires_at:%H:%M} UTC",
        hint=f"nothing was sent; /approval show {approval.number}",
    )
