"""What is typed arrives, and nobody looks while nothing is typed."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from console.keyboard import WakingEvent, follow_keys

PATIENCE = 60


class Typed:
    """The messages that arrived so far."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._news = threading.Condition()

    def take(self, message: Message) -> None:
        if isinstance(message, events.Key):
            with self._news:
                self.keys.append(message.key)
                self._news.notify_all()

    def wait(self, keys: Sequence[str]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.keys) >= len(keys), PATIENCE), self.keys
            assert self.keys == list(keys)


@contextmanager
def following(typed: Typed) -> Iterator[tuple[int, WakingEvent, threading.Thread]]:
    terminal, person = os.pipe()
    ended = WakingEvent()
    thread = threading.Thread(target=follow_keys, args=(terminal, XTermParser(False), typed.take, ended), daemon=True)
    thread.start()
    try:
        yield person, ended, thread
    finally:
        ended.set()
        thread.join(PATIENCE)
        os.close(terminal)
        os.close(person)


def test_keys_arrive_in_their_order_and_characters_that_come_in_pieces_whole() -> None:
    typed = Typed()
    with following(typed) as (person, _, _):
        os.write(person, b"a\x1b[A" + "é".encode()[:1])
        typed.wait(["a", "up"])
        os.write(person, "é".encode()[1:] + b"\xffb")
        typed.wait(["a", "up", "é", "replacement_character", "b"])


def test_an_escape_behind_which_nothing_comes_is_a_key() -> None:
    typed = Typed()
    with following(typed) as (person, _, _):
        os.write(person, b"\x1b")
        typed.wait(["escape"])


def test_it_ends_while_nobody_types_and_begins_again() -> None:
    typed = Typed()
    with following(typed) as (_, ended, thread):
        ended.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        ended.set()
        ended.clear()
        assert not select.select([ended], [], [], 0)[0]
        assert pauses([()], ended=ended) == [None, None]
        assert select.select([ended], [], [], 0)[0]


def pauses(script: Sequence[Sequence[int]], *, ended: WakingEvent, terminal: int = -1) -> list[float | None]:
    """How long the reader was ready to wait at each look: what could be read then is the script, behind it the end."""
    asked: list[float | None] = []
    rest = list(script)

    def look(files: list[int], seconds: float | None) -> list[int]:
        asked.append(seconds)
        if not rest:
            ended.set()
            return []
        return [one for one in rest.pop(0) if one in files]

    follow_keys(terminal, XTermParser(False), lambda _: None, ended, look=look)
    return asked


def test_nobody_looks_by_the_clock_once_what_was_typed_has_settled() -> None:
    terminal, person = os.pipe()
    os.write(person, b"j")
    asked = pauses([(terminal,), *[()] * 30], ended=WakingEvent(), terminal=terminal)
    os.close(terminal)
    os.close(person)
    assert asked[0] is None
    assert asked[1] is not None
    assert set(asked[15:]) == {None}


def test_the_end_of_the_input_is_read_once() -> None:
    terminal, person = os.pipe()
    os.close(person)
    asked = pauses([(terminal,), *[(terminal,)] * 30], ended=WakingEvent(), terminal=terminal)
    os.close(terminal)
    assert set(asked[15:]) == {None}
