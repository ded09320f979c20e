"""All metric families of the demo."""

from __future__ import annotations

from services.demo.cluster_metrics import ClusterMetrics
from services.demo.family import Family
from services.demo.gateway_metrics import GatewayMetrics
from services.demo.host_metrics import HostMetrics
from services.demo.world import World


class Metrics:
    """All families of one world, by name. Times are seconds after its epoch."""

    def __init__(self, world: World) -> None:
        self.hosts = HostMetrics(world)
        rooms = (GatewayMetrics(world), ClusterMetrics(world), self.hosts)
        self.families: dict[str, Family] = {family.name: family for room in rooms for family in room.families()}
