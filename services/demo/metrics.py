"""The metric families of the demo and the series in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.demo import seeding, story
from services.demo.catalog import CLUSTER as _CLUSTER  # noqa: F401 - external label, added by the sender
from services.demo.catalog import NODE_IN_TROUBLE, NODES, SERVING, WORKLOADS, Workload
from services.demo.pods import Pod
from services.demo.rollouts import Rollout
from services.demo.series import Series
from services.demo.signals import Constant, Elapsed, Episode, EpisodeIntegral, Traffic, Wave, below, mean_latency
from services.demo.world import World

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW_MEDIAN = 2.2

# Share of requests that fail, and share that is slow, at the height of the story.
_FAILING = {
    "checkout": (0.13, Episode(95.0, 170.0, 425.0, 458.0)),
    "frontend": (0.011, Episode(105.0, 190.0, 425.0, 470.0)),
    "cart": (0.008, Episode(120.0, 210.0, 425.0, 475.0)),
}
_SLOW = {
    "checkout": (0.2, Episode(95.0, 160.0, 425.0, 465.0)),
    "cart": (0.08, Episode(130.0, 200.0, 430.0, 490.0)),
    "frontend": (0.05, Episode(150.0, 230.0, 430.0, 500.0)),
}
_FEWER = {
    "payments": (0.35, Episode(110.0, 200.0, 430.0, 520.0)),
    "ledger": (0.35, Episode(110.0, 200.0, 430.0, 520.0)),
}


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: what ``/metadata`` tells of it, and its series in a window of time."""

    name: str
    type: str
    help: str
    series: Callable[[float, float], Iterator[Series]]


