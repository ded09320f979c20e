"""The JSON of Deployments, ReplicaSets, StatefulSets, DaemonSets and their revisions."""

from __future__ import annotations

from services.demo.catalog import DAY, Workload
from services.demo.field_owners import CONTROLLER, Writer, controlled, owned, some, without
from services.demo.manifests import ACTOR, Json, counts, labels_of, metadata, owner, pod_template, stamp
from services.demo.pods import Pod
from services.demo.rollouts import PROGRESS_DEADLINE, Revision, Rollout
from services.demo.world import World


def _condition(world: World, kind: str, holds: bool, reason: str, message: str, since: float, updated: float) -> Json:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "lastUpdateTime": stamp(world, updated),
        "lastTransitionTime": stamp(world, since),
        "reason": reason,
        "message": message,
    }


def deployment(world: World, rollout: Rollout) -> Json:
    """A Deployment."""
    workload, current = rollout.workload, rollout.current
    set_name = f"{workload.name}-{current.template.hash}"
    stuck = rollout.progress == "ProgressDeadlineExceeded"
    progress = {
        "NewReplicaSetAvailable": f'ReplicaSet "{set_name}" has successfully progressed.',
        "ReplicaSetUpdated": f'ReplicaSet "{set_name}" is progressing.',
        "ProgressDeadlineExceeded": f'ReplicaSet "{set_name}" has timed out progressing.',
    }[rollout.progress]
    enough = rollout.available_enough
    meta = metadata(world, workload.namespace, workload.name, "Deployment", -90 * DAY, rollout.changed)
    meta |= {
        "generation": rollout.generation,
        "labels": {**labels_of(workload), "app.kubernetes.io/part-of": "shop"},
        "annotations": {
            "deployment.kubernetes.io/revision": str(current.number),
            "kubernetes.io/change-cause": _cause(current),
        },
    }
    document: Json = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": meta,
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": labels_of(workload)},
            "template": pod_template(workload, current.template.image, {}),
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": PROGRESS_DEADLINE,
        },
        "status": {
            "observedGeneration": rollout.generation,
            **counts(
                replicas=rollout.pods,
                updatedReplicas=rollout.updated,
                readyReplicas=rollout.ready,
                availableReplicas=rollout.ready,
                unavailableReplicas=max(0, max(rollout.pods, workload.replicas) - rollout.ready),
            ),
            "conditions": [
                _condition(
                    world,
                    "Available",
                    enough,
                    "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
                    f"Deployment {'has' if enough else 'does not have'} minimum availability.",
                    rollout.available_since,
                    rollout.available_since,
                ),
                _condition(
                    world,
                    "Progressing",
                    not stuck,
                    rollout.progress,
                    progress,
                    rollout.progressed + PROGRESS_DEADLINE if stuck else current.changed,
                    rollout.progressed + PROGRESS_DEADLINE if stuck else rollout.progressed,
                ),
            ],
        },
    }
    return owned(world, document, *_written(document, rollout))


def _written(document: Json, rollout: Rollout) -> tuple[Writer, Writer]:
    """A person writes the spec, the controller numbers the revision and keeps the status."""
    meta: Json = document["metadata"]  # type: ignore[assignment]
    numbered = some(meta.get("annotations"), "deployment.kubernetes.io/revision")
    asked: Json = {"labels": meta["labels"]}
    if annotations := without(meta.get("annotations"), *numbered):
        asked["annotations"] = annotations
    status: Json = {"status": document["status"]}
    return (
        Writer(ACTOR, rollout.current.changed, {"metadata": asked, "spec": document["spec"]}),
        Writer(
            CONTROLLER,
            rollout.changed,
            ({"metadata": {"annotations": numbered}} | status) if numbered else status,
            "status",
        ),
    )


def _cause(revision: Revision) -> str:
    return f"rollback to {revision.cause.removeprefix('release ')}" if revision.earlier else revision.cause


