"""What the console costs while nothing happens: processor time and bytes to the terminal."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

from tests.bench.first_paint import _CONFIG, _CONSOLE
from tests.bench.harness import Limit, Table
from tests.support.terminal import Terminal

NAME = "idle"

_SECONDS = 30.0
# Hours ago: an age of seconds would tick with the clock.
_BEGAN = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _alerts() -> bytes:
    # As Alertmanager writes it: without blanks.
    return json.dumps(
        [
            {
                "fingerprint": f"{number:016x}",
                "labels": {"alertname": f"Alert{number}", "severity": "warning", "namespace": f"team-{number % 7}"},
                "annotations": {"summary": "something is slow"},
                "startsAt": _BEGAN,
                "endsAt": _BEGAN,
                "updatedAt": _BEGAN,
                "generatorURL": "",
                "receivers": [{"name": "pager"}],
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            }
            for number in range(100)
        ],
        separators=(",", ":"),
    ).encode()


class _Alertmanager(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection is kept, as Alertmanager keeps it
    body = _alerts()

    def do_GET(self) -> None:
        body = self.body if self.path.startswith("/api/v2/alerts") else b"[]"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def run() -> Table:
    """Let the console show 100 unchanged alerts for a minute."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Alertmanager)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "config.toml")
            config.write_text(_CONFIG.format(url=f"http://127.0.0.1:{server.server_port}", directory=directory))
            command = [sys.executable, "-c", _CONSOLE, "--config", str(config)]
            with Terminal(command, environment={"XDG_STATE_HOME": directory}) as terminal:
                terminal.wait_for("100 warning")
                terminal.wait_for("breaker closed")  # the store, the last to come
                time.sleep(5)  # let the start settle
                process = psutil.Process(terminal.process.pid)
                before, wrote, begun = sum(process.cpu_times()[:2]), len(terminal.output), time.monotonic()
                time.sleep(_SECONDS)
                took = time.monotonic() - begun
                busy = (sum(process.cpu_times()[:2]) - before) / took * 100
                rate = (len(terminal.output) - wrote) / took
                memory = process.memory_info().rss / 1024 / 1024
    finally:
        server.shutdown()
        server.server_close()
    return Table(
        "Idle with 100 unchanged alerts and a ticking clock",
        ("what", "measured"),
        (
            ("processor, % of one core", f"{busy:.2f}"),
            ("bytes a second to the terminal", f"{rate:.0f}"),
            ("resident MB", f"{memory:.0f}"),
        ),
        limits=(
            Limit("processor, % of one core", busy, 1.0),
            Limit("bytes a second to the terminal", rate, 1000.0),
        ),
        notes=(f"{_SECONDS:.0f} seconds, 120x40, alerts read every five seconds.",),
    )
