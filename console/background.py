"""What goes on beside the screen: it is logged, told and begun again when it breaks off. Nothing ends unseen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from services.feed import Backoff
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError
from services.vocabulary.snapshot import Freshness, FreshnessState

STEADY = 60.0
"""Seconds after which what was begun again counts as mended."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """One thing that has to go on.

    Attributes:
        name: what it does, as a person would say it: ``reading alertmanager prod``.
        run: begins it anew at each call; it goes on until it is cancelled, or returns where it is done.
        tell: whoever shows what depends on it; by default the console itself is told of.
        again: whether it is begun again after it broke off; False for what would then do something twice.
    """

    name: str
    run: Callable[[], Coroutine[Any, Any, None]]
    tell: Callable[[ConsoleError], None] | None = None
    again: bool = True


class Background:
    """Keeps works going until :meth:`close`."""

    def __init__(self, clock: Clock, random: Random | None = None) -> None:
        """
        Args:
            clock: measures and waits.
            random: the jitter of the pauses.
        """
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - jitter
        self._tasks: set[asyncio.Task[None]] = set()
        self._faults: dict[str, tuple[datetime, str]] = {}

    @property
    def fault(self) -> Freshness | None:
        """What of the console itself is broken now, in the form in which sources are told of; None for nothing."""
        if not self._faults:
            return None
        since = min(at for at, _ in self._faults.values())
        reason = "; ".join(text for _, text in self._faults.values())
        return Freshness("console", FreshnessState.FAILING, failing_since=since, reason=reason)

    def keep(self, work: Work) -> None:
        """Run ``work`` until it is done or everything ends."""
        task = asyncio.create_task(self._going_on(work), name=work.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """For ``loop.set_exception_handler``: what failed where nobody waits for it."""
        error = context.get("exception")
        _log.error("%s", context.get("message", "something failed unseen"), exc_info=error)
        if isinstance(error, Exception):
            self._tell(Work("a task of the console", _nothing), _said(error))

    async def close(self) -> None:
        """End everything; never raises."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _going_on(self, work: Work) -> None:
        backoff = Backoff(1.0, STEADY, self._random)
        while True:
            begun = self._clock.monotonic()
            mending = asyncio.ensure_future(self._mended(work)) if work.name in self._faults else None
            try:
                await work.run()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # Something inside it was cancelled, not this.
                _log.warning("%s was broken off from inside", work.name)
                error: Exception = ConsoleError("it was broken off from inside")
            except Exception as failure:
                _log.exception("%s broke off", work.name)
                error = failure
            else:
                self._faults.pop(work.name, None)
                return
            finally:
                if mending is not None:
                    mending.cancel()
            self._tell(work, _said(error))
            if not work.again:
                return
            if self._clock.monotonic() - begun >= STEADY:
                backoff.reset()
            await self._clock.sleep(backoff.next())

    def _tell(self, work: Work, said: str) -> None:
        what = f"{work.name} broke off: {said}"
        hint = "it is begun again; the log says where it broke" if work.again else "the log says where it broke"
        if work.tell is not None:
            work.tell(ConsoleError(what, hint))
            return
        since = self._faults[work.name][0] if work.name in self._faults else self._clock.now()
        self._faults[work.name] = (since, f"{what} ({hint})")

    async def _mended(self, work: Work) -> None:
        await self._clock.sleep(STEADY)
        self._faults.pop(work.name, None)


def _said(error: Exception) -> str:
    if isinstance(error, ConsoleError):
        return str(error)
    if isinstance(error, ExceptionGroup) and error.exceptions:
        return _said(error.exceptions[0])
    return f"{type(error).__name__}: {error}".removesuffix(": ")


async def _nothing() -> None:
    """Ends at once."""
