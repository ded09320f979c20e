"""The three servers of the demo on free loopback ports."""

from __future__ import annotations

import json
import tempfile
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType

from aiohttp import web

from services.demo.alertmanager import alertmanager
from services.demo.catalog import CLUSTER
from services.demo.clock import SimulatedClock
from services.demo.firing import Firings
from services.demo.kubernetes import kubernetes
from services.demo.prometheus import prometheus
from services.demo.records import Records
from services.demo.routing import AlertBook
from services.demo.silences import Silences
from services.demo.world import World, rfc3339

HOST = "127.0.0.1"


class DemoServers:
    """Serves one world while it is entered; gives the ports and the kubeconfig back when it is left.

    Args:
        clock: the time of the demo.
        seed: chooses names and noise.
        offset: how many seconds into the story the demo starts.
        flood: extra alerts beside the story.
    """

    def __init__(self, clock: SimulatedClock, *, seed: int, offset: float = 0.0, flood: int = 0) -> None:
        self._clock = clock
        self.world = World(seed, clock.now() - timedelta(seconds=offset), flood)
        self._token = f"demo-{seed}"
        self._runners: list[web.AppRunner] = []
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self.alertmanager_url = ""
        self.prometheus_url = ""
        self.kubernetes_url = ""
        self.kubeconfig = ""

    async def __aenter__(self) -> DemoServers:
        firings = Firings(self.world)
        silences = Silences(self.world, self._clock)
        book = AlertBook(self.world, firings, silences)
        self.alertmanager_url = await self._serve(alertmanager(self.world, self._clock, book, silences))
        self.prometheus_url = await self._serve(prometheus(self.world, self._clock, firings))
        self.kubernetes_url = await self._serve(kubernetes(self.world, self._clock, Records(self.world), self._token))
        self._directory = tempfile.TemporaryDirectory(prefix="sre-console-demo-")
        path = Path(self._directory.name) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._kubeconfig(), indent=1), encoding="utf-8")
        self.kubeconfig = str(path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for runner in self._runners:
            await runner.cleanup()
        if self._directory is not None:
            self._directory.cleanup()

    def announcement(self) -> dict[str, object]:
        """What a parent needs to know, as one JSON object."""
        return {
            "alertmanager": self.alertmanager_url,
            "prometheus": self.prometheus_url,
            "kubernetes": self.kubernetes_url,
            "kubeconfig": self.kubeconfig,
            "context": CLUSTER,
            "seed": self.world.seed,
            "epoch": rfc3339(self.world.epoch),
            "now": rfc3339(self._clock.now()),
            "speed": self._clock.speed,
            "real_time": self._clock.follows,
        }

    async def _serve(self, app: web.Application) -> str:
        app.on_response_prepare.append(self._dated)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        self._runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        return f"http://{HOST}:{runner.addresses[0][1]}"

    async def _dated(self, _request: web.Request, response: web.StreamResponse) -> None:
        """The demo's own time: clients measure the skew of clocks by this header."""
        response.headers["Date"] = format_datetime(self._clock.now().replace(microsecond=0), usegmt=True)

    def _kubeconfig(self) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CLUSTER,
            "clusters": [{"name": CLUSTER, "cluster": {"server": self.kubernetes_url}}],
            "users": [{"name": CLUSTER, "user": {"token": self._token}}],
            "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": CLUSTER, "namespace": "shop"}}],
        }
