"""What the JSON of all Kubernetes objects of the demo shares, and the small objects.

Each function is pure; times are seconds after the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.demo import seeding
from services.demo.catalog import DAY, Workload
from services.demo.field_owners import CONTROLLER, KUBELET, Writer, owned, some, without
from services.demo.world import World

Json = dict[str, object]


_VERSION_ORIGIN = 100 * int(DAY) * 1000  # milliseconds


ACTOR = "demo-operator"
"""Who makes changes in the story."""


def resource_version(at: float) -> str:
    """The resource version of a change at a moment: milliseconds since a fixed origin."""
    return str(round(at * 1000) + _VERSION_ORIGIN)


def moment_of(version: str) -> float:
    """The inverse of :func:`resource_version`.

    Raises:
        ValueError: it is not a number.
    """
    return (int(version) - _VERSION_ORIGIN) / 1000


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


def service(world: World, workload: Workload) -> Json:
    """The Service in front of a workload."""
    meta = metadata(world, workload.namespace, workload.name, "Service", -90 * DAY, -90 * DAY)
    meta["labels"] = labels_of(workload)
    place = seeding.number(world.seed, "service", workload.name)
    document: Json = {
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
    part: Json = {"metadata": some(meta, "labels"), "spec": without(document["spec"], "clusterIP")}
    return owned(world, document, Writer(ACTOR, -90 * DAY, part))


def namespace(world: World, name: str) -> Json:
    """A Namespace."""
    meta = metadata(world, "", name, "Namespace", -95 * DAY, -95 * DAY)
    meta["labels"] = {"kubernetes.io/metadata.name": name}
    spec = {"finalizers": ["kubernetes"]}
    document: Json = {"kind": "Namespace", "apiVersion": "v1", "metadata": meta, "spec": spec}
    document["status"] = {"phase": "Active"}
    return owned(world, document, Writer(ACTOR, -95 * DAY, {"metadata": some(meta, "labels")}))


def node(world: World, name: str) -> Json:
    """A Node."""
    meta = metadata(world, "", name, "Node", -95 * DAY, -95 * DAY)
    meta["labels"] = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    document: Json = {
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
    return owned(
        world,
        document,
        Writer(KUBELET, -95 * DAY, {"metadata": some(meta, "labels")}),
        Writer(CONTROLLER, -95 * DAY, {"spec": document["spec"]}),
        Writer(KUBELET, -95 * DAY, {"status": document["status"]}, "status"),
    )


def event(
    world: World, about: Json, name: str, kind: str, reason: str, message: str, first: float, last: float, count: int
) -> Json:
    """A core/v1 Event about an object."""
    subject: Mapping[str, object] = about["metadata"]  # type: ignore[assignment]
    meta = metadata(world, str(subject["namespace"]), name, "Event", first, last)
    component = "kubelet" if reason == "BackOff" else "deployment-controller"
    document: Json = {
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
        "source": {"component": component},
        "reportingComponent": "",
        "reportingInstance": "",
    }
    writer = KUBELET if component == "kubelet" else CONTROLLER
    return owned(world, document, Writer(writer, last, without(document, "kind", "apiVersion", "metadata")))
