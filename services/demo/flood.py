"""Extra alerts beside the story, for pictures and benchmarks. A second, larger estate seems to send them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from services.demo import seeding
from services.demo.catalog import CLUSTER
from services.demo.world import World

_NAMES = (
    ("BatchJobFailed", "warning", "kube_job_status_failed > 0"),
    ("CertificateRenewalFailed", "warning", "certificate_renewal_failures > 0"),
    ("ClockSkewed", "info", "abs(node_timex_offset_seconds) > 0.05"),
    ("ConnectionsExhausted", "critical", "db_connections_used / db_connections_max > 0.95"),
    ("DiskFillsSoon", "warning", "predicted_bytes_free < 0"),
    ("EndpointSlow", "warning", "endpoint_latency_seconds > 2"),
    ("MemoryPressure", "warning", "container_memory_usage / container_memory_limit > 0.9"),
    ("NetworkErrors", "info", "node_network_errors_rate > 10"),
    ("QueueStalled", "critical", "queue_oldest_seconds > 900"),
    ("ReplicationLag", "warning", "db_replication_lag_seconds > 30"),
)


@dataclass(frozen=True, slots=True)
class ExtraAlert:
    """One of them; ``starts`` is in seconds after the epoch."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts: float
    generator_url: str


def flood(world: World) -> Iterator[ExtraAlert]:
    """As many as the world asks for, the same for the same seed."""
    for index in range(world.flood):
        draw = seeding.number(world.seed, "flood", index)
        name, severity, expression = _NAMES[draw % len(_NAMES)]
        # Critical alerts inhibit lesser ones of the same service: they get services of their own.
        number = (draw >> 8) % 20 if severity == "critical" else 20 + (draw >> 8) % 120
        service = f"service-{number:03d}"
        suffix = seeding.letters(10, world.seed, service)
        labels = {
            "alertname": name,
            "cluster": CLUSTER,
            "instance": f"10.{(draw >> 16) % 40 + 60}.{(draw >> 24) % 250}.{(draw >> 32) % 250 + 1}:9100",
            "namespace": f"team-{number % 12:02d}",
            "pod": f"{service}-{suffix}-{seeding.letters(5, world.seed, 'flood', index)}",
            "service": service,
            "severity": severity,
        }
        yield ExtraAlert(
            labels=labels,
            annotations={
                "description": f"{name} on {labels['pod']}; the condition has held for a while.",
                "runbook_url": f"https://runbooks.example/{name}",
                "summary": f"{name} on {service}",
            },
            starts=-float((draw >> 40) % 21_600),
            generator_url=f"https://prometheus.demo.example/graph?g0.expr={quote_plus(expression)}&g0.tab=1",
        )
