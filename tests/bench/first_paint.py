"""How long a person waits for the first picture, and for the first live row, against a bare Textual app."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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


def run() -> Table:
    """Start each program on a terminal of its own, in turn."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Alertmanager)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bare: list[float] = []
    paint: list[float] = []
    row: list[float] = []
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
                    stood = terminal.wait_for_bytes(b"bare app stands")
                with Terminal(console, environment=home) as terminal:
                    painted = terminal.wait_for_bytes(b"On-call")
                    live = terminal.wait_for_bytes(b"FirstLiveRow")
                if number:  # the first round compiles and fills caches
                    bare.append(stood)
                    paint.append(painted)
                    row.append(live)
    finally:
        server.shutdown()
        server.server_close()
    base = statistics.median(bare)
    rows = [
        (
            what,
            f"{statistics.median(values) * 1000:.0f}",
            f"{max(values) * 1000:.0f}",
            f"{statistics.median(values) / base:.2f}",
        )
        for what, values in (("bare app, one widget", bare), ("first paint", paint), ("first live alert row", row))
    ]
    return Table(
        "First paint and first live row",
        ("what", "median ms", "slowest ms", "ratio to the bare app"),
        rows,
        limits=(
            Limit("first paint, ratio of medians", statistics.median(paint) / base, 1.5),
            Limit("first live row, ratio of medians", statistics.median(row) / base, 3.0),
        ),
        notes=(f"{_ROUNDS} rounds, interleaved; from the start of the process to the words on a 120x40 terminal.",),
    )
