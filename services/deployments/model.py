"""Workloads and their rollouts, immutable and raw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

VALID_FOR = timedelta(minutes=4)
"""How long a feed of a watch may go without a sign of life; API servers send bookmarks about every minute."""


class RolloutState(Enum):
    """Where a rollout stands, the most urgent first."""

    FAILED = "failed"  # progress deadline exceeded
    DEGRADED = "degraded"  # rolled out once, pods missing now
    ROLLING = "rolling"
    PAUSED = "paused"
    UNKNOWN = "unknown"  # the strategy cannot be judged
    COMPLETE = "complete"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(RolloutState).index(self)

    @property
    def glyph(self) -> str:
        """One cell wide; tells the state apart without colour."""
        return {
            "failed": "✗",
            "degraded": "◆",
            "rolling": "↻",
            "paused": "‖",
            "unknown": "?",
            "complete": "✓",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a workload's pod template.

    Attributes:
        number: the value of ``deployment.kubernetes.io/revision``; 0 where it is missing.
        created_at: when its ReplicaSet or ControllerRevision was created (UTC).
        images: container images in the order of the template.
        current: whether the workload's template is this one.
    """

    number: int
    created_at: datetime
    images: tuple[str, ...]
    current: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment, StatefulSet or DaemonSet and the state of its rollout.

    Attributes:
        context: the name of the Kubernetes source.
        environment: as configured for that source.
        kind: ``Deployment``, ``StatefulSet`` or ``DaemonSet``.
        ready: pods ready. desired: pods wanted. updated: pods of the newest template.
        revision: number of the current revision; 0 where unknown.
        changed_at: when the current revision was made (UTC); None where unknown.
        state: see :class:`RolloutState`.
        message: what kubectl's ``rollout status`` would say; empty when complete.
        trouble: the worst reason a container waits for (``CrashLoopBackOff``); empty for none.
        images: container images in the order of the template.
        revisions: newest first.
    """

    context: str
    environment: str
    namespace: str
    name: str
    kind: str
    ready: int
    desired: int
    updated: int
    revision: int
    changed_at: datetime | None
    state: RolloutState
    message: str = ""
    trouble: str = ""
    images: tuple[str, ...] = ()
    revisions: tuple[Revision, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """``context/namespace/name`` for a Deployment, ``context/namespace/kind/name`` (kind lower case) else."""
        kind = "" if self.kind == "Deployment" else f"{self.kind.lower()}/"
        return f"{self.context}/{self.namespace}/{kind}{self.name}"
