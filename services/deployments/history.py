"""The revisions of a workload, and which of them is current (the rules of ``kubectl rollout history``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.deployments.facts import RevisionFact, WorkloadFact
from services.deployments.model import Revision


def own_revisions(workload: WorkloadFact, candidates: Iterable[RevisionFact]) -> list[RevisionFact]:
    """Those that the workload controls AND, for a Deployment, whose labels its selector matches."""
    return [
        fact
        for fact in candidates
        if fact.owner == workload.uid
        and (workload.kind != "Deployment" or workload.selector.matches(dict(fact.labels)))
    ]


def current_revision(workload: WorkloadFact, own: Sequence[RevisionFact]) -> RevisionFact | None:
    """The one with the workload's own template; of several the oldest. None while there is none yet."""
    named = [fact for fact in own if workload.update_revision and fact.name == workload.update_revision]
    equal = named or [fact for fact in own if fact.template.digest == workload.template.digest]
    return min(equal, key=lambda fact: (fact.created_at, fact.name), default=None)


def revisions(own: Iterable[RevisionFact], current: RevisionFact | None) -> tuple[Revision, ...]:
    """As the model tells them, newest first."""
    ordered = sorted(own, key=lambda fact: (fact.number, fact.created_at, fact.name), reverse=True)
    return tuple(Revision(fact.number, fact.created_at, fact.template.images, fact is current) for fact in ordered)


def changed_at(workload: WorkloadFact, own: Sequence[RevisionFact], current: RevisionFact | None) -> datetime | None:
    """When the workload came to its present template (UTC).

    A revision that a rollback made current again is older than the change: then the time counts at which the template
    was written, or else at which the rollout last made progress.
    """
    if current is None:
        return workload.template_set_at
    overtaken = any(fact.number < current.number and fact.created_at > current.created_at for fact in own)
    if current.reused or overtaken:
        return workload.template_set_at or workload.progressed_at or current.created_at
    return current.created_at
