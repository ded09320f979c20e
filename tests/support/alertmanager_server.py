"""A real Alertmanager (and amtool) for tests, on free ports of loopback with data of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.alerts.wire import instant

REQUIRE = "SRE_CONSOLE_TEST_REQUIRE_SERVERS"
"""Set to 1, a missing server fails its tests instead of skipping them."""

CONFIG = """\
route:
  receiver: nobody
  group_wait: 1h
receivers:
- name: nobody
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity="info"]
  equal: [service]
"""
"""A configuration that notifies nobody; critical alerts inhibit the informational ones of their service."""


def binary(*names: str) -> str:
    """The path of the first of ``names`` that is installed; without any, the test is skipped or fails."""
    for name in names:
        if (path := shutil.which(name)) is not None:
            return path
    missing = f"{' or '.join(names)} is not installed"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{missing}, and {REQUIRE}=1 demands it")
    pytest.skip(missing)


@dataclass(frozen=True)
class AlertmanagerServer:
    """A running Alertmanager.

    Attributes:
        url: where it listens.
        gossip: address of its gossip port; empty where it has none.
        process: the server itself.
    """

    url: str
    gossip: str
    process: asyncio.subprocess.Process

    async def post(self, *alerts: dict[str, Any]) -> None:
        """Hand it alerts as Prometheus does: objects with ``labels`` and perhaps the other keys of API v2."""
        body = json.dumps(alerts)
        host, port = self.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        content = body.encode()
        head = (
            f"POST /api/v2/alerts HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + content)
        answer = await reader.read()
        writer.close()
        status = answer.split(b"\r\n", 1)[0]
        if b" 200 " not in status + b" ":
            raise AssertionError(f"the server refused the alerts: {answer.decode(errors='replace')}")

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    async def kill(self) -> None:
        """End it as a crash does: it keeps nothing that it did not write before."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """End it."""
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def alertmanager_server(
    directory: Path,
    *,
    config: str = CONFIG,
    peers: Sequence[AlertmanagerServer] | None = None,
    address: str = "127.0.0.1:0",
    silent: bool = False,
) -> AsyncIterator[AlertmanagerServer]:
    """Start one and stop it at the end.

    Args:
        directory: an empty one for its data (pytest's ``tmp_path``); made where it is missing.
        config: its configuration file.
        peers: members of its cluster that run already; None makes it stand alone, an empty list the first member.
        silent: it tells the other members of nothing that it was told.
        address: where it listens; a free port by default. One that ended is started again with its ``address``.
    """
    path = binary("prometheus-alertmanager", "alertmanager")
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "alertmanager.yml"
    file.write_text(config)
    gossip = "" if peers is None else f"127.0.0.1:{_free_port()}"
    process = await asyncio.create_subprocess_exec(
        path,
        f"--config.file={file}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={address}",
        f"--cluster.listen-address={gossip}",
        "--cluster.settle-timeout=0s",
        *(["--cluster.gossip-interval=1h", "--cluster.pushpull-interval=1h"] if silent else []),
        "--log.format=json",
        *[f"--cluster.peer={peer.gossip}" for peer in peers or ()],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    drain: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(120):
            server = AlertmanagerServer(await _listening(process), gossip, process)
        drain = asyncio.create_task(_drain(process))
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if drain is not None:
            await drain


async def amtool(server: AlertmanagerServer, *words: str) -> str:
    """What ``amtool`` prints."""
    return await run(binary("amtool"), f"--alertmanager.url={server.url}", *words)


async def run(*words: str) -> str:
    """What a program prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, problem = await process.communicate()
    assert process.returncode == 0, problem.decode(errors="replace")
    return out.decode()


def alert(labels: dict[str, str], starts_at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """One alert as Prometheus would post it."""
    posted: dict[str, Any] = {"labels": labels, **more}
    if starts_at is not None:
        posted["startsAt"] = instant(starts_at)
    return posted


async def _listening(process: asyncio.subprocess.Process) -> str:
    """The URL that the log tells."""
    assert process.stderr is not None
    said = []
    while line := await process.stderr.readline():
        said.append(line.decode(errors="replace"))
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("msg") == "Listening on":
            return f"http://{entry['address']}"
    raise AssertionError(f"Alertmanager ended before it listened: {''.join(said)}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    # A full pipe would stop the server.
    assert process.stderr is not None
    while await process.stderr.read(65536):
        pass


def _free_port() -> int:
    # Both kinds, as gossip uses both.
    with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        stream.bind(("127.0.0.1", 0))
        port: int = stream.getsockname()[1]
        datagram.bind(("127.0.0.1", port))
        return port
