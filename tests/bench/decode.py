"""How long decoding alerts holds the loop, and what it costs beside one ``json.loads`` of the same body.

Run it with ``python -m tests.bench decode``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.alerts.decode import AlertDecoder
from tests.bench.harness import Limit, Table

NAME = "decode"

_CHUNK = 64 * 1024
_ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One line of the table. Times are milliseconds; the median of the rounds, for blocks the worst of a round.

    Attributes:
        alerts: how many.
        megabytes: size of the body.
        block: longest time for which the loop could not run anything else, a first answer.
        block_again: likewise, an answer in which only ``endsAt`` and ``updatedAt`` changed.
        cpu: processor time of the first answer.
        cpu_again: likewise, of the second.
        loads: processor time of ``json.loads`` of the same body, which holds the loop as long.
    """

    alerts: int
    megabytes: float
    block: float
    block_again: float
    cpu: float
    cpu_again: float
    loads: float

    @property
    def ratio(self) -> float:
        """Processor time of the first answer against ``json.loads``."""
        return self.cpu / self.loads

    @property
    def ratio_again(self) -> float:
        """Processor time of an unchanged answer against ``json.loads``."""
        return self.cpu_again / self.loads


def body(count: int, ends: str = "2026-03-02T19:35:07.000Z") -> bytes:
    """What Alertmanager answers for ``count`` alerts, in the order and the compactness of its encoder."""
    return b"[" + b",".join([_alert(index, ends) for index in range(count)]) + b"]\n"


def _alert(index: int, ends: str) -> bytes:
    service = f"service-{index % 200}"
    first = {
        "annotations": {
            "description": f'{service} answers {index % 97}% of its requests with errors: "5xx" on pod {index}, '
            "which is above the limit of 2% for longer than five minutes.",
            "runbook_url": f"https://runbooks.example/{service}/high-error-rate",
            "summary": f"{service} fails",
        },
        "endsAt": ends,
        "fingerprint": f"{index * 2654435761 % 2**64:016x}",
        "receivers": [{"name": "team-pager"}] + ([{"name": "chat"}] if index % 3 == 0 else []),
        "startsAt": f"2026-03-02T19:{index % 60:02d}:07.123Z",
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": ends,
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=rate%28errors%5B5m%5D%29+%3E+0.02&g0.tab=1",
        "labels": {
            "alertname": f"HighErrorRate{index % 40}",
            "cluster": "prod-eu",
            "container": "main",
            "instance": f"10.0.{index // 256 % 256}.{index % 256}:9100",
            "job": "kubernetes-pods",
            "namespace": f"team-{index % 20}",
            "pod": f"{service}-{index:08x}",
            "service": service,
            "severity": ("critical", "warning", "info")[index % 3],
        },
    }
    return json.dumps(first, separators=(",", ":")).encode()


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK):
        yield data[start : start + _CHUNK]


async def _longest_block(decoder: AlertDecoder, data: bytes) -> tuple[float, float]:
    """Milliseconds of the longest block of the loop and of processor time."""
    longest, ended = 0.0, False

    async def watch() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not ended:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    begun = time.process_time()
    await decoder.decode(_chunks(data))
    took = time.process_time() - begun
    ended = True
    await watcher
    return longest * 1000, took * 1000


async def measure(count: int) -> Row:
    """Measure ``count`` alerts, in interleaved rounds."""
    first, again = body(count), body(count, "2026-03-02T19:36:07.000Z")
    blocks: list[float] = []
    blocks_again: list[float] = []
    cpus: list[float] = []
    cpus_again: list[float] = []
    loads: list[float] = []
    for _ in range(_ROUNDS):
        decoder = AlertDecoder("bench", "prod", "prod")
        gc.collect()
        block, cpu = await _longest_block(decoder, first)
        block_again, cpu_again = await _longest_block(decoder, again)
        begun = time.process_time()
        json.loads(first)
        loads.append((time.process_time() - begun) * 1000)
        blocks.append(block)
        blocks_again.append(block_again)
        cpus.append(cpu)
        cpus_again.append(cpu_again)
    return Row(
        count,
        len(first) / 1e6,
        max(blocks),
        max(blocks_again),
        statistics.median(cpus),
        statistics.median(cpus_again),
        statistics.median(loads),
    )


def run() -> Table:
    """Measure 1,000, 10,000 and 50,000 alerts."""
    rows = [asyncio.run(measure(count)) for count in (1_000, 10_000, 50_000)]
    at_ten = rows[1]
    return Table(
        "Decoding alerts as they stream",
        (
            "alerts",
            "body, MB",
            "longest block, ms",
            "the same, unchanged",
            "CPU, x json.loads",
            "the same, unchanged",
            "json.loads, ms in one block",
        ),
        [
            (
                f"{row.alerts:,}",
                f"{row.megabytes:.1f}",
                f"{row.block:.1f}",
                f"{row.block_again:.1f}",
                f"{row.ratio:.2f}",
                f"{row.ratio_again:.2f}",
                f"{row.loads:.0f}",
            )
            for row in rows
        ],
        limits=(Limit("longest block of the loop at 10,000 alerts, ms", max(at_ten.block, at_ten.block_again), 60),),
        notes=(
            "Unchanged: the answer after it, in which only endsAt and updatedAt differ. Medians of five rounds; of the "
            "blocks the worst. The processor time holds that of the watcher that measures the blocks.",
        ),
    )


if __name__ == "__main__":
    print(run().markdown())
