"""The ``Table`` form of answers, which kubectl asks for to print its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from aiohttp import web

from services.demo.discovery import Resource
from services.demo.manifests import Json
from services.vocabulary.durations import format_age

_Cells = Callable[[Mapping[str, object]], list[object]]


def wants_table(request: web.Request) -> bool:
    """Whether the client prefers a table."""
    return "as=Table" in request.headers.get("Accept", "").replace(" ", "")


def table(resource: Resource, documents: list[Json], request: web.Request, now: datetime) -> Json:
    """The objects as rows, with their age at ``now``. ``includeObject`` decides how much of each comes along."""
    columns, cells = _COLUMNS.get(resource.kind, ((), lambda _document: []))
    include = request.query.get("includeObject", "Metadata")
    rows = []
    for document in documents:
        meta: Mapping[str, object] = document["metadata"]  # type: ignore[assignment]
        row: Json = {"cells": [meta.get("name", ""), *cells(document), _age(meta, now)]}
        if include == "Object":
            row["object"] = document
        elif include == "Metadata":
            row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": documents[-1]["metadata"]["resourceVersion"] if documents else ""},  # type: ignore[index]
        "columnDefinitions": [
            {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
            *({"name": name, "type": "string", "format": "", "description": "", "priority": 0} for name in columns),
            {"name": "Age", "type": "string", "format": "", "description": "", "priority": 0},
        ],
        "rows": rows,
    }


def _age(meta: Mapping[str, object], now: datetime) -> str:
    return format_age(now - datetime.fromisoformat(str(meta.get("creationTimestamp"))))


def _part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _deployment(document: Mapping[str, object]) -> list[object]:
    spec, status = _part(document, "spec"), _part(document, "status")
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [ready, str(status.get("updatedReplicas", 0)), str(status.get("availableReplicas", 0))]


def _replica_set(document: Mapping[str, object]) -> list[object]:
    spec, status = _part(document, "spec"), _part(document, "status")
    return [str(spec.get("replicas", 0)), str(status.get("replicas", 0)), str(status.get("readyReplicas", 0))]


def _stateful_set(document: Mapping[str, object]) -> list[object]:
    return [f"{_part(document, 'status').get('readyReplicas', 0)}/{_part(document, 'spec').get('replicas', 0)}"]


def _daemon_set(document: Mapping[str, object]) -> list[object]:
    status = _part(document, "status")
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    return [str(status.get(name, 0)) for name in names]


def _pod(document: Mapping[str, object]) -> list[object]:
    status = _part(document, "status")
    containers = status.get("containerStatuses")
    container: Mapping[str, object] = containers[0] if isinstance(containers, list) and containers else {}
    waiting = _part(_part(container, "state"), "waiting").get("reason")
    shown = "Terminating" if "deletionTimestamp" in _part(document, "metadata") else waiting or status.get("phase")
    return [f"{int(bool(container.get('ready')))}/1", shown, str(container.get("restartCount", 0))]


_COLUMNS: Mapping[str, tuple[tuple[str, ...], _Cells]] = {
    "Deployment": (("Ready", "Up-to-date", "Available"), _deployment),
    "ReplicaSet": (("Desired", "Current", "Ready"), _replica_set),
    "StatefulSet": (("Ready",), _stateful_set),
    "DaemonSet": (("Desired", "Current", "Ready", "Up-to-date"), _daemon_set),
    "Pod": (("Ready", "Status", "Restarts"), _pod),
    "Namespace": (("Status",), lambda document: [_part(document, "status").get("phase")]),
    "Node": (("Status", "Version"), lambda _document: ["Ready", "v1.33.1"]),
    "Service": (
        ("Type", "Cluster-IP"),
        lambda document: [_part(document, "spec").get("type"), _part(document, "spec").get("clusterIP")],
    ),
    "Event": (
        ("Type", "Reason", "Object", "Message"),
        lambda document: [
            document.get("type"),
            document.get("reason"),
            f"{str(_part(document, 'involvedObject').get('kind')).lower()}/"
            f"{_part(document, 'involvedObject').get('name')}",
            document.get("message"),
        ],
    ),
    "ControllerRevision": (("Revision",), lambda document: [str(document.get("revision", ""))]),
}
