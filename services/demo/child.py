"""Starts the demo production as a child process and says where it listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType

from services.demo.clock import SimulatedClock
from services.demo.story import Story, rotations
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError

_PATIENCE = 30.0
_GRACE = 3.0


class DemoError(ConsoleError):
    """The demo production did not start."""


class DemoChild:
    """A running demo. ``async with`` closes it; so does the end of this process.

    Attributes:
        alertmanager_url, prometheus_url, kubernetes_url: where it listens (loopback HTTP).
        kubeconfig: path of its kubeconfig; the context is ``demo``.
        epoch: when the first turn of its story starts (UTC). now: what its clock showed as it began to listen.
        speed: simulated seconds a real second.
    """

    def __init__(self, process: Process, announcement: Mapping[str, object], errors: asyncio.Task[bytes]) -> None:
        self._process = process
        self._errors = errors
        self.alertmanager_url = str(announcement["alertmanager"])
        self.prometheus_url = str(announcement["prometheus"])
        self.kubernetes_url = str(announcement["kubernetes"])
        self.kubeconfig = str(announcement["kubeconfig"])
        self.epoch = datetime.fromisoformat(str(announcement["epoch"]))
        self.now = datetime.fromisoformat(str(announcement["now"]))
        self.speed = float(str(announcement["speed"]))
        self._real_time = bool(announcement["real_time"])

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.returncode is None

    @property
    def story(self) -> Story:
        """The script: phases and the steps of its incidents."""
        return Story(self.epoch)

    def clock(self, real: Clock) -> Clock:
        """A clock that shows what the child's clock shows: ``real`` itself, unless it was started otherwise.

        Call it right after the start; a clock made later lags by what passed in between.
        """
        return real if self._real_time else SimulatedClock(real, self.now, self.speed)

    @property
    def config(self) -> dict[str, object]:
        """The keys of the config that make the console use it, as values of TOML."""
        return {
            "sre": {
                "prometheus": {"url": self.prometheus_url},
                "alertmanager": [
                    {
                        "name": "demo",
                        "urls": [self.alertmanager_url],
                        "environment": "demo",
                        "prometheus_url": self.prometheus_url,
                        "must_fire": ["Watchdog"],
                    }
                ],
                "kubernetes": [
                    {
                        "context": "demo",
                        "kubeconfig": self.kubeconfig,
                        "environment": "demo",
                        "prometheus_url": self.prometheus_url,
                    }
                ],
                "oncall": {"provider": "local", "rotation": rotations()},
            }
        }

    async def close(self) -> None:
        """End the child and wait until it is gone. May be called again."""
        if self._process.returncode is None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _GRACE)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        await self._errors

    async def __aenter__(self) -> DemoChild:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def start_demo(
    *,
    seed: int = 7,
    speed: float = 1.0,
    start: datetime | None = None,
    offset: float = 0.0,
    flood: int = 0,
) -> DemoChild:
    """Start the demo and wait until it listens.

    Args:
        seed: chooses names and noise; the same seed and clock give the same world.
        speed: simulated seconds a real second; 0 stands still.
        start: what its clock shows at the start (aware); None for the real time.
        offset: seconds into the story at the start.
        flood: extra alerts beside the story.

    Raises:
        DemoError: it ended or did not listen in time; the message holds what it last wrote.
    """
    arguments = ["--seed", str(seed), "--speed", str(speed), "--offset", str(offset), "--flood", str(flood)]
    if start is not None:
        arguments += ["--start", start.isoformat()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "services.demo",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=_environment(),
    )
    errors = asyncio.create_task(_tail(process))
    line = b""
    try:
        if process.stdout is not None:
            line = await asyncio.wait_for(process.stdout.readline(), _PATIENCE)
        return DemoChild(process, json.loads(line), errors)
    except (TimeoutError, ValueError, KeyError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        last = (await errors).decode("utf-8", "replace").strip().splitlines()
        reason = last[-1] if last else "it wrote nothing"
        raise DemoError(f"the demo production did not start: {reason}", "try again with --demo") from None
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise


def _environment() -> dict[str, str]:
    """The child must find this package even where it runs from a source tree."""
    tree = str(Path(__file__).resolve().parents[2])
    paths = [tree, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


async def _tail(process: Process) -> bytes:
    """Read what the child writes to standard error, keeping the end."""
    kept = b""
    while process.stderr is not None and (chunk := await process.stderr.read(4096)):
        kept = (kept + chunk)[-4096:]
    return kept


__all__ = ["DemoChild", "DemoError", "start_demo"]
