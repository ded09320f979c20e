"""The composition root: the only place that builds sources, storage and commands, and nothing looks anything up."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from console.configuration.model import Settings
from console.late_store import LateStore
from console.live import Live
from console.preferences import Preferences
from console.sources import build_sources
from console.theme_command import COMMANDS as THEME_COMMANDS
from console.theme_command import ThemeNeeds
from services.alerts.commands import COMMANDS as ALERTS_COMMANDS
from services.alerts.model import Alert
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow, alerts_of_snapshots, read_alerts
from services.circuit.commands import COMMANDS as CIRCUIT_COMMANDS
from services.circuit.commands import CircuitNeeds
from services.command import Confirmer, Invocation
from services.deployments.commands import COMMANDS as DEPLOYMENTS_COMMANDS
from services.deployments.commands import DeploymentsNeeds
from services.incidents.commands import COMMANDS as INCIDENTS_COMMANDS
from services.incidents.commands import IncidentsNeeds
from services.incidents.repository import IncidentRepository
from services.metrics.model import AlertPlot
from services.metrics.plot import plot_of
from services.metrics.prometheus import PrometheusReader
from services.oncall.commands import COMMANDS as ONCALL_COMMANDS
from services.oncall.commands import OncallNeeds
from services.registry import Registry
from services.safety.actor import Actor, Surface
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.circuit import Circuit
from services.safety.guard import Guard
from services.safety.outcome import Unfinished
from services.vocabulary.clock import Clock


class Backend:
    """Everything behind the screen or behind ``exec``.

    Attributes:
        settings: the checked configuration.
        demo: whether the simulated production is behind it.
        clock: the only time there is.
        actor: who sits in front of it.
        sources: the clients of the outside systems.
        store: the console's own records.
        live: the feeds and what keeps them up to date; nothing is read before :meth:`start`.
        incidents: the incidents in the store.
        registry: the commands.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        surface: Surface,
        preferences: Preferences,
        *,
        demo: bool = False,
        switch_theme: Callable[[str], None] | None = None,
        resources: AsyncExitStack | None = None,
    ) -> None:
        """Connects to nothing.

        Args:
            settings: the checked configuration.
            clock: the only time there is.
            surface: a wallboard gets no writer, no guard, and a store that cannot be written.
            preferences: where the theme is remembered.
            demo: whether the simulated production is behind it.
            switch_theme: shows a theme at once; None where there is no screen.
            resources: closed after everything else.

        Raises:
            ConsoleError: a secret or a TLS file cannot be read.
        """
        writing = surface is not Surface.WALLBOARD
        self.settings = settings
        self.demo = demo
        self.clock = clock
        self.actor = actor_of(settings, surface)
        self.sources = build_sources(settings, clock, writing=writing)
        self.store = LateStore(settings.sre.store.url, clock, read_only=not writing)
        self.incidents = IncidentRepository(self.store, clock)
        self.breaker = Breaker(self.store, clock)
        self.guard = Guard(self.store, clock) if writing else None
        self.live = Live(settings, clock, self.sources, self.incidents, self.breaker)
        self._headless = surface is Surface.EXEC
        self._tasks: list[asyncio.Task[None]] = []
        self._resources = resources or AsyncExitStack()
        self.registry = self._commands(preferences, switch_theme)

    @property
    def environments(self) -> tuple[str, ...]:
        """Every configured environment, in the order of the configuration."""
        return self.settings.environments

    def invocation(self, selection: Mapping[str, tuple[str, ...]], confirm: Confirmer) -> Invocation:
        """Who runs a command, on what."""
        return Invocation(self.actor, confirm, selection)

    def start(self) -> None:
        """Begin to read every source and to keep the feeds up to date."""
        for work in self.live.work():
            self.keep_running(work)
        if self.guard is not None:
            self.keep_running(self._settle(self.guard))

    def keep_running(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` until :meth:`close`."""
        self._tasks.append(asyncio.create_task(work))

    async def plot(self, alert: Alert, points: int) -> AlertPlot | None:
        """What the rule of ``alert`` measures, in at most so many points a series.

        Returns:
            None where no Prometheus belongs to the alert's cluster.

        Raises:
            ConsoleError: the alert does not tell its rule, or Prometheus gave no usable answer.
        """
        client = self.sources.prometheus.get(f"alertmanager {alert.cluster}")
        if client is None:
            return None
        return await plot_of(alert, PrometheusReader(client), self.clock, points)

    def refresh(self) -> None:
        """Read every source again now."""
        self.live.refresh()

    async def close(self) -> None:
        """Stop reading and close every connection; never raises."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for closing in (self.sources.close, self.store.close, self._resources.aclose):
            with contextlib.suppress(Exception):
                await closing()

    async def _settle(self, guard: Guard) -> None:
        # What an earlier life of this console began and did not end is put down as unknown; /circuit status tells it.
        with contextlib.suppress(Exception):
            await guard.settle(self.actor)

    def _commands(self, preferences: Preferences, switch_theme: Callable[[str], None] | None) -> Registry:
        sources, live, clock = self.sources, self.live, self.clock
        registry = Registry(self.guard)
        registry.add(
            ALERTS_COMMANDS,
            AlertsNeeds(
                current=self._alerts_now,
                latest=lambda: [alert for feed in live.alerts.values() for alert in feed.snapshot.items],
                readers=sources.alertmanagers,
                writers=sources.writers,
                clock=clock,
                written=live.alerts_written,
            ),
        )
        if self.settings.feature_flags.incident_response:
            registry.add(
                INCIDENTS_COMMANDS,
                IncidentsNeeds(repository=self.incidents, latest=lambda: live.incidents.snapshot.items, clock=clock),
            )
        registry.add(
            DEPLOYMENTS_COMMANDS,
            DeploymentsNeeds(
                current=live.read_deployments if self._headless else live.deployments_now,
                latest=live.known_deployments,
                clock=clock,
            ),
        )
        registry.add(ONCALL_COMMANDS, OncallNeeds(sources.schedule, clock))
        registry.add(
            CIRCUIT_COMMANDS,
            CircuitNeeds(
                self.breaker,
                Audit(self.store),
                clock,
                seen=self._circuit_seen,
                unfinished=_none_unfinished if self.guard is None else self.guard.unfinished,
            ),
        )
        registry.add(THEME_COMMANDS, ThemeNeeds(preferences, switch_theme))
        return registry

    async def _alerts_now(self) -> AlertsNow:
        if self._headless:
            return await read_alerts(tuple(self.sources.alertmanagers.values()), self.clock)
        return alerts_of_snapshots({name: feed.snapshot for name, feed in self.live.alerts.items()})

    def _circuit_seen(self) -> Circuit | None:
        items = self.live.circuit.snapshot.items
        return items[0] if items else None


async def _none_unfinished() -> tuple[Unfinished, ...]:
    return ()


def actor_of(settings: Settings, surface: Surface) -> Actor:
    """Who sits at this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return Actor(settings.sre.operator, user, socket.gethostname(), surface)
