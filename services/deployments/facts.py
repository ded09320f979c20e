"""What is kept of each Kubernetes object: as little as the pane shows and the rules judge.

Equal facts mean that nothing a person could see has changed, so most of the pod events of a rollout cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.clusters.objects import ControllerRevision, LabelSelector, Metadata, Pod, Workload
from services.deployments.rollout import Rollout, judge, replicas_of
from services.deployments.templates import NO_TEMPLATE, Template, reduce_template
from services.deployments.trouble import trouble_of

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"


@dataclass(frozen=True, slots=True)
class WorkloadFact:
    """A Deployment, StatefulSet or DaemonSet. Times are UTC.

    Attributes:
        template_set_at: when somebody last wrote the pod template; None where the server does not say.
        progressed_at: when the rollout last made progress; None for all but Deployments.
        update_revision: the name of a StatefulSet's newest ControllerRevision.
    """

    uid: str
    kind: str
    namespace: str
    name: str
    labels: tuple[tuple[str, str], ...]
    ready: int
    desired: int
    updated: int
    rollout: Rollout
    template: Template
    selector: LabelSelector
    created_at: datetime | None
    template_set_at: datetime | None = None
    progressed_at: datetime | None = None
    revision: int = 0
    update_revision: str = ""


@dataclass(frozen=True, slots=True)
class RevisionFact:
    """A ReplicaSet or ControllerRevision.

    Attributes:
        owner: uid of its controller; empty for an orphan.
        reused: a rollback made it current again, so it is older than its number.
    """

    uid: str
    owner: str
    name: str
    number: int
    created_at: datetime
    template: Template
    labels: tuple[tuple[str, str], ...]
    reused: bool = False


@dataclass(frozen=True, slots=True)
class PodFact:
    """A pod. ``owner`` is the uid of its controller; ``trouble`` is empty for a pod that does well."""

    uid: str
    owner: str
    trouble: str


def deployment_fact(workload: Workload) -> WorkloadFact:
    """Keep a Deployment."""
    progressing = workload.status.condition("Progressing")
    return _workload(
        "Deployment",
        workload,
        ready=workload.status.ready_replicas,
        desired=replicas_of(workload),
        updated=workload.status.updated_replicas,
        progressed_at=progressing.last_update_time if progressing else None,
    )


def stateful_set_fact(workload: Workload) -> WorkloadFact:
    """Keep a StatefulSet."""
    return _workload(
        "StatefulSet",
        workload,
        ready=workload.status.ready_replicas,
        desired=replicas_of(workload),
        updated=workload.status.updated_replicas,
        update_revision=workload.status.update_revision,
    )


def daemon_set_fact(workload: Workload) -> WorkloadFact:
    """Keep a DaemonSet."""
    return _workload(
        "DaemonSet",
        workload,
        ready=workload.status.number_ready,
        desired=workload.status.desired_number_scheduled,
        updated=workload.status.updated_number_scheduled,
    )


def replica_set_fact(workload: Workload) -> RevisionFact:
    """Keep a ReplicaSet."""
    annotations = workload.metadata.annotations or {}
    return _revision(
        workload.metadata,
        number=_number(annotations.get(REVISION)),
        template=reduce_template(workload.spec.template),
        reused=bool(annotations.get(REVISION_HISTORY)),
    )


def controller_revision_fact(revision: ControllerRevision) -> RevisionFact:
    """Keep a ControllerRevision."""
    template = reduce_template(revision.data.spec.template) if revision.data else NO_TEMPLATE
    return _revision(revision.metadata, number=revision.revision, template=template, reused=False)


def pod_fact(pod: Pod) -> PodFact:
    """Keep a pod."""
    controller = pod.metadata.controller
    return PodFact(pod.metadata.uid, controller.uid if controller else "", trouble_of(pod))


def _workload(
    kind: str,
    workload: Workload,
    *,
    ready: int,
    desired: int,
    updated: int,
    progressed_at: datetime | None = None,
    update_revision: str = "",
) -> WorkloadFact:
    metadata = workload.metadata
    return WorkloadFact(
        uid=metadata.uid,
        kind=kind,
        namespace=metadata.namespace,
        name=metadata.name,
        labels=_pairs(metadata.labels),
        ready=ready,
        desired=desired,
        updated=updated,
        rollout=judge(kind, workload),
        template=reduce_template(workload.spec.template),
        selector=workload.spec.selector,
        created_at=metadata.creation_timestamp,
        template_set_at=template_set_at(metadata),
        progressed_at=progressed_at,
        revision=_number((metadata.annotations or {}).get(REVISION)),
        update_revision=update_revision,
    )


def template_set_at(metadata: Metadata) -> datetime | None:
    """When somebody last wrote the pod template, by the server's record of field owners (``managedFields``)."""
    times = [
        entry.time
        for entry in metadata.managed_fields or ()
        if entry.time is not None and not entry.subresource and _owns_template(entry.fields)
    ]
    return max(times, default=None)


def _owns_template(fields: msgspec.Raw) -> bool:
    try:
        spec = msgspec.json.decode(fields, type=dict[str, msgspec.Raw]).get("f:spec")
        return spec is not None and b'"f:template"' in bytes(spec)
    except msgspec.MsgspecError:
        return False


def _revision(metadata: Metadata, *, number: int, template: Template, reused: bool) -> RevisionFact:
    controller = metadata.controller
    if metadata.creation_timestamp is None:
        raise msgspec.ValidationError(f"{metadata.name} has no creationTimestamp")
    return RevisionFact(
        uid=metadata.uid,
        owner=controller.uid if controller else "",
        name=metadata.name,
        number=number,
        created_at=metadata.creation_timestamp,
        template=template,
        labels=_pairs(metadata.labels),
        reused=reused,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _pairs(labels: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((labels or {}).items()))
