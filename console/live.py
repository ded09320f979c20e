"""The feeds of a running console, and what keeps each of them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from console.background import Work
from services.feed import Feed, Poller
from services.vocabulary.clock import Clock
from services.vocabulary.snapshot import FreshnessState, Snapshot

if TYPE_CHECKING:
    # What the first alerts need not wait for.
    from console.configuration.model import Settings
    from console.sources import Sources
    from services.alerts.model import Alert
    from services.alerts.source import AlertSource
    from services.approvals.model import Approval
    from services.deployments.model import Deployment
    from services.deployments.watch import DeploymentWatcher
    from services.incidents.model import Incident
    from services.incidents.repository import IncidentRepository
    from services.oncall.model import Duty
    from services.safety.breaker import Breaker
    from services.safety.circuit import Circuit
    from services.storage.store import Store

_ALERTS_EVERY = 5.0
_RECORDS_EVERY = 5.0  # the store itself tells of changes; this only says that it is still there
_DUTIES_EVERY = 30.0


class Live:
    """One feed a source.

    Attributes:
        alerts: cluster -> feed.
        deployments: context -> feed.
        incidents, circuit, approvals: of the store.
        duties: of the schedule; None where no rotation is configured.
    """

    def __init__(self, settings: Settings, clock: Clock, sources: Sources) -> None:
        """Nothing is read before the work of :meth:`alert_work` and its siblings runs."""
        self._clock = clock
        self._sources = sources
        self.alerts: dict[str, Feed[Alert]] = {}
        self._alert_pollers: dict[str, Poller[Alert]] = {}
        for name, reader in sources.alertmanagers.items():
            # A slow source is asked less often: its slowest round is one answer and a pause of three times that.
            valid = timedelta(seconds=_ALERTS_EVERY + 4 * _timeout(settings, name))
            feed: Feed[Alert] = Feed(reader.source, clock, valid_for=valid)
            self.alerts[name] = feed
            self._alert_pollers[name] = Poller(
                feed, reader.read, clock, interval=_ALERTS_EVERY, partial=partial(_missing, reader)
            )
        self.deployments: dict[str, Feed[Deployment]] = {}
        self._watchers: list[DeploymentWatcher] = []
        self._environments: dict[str, str] = {}
        for context in settings.sre.kubernetes:
            from services.deployments.model import VALID_FOR

            self.deployments[context.context] = Feed(f"kubernetes {context.context}", clock, valid_for=VALID_FOR)
            self._environments[context.context] = context.environment or context.context
        stored = timedelta(seconds=3 * _RECORDS_EVERY)
        self.incidents: Feed[Incident] = Feed("incidents", clock, valid_for=stored)
        self.circuit: Feed[Circuit] = Feed("circuit", clock, valid_for=stored)
        self.approvals: Feed[Approval] = Feed("approvals", clock, valid_for=stored)
        self._record_pollers: list[Poller[Any]] = []
        self._store: Store | None = None
        self.duties: Feed[Duty] | None = None
        self._duty_poller: Poller[Duty] | None = None
        if sources.schedule.names:
            self.duties = Feed("on-call", clock, valid_for=timedelta(seconds=4 * _DUTIES_EVERY))
            self._duty_poller = Poller(self.duties, sources.schedule.read, clock, interval=_DUTIES_EVERY)

    def follow(
        self,
        store: Store,
        incidents: IncidentRepository | None,
        breaker: Breaker,
        approvals: Callable[[], Awaitable[Sequence[Approval]]],
    ) -> None:
        """Follow the store from now on, once :meth:`record_work` runs.

        Args:
            store: tells who wrote.
            incidents: None where the feature is off.
            breaker: the circuit.
            approvals: reads what waits for a second person.
        """
        clock = self._clock
        self._store = store
        self._record_pollers = [
            Poller(self.circuit, breaker.changes().read, clock, interval=_RECORDS_EVERY),
            Poller(self.approvals, approvals, clock, interval=_RECORDS_EVERY),
        ]
        if incidents is not None:
            self._record_pollers.append(
                Poller(self.incidents, incidents.changes().read, clock, interval=_RECORDS_EVERY)
            )

    def record_work(self) -> Iterator[Work]:
        """What has to run for the store, each until it is cancelled."""
        for poller in self._record_pollers:
            yield _reading(poller)
        if self._store is not None:
            from console.store_changes import follow_store

            following = partial(follow_store, self._store, self._record_pollers, self._clock)
            yield Work("following the store", following)

    def alert_work(self) -> Iterator[Work]:
        """What has to run for the alerts, each until it is cancelled."""
        for poller in self._alert_pollers.values():
            yield _reading(poller)

    def other_work(self) -> Iterator[Work]:
        """What has to run for deployments and on-call, each until it is cancelled."""
        for watcher in self._watching():
            yield Work(f"following {watcher.feed.source}", watcher.run, watcher.feed.fail)
        if self._duty_poller is not None:
            yield _reading(self._duty_poller)
            handoffs, refresh = self._sources.schedule.call_at_handoffs, self._duty_poller.refresh
            yield Work("looking at the handoffs of on-call", partial(handoffs, refresh))

    async def alerts_answered(self, patience: float) -> None:
        """Wait until each cluster has answered or failed once, at most ``patience`` seconds."""
        changed = asyncio.Event()
        ends = [feed.subscribe(lambda _: changed.set()) for feed in self.alerts.values()]
        limit = asyncio.ensure_future(self._clock.sleep(patience))
        try:
            while not limit.done() and any(
                feed.snapshot.freshness.state is FreshnessState.WAITING for feed in self.alerts.values()
            ):
                changed.clear()
                change = asyncio.ensure_future(changed.wait())
                await asyncio.wait({limit, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        finally:
            limit.cancel()
            for end in ends:
                end()

    def refresh(self) -> None:
        """Read every polled source again now; watches are always up to date."""
        for poller in self._pollers():
            poller.refresh()

    def alerts_written(self, cluster: str) -> None:
        """A write to ``cluster`` was accepted: read it again at once."""
        if cluster in self._alert_pollers:
            self._alert_pollers[cluster].refresh()

    def known_deployments(self) -> Sequence[Snapshot[Deployment]]:
        """One snapshot a context, as it is."""
        return [feed.snapshot for feed in self.deployments.values()]

    async def deployments_now(self) -> Sequence[Snapshot[Deployment]]:
        """One snapshot a context; the watches keep them up to date."""
        return self.known_deployments()

    async def read_deployments(self) -> Sequence[Snapshot[Deployment]]:
        """Read every context once, then one snapshot each."""
        for watcher in self._watching():
            if watcher.feed.snapshot.freshness.state is not FreshnessState.FRESH:
                await watcher.read_once()
        return self.known_deployments()

    def _watching(self) -> Sequence[DeploymentWatcher]:
        # Imported behind the first alerts.
        from services.deployments.watch import DeploymentWatcher

        if not self._watchers:
            self._watchers = [
                DeploymentWatcher(
                    feed, self._sources.clusters[name], self._clock, context=name, environment=self._environments[name]
                )
                for name, feed in self.deployments.items()
            ]
        return self._watchers

    def _pollers(self) -> Iterator[Poller[Any]]:
        yield from self._alert_pollers.values()
        yield from self._record_pollers
        if self._duty_poller is not None:
            yield self._duty_poller


def _reading(poller: Poller[Any]) -> Work:
    return Work(f"reading {poller.feed.source}", poller.run, poller.feed.fail)


def _timeout(settings: Settings, cluster: str) -> float:
    """Seconds that one answer may take."""
    for one in settings.sre.alertmanager:
        if one.name == cluster:
            return one.timeout
    return settings.sre.prometheus.timeout if settings.sre.prometheus is not None else 0.0


def _missing(reader: AlertSource) -> tuple[str, ...]:
    return reader.partial
