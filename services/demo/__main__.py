"""``python -P -m services.demo``: serve the demo until the parent goes.

It writes one line of JSON to standard output once it listens, and ends when its standard input ends, when its
parent dies, or on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime

from services.demo.clock import SimulatedClock
from services.demo.server import DemoServers
from services.vocabulary.clock import Clock, SystemClock

_WATCH_PARENT = 0.5


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -P -m services.demo", description="Serve the demo production.")
    parser.add_argument("--seed", type=int, default=7, help="chooses names and noise")
    parser.add_argument(
        "--speed", type=_not_negative, default=1.0, help="simulated seconds a real second; 0 stands still"
    )
    parser.add_argument("--start", type=_time, help="what its clock shows at the start (ISO 8601); default: now")
    parser.add_argument("--offset", type=float, default=0.0, help="seconds into the story at the start")
    parser.add_argument("--flood", type=int, default=0, help="so many extra alerts")
    return parser.parse_args(arguments)


async def serve(options: argparse.Namespace, real: Clock) -> None:
    """Serve until something says stop."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    parent = os.getppid()
    clock = SimulatedClock(real, options.start, options.speed)
    servers = DemoServers(clock, seed=options.seed, offset=options.offset, flood=options.flood)
    async with servers:
        print(json.dumps(servers.announcement()), flush=True)  # noqa: T201 - this line is the interface
        threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()
        while os.getppid() == parent and not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _WATCH_PARENT)
            except TimeoutError:
                continue


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:
        return  # the loop has ended meanwhile


def main() -> int:
    """The entry point."""
    asyncio.run(serve(_arguments(sys.argv[1:]), SystemClock()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
