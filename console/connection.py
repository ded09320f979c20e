"""From the backend to the desk that the screens are handed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.late_import import import_late
from console.opening import open_backend
from screens.desk import Desk
from services.safety.actor import Surface

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.peek import Peek
    from console.wiring import Backend
    from services.alerts.model import Alert
    from services.metrics.model import AlertPlot
    from services.vocabulary.clock import Clock


class BackendConnection:
    """A running backend and its desk."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        live = backend.live
        self.desk = Desk(
            clock=backend.clock,
            operator=backend.actor.operator,
            environments=backend.environments,
            demo=backend.demo,
            alerts=live.alerts,
            deployments=live.deployments,
            incidents=live.incidents if backend.settings.feature_flags.incident_response else None,
            duties=live.duties,
            circuit=live.circuit,
            registry=backend.registry,
            invocation=backend.invocation,
            plot=self._plot,
            refresh=backend.refresh,
        )

    async def close(self) -> None:
        """Stop reading and close everything; never raises."""
        await self._backend.close()

    async def _plot(self, alert: Alert, points: int) -> AlertPlot | None:
        client = self._backend.sources.prometheus.get(f"alertmanager {alert.cluster}")
        if client is None:
            return None
        prometheus = await import_late("services.metrics.prometheus")
        plot = await import_late("services.metrics.plot")
        found: AlertPlot = await plot.plot_of(alert, prometheus.PrometheusReader(client), self._backend.clock, points)
        return found


async def connect(peek: Peek, clock: Clock, switch_theme: Callable[[str], None]) -> BackendConnection:
    """Read the configuration, build everything behind the screen and begin to read the sources.

    Raises:
        ConsoleError: the configuration cannot be used, or the demo does not start.
    """
    surface = Surface.WALLBOARD if peek.wallboard else Surface.CONSOLE
    backend = await open_backend(
        clock=clock, surface=surface, config=peek.config, demo=peek.demo, switch_theme=switch_theme
    )
    backend.start()
    return BackendConnection(backend)
