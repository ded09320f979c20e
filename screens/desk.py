"""What the screens are handed: live feeds, the commands, and who sits in front of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.alerts.heartbeat import Missing
    from services.alerts.model import Alert
    from services.alerts.saved_views import ChosenView
    from services.approvals.model import Approval
    from services.command import Confirmer, Invocation
    from services.deployments.model import Deployment
    from services.feed import Feed
    from services.incidents.model import Incident
    from services.metrics.model import AlertPlot
    from services.oncall.model import Duty
    from services.registry import Registry
    from services.safety.circuit import Circuit
    from services.vocabulary.clock import Clock
    from services.vocabulary.snapshot import Freshness


@dataclass(frozen=True)
class Desk:
    """Built once, when the configuration has been read; screens show skeletons before.

    Attributes:
        clock: the only time there is.
        operator: the configured name.
        environments: every configured environment, in order.
        demo: whether what is shown is the simulated production.
        alerts: cluster -> feed.
        deployments: Kubernetes context -> feed.
        incidents: of the store; None where the feature is off.
        duties: of the on-call schedule; None where none is configured.
        circuit: the breaker; always at most one item.
        commands: gives the registry; the first to ask waits for its import.
        invocation: selection and confirmer -> who asks, from where, on what.
        plot: what the rule of an alert measures, over the time around its onset, in so many points at most;
            None where no Prometheus belongs to the alert's cluster.
        refresh: read every source again now.
        approvals: what waits for a second person; None where nothing can.
        warnings: what the person should know at the start.
        view: of the alerts, and which others there are; None where there is only the one list.
        missing: alerts that must always fire and do not, as of now.
        fault: what of the console itself is broken, told as a source that fails; None for nothing.
    """

    clock: Clock
    operator: str
    environments: tuple[str, ...]
    demo: bool
    alerts: Mapping[str, Feed[Alert]]
    deployments: Mapping[str, Feed[Deployment]]
    incidents: Feed[Incident] | None
    duties: Feed[Duty] | None
    circuit: Feed[Circuit] | None
    commands: Callable[[], Registry]
    invocation: Callable[[Mapping[str, tuple[str, ...]], Confirmer], Invocation]
    plot: Callable[[Alert, int], Awaitable[AlertPlot | None]]
    refresh: Callable[[], None]
    approvals: Feed[Approval] | None = None
    warnings: tuple[str, ...] = ()
    fault: Callable[[], Freshness | None] = lambda: None
    missing: Callable[[], tuple[Missing, ...]] = tuple
    view: ChosenView | None = None

    @property
    def registry(self) -> Registry:
        """The commands that this console offers."""
        return self.commands()

    @property
    def freshness(self) -> tuple[Freshness, ...]:
        """How far to trust every source, and behind them the console itself where something of it is broken."""
        sources = tuple(feed.snapshot.freshness for feed in self.feeds)
        broken = self.fault()
        return sources if broken is None else (*sources, broken)

    @property
    def feeds(self) -> tuple[Feed[Any], ...]:
        """Every feed, in the order the header names them."""
        rest = (self.incidents, self.duties, self.circuit)
        return (
            *self.alerts.values(),
            *self.deployments.values(),
            *(feed for feed in rest if feed is not None),
        )
