"""Who wrote which field of an object: ``managedFields``, as an API server keeps it.

The paths are those of ``FieldsV1`` (Kubernetes, structured-merge-diff): ``f:NAME`` for a field, ``k:{…}`` for an item
of a list that has keys, ``.`` for the field itself where it is a map or an item, nothing below a list without keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.demo.world import World

CONTROLLER = "kube-controller-manager"
KUBELET = "kubelet"

Json = dict[str, object]

_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "env": ("name",),
    "conditions": ("type",),
    "addresses": ("type",),
    "ownerReferences": ("uid",),
}
# One unit to the server: whoever writes any of it owns all of it.
_ATOMIC = frozenset({"selector", "source", "involvedObject"})
# Structures that are always there have no entry of their own.
_DESCRIBING = ("annotations", "generateName", "labels", "ownerReferences")
_PLAIN = frozenset({"metadata", "spec", "status", "template", "strategy", "updateStrategy", "containers", "nodeInfo"})


@dataclass(frozen=True, slots=True)
class Writer:
    """One that wrote a part of an object.

    Attributes:
        manager: its name. at: when it last changed something, in seconds after the epoch.
        part: what it wrote, as it stands in the object.
        subresource: by which it wrote; empty for the object itself.
    """

    manager: str
    at: float
    part: Json
    subresource: str = ""


def owned(world: World, document: Json, *writers: Writer) -> Json:
    """``document`` with a record of who wrote what; times in whole seconds, as the server writes them."""
    meta: Json = document["metadata"]  # type: ignore[assignment]
    meta["managedFields"] = [
        {
            "manager": writer.manager,
            "operation": "Update",
            "apiVersion": document["apiVersion"],
            "time": (world.epoch + timedelta(seconds=writer.at)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "fieldsType": "FieldsV1",
            "fieldsV1": {f"f:{name}": _below(name, value) for name, value in writer.part.items()},
            **({"subresource": writer.subresource} if writer.subresource else {}),
        }
        for writer in writers
    ]
    return document


def controlled(document: Json, at: float) -> tuple[Writer, Writer]:
    """The writers of an object that a controller makes and keeps: its body, and its status behind it."""
    body: Json = {"metadata": some(document["metadata"], *_DESCRIBING), "spec": document["spec"]}
    return Writer(CONTROLLER, at, body), Writer(CONTROLLER, at, {"status": document["status"]}, "status")


def some(whole: object, *names: str) -> Json:
    """Those fields of a map that are there."""
    return {name: value for name, value in whole.items() if name in names} if isinstance(whole, Mapping) else {}


def without(whole: object, *names: str) -> Json:
    """The other fields of a map."""
    return {name: value for name, value in whole.items() if name not in names} if isinstance(whole, Mapping) else {}


def _below(name: str, value: object) -> Json:
    if name in _ATOMIC:
        return {}
    if isinstance(value, Mapping):
        own: Json = {} if name in _PLAIN else {".": {}}
        return own | {f"f:{inner}": _below(inner, deeper) for inner, deeper in value.items()}
    if isinstance(value, list) and (keys := _keys(name, value)):
        listed: Json = {} if name in _PLAIN else {".": {}}
        for item in value:
            key = json.dumps({one: item[one] for one in keys}, separators=(",", ":"))
            listed[f"k:{key}"] = {".": {}} | {f"f:{inner}": _below(inner, deeper) for inner, deeper in item.items()}
        return listed
    return {}


def _keys(name: str, items: list[Mapping[str, object]]) -> tuple[str, ...]:
    if name == "ports":
        return ("containerPort" if items and "containerPort" in items[0] else "port", "protocol")
    return _KEYS.get(name, ())
