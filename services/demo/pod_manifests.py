"""The JSON of a pod at a moment of its life."""

from __future__ import annotations

from services.demo import seeding
from services.demo.field_owners import CONTROLLER, KUBELET, Writer, owned, some
from services.demo.manifests import Json, metadata, owner, pod_template, stamp, uid
from services.demo.pods import Pod, Template
from services.demo.world import World


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
    document: Json = {
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
    made: Json = {
        "metadata": some(meta, "generateName", "labels", "ownerReferences"),
        "spec": template["spec"],  # the node is chosen by a binding, which owns no fields
    }
    status: Json = {"status": document["status"]}
    return owned(
        world,
        document,
        Writer(CONTROLLER, pod.created, made),
        Writer(KUBELET, pod.changed(at), status, "status"),
    )


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
