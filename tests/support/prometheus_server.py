"""A real Prometheus for tests, on a free port of loopback with data of its own, scraping itself every second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.support.alertmanager_server import AlertmanagerServer, binary
from tests.support.waiting import until

EXTERNAL_URL = "http://prometheus.invalid:9090"
"""What it writes into ``generatorURL``: a host that nobody can reach."""

_CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
  external_labels:
    region: eu
rule_files: [rules.yml]
scrape_configs:
- job_name: prometheus
  file_sd_configs:
  - files: [targets.json]
    # It reads the file before it watches it: a change in between would be seen only at the next reading.
    refresh_interval: 1s
"""


@dataclass(frozen=True)
class PrometheusServer:
    """A running Prometheus.

    Attributes:
        url: where it listens.
        process: the server itself.
    """

    url: str
    process: asyncio.subprocess.Process


@asynccontextmanager
async def prometheus_server(
    directory: Path, *, rules: str = "groups: []", alertmanagers: Sequence[AlertmanagerServer] = ()
) -> AsyncIterator[PrometheusServer]:
    """Start one and stop it at the end; yields once it is ready, later than it listens.

    Args:
        directory: an empty one for its data (pytest's ``tmp_path``); made where it is missing.
        rules: its rule file.
        alertmanagers: whom it tells of alerts.
    """
    path = binary("prometheus")
    directory.mkdir(parents=True, exist_ok=True)
    config = _CONFIG
    if alertmanagers:
        hosts = json.dumps([server.url.removeprefix("http://") for server in alertmanagers])
        config += f"alerting:\n  alertmanagers:\n  - static_configs:\n    - targets: {hosts}\n"
    (directory / "prometheus.yml").write_text(config)
    (directory / "rules.yml").write_text(rules)
    (directory / "targets.json").write_text("[]")
    process = await asyncio.create_subprocess_exec(
        path,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        f"--web.external-url={EXTERNAL_URL}",
        # An alert whose first notice found no Alertmanager yet is sent again soon.
        "--rules.alert.resend-delay=1s",
        "--log.format=json",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    drain: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(120):
            address = await _listening(process)
        # Its port is known only now, so it learns of its target from a file that it watches.
        fresh = directory / "targets.json.new"
        fresh.write_text(json.dumps([{"targets": [address]}]))
        fresh.rename(directory / "targets.json")
        drain = asyncio.create_task(_drain(process))
        await until(partial(asyncio.to_thread, _ready, f"http://{address}"))
        yield PrometheusServer(f"http://{address}", process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if drain is not None:
            await drain


async def _listening(process: asyncio.subprocess.Process) -> str:
    """The host and port that the log tells."""
    assert process.stderr is not None
    said = []
    while line := await process.stderr.readline():
        said.append(line.decode(errors="replace"))
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("msg") == "Listening on":
            return str(entry["address"])
    raise AssertionError(f"Prometheus ended before it listened: {''.join(said)}")


def _ready(url: str) -> bool | None:
    # Until then it answers 503 to every question.
    answer = httpx.get(f"{url}/-/ready", timeout=120, trust_env=False)
    return True if answer.is_success else None


async def _drain(process: asyncio.subprocess.Process) -> None:
    # A full pipe would stop the server.
    assert process.stderr is not None
    while await process.stderr.read(65536):
        pass
