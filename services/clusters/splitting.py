"""A list body cut into its items while it streams in, so that no decode holds the loop for long.

The answer to a list that a server serves from memory comes whole, whatever ``limit`` asks: 10 MB for 2,000 pods. The
cut is found by the text between two items, ``},{"metadata":`` for a real API server. That text may also stand inside
an item, so a piece counts only when it decodes; a JSON object ends where it first is whole, so a piece that decodes is
exactly one item. Where it does not, an exact scan finds the end of that item: no byte is decoded again and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from services.vocabulary.json_scan import ObjectScan

T = TypeVar("T")

_ITEMS = re.compile(rb'"items"\s*:\s*(\[|null)')
_KEY = re.compile(rb'\s*\{\s*("[^"\\]*")')
_NEXT = re.compile(rb"\s*,\s*(?=\{)")
_LARGEST = 8 * 1024 * 1024
"""Bytes that are held at most: several times what etcd takes of one object."""
_OVERLAP = 256
"""What is searched for may itself be cut in two, so a search begins a little before the end of the one before."""


class ListEnd(msgspec.Struct, frozen=True, rename="camel"):
    """The metadata of a list."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Body(msgspec.Struct, frozen=True):
    metadata: ListEnd = ListEnd()
    items: tuple[msgspec.Raw, ...] | None = None


class ListSplitter(Generic[T]):
    """Takes a list body piece by piece and gives back its items decoded.

    Every method raises :class:`msgspec.MsgspecError` for a body that is not such a list.
    """

    def __init__(self, decoder: msgspec.json.Decoder[T]) -> None:
        self._decoder = decoder
        self._head = b""
        self._rest = b""
        self._begun = False
        self._separator: re.Pattern[bytes] | None = None
        self._searched = 0
        self._exactly = False  # whether the item at hand needs the exact scan
        self._exact = ObjectScan()
        self._end = -1  # where that scan found the end of the item, from its first byte

    def feed(self, chunk: bytes) -> Iterator[T]:
        """The items that ``chunk`` completes."""
        if len(self._rest) > _LARGEST:
            raise msgspec.DecodeError(f"one item of it is larger than {_LARGEST // 1024 // 1024} MB")
        self._rest += chunk
        if not self._begun and not self._begin():
            return
        if self._separator is None and (key := _KEY.match(self._rest)):
            self._separator = re.compile(rb"\}(\s*,\s*)\{\s*" + re.escape(key[1]) + rb"\s*:")
        if self._separator is not None:
            yield from self._cut(self._separator)

    def close(self) -> tuple[list[T], ListEnd]:
        """The body has ended: the items still held, and the list's metadata."""
        body = msgspec.json.decode(self._head + self._rest, type=_Body)
        if not self._begun:
            raise msgspec.DecodeError("it has no items")
        return [self._decoder.decode(item) for item in body.items or ()], body.metadata

    def _begin(self) -> bool:
        match = _ITEMS.search(self._rest, self._searched)
        if match is None:
            self._searched = max(0, len(self._rest) - _OVERLAP)
            return False
        self._begun = True
        self._searched = 0
        self._head, self._rest = self._rest[: match.end()], self._rest[match.end() :]
        return True

    def _cut(self, separator: re.Pattern[bytes]) -> Iterator[T]:
        start = 0
        while True:
            if not self._exactly:
                match = separator.search(self._rest, max(start, self._searched))
                if match is None:
                    break
                try:
                    item = self._decoder.decode(memoryview(self._rest)[start : match.start() + 1])
                except msgspec.ValidationError:
                    raise
                except msgspec.DecodeError:
                    self._exactly = True  # the separator stood inside the item
                    continue
                yield item
                start = match.end(1)
                continue
            borders = self._borders(start)
            if borders is None:
                break
            end, beyond = borders
            yield self._decoder.decode(memoryview(self._rest)[start:end])
            start = beyond
        self._rest = self._rest[start:]
        self._searched = max(0, len(self._rest) - _OVERLAP)

    def _borders(self, start: int) -> tuple[int, int] | None:
        """End of the item at ``start`` and beginning of the next; None as long as not both have arrived."""
        if self._end < 0:
            end = self._exact.end(self._rest, start)
            if end < 0:
                return None
            self._end = end - start
        follows = _NEXT.match(self._rest, start + self._end)
        if follows is None:
            return None
        end, self._end, self._exactly = start + self._end, -1, False
        self._exact.reset()
        return end, follows.end()
