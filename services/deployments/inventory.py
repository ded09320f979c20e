"""All facts of one cluster, and the deployments made of them. Only what changed is made anew."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from services.deployments.facts import PodFact, RevisionFact, WorkloadFact
from services.deployments.history import changed_at, current_revision, own_revisions, revisions
from services.deployments.model import Deployment
from services.deployments.trouble import worst

_A_SLICE = 25


class Inventory:
    """What is known of the workloads of one cluster. Owners are matched by uid, never by name."""

    def __init__(self, context: str, environment: str) -> None:
        self._context = context
        self._environment = environment
        self._workloads: dict[str, WorkloadFact] = {}
        self._revisions: dict[str, dict[str, RevisionFact]] = defaultdict(dict)  # by owner, then uid
        self._pods: dict[str, dict[str, PodFact]] = defaultdict(dict)  # by owner, then uid; those in trouble alone
        self._owner_of: dict[str, str] = {}  # uid of a revision or pod -> uid of its owner
        self._stale: set[str] = set()
        self._made: dict[str, Deployment] = {}

    @property
    def changed(self) -> bool:
        """Whether :meth:`deployments` would say something new."""
        return bool(self._stale)

    def put_workload(self, fact: WorkloadFact) -> None:
        """A workload is new or changed."""
        if self._workloads.get(fact.uid) != fact:
            self._workloads[fact.uid] = fact
            self._stale.add(fact.uid)

    def remove_workload(self, uid: str) -> None:
        """A workload is gone."""
        if self._workloads.pop(uid, None) is not None:
            self._stale.add(uid)

    def put_revision(self, fact: RevisionFact) -> None:
        """A ReplicaSet or ControllerRevision is new or changed."""
        self._leave(self._revisions, fact.uid, fact.owner)
        if self._revisions[fact.owner].get(fact.uid) != fact:
            self._revisions[fact.owner][fact.uid] = fact
            self._owner_of[fact.uid] = fact.owner
            self._stale.add(fact.owner)

    def remove_revision(self, uid: str) -> None:
        """A ReplicaSet or ControllerRevision is gone."""
        self._leave(self._revisions, uid, None)

    def put_pod(self, fact: PodFact) -> None:
        """A pod is new or changed."""
        if not fact.trouble:
            self.remove_pod(fact.uid)
            return
        self._leave(self._pods, fact.uid, fact.owner)
        if self._pods[fact.owner].get(fact.uid) != fact:
            self._pods[fact.owner][fact.uid] = fact
            self._owner_of[fact.uid] = fact.owner
            self._stale.add(self._root(fact.owner))

    def remove_pod(self, uid: str) -> None:
        """A pod is gone."""
        self._leave(self._pods, uid, None)

    async def deployments(self) -> tuple[Deployment, ...]:
        """All of them, by namespace, name and kind; gives way to the loop while many are made."""
        stale, self._stale = self._stale, set()
        for index, uid in enumerate(stale):
            workload = self._workloads.get(uid)
            if workload is None:
                self._made.pop(uid, None)
            else:
                self._made[uid] = self._make(workload)
            if index % _A_SLICE == _A_SLICE - 1:
                await asyncio.sleep(0)
        return tuple(sorted(self._made.values(), key=lambda item: (item.namespace, item.name, item.kind)))

    def _make(self, workload: WorkloadFact) -> Deployment:
        own = own_revisions(workload, self._revisions.get(workload.uid, {}).values())
        current = current_revision(workload, own)
        return Deployment(
            context=self._context,
            environment=self._environment,
            namespace=workload.namespace,
            name=workload.name,
            kind=workload.kind,
            ready=workload.ready,
            desired=workload.desired,
            updated=workload.updated,
            revision=current.number if current else workload.revision,
            changed_at=changed_at(workload, own, current),
            state=workload.rollout.state,
            message=workload.rollout.message,
            trouble=worst(fact.trouble for fact in self._pods_of(workload.uid)),
            images=workload.template.images,
            revisions=revisions(own, current),
            labels=workload.labels,
        )

    def _pods_of(self, uid: str) -> Iterable[PodFact]:
        for owner in (uid, *self._revisions.get(uid, {})):
            yield from self._pods.get(owner, {}).values()

    def _root(self, owner: str) -> str:
        return self._owner_of.get(owner, owner)

    def _leave(
        self, room: dict[str, dict[str, RevisionFact]] | dict[str, dict[str, PodFact]], uid: str, unless: str | None
    ) -> None:
        """Take ``uid`` out of its owner's facts, unless that owner is ``unless``."""
        owner = self._owner_of.get(uid)
        if owner is None or owner == unless:
            return
        del self._owner_of[uid]
        facts = room.get(owner)
        if facts is not None:
            facts.pop(uid, None)
            if not facts:
                del room[owner]
        self._stale.add(self._root(owner))
