"""What automation asked for, or a person did, as trust compares it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.safety.gate import Asked
from services.safety.outcome import Unfinished
from services.safety.plan import Target
from services.storage.chain import GENESIS, digest, storable
from services.trust.model import Scope


@dataclass(frozen=True, slots=True)
class Act:
    """One write, done or not.

    Attributes:
        scope: its kind and environment, as they are kept.
        source: the system it goes to (raw).
        operator: who asked (raw).
        command: the line that asked (raw).
        digest: equal for equal targets, in whatever order they are named; holds none of their names.
    """

    scope: Scope
    source: str
    operator: str
    command: str
    digest: str


def scope_of(kind: str, environment: str) -> Scope:
    """The scope as it is kept: what no database can hold is written out."""
    return Scope(storable(kind), storable(environment))


def act_of(asked: Asked) -> Act:
    """What ``asked`` is about."""
    plan = asked.plan
    scope = scope_of(plan.action, plan.environment)
    return Act(scope, plan.source, asked.actor.operator, asked.command, targets_digest(plan.targets))


def act_of_lost(lost: Unfinished) -> Act:
    """What a write without outcome was about."""
    scope = scope_of(lost.action, lost.environment)
    return Act(scope, lost.source, lost.operator, lost.command, targets_digest(lost.targets))


def targets_digest(targets: tuple[Target, ...]) -> str:
    """A digest of exactly these targets."""
    names = sorted({(one.kind, storable(one.name), storable(one.environment)) for one in targets})
    return digest(GENESIS, {"targets": [list(name) for name in names]})
