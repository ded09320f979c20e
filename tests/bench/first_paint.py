"""How long a person waits for the first picture, and for the first live row, against a bare Textual app."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

from tests.bench.harness import Limit, Table
from tests.support.terminal import Terminal

NAME = "first-paint"

_ROUNDS = 9
_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare app stands")
Bare().run()
"""
_CONSOLE = "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))"
_CONFIG = """
[[sre.alertmanager]]
name = "prod"
urls = ["{url}"]
environment = "prod"
[sre.store]
url = "sqlite:///{directory}/store.db"
"""


class _Alertmanager(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        alert = {
            "fingerprint": "00000000000000aa",
            "labels": {"alertname": "FirstLiveRow", "severity": "critical"},
            "annotations": {},
            "startsAt": now,
            "endsAt": now,
            "updatedAt": now,
            "generatorURL": "",
            "receivers": [{"name": "pager"}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
        }
        body = json.dumps([alert] if self.path.startswith("/api/v2/alerts") else []).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class _Moment:
    """When some words stood there, a round each.

    Attributes:
        what: which words.
        waited: seconds since the start of the program.
        worked: seconds of processor time, in the program and in the kernel for it.
    """

    what: str
    waited: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    def take(self, terminal: Terminal, words: bytes) -> None:
        """Wait for ``words``."""
        self.waited.append(terminal.wait_for_bytes(words))
        times = psutil.Process(terminal.process.pid).cpu_times()
        self.worked.append(times.user + times.system)


def run() -> Table:
    """Start each program on a terminal of its own, in turn."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Alertmanager)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    moments = bare, paint, row = (
        _Moment("bare app, one widget"),
        _Moment("first paint"),
        _Moment("first live alert row"),
    )
    try:
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "config.toml")
            config.write_text(_CONFIG.format(url=f"http://127.0.0.1:{server.server_port}", directory=directory))
            console = [sys.executable, "-c", _CONSOLE, "--config", str(config)]
            # As installed: pip compiles what it installs. The first round fills the cache, for both programs.
            compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(directory, "bytecode"))}
            home = {"XDG_STATE_HOME": directory, **compiled}
            for number in range(_ROUNDS + 1):
                with Terminal([sys.executable, "-c", _BARE], environment=home) as terminal:
                    bare.take(terminal, b"bare app stands")
                with Terminal(console, environment=home) as terminal:
                    paint.take(terminal, b"On-call")
                    row.take(terminal, b"FirstLiveRow")
                if not number:  # the first round compiles and fills caches
                    for moment in moments:
                        moment.waited.clear()
                        moment.worked.clear()
    finally:
        server.shutdown()
        server.server_close()
    base, work = statistics.median(bare.waited), statistics.median(bare.worked)
    rows = [
        (
            moment.what,
            f"{statistics.median(moment.waited) * 1000:.0f}",
            f"{max(moment.waited) * 1000:.0f}",
            f"{statistics.median(moment.waited) / base:.2f}",
            f"{statistics.median(moment.worked) * 1000:.0f}",
            f"{statistics.median(moment.worked) / work:.2f}",
        )
        for moment in moments
    ]
    return Table(
        "First paint and first live row",
        ("what", "median ms", "slowest ms", "ratio to the bare app", "processor, median ms", "ratio"),
        rows,
        limits=(
            Limit("first paint, ratio of medians", statistics.median(paint.waited) / base, 1.5),
            Limit("first live row, ratio of medians", statistics.median(row.waited) / base, 3.0),
        ),
        notes=(
            f"{_ROUNDS} rounds, interleaved; from the start of the process to the words on a 120x40 terminal. Beside "
            "other work the processor time is the steadier measure.",
        ),
    )
