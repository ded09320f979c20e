"""The policies as a gate of the guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from services.policy.evaluate import evaluate
from services.policy.model import Answer, Policy, PolicyDecision
from services.safety.gate import ALLOWED, Asked, Ruling, Verdict

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class Approvals(Protocol):
    """Who answers where a policy wants an approval, such as :class:`services.approvals.gate.ApprovalDesk`."""

    async def answer(
        self, asked: Asked, decision: PolicyDecision, connection: AsyncConnection, *, final: bool
    ) -> Verdict:
        """The verdict on a write that needs the approvals of ``decision``."""
        ...


class PolicyGate:
    """Stops what a policy blocks, and what lacks an approval. Policies are those of this console's configuration."""

    name = "policy"

    def __init__(self, policies: Sequence[Policy], approvals: Approvals) -> None:
        """
        Args:
            policies: in the order of the configuration, the unreadable ones too.
            approvals: answers where one is wanted.
        """
        self._policies = tuple(policies)
        self._approvals = approvals

    async def consider(self, asked: Asked, connection: AsyncConnection, *, final: bool) -> Verdict:
        """Judge one write; whatever cannot be evaluated refuses."""
        decision = evaluate(self._policies, asked, explained=False)
        if decision.answer is Answer.ALLOWED:
            return ALLOWED
        if decision.answer is Answer.NEEDS_APPROVAL:
            return await self._approvals.answer(asked, decision, connection, final=final)
        return _blocked(decision)

    async def consider_alone(self, asked: Asked) -> Verdict:
        """Judge one write where the store is lost: nobody can be asked for an approval then."""
        decision = evaluate(self._policies, asked, explained=False)
        if decision.answer is Answer.ALLOWED:
            return ALLOWED
        if decision.answer is Answer.NEEDS_APPROVAL:
            reason = f"{decision.reason}, and approvals lie in the store"
            return Verdict(Ruling.REFUSE, rule=decision.rule, reason=reason)
        return _blocked(decision)


def _blocked(decision: PolicyDecision) -> Verdict:
    return Verdict(
        Ruling.REFUSE,
        rule=decision.rule,
        reason=decision.reason,
        hint="nothing was sent; /policy check with the command in quotes explains it, /policy list shows all",
    )
