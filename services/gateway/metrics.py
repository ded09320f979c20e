"""``/metrics``: what the status tells, and how the gateway itself fares, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from services.safety.circuit import CircuitState
from services.vocabulary.snapshot import FreshnessState

if TYPE_CHECKING:
    from services.gateway.documents import StatusDocument
    from services.gateway.needs import GatewayNeeds

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """A registry of its own: nothing of the process or of other libraries gets into it."""

    def __init__(self, needs: GatewayNeeds, status: StatusDocument) -> None:
        """
        Args:
            needs: what is told of.
            status: counts the alerts.
        """
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Standing(needs, status))
        self._requests = Counter(
            "sre_console_gateway_requests",
            "Requests that the gateway answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "sre_console_gateway_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered. ``method`` and ``route`` are known ones: each new value is kept for ever."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Everything, in text format 0.0.4."""
        return generate_latest(self._registry)


class _Standing(Collector):
    """Read at each scrape. What is not known is left out, so that no alert takes it for zero."""

    def __init__(self, needs: GatewayNeeds, status: StatusDocument) -> None:
        self._needs = needs
        self._status = status

    def collect(self) -> Iterable[Metric]:
        needs = self._needs
        now = needs.clock.now()
        build = GaugeMetricFamily("sre_console_build", "1; its labels tell the version.", labels=("version", "demo"))
        build.add_metric((needs.version, str(needs.demo).lower()), 1)
        yield build
        states = GaugeMetricFamily(
            "sre_console_circuit_state", "1 for the state that a breaker is in.", labels=("scope", "state")
        )
        circuits = needs.circuit.snapshot
        for circuit in circuits.items if circuits.freshness.trusted else ():
            for state in CircuitState:
                states.add_metric((circuit.scope, state.value), float(state is circuit.standing(now)))
        yield states
        up = GaugeMetricFamily("sre_console_source_up", "1 where the answer of a source is fresh.", labels=("source",))
        age = GaugeMetricFamily(
            "sre_console_source_age_seconds", "Time since the last good answer of a source.", labels=("source",)
        )
        for feed in needs.sources:
            freshness = feed.snapshot.freshness
            up.add_metric((freshness.source,), float(freshness.state is FreshnessState.FRESH))
            if freshness.checked_at is not None:
                age.add_metric((freshness.source,), max(0.0, (now - freshness.checked_at).total_seconds()))
        yield up
        yield age
        alerts = GaugeMetricFamily(
            "sre_console_alerts", "Alerts of all clusters as last known.", labels=("severity", "state")
        )
        for severity, row in (self._status.counts() or {}).items():
            for standing, count in row.items():
                alerts.add_metric((severity.value, standing.value), count)
        yield alerts
        incidents = needs.incidents
        if incidents is not None and incidents.snapshot.freshness.checked_at is not None:
            yield GaugeMetricFamily(
                "sre_console_incidents_open",
                "Incidents that somebody still has to work on, as last known.",
                value=sum(incident.state.is_open for incident in incidents.snapshot.items),
            )
        head = needs.head()
        if head is not None:
            yield GaugeMetricFamily("sre_console_audit_entries", "Entries of the audit.", value=head["sequence"])
