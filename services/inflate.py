"""Decompresses an answer in small pieces, so that a short hostile body cannot fill the memory at one stroke."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 64 * 1024
"""Most bytes of a piece."""

_GZIP = 16 + zlib.MAX_WBITS


class InflateError(ValueError):
    """The body is not what its ``Content-Encoding`` says."""


class Inflater:
    """Reads one body, gzip (RFC 1952, several members too) or not compressed at all."""

    def __init__(self, encoding: str) -> None:
        """Start with the value of ``Content-Encoding``; empty where there is none.

        Raises:
            InflateError: another encoding, which was not asked for.
        """
        word = encoding.strip().lower()
        if word not in ("", "identity", "gzip", "x-gzip"):
            raise InflateError(f"it is encoded as {word[:60]!r}, which was not asked for")
        self._gzip = zlib.decompressobj(_GZIP) if "gzip" in word else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The next bytes in pieces.

        Raises:
            InflateError: this is not gzip.
        """
        if self._gzip is None:
            yield from (data[start : start + PIECE] for start in range(0, len(data), PIECE))
            return
        while data:
            if self._gzip.eof:
                self._gzip = zlib.decompressobj(_GZIP)
            piece = self._inflate(self._gzip, data)
            data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> Iterator[bytes]:
        """What is left when the body has ended.

        Raises:
            InflateError: the body ended too early.
        """
        while self._gzip is not None and not self._gzip.eof:
            piece = self._inflate(self._gzip, b"")
            if not piece:
                raise InflateError("it ends before it is complete")
            yield piece

    @staticmethod
    def _inflate(gzip: zlib._Decompress, data: bytes) -> bytes:
        try:
            return gzip.decompress(data, PIECE)
        except zlib.error as error:
            raise InflateError(str(error)) from error
