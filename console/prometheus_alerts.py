"""The alerts of a Prometheus without an Alertmanager, as the same alerts that everything else knows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from services.alerts.model import Alert, Silence
from services.alerts.wire import fingerprint
from services.metrics.inventory import ActiveAlert, Rule
from services.metrics.prometheus import PrometheusReader

if TYPE_CHECKING:
    from services.alerts.routing import Route


class PrometheusAlerts:
    """Reads what fires from the rules, because these tell the expression too.

    Ack and silence do not exist there. An alert begins where its expression began to hold, which is earlier than an
    Alertmanager would say by the ``for`` of its rule. What only pends is not listed.
    """

    def __init__(self, reader: PrometheusReader, cluster: str) -> None:
        """Nothing is read before it is asked for."""
        self.cluster = cluster
        self.environment = cluster
        self._reader = reader
        self._partial: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The name under which its freshness is told."""
        return self._reader.source

    @property
    def partial(self) -> tuple[str, ...]:
        """Rules that cannot be evaluated: their alerts cannot fire."""
        return self._partial

    async def read(self) -> tuple[Alert, ...]:
        """Every alert that fires, by fingerprint; one label set is one alert.

        Raises:
            SourceError: no usable answer.
        """
        rules = await self._reader.rules()
        failing = [rule for rule in rules if rule.alerting and rule.health == "err"]
        self._partial = tuple(f"rule {rule.name} cannot be evaluated: {rule.error}" for rule in failing[:3])
        found: dict[str, Alert] = {}
        for rule in rules:
            for active in rule.alerts:
                if active.state == "firing":
                    alert = self._alert(rule, active)
                    found.setdefault(alert.fingerprint, alert)
        return tuple(found[one] for one in sorted(found))

    async def silences(self) -> tuple[Silence, ...]:
        """None: there are none."""
        return ()

    async def silence(self, silence_id: str) -> Silence | None:
        """None: there are none."""
        del silence_id
        return None

    async def routes(self) -> Route | None:
        """None: it sends its alerts nowhere."""
        return None

    def _alert(self, rule: Rule, active: ActiveAlert) -> Alert:
        labels = dict(active.labels)
        begun = active.active_at or rule.evaluated_at
        if begun is None:
            raise ValueError(f"rule {rule.name} fires and was never evaluated")
        return Alert(
            self.cluster,
            self.environment,
            fingerprint(labels),
            labels,
            dict(active.annotations),
            begun,
            # The path that Prometheus itself writes; its host is never contacted.
            generator_url=f"http://{self.cluster}/graph?g0.expr={quote(rule.query, safe='')}&g0.tab=1",
        )