class Metrics:
    """All families of one world. Times are seconds after its epoch."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.families = {family.name: family for family in self._declare()}

    def _declare(self) -> Iterator[Family]:
        yield Family("http_requests_total", "counter", "Requests that passed the gateway.", self._requests)
        for suffix, kind in (("_bucket", "histogram"), ("_count", "histogram"), ("_sum", "histogram")):
            yield Family(
                f"http_request_duration_seconds{suffix}",
                kind,
                "Seconds from request to response at the gateway.",
                self._latency(suffix),
            )
        yield Family("up", "gauge", "Whether the last scrape of the target succeeded.", self._up)
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
        yield Family("node_load1", "gauge", "Load average of one minute.", self._load)
        yield Family("node_memory_MemAvailable_bytes", "gauge", "Memory available.", self._available)
        yield Family("node_memory_MemTotal_bytes", "gauge", "Memory in total.", self._total)
        yield Family("kubelet_volume_stats_available_bytes", "gauge", "Bytes free on a volume.", self._volume(True))
        yield Family("kubelet_volume_stats_capacity_bytes", "gauge", "Bytes of a volume.", self._volume(False))
        yield Family("events_consumer_lag", "gauge", "Events a consumer has not read yet.", self._lag)
        yield Family("x509_cert_not_after", "gauge", "Unix time at which a certificate ends.", self._certificate)

    # Requests and latency, as the gateway counts them.

    def _traffic(self, workload: Workload) -> Traffic:
        return Traffic(self._world.seed, workload.name, self._world.midnight)

    def _requests(self, _since: float, _until: float) -> Iterator[Series]:
        for workload in SERVING:
            rate, traffic = workload.traffic, self._traffic(workload)
            failing, episode = _FAILING.get(workload.name, (0.0, None))
            fewer, absence = _FEWER.get(workload.name, (0.0, None))
            flaky = 0.0006 + 0.0014 * seeding.fraction(self._world.seed, workload.name, "errors")
            for code, share, of_failing in (
                ("200", 1 - 0.012 - flaky, -1.0),
                ("404", 0.012, 0.0),
                ("500", flaky * 0.7, 0.35),
                ("503", flaky * 0.3, 0.65),
            ):
                terms = [(rate * share, traffic)]
                extra: list[tuple[float, EpisodeIntegral]] = []
                if episode is not None and of_failing:
                    extra.append((rate * failing * of_failing, EpisodeIntegral(episode)))
                if absence is not None and code == "200":
                    extra.append((-rate * fewer, EpisodeIntegral(absence)))
                yield Series("http_requests_total", {**_served(workload), "code": code}, (*terms, *extra))

    def _latency(self, suffix: str) -> Callable[[float, float], Iterator[Series]]:
        def series(_since: float, _until: float) -> Iterator[Series]:
            name = f"http_request_duration_seconds{suffix}"
            for workload in SERVING:
                traffic = self._traffic(workload)
                slow, episode = _SLOW.get(workload.name, (0.0, None))
                fewer, absence = _FEWER.get(workload.name, (0.0, None))

                def terms(
                    fast: float,
                    slower: float,
                    workload: Workload = workload,
                    traffic: Traffic = traffic,
                    slow: float = slow,
                    episode: Episode | None = episode,
                    fewer: float = fewer,
                    absence: Episode | None = absence,
                ) -> tuple[tuple[float, Traffic | EpisodeIntegral], ...]:
                    out: list[tuple[float, Traffic | EpisodeIntegral]] = [(workload.traffic * fast, traffic)]
                    if episode is not None and slower != fast:
                        out.append((workload.traffic * slow * (slower - fast), EpisodeIntegral(episode)))
                    if absence is not None:
                        out.append((-workload.traffic * fewer * fast, EpisodeIntegral(absence)))
                    return tuple(out)

                labels = _served(workload)
                if suffix == "_count":
                    yield Series(name, labels, terms(1.0, 1.0))
                elif suffix == "_sum":
                    yield Series(name, labels, terms(mean_latency(workload.median), mean_latency(_SLOW_MEDIAN)))
                else:
                    for bound in BUCKETS:
                        share = terms(below(bound, workload.median), below(bound, _SLOW_MEDIAN))
                        yield Series(name, {**labels, "le": f"{bound:g}"}, share)
                    yield Series(name, {**labels, "le": "+Inf"}, terms(1.0, 1.0))

        return series

    # Targets.

    def targets(self) -> Iterator[tuple[dict[str, str], bool]]:
        """The labels of each scrape target, and whether it is the one that fails in the story."""
        for node in NODES:
            yield {"job": "node-agent", "instance": f"{node}:9100", "node": node}, node == NODE_IN_TROUBLE
        for index in range(4):
            yield {"job": "gateway", "namespace": "platform", "instance": f"10.42.{index + 1}.9:9100"}, False
        yield {"job": "kube-state-metrics", "instance": "kube-state-metrics:8080"}, False
        yield {"job": "prometheus", "instance": "localhost:9090"}, False

    def _up(self, _since: float, _until: float) -> Iterator[Series]:
        for labels, fails in self.targets():
            yield Series("up", labels, step=_up_in_story if fails else _one)

    # What kube-state-metrics tells.

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
            traffic = self._traffic(pod.workload)
            cores = 0.05 + 0.4 * seeding.fraction(self._world.seed, pod.workload.name, "cpu")
            yield Series(
                "container_cpu_usage_seconds_total",
                _of_container(pod),
                ((cores, traffic),),
                begin=pod.started,
                end=pod.gone,
            )

    # Nodes, volumes, queues, certificates.

    def _load(self, _since: float, _until: float) -> Iterator[Series]:
        for node in NODES:
            terms = ((2.4, Constant()), (0.8, Wave(self._world.seed, f"{node} load")))
            if node == NODE_IN_TROUBLE:
                terms = (*terms, (14.0, _OVERLOAD))  # type: ignore[assignment]
            yield Series("node_load1", _of_node(node), terms)

    def _available(self, _since: float, _until: float) -> Iterator[Series]:
        for node in NODES:
            terms = ((19.0 * 2**30, Constant()), (1.1 * 2**30, Wave(self._world.seed, f"{node} memory")))
            yield Series("node_memory_MemAvailable_bytes", _of_node(node), terms)

    def _total(self, _since: float, _until: float) -> Iterator[Series]:
        for node in NODES:
            yield Series("node_memory_MemTotal_bytes", _of_node(node), ((32.0 * 2**30, Constant()),))

    def _volume(self, available: bool) -> Callable[[float, float], Iterator[Series]]:
        def series(_since: float, _until: float) -> Iterator[Series]:
            size = 200.0 * 2**30
            for name in ("orders-db", "events-log"):
                for index in range(3):
                    labels = {
                        "job": "kubelet",
                        "namespace": "data",
                        "persistentvolumeclaim": f"data-{name}-{index}",
                        "pod": f"{name}-{index}",
                    }
                    if not available:
                        yield Series("kubelet_volume_stats_capacity_bytes", labels, ((size, Constant()),))
                        continue
                    full = name == "orders-db" and index == 2
                    # The third database volume passed 90 % a little over two hours before the epoch.
                    free = 0.0992 if full else 0.35 + 0.3 * seeding.fraction(self._world.seed, name, index)
                    drain = 0.0008 / 7500.0 if full else 0.0
                    terms = ((size * (free - 0.0000), Constant()), (-size * drain, Elapsed()))
                    yield Series("kubelet_volume_stats_available_bytes", labels, terms)

        return series

    def _lag(self, _since: float, _until: float) -> Iterator[Series]:
        for group, namespace, mean in (("invoices", "payments", 26_000.0), ("notifications", "platform", 900.0)):
            labels = {"job": "events-log", "namespace": namespace, "consumer": group, "service": group}
            terms = ((mean, Constant()), (mean * 0.05, Wave(self._world.seed, f"{group} lag")))
            begin = -5.2 * 3600 if group == "invoices" else -30 * 86_400.0
            yield Series("events_consumer_lag", labels, terms, begin=begin)

    def _certificate(self, _since: float, _until: float) -> Iterator[Series]:
        for host, days in (("shop.example", 19.7), ("api.shop.example", 64.2)):
            labels = {"job": "blackbox", "namespace": "platform", "service": "gateway", "host": host}
            end = self._world.epoch_seconds + days * 86_400.0
            yield Series("x509_cert_not_after", labels, ((end, Constant()),))


_OVERLOAD = Episode(150.0, 210.0, 330.0, 380.0)

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


def _one(_time: float) -> float:
    return 1.0


def _up_in_story(time: float) -> float:
    return 0.0 if time >= 0 and story.NODE_AGENT_DOWN <= time % story.TURN < story.NODE_AGENT_UP else 1.0


def _served(workload: Workload) -> dict[str, str]:
    return {"job": "gateway", "namespace": workload.namespace, "service": workload.name}


def _kube(workload: Workload) -> dict[str, str]:
    return {"job": "kube-state-metrics", "namespace": workload.namespace, workload.kind.lower(): workload.name}


def _of_pod(pod: Pod) -> dict[str, str]:
    return {"job": "kube-state-metrics", "namespace": pod.workload.namespace, "pod": pod.name}


def _of_container(pod: Pod) -> dict[str, str]:
    return {**_of_pod(pod), "container": pod.workload.name}


def _of_node(node: str) -> dict[str, str]:
    return {"job": "node-agent", "instance": f"{node}:9100", "node": node}
