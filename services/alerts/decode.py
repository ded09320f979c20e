"""JSON arrays of objects, decoded as they stream, without ever holding the loop for long.

Parsing 8 MB in one call holds the interpreter for 50 to 90 ms, on a thread as well. So the body is never joined: it
is cut into its objects while it arrives, each object is decoded by itself, and the loop gets its turn after every
piece.

**Where to cut.** JSON objects are prefix-free: no object is the beginning of another one. So wherever the text looks
like a border (``},{"``) and the piece before it decodes as one whole object, the border is real, whatever texts or
nested lists contain. Where the guess fails, an exact scan that knows strings, escapes and depth finds the end.

**What is reused.** Alertmanager's ``endsAt`` and ``updatedAt`` change each time Prometheus sends an alert again. An
object whose other bytes are those of the previous answer is the same alert: the very same ``Alert`` is handed out, so
that whoever compares by identity sees at once what changed. A whole answer that is the one before it, byte for byte, is
not even cut (:mod:`services.alerts.repetition`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec

from services.alerts.model import Alert, Silence
from services.alerts.repetition import LastAnswer
from services.alerts.wire import WireAlert, WireSilence, alert_of, silence_of
from services.http import error_text
from services.vocabulary.errors import FailureKind, SourceError
from services.vocabulary.json_scan import ObjectScan

T = TypeVar("T")

_PIECE = 32 * 1024  # bytes decoded between two turns of the loop: about 40 alerts, well under 1 ms
_PATIENCE = 32 * 1024  # bytes to wait for the next border before the exact scan looks for it
_LARGEST = 4 * 1024 * 1024  # bytes of one object; also bounds the longest single step
_GUESSES = 4

# Not an object of the expected shape: its syntax, its types, a time out of range, text that is no UTF-8, lists in
# lists without end.
_NOT_ONE = (msgspec.DecodeError, OverflowError, UnicodeDecodeError, RecursionError)
_BORDER = b'},{"'
_SPACE = re.compile(rb"[ \t\r\n]*")
_AFTER = {ord("["): b"{]", ord(","): b"{", ord("]"): b""}


class ArrayCutter(Generic[T]):
    """Cuts one JSON array of objects, fed piece by piece. Holds at most one object that is not whole yet."""

    def __init__(self, source: str, decode: Callable[[bytes], T]) -> None:
        """
        Args:
            source: opens every error message.
            decode: turns the bytes of one object into an item; raises what msgspec raises for bytes that are not
                exactly one object of the expected shape.
        """
        self._source = source
        self._decode = decode
        self._buffer = b""
        self._at = 0
        self._expected = b"["
        self._count = 0
        self._exact = ObjectScan()  # of the object at hand

    def feed(self, piece: bytes) -> list[T]:
        """The objects that became whole with ``piece``.

        Raises:
            SourceError: the text is no array of such objects.
        """
        self._buffer = self._buffer[self._at :] + piece
        self._at = 0
        return self._objects(ended=False)

    def finish(self) -> list[T]:
        """The rest, now that the text has ended.

        Raises:
            SourceError: it ended in the middle, or is no array of such objects.
        """
        items = self._objects(ended=True)
        if self._expected:
            raise self._malformed(
                f"the answer breaks off after {self._count} whole entries" if self._count else "the answer breaks off"
            )
        return items

    def _objects(self, *, ended: bool) -> list[T]:
        items: list[T] = []
        while self._at_object():
            if not self._guess(items) and not self._scan(items, ended=ended):
                break
        return items

    def _at_object(self) -> bool:
        """Go on to the next object; False where more text is needed or the array has ended."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at >= len(self._buffer):
                return False
            byte = self._buffer[self._at]
            if byte not in self._expected:
                raise self._unexpected()
            if byte == ord("{"):
                return True
            self._expected = _AFTER[byte]
            self._at += 1

    def _guess(self, items: list[T]) -> bool:
        if self._exact.begun:
            return False
        buffer, start = self._buffer, self._at
        end, depth = start, 0
        for _ in range(_GUESSES):
            begin, end = end, buffer.find(_BORDER, end) + 1
            if not end:
                return False
            depth += buffer.count(b"{", begin, end) - buffer.count(b"}", begin, end)
            if depth == 0:  # as it is at a real border, unless texts hold single braces
                try:
                    items.append(self._decode(buffer[start:end]))
                except _NOT_ONE:
                    return False
                self._passed(end)
                return True
        return False

    def _scan(self, items: list[T], *, ended: bool) -> bool:
        size = len(self._buffer) - self._at
        if size < _PATIENCE and not ended:
            return False
        end = self._exact.end(self._buffer, self._at)
        if end < 0:
            if size > _LARGEST:
                raise SourceError(
                    FailureKind.TOO_LARGE,
                    f"{self._source}: one entry of the answer is larger than {_LARGEST // 1024 // 1024} MB",
                    "look for an alert with an enormous label or annotation",
                )
            return False
        try:
            items.append(self._decode(self._buffer[self._at : end]))
        except _NOT_ONE as error:
            raise self._malformed(f"entry {self._count + 1} of the answer is not what it should be: {error}") from error
        self._passed(end)
        return True

    def _passed(self, end: int) -> None:
        self._at = end
        self._expected = b",]"
        self._count += 1
        self._exact.reset()

    def _unexpected(self) -> SourceError:
        rest = self._buffer[self._at :]
        if self._expected == b"[":
            return self._malformed(f"the answer is no list: {error_text(rest, '') or 'it is empty'}")
        said = rest[:20].decode(errors="replace")
        where = f"after {self._count} entries" if self._count else "at its beginning"
        return self._malformed(f"the answer is not valid JSON {where}: {said!r}")

    def _malformed(self, what: str) -> SourceError:
        return SourceError(
            FailureKind.MALFORMED, f"{self._source}: {what}", "check that the URL leads to Alertmanager's own API"
        )


