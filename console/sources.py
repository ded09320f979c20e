"""From the configuration to the readers and writers of each source. Writers exist only where writing is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from console.configuration.http_sources import http_settings, prometheus_for
from console.configuration.model import AlertmanagerSettings, HttpOptions, KubernetesSettings, Settings
from console.late_cluster import LateCluster
from services.alerts.alertmanager import AlertmanagerReader, AlertmanagerWriter, Member
from services.alerts.source import AlertSource
from services.clusters.access import ClusterSettings
from services.http import HttpSettings, ReadClient, WriteClient
from services.oncall.local import LocalSchedule
from services.vocabulary.clock import Clock


@dataclass(frozen=True)
class Sources:
    """Everything outside that is read, and written where that is allowed.

    Attributes:
        members: cluster -> one client a member.
        alertmanagers: cluster -> what gives its alerts. Where no Alertmanager is configured, this is Prometheus.
        writers: cluster -> its writer; empty for a wallboard.
        clusters: context -> its client.
        prometheus: how to reach the Prometheus of an Alertmanager cluster or a Kubernetes context, by
            ``alertmanager NAME`` and ``kubernetes CONTEXT``; ``prometheus`` is the one that all share.
        schedule: who is on call.
        must_fire: cluster -> names of alerts that must always fire there; only clusters that have some.
    """

    members: dict[str, tuple[ReadClient, ...]]
    alertmanagers: dict[str, AlertSource]
    writers: dict[str, AlertmanagerWriter]
    clusters: dict[str, LateCluster]
    prometheus: dict[str, ReadClient]
    schedule: LocalSchedule
    must_fire: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    write_clients: tuple[WriteClient, ...] = field(default=(), repr=False)

    async def close(self) -> None:
        """Close every connection."""
        readers = {id(client): client for clients in self.members.values() for client in clients}
        readers |= {id(client): client for client in self.prometheus.values()}
        for reader in readers.values():
            await reader.close()
        for writer in self.write_clients:
            await writer.close()
        for cluster in self.clusters.values():
            await cluster.close()


def build_sources(
    settings: Settings, clock: Clock, *, writing: bool, learn: Callable[..., None] = lambda *_: None
) -> Sources:
    """Make the clients. Nothing is connected before the first request.

    Args:
        settings: the checked configuration.
        clock: for schedules and deadlines.
        writing: False makes no writer and no write client at all.
        learn: told every secret that is resolved.

    Raises:
        SecretError: a reference leads to no secret (any more).
        SourceError: TLS files cannot be loaded.
    """
    members: dict[str, tuple[ReadClient, ...]] = {}
    readers: dict[str, AlertSource] = {}
    writers: dict[str, AlertmanagerWriter] = {}
    write_clients: list[WriteClient] = []
    for cluster in settings.sre.alertmanager:
        reaching = tuple(member_settings(cluster))
        learn(*(secret for one in reaching for secret in one.secrets))
        clients = tuple(ReadClient(one) for one in reaching)
        members[cluster.name] = clients
        readers[cluster.name] = AlertmanagerReader(cluster.name, cluster.environment or cluster.name, clients)
        if writing:
            writing_clients = [WriteClient(one) for one in reaching]
            write_clients += writing_clients
            pairs = [Member(read, write) for read, write in zip(clients, writing_clients, strict=True)]
            writers[cluster.name] = AlertmanagerWriter(cluster.name, pairs)
    rotations = [one.rotation() for one in settings.sre.oncall.rotation]
    prometheus = _prometheus(settings)
    learn(*(secret for client in prometheus.values() for secret in client.settings.secrets))
    if not readers and "prometheus" in prometheus:
        from console.prometheus_alerts import PrometheusAlerts
        from services.metrics.prometheus import PrometheusReader

        readers["prometheus"] = PrometheusAlerts(PrometheusReader(prometheus["prometheus"]), "prometheus")
        prometheus["alertmanager prometheus"] = prometheus["prometheus"]
    return Sources(
        members,
        readers,
        writers,
        {one.context: LateCluster(cluster_settings(one), clock, learn) for one in settings.sre.kubernetes},
        prometheus,
        LocalSchedule(rotations, clock),
        {one.name: tuple(one.must_fire) for one in settings.sre.alertmanager if one.must_fire},
        tuple(write_clients),
    )


def member_settings(cluster: AlertmanagerSettings) -> list[HttpSettings]:
    """How to reach each member of a cluster; a lone member is called by the cluster's name."""
    several = len(cluster.urls) > 1
    return [
        http_settings(f"alertmanager {cluster.name}" + (f" ({urlsplit(url).netloc})" if several else ""), url, cluster)
        for url in cluster.urls
    ]


def cluster_settings(context: KubernetesSettings) -> ClusterSettings:
    """How to reach a Kubernetes context."""
    return ClusterSettings(
        name=f"kubernetes {context.context}",
        context=context.context,
        kubeconfig=str(Path(context.kubeconfig).absolute()) if context.kubeconfig else "",
        namespaces=tuple(context.namespaces or ()),
    )


def _prometheus(settings: Settings) -> dict[str, ReadClient]:
    wanted: list[tuple[str, str, str | None, HttpOptions]] = [
        (f"alertmanager {one.name}", one.name, one.prometheus_url, one) for one in settings.sre.alertmanager
    ]
    wanted += [
        (f"kubernetes {one.context}", one.context, one.prometheus_url, HttpOptions()) for one in settings.sre.kubernetes
    ]
    clients: dict[str, ReadClient] = {}
    if settings.sre.prometheus is not None:
        clients["prometheus"] = ReadClient(
            http_settings("prometheus", settings.sre.prometheus.url, settings.sre.prometheus)
        )
    for key, name, url, options in wanted:
        reaching = prometheus_for(settings, name, url, options)
        if reaching is not None:
            same = next((client for client in clients.values() if client.settings == reaching), None)
            clients[key] = same or ReadClient(reaching)
    return clients
