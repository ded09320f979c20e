"""Reads what is typed, and sleeps while nothing is."""

from __future__ import annotations

import os
import select
import socket
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from textual.constants import ESCAPE_DELAY
from textual.message import Message

_LOOK = 0.1
"""Seconds between two looks right after something was typed: an escape may be a key, or begin one."""
_SETTLED = 1.0 + ESCAPE_DELAY
"""Seconds after which what was typed last begins nothing any more."""


class Parser(Protocol):
    """Makes keys, clicks and answers of the terminal out of characters; Textual's own does."""

    def feed(self, data: str) -> Iterable[Message]:
        """What is complete with these characters; an empty text ends it."""
        ...

    def tick(self) -> Iterable[Message]:
        """What has waited long enough for more characters."""
        ...


class WakingEvent(threading.Event):
    """An event for whoever waits for a file at the same time: once it is set, this can be read like one."""

    def __init__(self) -> None:
        super().__init__()
        self._waking, self._woken = socket.socketpair()
        self._waking.setblocking(False)
        self._woken.setblocking(False)

    def set(self) -> None:
        """Tell all who wait, of either kind."""
        super().set()
        with suppress(OSError):
            self._waking.send(b"\0")

    def clear(self) -> None:
        """Begin anew."""
        super().clear()
        with suppress(OSError):
            self._woken.recv(4096)

    def fileno(self) -> int:
        """What can be read once it is set."""
        return self._woken.fileno()


Look = Callable[[list[int], float | None], list[int]]
"""Waits until one of some files can be read, at most so many seconds (None: for ever), and says which can."""


def follow_keys(
    fileno: int, parser: Parser, handle: Callable[[Message], None], ended: WakingEvent, *, look: Look | None = None
) -> None:
    """Hand everything that is typed to ``handle`` until ``ended`` is set.

    Args:
        fileno: the terminal.
        parser: makes messages of what is typed.
        handle: takes them, in their order.
        ended: ends it at once.
        look: waits for the files.

    Raises:
        OSError: the terminal cannot be read any more.
    """
    look = look or _readable
    decode = getincrementaldecoder("utf-8")(errors="replace").decode
    files = [fileno, ended.fileno()]
    looks = 0
    while not ended.is_set():
        ready = look(files, _LOOK if looks else None)
        looks = max(0, looks - 1)
        if fileno in ready:
            looks = round(_SETTLED / _LOOK)
            data = os.read(fileno, 4096)
            if not data:
                files.remove(fileno)  # nobody can type there any more
            elif text := decode(data):
                for message in parser.feed(text):
                    handle(message)
        for message in parser.tick():
            handle(message)


def _readable(files: list[int], seconds: float | None) -> list[int]:
    return select.select(files, [], [], seconds)[0]
