"""Gives the running screen its desk: feeds, commands, and who sits in front of them. Light until it is called."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.opening import open_backend
from console.peek import Peek
from screens.desk import Desk
from services.alerts.heartbeat import Heartbeats, Missing
from services.safety.actor import Surface
from services.vocabulary.clock import Clock
from services.vocabulary.text import display

if TYPE_CHECKING:
    from console.log import Log
    from console.wiring import Backend


@dataclass(eq=False)
class Connected:
    """A desk whose feeds are being kept up to date.

    Attributes:
        desk: for the screens.
        backend: what is behind it.
    """

    desk: Desk
    backend: Backend

    @property
    def under_way(self) -> tuple[str, ...]:
        """The commands whose writes are on their way now (raw)."""
        return self.backend.under_way

    async def drain(self, hurry: asyncio.Event) -> None:
        """Wait for them, as long as the guard has patience and ``hurry`` is not set; never raises."""
        await self.backend.drain(hurry)

    async def close(self) -> tuple[str, ...]:
        """Wait for the writes on their way, stop reading and close everything; never raises.

        Returns:
            What to tell the person who left: one line for each write that did not end in time.
        """
        await self.backend.close()
        return tuple(display(f"{lost.command}: {lost.check}") for lost in self.backend.left)


async def connect(
    peek: Peek,
    clock: Clock,
    switch_theme: Callable[[str], None],
    *,
    painted: Callable[[], Awaitable[None]] | None = None,
    log: Log | None = None,
) -> Connected:
    """Read the whole configuration, build what belongs to it, and begin to read every source.

    Args:
        peek: the first look.
        clock: the only time there is.
        switch_theme: shows a theme at once.
        painted: waits until what was changed before stands on the screen.
        log: as for :func:`console.opening.open_backend`.

    Raises:
        ConsoleError: the configuration cannot be used, or the demo does not start.
    """
    backend = await open_backend(
        clock=clock,
        surface=Surface.WALLBOARD if peek.wallboard else Surface.CONSOLE,
        config=peek.config,
        demo=peek.demo,
        switch_theme=switch_theme,
        log=log,
    )
    asyncio.get_running_loop().set_exception_handler(backend.background.unhandled)
    backend.start(painted)
    return Connected(desk_of(backend), backend)


def desk_of(backend: Backend) -> Desk:
    """What the screens see of a backend."""
    live = backend.live
    return Desk(
        clock=backend.clock,
        operator=backend.actor.operator,
        environments=backend.environments,
        demo=backend.demo,
        alerts=live.alerts,
        deployments=live.deployments,
        incidents=live.incidents if backend.settings.feature_flags.incident_response else None,
        duties=live.duties,
        circuit=live.circuit,
        commands=lambda: backend.registry,
        invocation=backend.invocation,
        plot=backend.plot,
        refresh=backend.refresh,
        approvals=live.approvals,
        warnings=tuple(
            f"Policy {one.name} cannot be read: it blocks every write that it may cover. /policy list tells why."
            for one in backend.settings.sre.policies
            if one.errors
        ),
        fault=lambda: backend.background.fault,
        missing=_missing(backend),
        view=backend.chosen_view,
    )


def _missing(backend: Backend) -> Callable[[], tuple[Missing, ...]]:
    """What must fire and does not, asked once a second."""
    expected = backend.sources.must_fire
    if not expected:
        return tuple
    heartbeats = Heartbeats(expected)

    def look() -> tuple[Missing, ...]:
        now = backend.clock.now()
        for cluster in expected:
            snapshot = backend.live.alerts[cluster].snapshot
            if snapshot.freshness.trusted:
                heartbeats.look(cluster, snapshot.items, now)
            else:
                heartbeats.blind(cluster)
        return heartbeats.missing(now)

    return look
