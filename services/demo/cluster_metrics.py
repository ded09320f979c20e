"""What kube-state-metrics and the kubelets of the demo tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from services.demo import seeding
from services.demo.catalog import WORKLOADS, Workload
from services.demo.family import Family
from services.demo.gateway_metrics import traffic_of
from services.demo.pods import Pod
from services.demo.rollouts import Rollout
from services.demo.series import Series
from services.demo.signals import Constant, Wave
from services.demo.world import World

_DEPLOYMENT_GAUGES: tuple[tuple[str, str, Callable[[Rollout], float]], ...] = (
    ("kube_deployment_spec_replicas", "Pods wanted.", lambda rollout: rollout.workload.replicas),
    ("kube_deployment_status_replicas", "Pods that exist.", lambda rollout: rollout.pods),
    ("kube_deployment_status_replicas_available", "Pods available.", lambda rollout: rollout.ready),
    ("kube_deployment_status_replicas_ready", "Pods ready.", lambda rollout: rollout.ready),
    (
        "kube_deployment_status_replicas_unavailable",
        "Pods not available.",
        lambda rollout: max(0, rollout.pods - rollout.ready),
    ),
    ("kube_deployment_status_replicas_updated", "Pods of the newest template.", lambda rollout: rollout.updated),
    ("kube_deployment_metadata_generation", "Generation of the spec.", lambda rollout: rollout.generation),
    ("kube_deployment_status_observed_generation", "Generation observed.", lambda rollout: rollout.generation),
)
_OTHER_GAUGES: tuple[tuple[str, str, str, Callable[[Rollout], float]], ...] = (
    ("kube_statefulset_replicas", "Pods wanted.", "StatefulSet", lambda rollout: rollout.workload.replicas),
    ("kube_statefulset_status_replicas_ready", "Pods ready.", "StatefulSet", lambda rollout: rollout.ready),
    (
        "kube_daemonset_status_desired_number_scheduled",
        "Pods wanted.",
        "DaemonSet",
        lambda rollout: rollout.workload.replicas,
    ),
    ("kube_daemonset_status_number_ready", "Pods ready.", "DaemonSet", lambda rollout: rollout.ready),
)


class ClusterMetrics:
    """The families of workloads, pods and containers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def families(self) -> Iterator[Family]:
        """All of them."""
        for name, text, value in _DEPLOYMENT_GAUGES:
            yield Family(name, "gauge", text, self._deployments(name, value))
        yield Family("kube_deployment_status_condition", "gauge", "The conditions of a deployment.", self._conditions)
        for name, text, kind, value in _OTHER_GAUGES:
            yield Family(name, "gauge", text, self._sets(name, kind, value))
        yield Family("kube_pod_info", "gauge", "Information about a pod.", self._pod_info)
        yield Family("kube_pod_status_ready", "gauge", "Whether a pod is ready.", self._pod_ready)
        yield Family("kube_pod_status_phase", "gauge", "The phase of a pod.", self._pod_phase)
        yield Family("kube_pod_container_status_restarts_total", "counter", "Restarts of a container.", self._restarts)
        yield Family("kube_pod_container_status_waiting_reason", "gauge", "Why a container waits.", self._waiting)
        yield Family("container_memory_working_set_bytes", "gauge", "Memory that cannot be reclaimed.", self._memory)
        yield Family("container_cpu_usage_seconds_total", "counter", "CPU seconds used.", self._cpu)

    def _deployments(self, name: str, value: Callable[[Rollout], float]) -> Callable[[float, float], Iterator[Series]]:
        return self._sets(name, "Deployment", value)

    def _sets(
        self, name: str, kind: str, value: Callable[[Rollout], float]
    ) -> Callable[[float, float], Iterator[Series]]:
        def series(_since: float, _until: float) -> Iterator[Series]:
            for workload in WORKLOADS:
                if workload.kind == kind:

                    def step(time: float, workload: Workload = workload) -> float:
                        return value(self._world.rollouts.status(workload, time))

                    yield Series(name, _kube(workload), step=step, begin=-workload.age)

        return series

    def _conditions(self, _since: float, _until: float) -> Iterator[Series]:
        for workload in WORKLOADS:
            if workload.kind != "Deployment":
                continue
            for condition in ("Available", "Progressing"):
                for status in ("true", "false", "unknown"):

                    def step(
                        time: float, workload: Workload = workload, condition: str = condition, status: str = status
                    ) -> float:
                        rollout = self._world.rollouts.status(workload, time)
                        holds = (
                            rollout.available_enough
                            if condition == "Available"
                            else rollout.progress != "ProgressDeadlineExceeded"
                        )
                        return float(status == ("true" if holds else "false"))

                    labels = {**_kube(workload), "condition": condition, "status": status}
                    yield Series("kube_deployment_status_condition", labels, step=step, begin=-workload.age)

    def _pods(self, since: float, until: float) -> Iterator[Pod]:
        for workload in WORKLOADS:
            yield from self._world.factory.pods(workload, since, until)

    def _pod_info(self, since: float, until: float) -> Iterator[Series]:
        for pod in self._pods(since, until):
            labels = {**_of_pod(pod), "node": pod.node, "pod_ip": pod.address}
            yield Series("kube_pod_info", labels, step=_one, begin=pod.created, end=pod.gone)

    def _pod_ready(self, since: float, until: float) -> Iterator[Series]:
        for pod in self._pods(since, until):
            for condition in ("true", "false"):

                def step(time: float, pod: Pod = pod, condition: str = condition) -> float:
                    return float(pod.ready(time) == (condition == "true"))

                labels = {**_of_pod(pod), "condition": condition}
                yield Series("kube_pod_status_ready", labels, step=step, begin=pod.created, end=pod.gone)

    def _pod_phase(self, since: float, until: float) -> Iterator[Series]:
        for pod in self._pods(since, until):
            for phase in ("Pending", "Running"):

                def step(time: float, pod: Pod = pod, phase: str = phase) -> float:
                    return float((time >= pod.started) == (phase == "Running"))

                labels = {**_of_pod(pod), "phase": phase}
                yield Series("kube_pod_status_phase", labels, step=step, begin=pod.created, end=pod.gone)

    def _restarts(self, since: float, until: float) -> Iterator[Series]:
        name = "kube_pod_container_status_restarts_total"
        for pod in self._pods(since, until):

            def step(time: float, pod: Pod = pod) -> float:
                return float(pod.restarts(time))

            yield Series(name, _of_container(pod), step=step, begin=pod.created, end=pod.gone)

    def _waiting(self, since: float, until: float) -> Iterator[Series]:
        name = "kube_pod_container_status_waiting_reason"
        for pod in self._pods(since, until):
            reasons = ["ContainerCreating", *(["CrashLoopBackOff"] if pod.crashes else [])]
            for reason in reasons:

                def step(time: float, pod: Pod = pod, reason: str = reason) -> float | None:
                    return 1.0 if pod.waiting(time) == reason else None

                labels = {**_of_container(pod), "reason": reason}
                end = pod.started if reason == "ContainerCreating" else pod.gone
                if end > since:
                    yield Series(name, labels, step=step, begin=pod.created, end=end)

    def _memory(self, since: float, until: float) -> Iterator[Series]:
        for pod in self._pods(since, until):
            mean = (180 + 300 * seeding.fraction(self._world.seed, pod.workload.name, "memory")) * 2**20
            wave = Wave(self._world.seed, f"{pod.name} memory")
            terms = ((mean, Constant()), (mean * 0.06, wave))
            yield Series(
                "container_memory_working_set_bytes", _of_container(pod), terms, begin=pod.started, end=pod.gone
            )

    def _cpu(self, since: float, until: float) -> Iterator[Series]:
        for pod in self._pods(since, until):
            traffic = traffic_of(self._world, pod.workload)
            cores = 0.05 + 0.4 * seeding.fraction(self._world.seed, pod.workload.name, "cpu")
            yield Series(
                "container_cpu_usage_seconds_total",
                _of_container(pod),
                ((cores, traffic),),
                begin=pod.started,
                end=pod.gone,
            )


def _one(_time: float) -> float:
    return 1.0


def _kube(workload: Workload) -> dict[str, str]:
    return {"job": "kube-state-metrics", "namespace": workload.namespace, workload.kind.lower(): workload.name}


def _of_pod(pod: Pod) -> dict[str, str]:
    return {"job": "kube-state-metrics", "namespace": pod.workload.namespace, "pod": pod.name}


def _of_container(pod: Pod) -> dict[str, str]:
    return {**_of_pod(pod), "container": pod.workload.name}
