"""The JSON of the demo's Kubernetes objects. Each function is pure; times are seconds after the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.demo import seeding
from services.demo.catalog import CHECKOUT, DAY, PAYMENTS, Workload
from services.demo.pods import Pod, Template
from services.demo.rollouts import PROGRESS_DEADLINE, Revision, Rollout
from services.demo.world import World

Json = dict[str, object]

_VERSION_ORIGIN = 100 * DAY
ACTOR = "demo-operator"
"""Who makes changes in the story."""


def resource_version(at: float) -> str:
    """The resource version of a change at a moment: milliseconds since a fixed origin."""
    return str(round((at + _VERSION_ORIGIN) * 1000))


def moment_of(version: str) -> float:
    """The inverse of :func:`resource_version`.

    Raises:
        ValueError: it is not a number.
    """
    return int(version) / 1000 - _VERSION_ORIGIN


def stamp(world: World, at: float) -> str:
    """With whole seconds, as Kubernetes writes times."""
    moment: datetime = world.epoch + timedelta(seconds=at)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(world: World, *parts: object) -> str:
    """The uid of the object that the parts name."""
    return seeding.identifier(world.seed, "object", *parts)


def metadata(world: World, namespace: str, name: str, kind: str, created: float, changed: float) -> Json:
    """The metadata that every object has."""
    out: Json = {
        "name": name,
        "uid": uid(world, kind, namespace, name),
        "resourceVersion": resource_version(changed),
        "creationTimestamp": stamp(world, created),
    }
    if namespace:
        out["namespace"] = namespace
    return out


def labels_of(workload: Workload) -> dict[str, str]:
    """The labels that select a workload's pods."""
    return {"app.kubernetes.io/name": workload.name}


def pod_template(workload: Workload, image: str, hash_label: Mapping[str, str]) -> Json:
    """A pod template with one container."""
    probe = {"httpGet": {"path": "/ready", "port": workload.port, "scheme": "HTTP"}, "periodSeconds": 5}
    resources = {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}}
    return {
        "metadata": {"labels": {**labels_of(workload), "app.kubernetes.io/part-of": "shop", **hash_label}},
        "spec": {
            "containers": [
                {
                    "name": workload.name,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "ports": [{"name": "http", "containerPort": workload.port, "protocol": "TCP"}],
                    "env": [{"name": "RELEASE", "value": image.rpartition(":")[2]}],
                    "resources": resources,
                    "readinessProbe": probe,
                    "livenessProbe": {**probe, "periodSeconds": 10},
                }
            ],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": workload.name,
        },
    }


