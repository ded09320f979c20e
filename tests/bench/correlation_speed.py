"""How long correlating takes, and how that grows."""

from __future__ import annotations

import gc
import json
import math
import time

from services.correlation.correlate import study
from tests.bench.correlation.storms import large
from tests.bench.harness import Limit, Table

NAME = "correlation-speed"

_SIZES = (1_000, 10_000, 50_000, 100_000)


def run() -> Table:
    """Correlate ever more alerts."""
    rows = []
    seconds: dict[int, float] = {}
    for size in _SIZES:
        storm = large(1, size)
        rounds = 5 if size <= 10_000 else 1
        body = json.dumps([{"labels": alert.labels, "annotations": alert.annotations} for alert in storm.alerts])
        times, loads = [], []
        problems = 0
        for _ in range(rounds):
            gc.collect()
            begun = time.process_time()
            problems = len(study(storm.alerts, storm.deployments).correlation.problems)
            times.append(time.process_time() - begun)
            begun = time.process_time()
            json.loads(body)
            loads.append(time.process_time() - begun)
        best = seconds[size] = min(times)
        count = len(storm.alerts)
        rows.append(
            (f"{count:,}", f"{problems:,}", f"{best:.2f}", f"{best / (count * math.log(count)) * 1e6:.1f}",
             f"{best / min(loads):.0f}")
        )  # fmt: skip
    growth = (seconds[100_000] / seconds[10_000]) / (10 * math.log(100_000) / math.log(10_000))
    return Table(
        "Time to correlate",
        ("alerts", "problems", "CPU s", "µs / (n ln n)", "x json.loads of their labels and texts"),
        rows,
        (
            Limit("CPU seconds for 10,000 alerts", seconds[10_000], 1.0),
            Limit("growth from 10,000 to 100,000 over that of n log n", growth, 1.3),
        ),
        ("Kubernetes labels, hundreds of causes over hours. Best of five up to 10,000 alerts, else one round.",),
    )
