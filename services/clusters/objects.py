"""Kubernetes objects, slim: only the fields that are shown or judged. Everything else is skipped while decoding.

Field names and meanings: Kubernetes API reference, ``apps/v1`` and ``core/v1``. API servers leave out or send ``null``
for what is empty, so every field has a default and the lists may be None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

ObjectT = TypeVar("ObjectT", bound="KubernetesObject")


class _Slim(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Camel case on the wire; holds no reference cycles."""


class OwnerReference(_Slim, frozen=True):
    """Who made an object; at most one of them is the controller."""

    uid: str = ""
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class ManagedFields(_Slim, frozen=True, rename={"fields": "fieldsV1"}):
    """Which fields a writer set, and when it last did."""

    time: datetime | None = None
    subresource: str = ""
    fields: msgspec.Raw = msgspec.Raw(b"")


class Metadata(_Slim, frozen=True):
    """Identity, age and owners. Times are UTC."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    managed_fields: tuple[ManagedFields, ...] | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that controls it; None for an orphan."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)


class KubernetesObject(_Slim, frozen=True):
    """Anything with metadata."""

    metadata: Metadata = Metadata()


class Requirement(_Slim, frozen=True):
    """One expression of a selector. Operators: ``In NotIn Exists DoesNotExist``."""

    key: str
    operator: str
    values: tuple[str, ...] | None = None


class LabelSelector(_Slim, frozen=True):
    """Which labels belong: every pair and every expression must match. An empty one matches all."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Requirement, ...] | None = None

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether an object with ``labels`` is selected."""
        if any(labels.get(key) != value for key, value in (self.match_labels or {}).items()):
            return False
        return all(_satisfies(requirement, labels) for requirement in self.match_expressions or ())


def _satisfies(requirement: Requirement, labels: dict[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in (requirement.values or ())
        case "NotIn":
            return value is None or value not in (requirement.values or ())
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False


class Condition(_Slim, frozen=True):
    """One condition of an object's status."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_update_time: datetime | None = None
    last_transition_time: datetime | None = None


class RollingUpdate(_Slim, frozen=True):
    """Only the partition of a StatefulSet is judged."""

    partition: int | None = None


class UpdateStrategy(_Slim, frozen=True):
    """``RollingUpdate``, ``OnDelete`` or ``Recreate``."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(_Slim, frozen=True):
    """The wish. ``strategy`` is a Deployment's, ``update_strategy`` that of the other two."""

    replicas: int | None = None
    paused: bool = False
    selector: LabelSelector = LabelSelector()
    template: msgspec.Raw = msgspec.Raw(b"")
    strategy: UpdateStrategy = UpdateStrategy()
    update_strategy: UpdateStrategy = UpdateStrategy()


class WorkloadStatus(_Slim, frozen=True):
    """What is: the fields of a Deployment, a StatefulSet and a DaemonSet together."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    conditions: tuple[Condition, ...] | None = None

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type; None where the status has none."""
        return next((condition for condition in self.conditions or () if condition.type == kind), None)


class Workload(KubernetesObject, frozen=True):
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class RevisionData(_Slim, frozen=True):
    """A ControllerRevision's data for the two built-in controllers: a patch that holds the pod template."""

    spec: WorkloadSpec = WorkloadSpec()


class ControllerRevision(KubernetesObject, frozen=True):
    """One recorded template of a StatefulSet or DaemonSet."""

    revision: int = 0
    data: RevisionData | None = None


class Waiting(_Slim, frozen=True):
    """Why a container does not run."""

    reason: str = ""
    message: str = ""


class ContainerState(_Slim, frozen=True):
    """Only waiting is judged."""

    waiting: Waiting | None = None


class ContainerStatus(_Slim, frozen=True):
    """The state of one container."""

    name: str = ""
    state: ContainerState = ContainerState()


class PodStatus(_Slim, frozen=True):
    """The state of a pod's containers."""

    phase: str = ""
    conditions: tuple[Condition, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(KubernetesObject, frozen=True):
    """A pod."""

    status: PodStatus = PodStatus()


@dataclass(frozen=True)
class Resource(Generic[ObjectT]):
    """A kind of object as the API serves it.

    Attributes:
        prefix: ``/api/v1`` or ``/apis/<group>/<version>``.
        plural: such as ``deployments``.
        type: what its objects are decoded to.
    """

    prefix: str
    plural: str
    type: type[ObjectT]

    def path(self, namespace: str = "") -> str:
        """The path of its list; over the whole cluster without a namespace."""
        return f"{self.prefix}/namespaces/{namespace}/{self.plural}" if namespace else f"{self.prefix}/{self.plural}"


DEPLOYMENTS = Resource("/apis/apps/v1", "deployments", Workload)
STATEFUL_SETS = Resource("/apis/apps/v1", "statefulsets", Workload)
DAEMON_SETS = Resource("/apis/apps/v1", "daemonsets", Workload)
REPLICA_SETS = Resource("/apis/apps/v1", "replicasets", Workload)
CONTROLLER_REVISIONS = Resource("/apis/apps/v1", "controllerrevisions", ControllerRevision)
PODS = Resource("/api/v1", "pods", Pod)