def counts(**numbers: int) -> Json:
    """Numbers as the API writes them: zeros are left out."""
    return {name: number for name, number in numbers.items() if number}


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
        "managedFields": [
            {"manager": ACTOR, "operation": "Update", "apiVersion": "apps/v1", "time": stamp(world, current.changed)}
        ],
    }
    return {
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
    return {
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


def owner(world: World, workload: Workload) -> Json:
    """A controller's owner reference to the workload."""
    return {
        "apiVersion": "apps/v1",
        "kind": workload.kind,
        "name": workload.name,
        "uid": uid(world, workload.kind, workload.namespace, workload.name),
        "controller": True,
        "blockOwnerDeletion": True,
    }


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
    return {"kind": workload.kind, "apiVersion": "apps/v1", "metadata": meta, "spec": spec, "status": status}


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
    return {
        "kind": "ControllerRevision",
        "apiVersion": "apps/v1",
        "metadata": meta,
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": revision.number,
    }


def _hash_label(pod: Pod) -> dict[str, str]:
    workload, digest = pod.workload, pod.template.hash
    if workload.kind == "Deployment":
        return {"pod-template-hash": digest}
    value = f"{workload.name}-{digest}" if workload.kind == "StatefulSet" else digest
    return {"controller-revision-hash": value}


def _controller(world: World, pod: Pod) -> Json:
    workload = pod.workload
    if workload.kind != "Deployment":
        return owner(world, workload)
    name = f"{workload.name}-{pod.template.hash}"
    reference = owner(world, workload)
    return reference | {"kind": "ReplicaSet", "name": name, "uid": uid(world, "ReplicaSet", workload.namespace, name)}


def pod_document(world: World, pod: Pod, at: float) -> Json:
    """A pod at a moment."""
    workload = pod.workload
    template = pod_template(workload, pod.template.image, _hash_label(pod))
    meta = metadata(world, workload.namespace, pod.name, "Pod", pod.created, pod.changed(at))
    meta["uid"] = pod.uid
    meta["labels"] = template["metadata"]["labels"]  # type: ignore[index]
    meta["ownerReferences"] = [_controller(world, pod)]
    if workload.kind == "Deployment":
        meta["generateName"] = pod.name[:-5]
    if at >= pod.deleted:
        meta |= {"deletionTimestamp": stamp(world, pod.deleted + 30), "deletionGracePeriodSeconds": 30}
    ready, waiting, started = pod.ready(at), pod.waiting(at), at >= pod.started
    since = pod.ready_at if ready else (pod.crashes[0][0] if pod.crashes and at >= pod.crashes[0][0] else pod.created)
    conditions: list[dict[str, str]] = [
        {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": stamp(world, moment)}
        | ({} if holds else {"reason": "ContainersNotReady"})
        for kind, holds, moment in (
            ("Initialized", True, pod.created),
            ("Ready", ready, since),
            ("ContainersReady", ready, since),
            ("PodScheduled", True, pod.created),
        )
    ]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": meta,
        "spec": {**template["spec"], "nodeName": pod.node},  # type: ignore[dict-item]
        "status": {
            "phase": "Running" if started else "Pending",
            "conditions": conditions,
            "hostIP": f"10.0.0.{pod.node.removeprefix('node-')}",
            **({"podIP": pod.address, "podIPs": [{"ip": pod.address}]} if started else {}),
            "startTime": stamp(world, pod.created),
            "containerStatuses": [_container(world, pod, at, ready, waiting)],
            "qosClass": "Burstable",
        },
    }


def _container(world: World, pod: Pod, at: float, ready: bool, waiting: str) -> Json:
    if waiting == "CrashLoopBackOff":
        down, up = next(pair for pair in pod.crashes if pair[0] <= at < pair[1])
        message = (
            f"back-off {round(up - down)}s restarting failed container={pod.workload.name} "
            f"pod={pod.name}_{pod.workload.namespace}({pod.uid})"
        )
        state: Json = {"waiting": {"reason": waiting, "message": message}}
    elif waiting:
        state = {"waiting": {"reason": waiting}}
    else:
        state = {"running": {"startedAt": stamp(world, pod.running_since(at))}}
    ended = pod.last_exit(at)
    last: Json = {}
    if ended is not None:
        begun = max([pod.started, *(up for _, up in pod.crashes if up < ended)])
        last = {
            "terminated": {
                "exitCode": 1,
                "reason": "Error",
                "startedAt": stamp(world, begun),
                "finishedAt": stamp(world, ended),
            }
        }
    return {
        "name": pod.workload.name,
        "state": state,
        "lastState": last,
        "ready": ready,
        "started": ready,
        "restartCount": pod.restarts(at),
        "image": pod.template.image,
        "imageID": f"{pod.template.image.rpartition(':')[0]}@sha256:{_digest(pod.template)}",
    }


def _digest(template: Template) -> str:
    return "".join(f"{seeding.number(template.image, part):016x}" for part in range(4))


def service(world: World, workload: Workload) -> Json:
    """The Service in front of a workload."""
    meta = metadata(world, workload.namespace, workload.name, "Service", -90 * DAY, -90 * DAY)
    meta["labels"] = labels_of(workload)
    place = seeding.number(world.seed, "service", workload.name)
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": meta,
        "spec": {
            "type": "ClusterIP",
            "clusterIP": f"10.43.{place % 250}.{(place >> 8) % 250 + 1}",
            "selector": labels_of(workload),
            "ports": [{"name": "http", "port": workload.port, "targetPort": workload.port, "protocol": "TCP"}],
        },
        "status": {"loadBalancer": {}},
    }


def namespace(world: World, name: str) -> Json:
    """A Namespace."""
    meta = metadata(world, "", name, "Namespace", -95 * DAY, -95 * DAY)
    meta["labels"] = {"kubernetes.io/metadata.name": name}
    spec = {"finalizers": ["kubernetes"]}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": {"phase": "Active"}}


def node(world: World, name: str) -> Json:
    """A Node."""
    meta = metadata(world, "", name, "Node", -95 * DAY, -95 * DAY)
    meta["labels"] = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": meta,
        "spec": {"podCIDR": f"10.42.{int(name.removeprefix('node-')) - 10}.0/24"},
        "status": {
            "capacity": {"cpu": "8", "memory": "32Gi", "pods": "110"},
            "allocatable": {"cpu": "8", "memory": "31Gi", "pods": "110"},
            "conditions": [{**ready, "lastTransitionTime": stamp(world, -95 * DAY)}],
            "addresses": [{"type": "InternalIP", "address": f"10.0.0.{name.removeprefix('node-')}"}],
            "nodeInfo": {"kubeletVersion": "v1.33.1", "osImage": "Demo Linux", "containerRuntimeVersion": "demo://1"},
        },
    }


def event(
    world: World, about: Json, name: str, kind: str, reason: str, message: str, first: float, last: float, count: int
) -> Json:
    """A core/v1 Event about an object."""
    subject: Mapping[str, object] = about["metadata"]  # type: ignore[assignment]
    meta = metadata(world, str(subject["namespace"]), name, "Event", first, last)
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": meta,
        "involvedObject": {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "namespace": subject["namespace"],
            "name": subject["name"],
            "uid": subject["uid"],
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "firstTimestamp": stamp(world, first),
        "lastTimestamp": stamp(world, last),
        "count": count,
        "source": {"component": "kubelet" if reason == "BackOff" else "deployment-controller"},
        "reportingComponent": "",
        "reportingInstance": "",
    }


ROLLING = (CHECKOUT, PAYMENTS)
"""The workloads that the story rolls out."""
