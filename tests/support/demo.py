"""The demo's servers inside the test's own process, on a clock that the test turns."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import aiohttp

from services.demo.clock import SimulatedClock
from services.demo.server import DemoServers
from tests.support.clock import EPOCH, ManualClock


class Demo:
    """The servers, their clock, and plain requests to them.

    Attributes:
        clock: turns the demo's time; at the start it shows ``tests.support.clock.EPOCH`` plus the offset.
    """

    def __init__(self, servers: DemoServers, clock: ManualClock, session: aiohttp.ClientSession) -> None:
        self.servers = servers
        self.clock = clock
        self.session = session

    @property
    def now(self) -> datetime:
        """What the demo's clock shows."""
        return self.clock.now()

    async def call(self, method: str, url: str, **options: object) -> tuple[int, object]:
        """Status and body of an answer; the body is None where there is none, and decoded where it is JSON."""
        async with self.session.request(method, url, **options) as response:  # type: ignore[arg-type]
            body = await response.read()
            if body and response.content_type == "application/json":
                return response.status, json.loads(body)
            return response.status, body.decode() or None

    async def alertmanager(self, method: str, path: str, **options: object) -> tuple[int, object]:
        """A request to Alertmanager."""
        return await self.call(method, f"{self.servers.alertmanager_url}{path}", **options)

    async def prometheus(self, method: str, path: str, **options: object) -> tuple[int, object]:
        """A request to Prometheus."""
        return await self.call(method, f"{self.servers.prometheus_url}{path}", **options)

    async def kubernetes(self, path: str, **options: object) -> tuple[int, object]:
        """A GET from Kubernetes."""
        return await self.call("GET", f"{self.servers.kubernetes_url}{path}", **options)


@asynccontextmanager
async def serve_demo(offset: float = 0.0, *, seed: int = 7, flood: int = 0) -> AsyncIterator[Demo]:
    """The demo, ``offset`` seconds into its story."""
    clock = ManualClock(EPOCH)
    async with (
        DemoServers(SimulatedClock(clock, EPOCH), seed=seed, offset=offset, flood=flood) as servers,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
    ):
        yield Demo(servers, clock, session)
