"""A list body cut into its items while it streams in, so that no decode holds the loop for long.

The answer to a list that a server serves from memory comes whole, whatever ``limit`` asks: 10 MB for 2,000 pods. The
cut is found by the text between two items, ``},{"metadata":`` for a real API server. That text may also stand inside
an item, so a piece counts only when it decodes; otherwise it is joined with the next one. A JSON object ends where it
first is whole, so a piece that decodes is exactly one item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

_ITEMS = re.compile(rb'"items"\s*:\s*(\[|null)')
_KEY = re.compile(rb'\s*\{\s*("[^"\\]*")')


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

    def feed(self, chunk: bytes) -> Iterator[T]:
        """The items that ``chunk`` completes."""
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
        match = _ITEMS.search(self._rest)
        if match is None:
            return False
        self._begun = True
        self._head, self._rest = self._rest[: match.end()], self._rest[match.end() :]
        return True

    def _cut(self, separator: re.Pattern[bytes]) -> Iterator[T]:
        start = 0
        for match in separator.finditer(self._rest, self._searched):
            end = match.start() + 1
            try:
                item = self._decoder.decode(memoryview(self._rest)[start:end])
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError:
                continue  # the separator stood inside the item
            yield item
            start = match.end(1)
        # A separator may itself be cut in two, so the search goes on a little before the end.
        self._rest = self._rest[start:]
        self._searched = max(0, len(self._rest) - 256)
