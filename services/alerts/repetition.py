"""An answer that says byte for byte what the one before it said is not read again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_KEPT = 1024 * 1024
"""Bytes of an answer that are kept for comparison; a longer one, more than a thousand alerts, is read each time."""


class LastAnswer(Generic[T]):
    """The last answer that could be read, and what it meant.

    Most of the time nothing happens, and a source asked every few seconds says the same again. The bytes themselves are
    compared as they arrive, so what differs is never taken for the same.
    """

    def __init__(self, decode: Callable[[AsyncIterator[bytes]], Awaitable[list[T]]]) -> None:
        """
        Args:
            decode: reads an answer; its own errors pass, and the answer before it is kept.
        """
        self._decode = decode
        self._body = b""
        self._items: tuple[T, ...] = ()

    async def read(self, chunks: AsyncIterator[bytes]) -> list[T]:
        """What this answer means; the same items where it is the same answer."""
        same, different = 0, b""
        async for chunk in chunks:
            if not self._body.startswith(chunk, same):
                different = chunk
                break
            same += len(chunk)
        if self._body and not different and same == len(self._body):
            return list(self._items)
        kept = bytearray()
        items = await self._decode(_keeping(kept, self._body[:same] + different, chunks))
        self._body, self._items = (bytes(kept), tuple(items)) if len(kept) <= _KEPT else (b"", ())
        return items


async def _keeping(kept: bytearray, begun: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """All of an answer of which something was read already; as much of it is kept as tells whether that is too much."""
    kept += begun
    yield begun
    async for chunk in chunks:
        if len(kept) <= _KEPT:
            kept += chunk
        yield chunk
