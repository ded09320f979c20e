"""Discovery documents of the demo's Kubernetes API."""

from __future__ import annotations

from dataclasses import dataclass

from services.demo.manifests import Json


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the API. ``group`` is empty for the core group."""

    group: str
    plural: str
    kind: str
    namespaced: bool
    short: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """``v1`` or ``apps/v1``."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def prefix(self) -> str:
        """The path that its requests begin with."""
        return f"/apis/{self.group}/v1" if self.group else "/api/v1"


RESOURCES = (
    Resource("", "namespaces", "Namespace", False, ("ns",)),
    Resource("", "nodes", "Node", False, ("no",)),
    Resource("", "pods", "Pod", True, ("po",)),
    Resource("", "services", "Service", True, ("svc",)),
    Resource("", "events", "Event", True, ("ev",)),
    Resource("apps", "deployments", "Deployment", True, ("deploy",)),
    Resource("apps", "replicasets", "ReplicaSet", True, ("rs",)),
    Resource("apps", "statefulsets", "StatefulSet", True, ("sts",)),
    Resource("apps", "daemonsets", "DaemonSet", True, ("ds",)),
    Resource("apps", "controllerrevisions", "ControllerRevision", True),
)

VERSION: Json = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.1",
    "gitCommit": "demo",
    "gitTreeState": "clean",
    "buildDate": "2025-05-15T08:19:08Z",
    "goVersion": "go1.24.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def core_versions() -> Json:
    """``/api``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [],
    }


def groups() -> Json:
    """``/apis``."""
    version = {"groupVersion": "apps/v1", "version": "v1"}
    group = {"name": "apps", "versions": [version], "preferredVersion": version}
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}


def resources(group: str) -> Json:
    """``/api/v1`` and ``/apis/apps/v1``."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/v1" if group else "v1",
        "resources": [
            {
                "name": resource.plural,
                "singularName": resource.kind.lower(),
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": ["get", "list", "watch"],
                "shortNames": list(resource.short),
            }
            for resource in RESOURCES
            if resource.group == group
        ],
    }
