"""How many requests the gateway answers on one core, and what they cost the screen beside it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import psutil

from tests.bench.first_paint import _CONSOLE
from tests.bench.harness import Limit, Table, percentile
from tests.bench.idle import _Alertmanager
from tests.support.terminal import Terminal

NAME = "gateway"

_ROUNDS, _SECONDS, _CONNECTIONS = 5, 3.0, 8
_ENOUGH = 500
_KEYS, _RUNS = 60, 4
_CONFIG = """
[gateway]
enabled = true
port = 0
requests_per_second = {rate}
[[sre.alertmanager]]
name = "prod"
urls = ["{url}"]
environment = "prod"
[sre.store]
url = "sqlite:///{directory}/store.db"
"""
_BARE = """
import asyncio, json, socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = json.dumps({"padding": "x" * int(sys.argv[1])}).encode()
async def status(request):
    return Response(body, media_type="application/json")
listening = socket.socket(proto=socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
app = Starlette(routes=[Route("/api/sre/status", status)])
config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False, loop="asyncio")
asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
"""


def run() -> Table:
    """Ask the gateway and a bare Starlette in turn, then type beside a gateway that is being asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Alertmanager)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "config.toml")
            where = {"url": f"http://127.0.0.1:{server.server_port}", "directory": directory}
            config.write_text(_CONFIG.format(rate=1_000_000, **where))
            token = _console(config, "token", "create", "--scope", "read").strip()
            ours, bare, size = _throughput(config, token)
            config.write_text(_CONFIG.format(rate=600, **where))
            quiet, busy, asked = _keys(config, token, directory)
    finally:
        server.shutdown()
        server.server_close()
    mine, its = statistics.median(ours), statistics.median(bare)
    load = os.getloadavg()[0]
    return Table(
        "The gateway: GET /api/sre/status, and the screen beside it",
        ("what", "median", "worst"),
        (
            ("gateway on one core, requests/s", f"{mine:.0f}", f"{min(ours):.0f}"),
            ("bare Starlette on one core, requests/s", f"{its:.0f}", f"{min(bare):.0f}"),
            ("a key, gateway idle, ms", f"{statistics.median(quiet):.1f}", f"{max(quiet):.1f}"),
            (f"a key, {asked:.0f} requests/s, ms", f"{statistics.median(busy):.1f}", f"{max(busy):.1f}"),
        ),
        limits=(
            Limit(f"milliseconds a request on one core ({_ENOUGH}/s)", 1000 / mine, 1000 / _ENOUGH),
            Limit("bare Starlette over the gateway, ratio of medians", its / mine, 3.0),
            Limit("p95 of a key beside a gateway that is asked, ms", percentile(busy, 95), 60.0),
        ),
        notes=(
            f"{_ROUNDS} interleaved rounds of {_SECONDS:g} s with {_CONNECTIONS} kept connections; each server pinned "
            f"to one core, the one who asks to another; bodies of {size} bytes. Keys: {_KEYS * _RUNS} a side in "
            f"{2 * _RUNS} interleaved runs on a 120x40 terminal with 100 alerts, from the key to the first byte of the "
            f"changed screen; p95 idle {percentile(quiet, 95):.1f} ms, asked {percentile(busy, 95):.1f} ms. Load of "
            f"the machine at the end: {load:.1f}.",
        ),
    )


def _throughput(config: Path, token: str) -> tuple[list[float], list[float], int]:
    ours: list[float] = []
    bare: list[float] = []
    with _listening([sys.executable, "-c", _CONSOLE, "--config", str(config), "gateway"], config.parent) as url:
        size = _body_size(f"{url}/api/sre/status", token)
        with _listening([sys.executable, "-c", _BARE, str(size - 15)], config.parent) as plain:
            for number in range(_ROUNDS + 1):
                mine = _load(f"{url}/api/sre/status", token, _SECONDS)
                its = _load(f"{plain}/api/sre/status", token, _SECONDS)
                if number:  # the first round warms both
                    ours.append(mine)
                    bare.append(its)
    return ours, bare, size


@contextmanager
def _listening(command: Sequence[str], home: Path) -> Iterator[str]:
    """A server that says where it listens, pinned to the first core."""
    environment = {**os.environ, "XDG_STATE_HOME": str(home)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        cores = psutil.Process().cpu_affinity() or [0]
        psutil.Process(process.pid).cpu_affinity(cores[:1])
        assert process.stdout is not None
        line = process.stdout.readline()
        yield next(word.rstrip(";") for word in line.split() if word.startswith("http"))
    finally:
        process.terminate()
        process.wait(20)


def _load(url: str, token: str, seconds: float, rate: float = 0.0) -> float:
    """Answers with status 200 a second."""
    process = _asking(url, token, seconds, rate)
    return _answered(process)


def _asking(url: str, token: str, seconds: float, rate: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.load", url, token, str(_CONNECTIONS), str(seconds), str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    cores = psutil.Process().cpu_affinity() or [0]
    psutil.Process(process.pid).cpu_affinity(cores[-1:])
    return process


def _answered(process: subprocess.Popen[str]) -> float:
    told = json.loads(process.communicate()[0])
    return float(told["statuses"].get("200", 0) / told["seconds"])


def _body_size(url: str, token: str) -> int:
    import urllib.request

    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    # Until the alerts are in it.
    while True:
        with urllib.request.urlopen(request) as answer:
            body: bytes = answer.read()
        if json.loads(body)["alerts"]["total"]:
            return len(body)
        time.sleep(0.1)


def _keys(config: Path, token: str, directory: str) -> tuple[list[float], list[float], float]:
    quiet: list[float] = []
    busy: list[float] = []
    rates: list[float] = []
    command = [sys.executable, "-c", _CONSOLE, "--config", str(config)]
    with Terminal(command, environment={"XDG_STATE_HOME": directory}) as terminal:
        terminal.wait_for("100 warning")
        url = _url_in_log(Path(directory))
        for _ in range(_RUNS):
            quiet += _typed(terminal)
            asking = _asking(f"{url}/api/sre/status", token, _KEYS * 0.12 + 2, _ENOUGH)
            time.sleep(1)
            busy += _typed(terminal)
            rates.append(_answered(asking))
    return quiet, busy, statistics.median(rates)


def _typed(terminal: Terminal) -> list[float]:
    """Milliseconds from each of so many keys to the screen's answer."""
    took = []
    for number in range(_KEYS):
        key = "j" if number // 15 % 2 == 0 else "k"
        before = len(terminal.output)
        begun = time.perf_counter()
        terminal.send(key)
        while len(terminal.output) == before and time.perf_counter() - begun < 5:
            time.sleep(0.0005)
        took.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.05)
    return took


def _url_in_log(home: Path) -> str:
    log = next(iter(home.rglob("console.log")), None)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        log = log or next(iter(home.rglob("console.log")), None)
        lines = log.read_text().splitlines() if log is not None else []
        for line in reversed(lines):
            if "the gateway listens on " in line:
                return str(json.loads(line)["message"].rpartition(" ")[2])
        time.sleep(0.1)
    raise TimeoutError("the gateway never listened")


def _console(config: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", _CONSOLE, *arguments, "--config", str(config)]
    environment = {**os.environ, "XDG_STATE_HOME": str(config.parent)}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