async def decode_array(chunks: AsyncIterator[bytes], source: str, decode: Callable[[bytes], T]) -> list[T]:
    """Decode a whole array as it streams; all of it or nothing.

    The loop gets its turn after every 32 KB, however large the chunks are.

    Raises:
        SourceError: the body is no array of such objects, or the stream failed.
    """
    cutter = ArrayCutter(source, decode)
    items: list[T] = []
    async for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            items += cutter.feed(chunk[start : start + _PIECE])
            await asyncio.sleep(0)
    items += cutter.finish()
    return items


class AlertDecoder:
    """Decodes the alerts of one Alertmanager, answer after answer, and hands out the same object for the same alert."""

    def __init__(self, source: str, cluster: str, environment: str) -> None:
        """
        Args:
            source: opens every error message.
            cluster: goes into every alert.
            environment: likewise.
        """
        self._source = source
        self._cluster = cluster
        self._environment = environment
        self._json = msgspec.json.Decoder(WireAlert)
        self._known: dict[bytes, Alert] = {}
        self._last = LastAnswer(self._read)

    async def decode(self, chunks: AsyncIterator[bytes]) -> list[Alert]:
        """The alerts of one ``GET /api/v2/alerts``, in its order.

        Raises:
            SourceError: the body is no list of alerts, or the stream failed; what was known is kept.
        """
        return await self._last.read(chunks)

    async def _read(self, chunks: AsyncIterator[bytes]) -> list[Alert]:
        seen: dict[bytes, Alert] = {}

        def decode(raw: bytes) -> Alert:
            key = identity(raw)
            alert = self._known.get(key)
            if alert is None:
                alert = alert_of(self._json.decode(raw), self._cluster, self._environment)
                if not _blurred(alert):
                    seen[key] = alert
            else:
                seen[key] = alert
            return alert

        alerts = await decode_array(chunks, self._source, decode)
        self._known = seen
        return alerts


class SilenceDecoder:
    """Decodes the silences of one Alertmanager."""

    def __init__(self, source: str, cluster: str) -> None:
        """
        Args:
            source: opens every error message.
            cluster: goes into every silence.
        """
        self._source = source
        self._cluster = cluster
        self._json = msgspec.json.Decoder(WireSilence)

    async def decode(self, chunks: AsyncIterator[bytes]) -> list[Silence]:
        """The silences of one ``GET /api/v2/silences``, in its order.

        Raises:
            SourceError: the body is no list of silences, or the stream failed.
        """
        return await decode_array(chunks, self._source, lambda raw: silence_of(self._json.decode(raw), self._cluster))


def identity(raw: bytes) -> bytes:
    """What stands for the bytes of one alert, the values of ``endsAt`` and ``updatedAt`` left out.

    Two objects with the same bytes around those values have the same structure, for JSON is read from left to right
    and the values hold neither quote nor backslash before their end. (Of 16 bytes, as keeping every raw alert would
    double what an alert costs; collisions of BLAKE2b are not to be met.)
    """
    digest = blake2b(digest_size=16)
    start = 0
    for name in (b'"endsAt":"', b'"updatedAt":"'):
        value = raw.find(name, start) + len(name)
        if value < len(name):
            continue
        end = raw.find(b'"', value)
        if end < 0 or raw[end - 1] == 0x5C:
            continue
        digest.update(raw[start:value])
        start = end
    digest.update(raw[start:])
    return digest.digest()


def _blurred(alert: Alert) -> bool:
    """Whether :func:`identity` may have left out something that the alert is made of: a label named ``endsAt``."""
    return any(name.endswith(("endsAt", "updatedAt")) for name in (*alert.labels, *alert.annotations))
