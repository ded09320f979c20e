"""The demo's Kubernetes objects over time: what exists at a moment, and what changed between two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from services.demo import manifests, pod_manifests, story, workload_manifests
from services.demo.catalog import CHECKOUT, DAY, NAMESPACES, NODES, PAYMENTS, WORKLOADS, Workload
from services.demo.manifests import Json
from services.demo.pods import Pod
from services.demo.world import World

EVENT_LIFE = 3600.0
"""Seconds after which an Event is forgotten."""

_ROLLOUTS = (
    (PAYMENTS, story.PAYMENTS_ROLLOUT),
    (CHECKOUT, story.DEPLOY),
    (CHECKOUT, story.ROLLBACK),
)
_INSTANT = 0.0005


@dataclass(frozen=True, slots=True)
class Record:
    """One object through time.

    Attributes:
        document: the object at a moment at which it exists.
        changes: the moments in ``(after, until]`` at which it changes, its beginning and end included.
    """

    namespace: str
    name: str
    begin: float
    end: float
    document: Callable[[float], Json]
    changes: Callable[[float, float], list[float]]

    def at(self, moment: float) -> Json | None:
        """The object; None while it does not exist."""
        return self.document(moment) if self.begin <= moment < self.end else None


@dataclass(frozen=True, slots=True)
class Change:
    """An object before and after a moment; None where it did not exist."""

    at: float
    before: Json | None
    after: Json | None


class Records:
    """All objects of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployment = lru_cache(maxsize=512)(lambda rollout: workload_manifests.deployment(world, rollout))
        self._set = lru_cache(maxsize=64)(lambda rollout: workload_manifests.set_of_pods(world, rollout))
        self._pod = lru_cache(maxsize=2048)(lambda pod, changed: pod_manifests.pod_document(world, pod, changed))
        self._kinds: dict[str, Callable[[float, float], Iterator[Record]]] = {
            "namespaces": self._namespaces,
            "nodes": self._nodes,
            "services": self._services,
            "pods": self._pods,
            "events": self._events,
            "deployments": self._workloads("Deployment"),
            "statefulsets": self._workloads("StatefulSet"),
            "daemonsets": self._workloads("DaemonSet"),
            "replicasets": self._replica_sets,
            "controllerrevisions": self._controller_revisions,
        }

    def at(self, resource: str, moment: float) -> list[Json]:
        """The objects of a resource, ordered by namespace and name."""
        found = [
            (record.namespace, record.name, document)
            for record in self._kinds[resource](moment, moment)
            if (document := record.at(moment)) is not None
        ]
        return [document for _, _, document in sorted(found, key=lambda item: item[:2])]

    def changes(self, resource: str, after: float, until: float) -> list[Change]:
        """What changed in ``(after, until]``, in order of time."""
        found = [
            Change(moment, record.at(moment - _INSTANT), record.at(moment))
            for record in self._kinds[resource](after, until)
            for moment in record.changes(after, until)
        ]
        return sorted(found, key=lambda change: change.at)

    def _namespaces(self, _since: float, _until: float) -> Iterator[Record]:
        for name in NAMESPACES:
            yield _constant("", name, -95 * DAY, manifests.namespace(self._world, name))

    def _nodes(self, _since: float, _until: float) -> Iterator[Record]:
        for name in NODES:
            yield _constant("", name, -95 * DAY, manifests.node(self._world, name))

    def _services(self, _since: float, _until: float) -> Iterator[Record]:
        for workload in WORKLOADS:
            if workload.kind != "DaemonSet":
                document = manifests.service(self._world, workload)
                yield _constant(workload.namespace, workload.name, -90 * DAY, document)

    def _pods(self, since: float, until: float) -> Iterator[Record]:
        for workload in WORKLOADS:
            for pod in self._world.factory.pods(workload, since, until):
                yield self._living(pod)

    def _living(self, pod: Pod) -> Record:
        def document(moment: float) -> Json:
            made: Json = self._pod(pod, pod.changed(moment))
            return made

        def changes(after: float, until: float) -> list[float]:
            return _within(pod.changes(), after, until)

        return Record(pod.workload.namespace, pod.name, pod.created, pod.gone, document, changes)

    def _workloads(self, kind: str) -> Callable[[float, float], Iterator[Record]]:
        def records(_since: float, _until: float) -> Iterator[Record]:
            for workload in WORKLOADS:
                if workload.kind != kind:
                    continue

                def document(moment: float, workload: Workload = workload) -> Json:
                    rollout = self._world.rollouts.status(workload, moment)
                    made: Json = self._deployment(rollout) if kind == "Deployment" else self._set(rollout)
                    return made

                def changes(after: float, until: float, workload: Workload = workload) -> list[float]:
                    return self._world.rollouts.changes(workload, after, until)

                yield Record(workload.namespace, workload.name, -90 * DAY, inf, document, changes)

        return records

    def _replica_sets(self, since: float, until: float) -> Iterator[Record]:
        for workload in WORKLOADS:
            if workload.kind != "Deployment":
                continue
            earlier = {one.template.hash: one for one in self._world.rollouts.revisions(workload, since)}
            later = {one.template.hash: one for one in self._world.rollouts.revisions(workload, until)}
            for digest, revision in {**earlier, **later}.items():
                template = revision.template

                def document(moment: float, workload: Workload = workload, digest: str = digest) -> Json:
                    return self._replica_set(workload, digest, moment)

                def changes(
                    after: float, until: float, workload: Workload = workload, digest: str = digest
                ) -> list[float]:
                    return _within(self._points(workload, digest, after, until), after, until)

                yield Record(
                    workload.namespace,
                    f"{workload.name}-{digest}",
                    template.created,
                    inf if digest in later else until - _INSTANT / 2,
                    document,
                    changes,
                )

    def _points(self, workload: Workload, digest: str, since: float, until: float) -> list[float]:
        """When a ReplicaSet changes: with its pods, and when it gets a new revision number."""
        points = {one.changed for one in self._world.rollouts.revisions(workload, until) if one.template.hash == digest}
        for pod in self._world.factory.pods(workload, since, until):
            if pod.template.hash == digest:
                points.update((pod.created, pod.ready_at, pod.deleted, *(pair[0] for pair in pod.crashes[:1])))
        return sorted(points)

    def _replica_set(self, workload: Workload, digest: str, moment: float) -> Json:
        revision = next(one for one in self._world.rollouts.revisions(workload, moment) if one.template.hash == digest)
        begin = max(revision.template.created, moment - 2 * 900.0)
        points = [point for point in self._points(workload, digest, begin, moment) if point <= moment]
        changed = max(points, default=revision.changed)
        pods = [
            pod
            for pod in self._world.factory.pods(workload, moment, moment)
            if pod.template.hash == digest and pod.deleted > moment
        ]
        return workload_manifests.replica_set(self._world, workload, revision, pods, moment, changed, len(pods))

    def _controller_revisions(self, _since: float, until: float) -> Iterator[Record]:
        for workload in WORKLOADS:
            if workload.kind != "Deployment":
                for revision in self._world.rollouts.revisions(workload, until):
                    document = workload_manifests.controller_revision(self._world, workload, revision)
                    name = f"{workload.name}-{revision.template.hash}"
                    yield _constant(workload.namespace, name, revision.template.created, document)

    def _events(self, since: float, until: float) -> Iterator[Record]:
        first, last = story.turn_of(since - EVENT_LIFE), story.turn_of(until) + 1
        for turn in range(max(0, first), last + 1):
            for workload, into in _ROLLOUTS:
                moment = turn * story.TURN + into
                if moment <= until and moment + EVENT_LIFE > since:
                    yield self._scaled(workload, moment)
        for pod in self._world.factory.pods(CHECKOUT, since - EVENT_LIFE, until):
            if pod.crashes and pod.crashes[0][0] <= until and pod.crashes[0][0] + EVENT_LIFE > since:
                yield self._backed_off(pod)

    def _scaled(self, workload: Workload, moment: float) -> Record:
        rollout = self._world.rollouts.status(workload, moment)
        about = workload_manifests.deployment(self._world, rollout)
        name = f"{workload.name}.{manifests.resource_version(moment)}"
        message = f"Scaled up replica set {workload.name}-{rollout.current.template.hash} to {workload.replicas}"
        document = manifests.event(self._world, about, name, "Normal", "ScalingReplicaSet", message, moment, moment, 1)
        return _constant(workload.namespace, name, moment, document, moment + EVENT_LIFE)

    def _backed_off(self, pod: Pod) -> Record:
        name = f"{pod.name}.{manifests.resource_version(pod.created)}"
        first = pod.crashes[0][0]

        def document(moment: float) -> Json:
            times = [down for down, _ in pod.crashes if down <= moment and down < pod.deleted]
            message = (
                f"Back-off restarting failed container {pod.workload.name} in pod "
                f"{pod.name}_{pod.workload.namespace}({pod.uid})"
            )
            about = self._pod(pod, first)
            return manifests.event(
                self._world, about, name, "Warning", "BackOff", message, first, times[-1], len(times)
            )

        end = first + EVENT_LIFE
        points = [*(down for down, _ in pod.crashes if down < pod.deleted), end]
        return Record(
            pod.workload.namespace, name, first, end, document, lambda after, until: _within(points, after, until)
        )


def _constant(namespace: str, name: str, begin: float, document: Json, end: float = inf) -> Record:
    points = [begin, end]
    return Record(
        namespace, name, begin, end, lambda _moment: document, lambda after, until: _within(points, after, until)
    )


def _within(points: list[float] | tuple[float, ...], after: float, until: float) -> list[float]:
    return sorted({point for point in points if after < point <= until})
