"""Where a rollout stands: the rules of ``kubectl rollout status``, in its order, with its words.

Beyond kubectl: a Deployment whose rollout finished (condition Progressing says ``NewReplicaSetAvailable``) and that
lost pods since is degraded, not rolling; a StatefulSet and a DaemonSet likewise where nothing is left to replace; a
paused Deployment is paused, unless it failed. Source: ``kubectl/pkg/polymorphichelpers/rollout_status.go``.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.clusters.objects import Workload
from services.deployments.model import RolloutState

_DEADLINE = "ProgressDeadlineExceeded"
_FINISHED = "NewReplicaSetAvailable"
_UNOBSERVED = "Waiting for {} spec update to be observed..."


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where it stands, and kubectl's sentence about it; the sentence is empty when complete."""

    state: RolloutState
    message: str = ""


def judge(kind: str, workload: Workload) -> Rollout:
    """Judge a ``Deployment``, ``StatefulSet`` or ``DaemonSet``."""
    match kind:
        case "Deployment":
            return deployment(workload)
        case "StatefulSet":
            return stateful_set(workload)
        case _:
            return daemon_set(workload)


def deployment(workload: Workload) -> Rollout:
    """Judge a Deployment, whatever its strategy."""
    rollout = _deployment(workload)
    if workload.spec.paused and rollout.state is not RolloutState.FAILED:
        return Rollout(RolloutState.PAUSED, rollout.message or "rollout is paused")
    return rollout


def _deployment(workload: Workload) -> Rollout:
    name, status = workload.metadata.name, workload.status
    if workload.metadata.generation > status.observed_generation:
        return _rolling(_UNOBSERVED.format("deployment"))
    progressing = status.condition("Progressing")
    reason = progressing.reason if progressing else ""
    if reason == _DEADLINE:
        return Rollout(RolloutState.FAILED, f'deployment "{name}" exceeded its progress deadline')
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    # While old pods stand beside the new ones something does roll, whatever the condition still says.
    settled = reason == _FINISHED and status.replicas <= status.updated_replicas
    missing = RolloutState.DEGRADED if settled else RolloutState.ROLLING
    wanted = replicas_of(workload)
    if status.updated_replicas < wanted:
        return Rollout(missing, f"{waiting}{status.updated_replicas} out of {wanted} new replicas have been updated...")
    if status.replicas > status.updated_replicas:
        old = status.replicas - status.updated_replicas
        return _rolling(f"{waiting}{old} old replicas are pending termination...")
    if status.available_replicas < status.updated_replicas:
        return Rollout(
            missing,
            f"{waiting}{status.available_replicas} of {status.updated_replicas} updated replicas are available...",
        )
    return Rollout(RolloutState.COMPLETE)


def stateful_set(workload: Workload) -> Rollout:
    """Judge a StatefulSet."""
    spec, status = workload.spec, workload.status
    if spec.update_strategy.type != "RollingUpdate":
        return _by_hand(spec.update_strategy.type)
    if status.observed_generation == 0 or workload.metadata.generation > status.observed_generation:
        return _rolling(_UNOBSERVED.format("statefulset"))
    wanted = replicas_of(workload)
    if status.ready_replicas < wanted:
        # One revision for all, and every pod exists: nothing is being replaced.
        settled = status.update_revision == status.current_revision and status.replicas >= wanted
        return Rollout(
            RolloutState.DEGRADED if settled else RolloutState.ROLLING,
            f"Waiting for {wanted - status.ready_replicas} pods to be ready...",
        )
    if spec.update_strategy.rolling_update is not None:
        share = wanted - (spec.update_strategy.rolling_update.partition or 0)
        message = (
            f"Waiting for partitioned roll out to finish: {status.updated_replicas} out of {share} "
            "new pods have been updated..."
        )
        return _rolling(message) if status.updated_replicas < share else Rollout(RolloutState.COMPLETE)
    if status.update_revision != status.current_revision:
        return _rolling(
            f"waiting for statefulset rolling update to complete {status.updated_replicas} pods at revision "
            f"{status.update_revision}..."
        )
    return Rollout(RolloutState.COMPLETE)


def daemon_set(workload: Workload) -> Rollout:
    """Judge a DaemonSet."""
    name, status = workload.metadata.name, workload.status
    if workload.spec.update_strategy.type != "RollingUpdate":
        return _by_hand(workload.spec.update_strategy.type)
    if workload.metadata.generation > status.observed_generation:
        return _rolling(_UNOBSERVED.format("daemon set"))
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    wanted = status.desired_number_scheduled
    if status.updated_number_scheduled < wanted:
        return _rolling(f"{waiting}{status.updated_number_scheduled} out of {wanted} new pods have been updated...")
    if status.number_available < wanted:
        # Every pod is of the newest template already.
        return Rollout(
            RolloutState.DEGRADED, f"{waiting}{status.number_available} of {wanted} updated pods are available..."
        )
    return Rollout(RolloutState.COMPLETE)


def replicas_of(workload: Workload) -> int:
    """Pods wanted; the API's default is 1."""
    return 1 if workload.spec.replicas is None else workload.spec.replicas


def _rolling(message: str) -> Rollout:
    return Rollout(RolloutState.ROLLING, message)


def _by_hand(strategy: str) -> Rollout:
    return Rollout(
        RolloutState.UNKNOWN,
        f"strategy {strategy or 'unset'}: pods are replaced by hand; "
        "rollout status is only available for RollingUpdate strategy type",
    )
