"""The terminal under the screen: one that vanishes, or takes nothing any more, does not hold the program up."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
from queue import Empty
from typing import IO, Any, cast

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from console.keyboard import WakingEvent, follow_keys

_PATIENCE = 2.0
"""Seconds for what is still to be written when the program ends."""

_log = logging.getLogger(__name__)


class TerminalLost(Message):
    """There is nobody any more who could see or type.

    Attributes:
        reason: how that was found out.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class ConsoleDriver(LinuxDriver):
    """Textual's own, for terminals that go away without a word.

    Left to itself, its writing thread dies of the first error and its queue then stops the whole program; its reading
    thread asks again and again at the end of the input, and ten times a second while nobody types.

    Attributes:
        stuck: whether the terminal still takes nothing; what waits to be written can then only be abandoned.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=cast(Any, size and Size(*size)))
        self.stuck = False
        self._watched = False
        self.exit_event = self._ended = WakingEvent()
        self._gone = threading.Event()
        self._losing = threading.Lock()
        self._file = cast(Any, _Output(cast("IO[str]", self._file), self))

    def start_application_mode(self) -> None:
        """Begin to draw and to read, and to look whether the terminal is still there."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self.input_tty and not self._watched:
            self._watched = True  # it goes on while the program is suspended
            threading.Thread(target=self._watch, name="terminal-watch", daemon=True).start()

    def run_input_thread(self) -> None:
        """Read what is typed; where nobody can type, nothing."""
        if not self.input_tty:
            self.exit_event.wait()
            return
        try:
            follow_keys(self.fileno, XTermParser(self._debug), self.process_message, self._ended)
        except OSError as error:
            self.lost(str(error))

    def write(self, data: str) -> None:
        """Hand ``data`` to the terminal, as long as there is one."""
        if not self._gone.is_set():
            super().write(data)

    def lost(self, reason: str) -> None:
        """There is no terminal any more; may be called from any thread, and more than once."""
        with self._losing:
            if self._gone.is_set():
                return
            self._gone.set()
        _log.warning("the terminal is gone: %s", reason)
        # What anybody prints from now on, Python itself at the end included, goes nowhere instead of failing.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.__stdout__, sys.__stderr__):
                if stream is not None and os.isatty(stream.fileno()):
                    os.dup2(nowhere, stream.fileno())
        self.exit_event.set()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.send_message(TerminalLost(reason))

    def let_go(self) -> None:
        """Write nothing more: whoever waits for room in the queue goes on. May be called from any thread."""
        self._gone.set()
        queue = self._writer_thread._queue if self._writer_thread is not None else None
        with contextlib.suppress(Empty):
            while queue is not None:
                queue.get_nowait()

    def close(self) -> None:
        """Write what waits to be written, if the terminal takes it."""
        # Ending the writing thread waits for it, and it waits for the terminal.
        ending = threading.Thread(target=super().close, name="terminal-close", daemon=True)
        ending.start()
        ending.join(_PATIENCE)
        self.stuck = ending.is_alive()

    def _watch(self) -> None:
        # Asked for no event at all, this waits until the other end hangs up. What cannot be asked is not watched.
        hung_up = select.poll()
        with contextlib.suppress(OSError, ValueError):
            hung_up.register(self.fileno, 0)
            found = hung_up.poll()
            if any(event & (select.POLLHUP | select.POLLERR) for _, event in found):
                self.lost("it hung up")


class _Output:
    """The terminal as a file that never fails: what cannot be written is told once, and dropped."""

    def __init__(self, file: IO[str], driver: ConsoleDriver) -> None:
        self._file = file
        self._driver = driver

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            return self._file.write(text)
        except (OSError, ValueError) as error:
            self._driver.lost(str(error))
            return len(text)

    def flush(self) -> None:
        """Write out what was gathered, or drop it."""
        try:
            self._file.flush()
        except (OSError, ValueError) as error:
            self._driver.lost(str(error))

    def fileno(self) -> int:
        """Of the terminal.

        Raises:
            OSError: it has none.
        """
        return self._file.fileno()
