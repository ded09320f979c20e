"""The whole console in front of the demo production, with a tap on the wire of every outside system."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from console.app import Connection, ConsoleApp
from console.configuration.model import Settings
from console.connection import Connected, desk_of
from console.preferences import Preferences
from console.wiring import Backend
from screens.desk import Desk
from services.demo.story import rotations
from services.safety.actor import Surface
from services.storage.engine import open_store
from services.vocabulary.snapshot import FreshnessState
from tests.support.demo import Demo, serve_demo
from tests.support.stage import StandingClock, quiet, ready
from tests.support.tap import Tap, tap
from tests.support.waiting import eventually

_MIDDLE_OF_THE_STORY = 400.0


@dataclass
class Tapped:
    """A running console and what its test needs of it.

    Attributes:
        app, pilot: the screen and the hands on it.
        backend: what is behind it.
        desk: what the screen was handed.
        demo: the production.
        taps: one an outside system.
    """

    app: ConsoleApp
    pilot: Pilot[int]
    backend: Backend
    desk: Desk
    demo: Demo
    taps: tuple[Tap, ...]

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Every write that any outside system was sent."""
        return [write for one in self.taps for write in one.writes]

    async def press(self, *keys: str, workers: bool = True) -> None:
        """Press keys and let everything come to rest; ``workers`` is False where one of them asks the person."""
        await self.pilot.press(*keys)
        await quiet(self.pilot, workers=workers)


@asynccontextmanager
async def tapped(
    directory: Path, *, wallboard: bool = False, timeout: float = 10.0, later: float = 0.0
) -> AsyncIterator[Tapped]:
    """The console of the person on call, or a wallboard, in the middle of the demo's story.

    Args:
        directory: for the store.
        wallboard: the read-only one.
        timeout: seconds (real ones) after which a request is given up.
        later: seconds by which the console's clock is ahead of its start.
    """
    clock = StandingClock()
    clock.turn(later)
    made: list[tuple[Backend, Desk]] = []
    async with AsyncExitStack() as stack:
        demo = await stack.enter_async_context(serve_demo(_MIDDLE_OF_THE_STORY))
        servers = demo.servers
        urls = (servers.alertmanager_url, servers.prometheus_url, servers.kubernetes_url)
        taps = tuple([await stack.enter_async_context(tap(url)) for url in urls])
        kubeconfig = directory / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(Path(servers.kubeconfig).read_text().replace(servers.kubernetes_url, taps[2].url))
        settings = _settings(directory, taps, kubeconfig, timeout)
        await (await open_store(settings.sre.store.url, clock)).close()

        async def connect(app: ConsoleApp) -> Connection:
            surface = Surface.WALLBOARD if wallboard else Surface.CONSOLE
            backend = Backend(settings, clock, surface, Preferences(directory), switch_theme=app.choose_theme)
            backend.tell = app.tell_unfinished
            backend.start()
            desk = desk_of(backend)
            made.append((backend, desk))
            return Connected(desk, backend)

        app = ConsoleApp(connect, clock=clock, wallboard=wallboard)
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot)
            backend, desk = made[0]
            await eventually(
                lambda: all(feed.snapshot.freshness.state is not FreshnessState.WAITING for feed in desk.feeds)
            )
            await backend.open_records()
            await quiet(pilot)
            yield Tapped(app, pilot, backend, desk, demo, taps)


def _settings(directory: Path, taps: tuple[Tap, ...], kubeconfig: Path, timeout: float) -> Settings:
    cluster = {"environment": "demo", "prometheus_url": taps[1].url}
    sre = {
        "operator": "op-a",
        "prometheus": {"url": taps[1].url},
        "alertmanager": [{"name": "demo", "urls": [taps[0].url], "timeout": timeout, **cluster}],
        "kubernetes": [{"context": "demo", "kubeconfig": str(kubeconfig), **cluster}],
        "oncall": {"provider": "local", "rotation": rotations()},
        "store": {"url": f"sqlite:///{directory / 'store.db'}"},
    }
    return Settings.model_validate({"sre": sre})
