"""What the metrics commands get from the rest of the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from services.alerts.lookup import find_alert
from services.alerts.model import Alert
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow
from services.command import Invocation
from services.metrics.alert_history import fired_within
from services.metrics.needs import COMMON, MetricsNeeds
from services.metrics.objective import Objective
from services.metrics.prometheus import PrometheusReader
from services.metrics.rule_commands import RuleNeeds
from services.registry.words import quote
from services.safety.plan import Plan
from services.vocabulary.clock import Clock
from services.vocabulary.errors import NotFound

if TYPE_CHECKING:
    from console.sources import Sources
    from services.registry import Registry


def metrics_needs(
    sources: Sources,
    registry: Registry,
    alerts_now: Callable[[], Awaitable[AlertsNow]],
    clock: Clock,
    objectives: Sequence[Objective],
) -> MetricsNeeds:
    """Every Prometheus that is configured, each once, by the name that its errors use.

    Args:
        sources: the clients.
        registry: works out the silence of an alert that Prometheus names.
        alerts_now: what Alertmanager holds.
        clock: the time.
        objectives: of the configuration.
    """
    clients = {id(client): client for client in sources.prometheus.values()}
    readers = {client.settings.name.removeprefix("prometheus ") or COMMON: client for client in clients.values()}

    async def plan_silence(
        labels: tuple[tuple[str, str], ...], duration: str, comment: str, invocation: Invocation
    ) -> Plan:
        # An Alertmanager adds external labels to those of the rule, so its fingerprint is another.
        wanted = set(labels)
        found = [one for one in (await alerts_now()).alerts if wanted <= set(one.labels.items())]
        if not found:
            raise NotFound(
                "no Alertmanager has this alert now",
                "it may be pending, or not sent yet; /metrics alerts shows its state",
            )
        line = f"/alerts silence {quote(found[0].id)} --for {duration} --comment {quote(comment)}"
        plan = await registry.plan(registry.parse(line), invocation)
        if plan is None:
            raise TypeError("/alerts silence works out no write")
        return plan

    return MetricsNeeds(
        {name: PrometheusReader(client) for name, client in readers.items()}, clock, plan_silence, objectives
    )


def rule_needs(sources: Sources, metrics: MetricsNeeds, alerts: AlertsNeeds) -> RuleNeeds:
    """What the commands of rules work with.

    Args:
        sources: which Prometheus belongs to which cluster.
        metrics: every Prometheus by its name.
        alerts: what is known of alerts.
    """

    async def find(id: str) -> Alert:
        return find_alert(await alerts.current(), id)

    def reader_of(alert: Alert) -> PrometheusReader | None:
        client = sources.prometheus.get(f"alertmanager {alert.cluster}")
        return None if client is None else PrometheusReader(client)

    return RuleNeeds(metrics, find, reader_of, alerts.offers)


def fired_in(sources: Sources) -> Callable[[str, timedelta], Awaitable[Sequence[Mapping[str, str]] | None]]:
    """What says what fired lately in a cluster, as far as a Prometheus belongs to it."""

    async def fired(cluster: str, span: timedelta) -> Sequence[Mapping[str, str]] | None:
        client = sources.prometheus.get(f"alertmanager {cluster}")
        return None if client is None else await fired_within(PrometheusReader(client), span)

    return fired
