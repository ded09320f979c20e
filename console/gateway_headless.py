"""``sre-console gateway``: the gateway without a screen."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli import complain, complain_lines, refuse, say
from console.configuration.paths import named_config
from console.gateway import gateway
from console.opening import open_backend
from services.safety.actor import Surface
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display

if TYPE_CHECKING:
    from console.log import Log
    from console.wiring import Backend


def serve(*, config: str | None, demo: bool, read_only: bool, log: Log | None = None) -> int:
    """Serve until interrupted.

    Args:
        config: the file that the person named.
        demo: in front of the simulated production, with a token made for this once.
        read_only: move nothing.
        log: takes what goes wrong meanwhile.

    Returns:
        0 ended from outside, 1 it cannot listen, 2 the configuration cannot be used, 130 interrupted.
    """
    return asyncio.run(_serve(named_config(config), demo=demo, read_only=read_only, log=log))


async def _serve(config: Path | None, *, demo: bool, read_only: bool, log: Log | None) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    got: list[signal.Signals] = []

    def end(by: signal.Signals) -> None:
        got.append(by)
        stop.set()

    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(ending, end, ending)
    surface = Surface.WALLBOARD if read_only else Surface.GATEWAY
    try:
        backend = await open_backend(clock=SystemClock(), surface=surface, config=config, demo=demo, log=log)
    except ConsoleError as error:
        return refuse(error)
    loop.set_exception_handler(backend.background.unhandled)
    try:
        await _until(backend, stop, token=demo and not read_only)
    except ConsoleError as error:
        return complain(display(error.message), display(error.hint), code=1)
    finally:
        await backend.close()
        complain_lines([display(f"sre-console: {lost.command}: {lost.check}") for lost in backend.left])
    return 130 if signal.SIGINT in got else 0


async def _until(backend: Backend, stop: asyncio.Event, *, token: bool) -> None:
    if token:
        await _demo_token(backend)
    backend.start(serve=False)
    async with gateway(backend) as serving:
        say([f"the gateway listens on {serving.url}; ctrl+c ends it"])
        _flush()
        ended = asyncio.ensure_future(serving.ended())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                await ended
        finally:
            ended.cancel()
            stopped.cancel()


async def _demo_token(backend: Backend) -> None:
    from services.gateway.model import Scope
    from services.gateway.tokens import TokenRepository

    store = (await backend.open_records()).store
    _, secret = await TokenRepository(store, backend.clock).create(backend.actor, "demo", tuple(Scope))
    say(["DEMO: a simulated production", f"token: {secret}"])


def _flush() -> None:
    import sys

    sys.stdout.flush()
