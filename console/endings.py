"""What ends the program from outside: a signal, or a terminal that is gone. It leaves in order, and in any case."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

HUNG_UP = 128 + signal.SIGHUP
"""The exit code of a program whose terminal went away."""

_ANSWER = 2.0
"""Seconds in which the loop answers, unless something holds it."""
_GRACE = 30.0
"""Seconds until the program is ended from within: more than the writes on their way are waited for."""

_log = logging.getLogger(__name__)


class Endings:
    """Turns what comes from outside into one call in the loop, and makes sure that the program then ends.

    A signal handler of asyncio runs in the loop, and so not at all while that is held up. These run in between
    whatever the main thread waits for.
    """

    def __init__(self, leave: Callable[[int, bool], None], let_go: Callable[[], None]) -> None:
        """
        Args:
            leave: called in the loop with the exit code, and whether not to wait for anything.
            let_go: called in a thread of its own where the loop does not answer: frees it from the terminal.
        """
        self._leave = leave
        self._let_go = let_go
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._asked: set[signal.Signals] = set()
        self._answered = threading.Event()
        self._guarded = False

    def watch(self) -> None:
        """Follow the signals that end a program from now on; to be called in the loop."""
        self._loop = asyncio.get_running_loop()
        for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            try:
                self._before[ending] = signal.signal(ending, self._signalled)
            except ValueError:  # not in the main thread: then somebody else listens
                return

    def forget(self) -> None:
        """Leave the signals to whoever had them before."""
        while self._before:
            ending, before = self._before.popitem()
            signal.signal(ending, before)
        self._loop = None

    def end(self, code: int, why: str, *, hurry: bool = False) -> None:
        """End the program.

        Args:
            code: the exit code.
            why: for the log.
            hurry: whether to leave without waiting for anything.
        """
        if self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._answer, code, why, hurry)
        if not self._guarded:
            self._guarded = True
            threading.Thread(target=self._insist, args=(code,), name="last-resort", daemon=True).start()

    def _signalled(self, number: int, _: FrameType | None) -> None:
        # Between two instructions of whatever runs: it takes no lock.
        ending = signal.Signals(number)
        # A terminal that closes is told several times; whoever says it twice wants it now.
        again = ending in self._asked and ending is not signal.SIGHUP
        self._asked.add(ending)
        self.end(128 + number, f"ended by {ending.name}", hurry=again)

    def _answer(self, code: int, why: str, hurry: bool) -> None:
        self._answered.set()
        _log.info("%s", why)
        self._leave(code, hurry)

    def _insist(self, code: int) -> None:
        if not self._answered.wait(_ANSWER):
            _log.warning("the program does not answer: what waits to be drawn is dropped")
            self._let_go()
        threading.Event().wait(_GRACE)
        _log.critical("the program did not end by itself: it is ended from within, and writes may be left unfinished")
        os._exit(code)
