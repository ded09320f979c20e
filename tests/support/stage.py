"""The whole console on a frozen clock, for pictures that come out the same every time.

What is behind it is either a desk made by hand or the demo production, served in this very process.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from console.app import Connection, ConsoleApp
from console.configuration.model import Settings
from console.connection import Connected, desk_of
from console.demo_story import StoryPlayer
from console.preferences import Preferences
from console.wiring import Backend
from screens.desk import Desk
from screens.operations import OperationsScreen
from services.demo.story import Story, rotations
from services.incidents.repository import IncidentRepository
from services.safety.actor import Surface
from services.storage.engine import open_store
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import ManualClock
from tests.support.demo import Demo, serve_demo
from tests.support.svg import plain
from widgets.command_line import CommandLine

_QUIET_ROUNDS = 8
_GATHERING = 0.5
_LIMIT = 60.0


class StandingClock(ManualClock):
    """Stands still, yet lets nobody wait who only gathers what arrives together."""

    async def sleep(self, seconds: float) -> None:
        """A pause of less than half a second is over at the next turn of the loop; a longer one never is."""
        await super().sleep(seconds if seconds >= _GATHERING else 0)


class Stage(ConsoleApp):
    """A console whose pictures need nothing from outside."""

    def on_load(self) -> None:
        """What moves by itself stands still."""
        self.animation_level = "none"

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The picture, without fonts from elsewhere and with neighbouring cells of one style as one text."""
        return plain(super().export_screenshot(title=title, simplify=True))


class ByHand:
    """A desk made by hand, as a connection."""

    def __init__(self, desk: Desk, under_way: tuple[str, ...] = ()) -> None:
        """
        Args:
            desk: made by hand.
            under_way: the commands whose writes are on their way, and never end.
        """
        self.desk = desk
        self.under_way = under_way

    async def drain(self, hurry: asyncio.Event) -> None:
        """Whoever does not want to wait need not."""
        await hurry.wait()

    async def close(self) -> None:
        """Nothing is connected."""


def desk_stage(
    clock: ManualClock,
    desk: Desk,
    *,
    theme: str = "sre-dark",
    wallboard: bool = False,
    under_way: tuple[str, ...] = (),
) -> Stage:
    """A console in front of ``desk``, with these commands on their way to an outside system."""

    async def connect(_: ConsoleApp) -> Connection:
        return ByHand(desk, under_way)

    return Stage(
        connect, clock=clock, theme=theme, incidents=desk.incidents is not None, demo=desk.demo, wallboard=wallboard
    )


def demo_stage(
    offset: float,
    *,
    seed: int = 7,
    flood: int = 0,
    theme: str = "sre-dark",
    wallboard: bool = False,
    directory: Path | None = None,
) -> Stage:
    """A console in front of the demo production.

    Args:
        offset: seconds into its story; the clock stands there.
        seed: chooses names and noise.
        flood: extra alerts beside the story.
        theme: of the console.
        wallboard: the read-only one.
        directory: for the store; a temporary one by default.
    """
    clock = StandingClock()

    async def connect(app: ConsoleApp) -> Connection:
        async with AsyncExitStack() as resources:
            home = directory or Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="sre-console-stage-")))
            demo = await resources.enter_async_context(serve_demo(offset, seed=seed, flood=flood))
            settings = settings_of(demo, home)
            await _play(demo, settings.sre.store.url)
            surface = Surface.WALLBOARD if wallboard else Surface.CONSOLE
            backend = Backend(settings, clock, surface, Preferences(home), demo=True, switch_theme=app.choose_theme)
            backend.resources = resources.pop_all()
        backend.start()
        desk = desk_of(backend)
        # The screen is given everything at once: what arrives in which order is then no part of the picture.
        async with asyncio.timeout(_LIMIT):
            while any(feed.snapshot.freshness.state is FreshnessState.WAITING for feed in desk.feeds):
                await asyncio.sleep(0.005)
        return Connected(desk, backend)

    return Stage(connect, clock=clock, theme=theme, demo=True, wallboard=wallboard)


def settings_of(demo: Demo, home: Path) -> Settings:
    """The configuration that reaches the servers of ``demo``, with the store in ``home``."""
    servers = demo.servers
    cluster = {"environment": "demo", "prometheus_url": servers.prometheus_url}
    sre = {
        "operator": "op-a",
        "prometheus": {"url": servers.prometheus_url},
        "alertmanager": [{"name": "demo", "urls": [servers.alertmanager_url], **cluster}],
        "kubernetes": [{"context": "demo", "kubeconfig": servers.kubeconfig, **cluster}],
        "oncall": {"provider": "local", "rotation": rotations()},
        "store": {"url": f"sqlite:///{home / 'store.db'}"},
    }
    return Settings.model_validate({"sre": sre})


async def _play(demo: Demo, url: str) -> None:
    """Write what the people of the demo have written until now."""
    store = await open_store(url, demo.clock)
    try:
        story = Story(demo.servers.world.epoch)
        await StoryPlayer(story, IncidentRepository(store, demo.clock), demo.clock).play()
    finally:
        await store.close()


async def ready(pilot: Pilot[Any]) -> None:
    """Wait until the console has been given its desk and has drawn what there is to draw.

    Raises:
        TimeoutError: it never was.
    """
    app = pilot.app
    screen = app.screen

    def equipped() -> bool:
        return not isinstance(screen, OperationsScreen) or bool(screen.query(CommandLine))

    await quiet(pilot, equipped)


async def quiet(pilot: Pilot[Any], condition: Callable[[], bool] = lambda: True, *, workers: bool = True) -> None:
    """Wait until ``condition`` holds and no worker of the app has anything left to do.

    Args:
        pilot: of the app.
        condition: asked again and again.
        workers: False where a worker waits for the person, so that it never ends.

    Raises:
        TimeoutError: that never was.
    """
    app = pilot.app
    rounds = 0
    async with asyncio.timeout(_LIMIT):
        while rounds < _QUIET_ROUNDS:
            await pilot.pause()
            busy = workers and any(not worker.is_finished for worker in app.workers)
            rounds = 0 if busy or not condition() else rounds + 1
            await asyncio.sleep(0.002)
    for field in app.screen.query(Input):
        field.cursor_blink = False
