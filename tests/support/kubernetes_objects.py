"""Kubernetes objects as an API server serves them, for tests."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

CREATED = "2026-03-02T09:00:00Z"


def template(image: str, *, app: str = "checkout", pod_hash: str = "", **more: Any) -> Json:
    """A pod template with one container."""
    labels = {"app": app} | ({"pod-template-hash": pod_hash} if pod_hash else {})
    spec = {"containers": [{"name": app, "image": image, "resources": {}}], "restartPolicy": "Always"}
    return {"metadata": {"creationTimestamp": None, "labels": labels}, "spec": spec | more}


def deployment(
    name: str = "checkout",
    namespace: str = "shop",
    *,
    image: str = "registry.example/checkout:1",
    replicas: int = 3,
    generation: int = 2,
    observed: int | None = None,
    total: int | None = None,
    updated: int | None = None,
    available: int | None = None,
    reason: str = "NewReplicaSetAvailable",
    paused: bool = False,
    revision: int = 1,
    **metadata: Any,
) -> Json:
    """A Deployment; what is not given says that its rollout is complete."""
    updated = replicas if updated is None else updated
    available = updated if available is None else available
    labels = {"app": name}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "generation": generation,
            "creationTimestamp": CREATED,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            **metadata,
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template(image, app=name),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        }
        | ({"paused": True} if paused else {}),
        "status": {
            "observedGeneration": generation if observed is None else observed,
            "replicas": updated if total is None else total,
            "updatedReplicas": updated,
            "readyReplicas": available,
            "availableReplicas": available,
            "conditions": [
                {
                    "type": "Progressing",
                    "status": "False" if reason == "ProgressDeadlineExceeded" else "True",
                    "lastUpdateTime": "2026-03-02T19:20:00Z",
                    "lastTransitionTime": CREATED,
                    "reason": reason,
                    "message": "",
                }
            ],
        },
    }


def replica_set(
    name: str,
    owner: Json,
    *,
    image: str,
    revision: int,
    created: str = CREATED,
    plural: str = "deployments",
    **annotations: str,
) -> Json:
    """A ReplicaSet of a Deployment as :meth:`KubernetesDouble.put` returned it."""
    app = owner["metadata"]["name"]
    labels = {"app": app, "pod-template-hash": name.rpartition("-")[2]}
    return {
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "creationTimestamp": created,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision), **annotations},
            "ownerReferences": [reference("Deployment", owner)],
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": template(image, app=app, pod_hash=labels["pod-template-hash"]),
        },
        "status": {"replicas": 0},
    }


def stateful_set(
    name: str = "db",
    namespace: str = "shop",
    *,
    replicas: int = 3,
    generation: int = 2,
    observed: int | None = None,
    total: int | None = None,
    ready: int | None = None,
    updated: int | None = None,
    current: str = "db-1",
    update: str = "db-1",
    partition: int | None = 0,
    strategy: str = "RollingUpdate",
) -> Json:
    """A StatefulSet; what is not given says that its rollout is complete."""
    rolling = {} if partition is None or strategy != "RollingUpdate" else {"rollingUpdate": {"partition": partition}}
    return {
        "metadata": {"name": name, "namespace": namespace, "generation": generation, "creationTimestamp": CREATED},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template("registry.example/db:1", app=name),
            "updateStrategy": {"type": strategy, **rolling},
        },
        "status": {
            "observedGeneration": generation if observed is None else observed,
            "replicas": replicas if total is None else total,
            "readyReplicas": replicas if ready is None else ready,
            "updatedReplicas": replicas if updated is None else updated,
            "currentReplicas": replicas,
            "currentRevision": current,
            "updateRevision": update,
        },
    }


def daemon_set(
    name: str = "agent",
    namespace: str = "infra",
    *,
    desired: int = 5,
    updated: int | None = None,
    available: int | None = None,
    generation: int = 2,
    observed: int | None = None,
    strategy: str = "RollingUpdate",
) -> Json:
    """A DaemonSet; what is not given says that its rollout is complete."""
    return {
        "metadata": {"name": name, "namespace": namespace, "generation": generation, "creationTimestamp": CREATED},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": template("registry.example/agent:1", app=name),
            "updateStrategy": {"type": strategy},
        },
        "status": {
            "observedGeneration": generation if observed is None else observed,
            "desiredNumberScheduled": desired,
            "currentNumberScheduled": desired,
            "updatedNumberScheduled": desired if updated is None else updated,
            "numberReady": desired if available is None else available,
            "numberAvailable": desired if available is None else available,
        },
    }


def controller_revision(name: str, kind: str, owner: Json, *, revision: int, created: str = CREATED) -> Json:
    """A ControllerRevision that holds its owner's template."""
    return {
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "creationTimestamp": created,
            "ownerReferences": [reference(kind, owner)],
        },
        "data": {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}},
        "revision": revision,
    }


def pod(name: str, kind: str, owner: Json, *, waiting: str = "", **status: Any) -> Json:
    """A pod; its one container runs, or waits for a reason."""
    state = {"waiting": {"reason": waiting, "message": "…"}} if waiting else {"running": {"startedAt": CREATED}}
    return {
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "creationTimestamp": CREATED,
            "ownerReferences": [reference(kind, owner)],
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "registry.example/main:1"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "main", "state": state}], **status},
    }


def reference(kind: str, owner: Json) -> Json:
    """The reference to a controller."""
    metadata = owner["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
