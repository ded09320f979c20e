"""What an approval is bound to: exactly this plan, and no other that the same line may give later. Pure."""

from __future__ import annotations

from services.approvals.model import Approval
from services.safety.plan import Plan
from services.storage.chain import GENESIS, digest, storable


def plan_digest(plan: Plan) -> str:
    """A digest of what ``plan`` does to what: action, risk, source, environment and the exact targets."""
    return digest(
        GENESIS,
        {
            "action": plan.action,
            "risk": plan.risk.value,
            "source": storable(plan.source),
            "environment": storable(plan.environment),
            "targets": sorted(
                [target.kind, storable(target.name), storable(target.environment)] for target in plan.targets
            ),
        },
    )


def reach_of(plan: Plan) -> int:
    """How many things ``plan`` reaches."""
    return max(len(plan.targets), plan.reach.count if plan.reach is not None else 0)


def mismatch(approval: Approval, plan: Plan) -> str:
    """Why ``approval`` does not cover ``plan``; empty where it does."""
    if approval.digest != plan_digest(plan):
        now = tuple((target.kind, storable(target.name)) for target in plan.targets)
        gone = [name for _, name in approval.targets if name not in {name for _, name in now}]
        new = [name for _, name in now if name not in {name for _, name in approval.targets}]
        changes = [
            *((f"no longer {', '.join(gone)}",) if gone else ()),
            *((f"now {', '.join(new)}",) if new else ()),
        ]
        return f"its targets changed since ({'; '.join(changes) or 'what is done to them is another thing'})"
    if reach_of(plan) > approval.reach:
        return f"it reaches {reach_of(plan)} now, and {approval.reach} were asked for"
    return ""
