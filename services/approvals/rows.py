"""Approvals as rows of the store, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from services.approvals.binding import plan_digest, reach_of
from services.approvals.model import Approval, ApprovalState, Person, Vote
from services.policy.model import Requirement
from services.safety.gate import Asked
from services.storage.chain import storable


def person_values(person: Person) -> dict[str, str]:
    """The columns of a person."""
    return {
        "operator": storable(person.operator),
        "os_user": storable(person.os_user),
        "host": storable(person.host),
        "database_user": storable(person.database_user),
    }


def request_values(asked: Asked, requester: Person, requirements: Iterable[Requirement]) -> dict[str, Any]:
    """The columns that a request has from what was asked."""
    plan = asked.plan
    return {
        **person_values(requester),
        "surface": asked.actor.surface.value,
        "automation": asked.actor.automation,
        "command": storable(asked.command),
        "action": plan.action,
        "risk": plan.risk.value,
        "source": storable(plan.source),
        "environment": storable(plan.environment),
        "targets": [[target.kind, storable(target.name)] for target in plan.targets],
        "digest": plan_digest(plan),
        "reach": reach_of(plan),
        "summary": storable(plan.summary),
        "preview": [storable(line) for line in plan.preview],
        "equivalent": storable(plan.equivalent),
        "requirements": [
            {"policy": one.policy, "count": one.count, "approvers": list(one.approvers)} for one in requirements
        ],
    }


def vote_of(row: Row[Any]) -> Vote:
    """One row of the votes."""
    return Vote(row.at, Person(row.operator, row.os_user, row.host, row.database_user), row.agrees, row.note)


def approval_of(row: Row[Any], votes: Iterable[Vote] = ()) -> Approval:
    """One row of the requests, with its votes."""
    return Approval(
        number=row.number,
        state=ApprovalState(row.state),
        revision=row.revision,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        requester=Person(row.operator, row.os_user, row.host, row.database_user),
        automation=row.automation,
        command=row.command,
        action=row.action,
        risk=row.risk,
        source=row.source,
        environment=row.environment,
        targets=tuple((kind, name) for kind, name in row.targets),
        digest=row.digest,
        reach=row.reach,
        summary=row.summary,
        preview=tuple(row.preview),
        equivalent=row.equivalent,
        requirements=tuple(
            Requirement(one["policy"], one["count"], tuple(one["approvers"])) for one in row.requirements
        ),
        votes=tuple(votes),
    )
