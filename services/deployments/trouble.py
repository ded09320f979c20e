"""Why a pod does not do its work: the reasons its containers wait for, and a pod that no node takes."""

from __future__ import annotations

from collections.abc import Iterable

from services.clusters.objects import Pod

# The worst first. Any other reason a container waits for comes after them.
_REASONS = (
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PostStartHookError",
    "Unschedulable",
)
_USUAL = ("", "ContainerCreating", "PodInitializing")


def trouble_of(pod: Pod) -> str:
    """The worst reason of one pod; empty for a pod that does well, has ended or is being deleted."""
    if pod.metadata.deletion_timestamp is not None or pod.status.phase in ("Succeeded", "Failed"):
        return ""
    statuses = (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    reasons = [status.state.waiting.reason for status in statuses if status.state.waiting is not None]
    reasons.extend(
        condition.reason
        for condition in pod.status.conditions or ()
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable"
    )
    return worst(reason for reason in reasons if reason not in _USUAL)


def worst(reasons: Iterable[str]) -> str:
    """The worst of several reasons; empty for none."""
    return min((reason for reason in reasons if reason), key=_rank, default="")


def _rank(reason: str) -> tuple[int, str]:
    return (_REASONS.index(reason) if reason in _REASONS else len(_REASONS), reason)
