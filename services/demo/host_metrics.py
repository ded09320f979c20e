"""Targets, nodes, volumes, queues and certificates of the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from services.demo import seeding, story
from services.demo.catalog import NODE_IN_TROUBLE, NODES
from services.demo.family import Family
from services.demo.series import Series
from services.demo.signals import Constant, Elapsed, Episode, Wave
from services.demo.world import World

_OVERLOAD = Episode(150.0, 210.0, 330.0, 380.0)


class HostMetrics:
    """The families beside those of the gateway and of Kubernetes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def families(self) -> Iterator[Family]:
        """All of them."""
        yield Family("up", "gauge", "Whether the last scrape of the target succeeded.", self._up)
        yield Family("node_load1", "gauge", "Load average of one minute.", self._load)
        yield Family("node_memory_MemAvailable_bytes", "gauge", "Memory available.", self._available)
        yield Family("node_memory_MemTotal_bytes", "gauge", "Memory in total.", self._total)
        yield Family("kubelet_volume_stats_available_bytes", "gauge", "Bytes free on a volume.", self._volume(True))
        yield Family("kubelet_volume_stats_capacity_bytes", "gauge", "Bytes of a volume.", self._volume(False))
        yield Family("events_consumer_lag", "gauge", "Events a consumer has not read yet.", self._lag)
        yield Family("x509_cert_not_after", "gauge", "Unix time at which a certificate ends.", self._certificate)

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
                    terms = ((size * free, Constant()), (-size * drain, Elapsed()))
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


def _one(_time: float) -> float:
    return 1.0


def _up_in_story(time: float) -> float:
    return 0.0 if time >= 0 and story.NODE_AGENT_DOWN <= time % story.TURN < story.NODE_AGENT_UP else 1.0


def _of_node(node: str) -> dict[str, str]:
    return {"job": "node-agent", "instance": f"{node}:9100", "node": node}
