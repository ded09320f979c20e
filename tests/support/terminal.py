"""A program on a terminal of its own: what it writes, byte by byte, and what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

_ASKED = b"\x1b[?2026$p"
_CAN = b"\x1b[?2026;2$y"
_BEGIN, _END = b"\x1b[?2026h", b"\x1b[?2026l"
"""A frame, as a terminal that can show it at once is told of it."""


class Terminal:
    """Runs a program on a pseudo-terminal and reads along.

    Attributes:
        started: monotonic seconds when the program was started.
        output: every byte that it wrote so far.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
        frames: bool = False,
    ) -> None:
        """
        Args:
            command: the program and its arguments.
            columns, lines: of the terminal.
            environment: variables over those of this process.
            cwd: where it runs.
            frames: whether the terminal can show whole frames at once; then no half of one is ever looked at.
        """
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._rows = [" " * columns] * lines
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._ended = False
        self._frames = frames
        self._asked = False
        self._whole = list(self._rows)
        self._deaf = False
        self.output = bytearray()
        self._arrivals: list[tuple[int, float]] = []
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        plain = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
        variables = {**os.environ, **plain, "COLUMNS": str(columns), "LINES": str(lines), **(environment or {})}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=variables, cwd=cwd, start_new_session=True
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def text(self) -> str:
        """The screen as a person sees it."""
        with self._lock:
            return "\n".join(self._lines())

    def wait_for(self, words: str, limit: float = 20.0) -> float:
        """Wait until ``words`` stand on the screen.

        Returns:
            Seconds since the start of the program.

        Raises:
            TimeoutError: they did not come; the message holds the screen.
        """
        return self.wait_until(lambda rows: any(words in row for row in rows), f"{words!r} never came", limit)

    def wait_until(self, condition: Callable[[Sequence[str]], bool], reproach: str, limit: float = 20.0) -> float:
        """Wait until ``condition`` holds for the rows of the screen; asked whenever something was written.

        Returns:
            Seconds since the start of the program.

        Raises:
            TimeoutError: it never held; the message is ``reproach`` and the screen.
        """
        end = time.monotonic() + limit
        with self._news:
            while not condition(self._lines()):
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    raise TimeoutError(f"{reproach}:\n" + "\n".join(self._lines()))
                self._news.wait(left)
        return time.monotonic() - self.started

    def wait_for_bytes(self, words: bytes, limit: float = 20.0) -> float:
        """Like :meth:`wait_for`, on what was written and not on what a person sees: costs the measurement nothing.

        Returns:
            Seconds from the start of the program to the arrival of the piece that completed ``words``.

        Raises:
            TimeoutError: they did not come.
        """
        end = time.monotonic() + limit
        with self._news:
            while (place := self.output.find(words)) < 0:
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{words!r} never came")
                self._news.wait(left)
            return next(at for size, at in self._arrivals if size >= place + len(words)) - self.started

    def send(self, keys: str | bytes) -> None:
        """Type."""
        left = keys.encode() if isinstance(keys, str) else keys
        while left:
            left = left[os.write(self._master, left) :]

    def stop_reading(self) -> None:
        """Take nothing more of what the program writes, as a line that hangs."""
        self._deaf = True
        self._reader.join()

    def vanish(self) -> None:
        """Be gone, without a signal to the program."""
        self.stop_reading()
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End the program and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(2)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _lines(self) -> list[str]:
        return self._whole if self._frames else self._drawn()

    def _drawn(self) -> list[str]:
        # Only the rows that changed are put together again: a busy screen writes many pieces a second.
        buffer, columns = self._screen.buffer, range(self._screen.columns)
        for row in self._screen.dirty:
            line = buffer[row]
            self._rows[row] = "".join(line[column].data for column in columns)
        self._screen.dirty.clear()
        return self._rows

    def _read(self) -> None:
        self._follow()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _follow(self) -> None:
        while not self._deaf:
            try:
                ready, _, _ = select.select([self._master], [], [], 0.2)
                chunk = os.read(self._master, 65536) if ready else b""
            except (OSError, ValueError):
                return
            if not ready:
                if self.process.poll() is not None:
                    return
                continue
            if not chunk:
                return
            arrived = time.monotonic()
            with self._news:
                self.output += chunk
                self._arrivals.append((len(self.output), arrived))
                if self._frames:
                    self._take_frames(len(chunk))
                else:
                    self._stream.feed(chunk)
                self._news.notify_all()

    def _take_frames(self, size: int) -> None:
        place = len(self.output) - size
        # What asks for frames, begins or ends one may have come in two pieces.
        early = max(0, place - len(_ASKED) + 1)
        if not self._asked and self.output.find(_ASKED, early) >= 0:
            self._asked = True
            os.write(self._master, _CAN)
        # One may end and the next begin in one piece: each whole one is kept.
        end = self.output.find(_END, early)
        while end >= 0:
            after = end + len(_END)
            if after > place:
                self._stream.feed(bytes(self.output[place:after]))
                self._whole = list(self._drawn())
                place = after
            end = self.output.find(_END, after)
        self._stream.feed(bytes(self.output[place:]))
        if self.output.rfind(_BEGIN) <= self.output.rfind(_END):
            self._whole = list(self._drawn())