def replica_set(
    world: World, workload: Workload, revision: Revision, pods: list[Pod], at: float, changed: float, wanted: int
) -> Json:
    """A ReplicaSet; ``pods`` are those of its template that were not asked to stop."""
    name = f"{workload.name}-{revision.template.hash}"
    hash_label = {"pod-template-hash": revision.template.hash}
    meta = metadata(world, workload.namespace, name, "ReplicaSet", revision.template.created, changed)
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(workload.replicas),
        "deployment.kubernetes.io/max-replicas": str(workload.replicas + -(-workload.replicas // 4)),
        "deployment.kubernetes.io/revision": str(revision.number),
        "kubernetes.io/change-cause": _cause(revision),
    }
    if revision.earlier:
        annotations["deployment.kubernetes.io/revision-history"] = ",".join(str(one) for one in revision.earlier)
    meta |= {
        "generation": 1 + wanted,
        "labels": {**labels_of(workload), "app.kubernetes.io/part-of": "shop", **hash_label},
        "annotations": annotations,
        "ownerReferences": [owner(world, workload)],
    }
    ready = sum(pod.ready(at) for pod in pods)
    document: Json = {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": meta,
        "spec": {
            "replicas": wanted,
            "selector": {"matchLabels": {**labels_of(workload), **hash_label}},
            "template": pod_template(workload, revision.template.image, hash_label),
        },
        "status": {
            "replicas": len(pods),
            **counts(fullyLabeledReplicas=len(pods), readyReplicas=ready, availableReplicas=ready),
            "observedGeneration": 1 + wanted,
        },
    }
    return owned(world, document, *controlled(document, changed))


def set_of_pods(world: World, rollout: Rollout) -> Json:
    """A StatefulSet or DaemonSet."""
    workload, current = rollout.workload, rollout.current
    meta = metadata(world, workload.namespace, workload.name, workload.kind, -90 * DAY, rollout.changed)
    meta |= {"generation": rollout.generation, "labels": labels_of(workload)}
    template = pod_template(workload, current.template.image, {})
    spec: Json = {"selector": {"matchLabels": labels_of(workload)}, "template": template, "revisionHistoryLimit": 10}
    status: Json = {"observedGeneration": rollout.generation}
    wanted = workload.replicas
    if workload.kind == "StatefulSet":
        name = f"{workload.name}-{current.template.hash}"
        spec |= {
            "replicas": wanted,
            "serviceName": workload.name,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        }
        status |= {"replicas": rollout.pods, "readyReplicas": rollout.ready, "currentReplicas": rollout.pods}
        status |= {"updatedReplicas": rollout.updated, "availableReplicas": rollout.ready, "collisionCount": 0}
        status |= {"currentRevision": name, "updateRevision": name}
    else:
        meta["annotations"] = {"deprecated.daemonset.template.generation": str(current.number)}
        spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
        status |= {"currentNumberScheduled": rollout.pods, "desiredNumberScheduled": wanted, "numberMisscheduled": 0}
        status |= {"numberReady": rollout.ready, "numberAvailable": rollout.ready}
        status |= {"updatedNumberScheduled": rollout.updated}
    document: Json = {
        "kind": workload.kind,
        "apiVersion": "apps/v1",
        "metadata": meta,
        "spec": spec,
        "status": status,
    }
    return owned(world, document, *_written(document, rollout))


def controller_revision(world: World, workload: Workload, revision: Revision) -> Json:
    """The ControllerRevision of a StatefulSet or DaemonSet."""
    name = f"{workload.name}-{revision.template.hash}"
    meta = metadata(world, workload.namespace, name, "ControllerRevision", revision.template.created, revision.changed)
    meta |= {
        "labels": {**labels_of(workload), "controller-revision-hash": revision.template.hash},
        "annotations": {"kubernetes.io/change-cause": revision.cause},
        "ownerReferences": [owner(world, workload)],
    }
    template = pod_template(workload, revision.template.image, {})
    document: Json = {
        "kind": "ControllerRevision",
        "apiVersion": "apps/v1",
        "metadata": meta,
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": revision.number,
    }
    part = {
        "data": {},
        "metadata": some(meta, "annotations", "labels", "ownerReferences"),
        "revision": revision.number,
    }
    return owned(world, document, Writer(CONTROLLER, revision.changed, part))
