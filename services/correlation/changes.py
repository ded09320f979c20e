"""Rollouts as causes: which of them a problem may come from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.correlation.naming import own_names
from services.deployments.model import Deployment

BEFORE = 3600.0
"""Seconds before an onset in which a rollout counts; most bad ones show within minutes."""
AFTER = 60.0
"""Seconds by which clocks of a cluster and a monitoring system may disagree."""


@dataclass(frozen=True, slots=True)
class Change:
    """One revision that a workload came to.

    Attributes:
        name: of the workload, folded, as alerts would name it. at: seconds since the epoch.
        namespace, workload, kind: raw. revision: its number. moment: ``at`` as a time (UTC).
    """

    name: str
    at: float
    namespace: str
    workload: str
    kind: str
    revision: int
    moment: datetime

    @property
    def subject(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.workload}"


def changes_of(deployments: Iterable[Deployment]) -> dict[str, tuple[Change, ...]]:
    """Every rollout that is known, by the folded name of its workload, in order of time."""
    found: dict[str, list[Change]] = {}
    for one in deployments:
        names = own_names("deployment", one.name)
        if not names:
            continue
        moments = {revision.number: revision.created_at for revision in one.revisions if not revision.current}
        if one.changed_at is not None:
            moments[one.revision] = one.changed_at
        for number, moment in moments.items():
            found.setdefault(names[0], []).append(
                Change(names[0], moment.timestamp(), one.namespace, one.name, one.kind, number, moment)
            )
    for made in found.values():
        made.sort(key=lambda one: (one.at, one.subject, one.revision))
    return {name: tuple(made) for name, made in found.items()}


def before(changes: Sequence[Change], onset: float) -> Change | None:
    """The last of ``changes`` that may have caused what began at ``onset``."""
    fitting = [one for one in changes if -AFTER <= onset - one.at <= BEFORE]
    return fitting[-1] if fitting else None


def plausibility(change: Change, onset: float) -> float:
    """1 for a rollout at the very onset, less the longer it was before."""
    return math.exp(-max(0.0, onset - change.at) / 1200.0)
