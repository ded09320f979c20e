"""What runs in the demo: a small shop on eight nodes."""

from __future__ import annotations

from dataclasses import dataclass

NODES = tuple(f"node-{number}" for number in range(11, 19))
NODE_IN_TROUBLE = "node-17"
NAMESPACES = ("default", "kube-system", "shop", "payments", "platform", "data")
CLUSTER = "demo"
REGISTRY = "registry.demo.example"

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet.

    Attributes:
        replicas: pods wanted.
        release: major version; a revision ``r`` runs the image tag ``<release>.<r>.0``.
        revision: number of the revision that runs at the epoch.
        age: seconds since that revision was rolled out, at the epoch.
        traffic: mean requests a second; 0 where it serves none through the gateway.
        median: median latency in seconds.
        port: of its container.
    """

    kind: str
    namespace: str
    name: str
    replicas: int
    release: int
    revision: int
    age: float
    traffic: float = 0.0
    median: float = 0.05
    port: int = 8080

    def image(self, revision: int) -> str:
        """The image that a revision runs."""
        return f"{REGISTRY}/{self.namespace}/{self.name}:{self.release}.{revision}.0"


CHECKOUT = Workload("Deployment", "shop", "checkout", 12, 4, 11, 3.2 * DAY, 95.0, 0.09)
PAYMENTS = Workload("Deployment", "payments", "payments", 8, 2, 30, 5.1 * DAY, 60.0, 0.07)

WORKLOADS = (
    CHECKOUT,
    PAYMENTS,
    Workload("Deployment", "shop", "frontend", 6, 7, 143, 0.9 * DAY, 420.0, 0.06, 3000),
    Workload("Deployment", "shop", "cart", 6, 3, 88, 3.0 * DAY, 180.0, 0.04),
    Workload("Deployment", "shop", "catalog", 4, 5, 61, 8.4 * DAY, 310.0, 0.03),
    Workload("Deployment", "shop", "search", 3, 2, 27, 12.7 * DAY, 140.0, 0.11),
    Workload("Deployment", "shop", "recommendations", 2, 1, 19, 20.3 * DAY, 75.0, 0.13),
    Workload("Deployment", "payments", "ledger", 3, 6, 14, 33.6 * DAY, 58.0, 0.05),
    Workload("Deployment", "payments", "fraud", 2, 3, 22, 6.5 * DAY, 58.0, 0.12),
    Workload("Deployment", "payments", "invoices", 2, 1, 9, 41.2 * DAY, 6.0, 0.2),
    Workload("Deployment", "platform", "gateway", 4, 1, 35, 15.8 * DAY, 900.0, 0.02),
    Workload("Deployment", "platform", "auth", 3, 4, 52, 10.1 * DAY, 210.0, 0.03),
    Workload("Deployment", "platform", "notifications", 2, 2, 17, 4.6 * DAY, 12.0, 0.08),
    Workload("Deployment", "platform", "feature-flags", 2, 1, 6, 55.0 * DAY, 33.0, 0.01),
    Workload("StatefulSet", "data", "orders-db", 3, 15, 4, 62.0 * DAY, port=5432),
    Workload("StatefulSet", "data", "events-log", 3, 3, 7, 48.0 * DAY, port=9092),
    Workload("DaemonSet", "platform", "node-agent", len(NODES), 1, 12, 29.0 * DAY, port=9100),
)

SERVING = tuple(workload for workload in WORKLOADS if workload.traffic)
"""The workloads whose requests the gateway counts."""
