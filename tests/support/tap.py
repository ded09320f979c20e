"""A tap on the wire: passes every byte on, both ways, and remembers what a client asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that change nothing."""

# A request may follow the body of the one before on the same connection, whose last byte is any.
_REQUEST = re.compile(rb"(?<![A-Z])([A-Z]{3,}) (\S+) HTTP/1\.[01]\r")
_PIECE = 65536


class Tap:
    """Stands in front of one HTTP server.

    Attributes:
        url: what clients are told instead of the server's own.
        instead: what a write is answered instead of passing it on; empty for no answer at all. None passes it on.
        swallows: whether the answers to writes are kept from the client, which waits for them in vain.
        held: whether a write is passed on only once it is let go.
        let_go: set, a write that got no answer is broken off, and one that is held goes on.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._heard: list[bytearray] = []
        self.url = ""
        self.instead: bytes | None = None
        self.swallows = False
        self.held = False
        self.let_go = asyncio.Event()

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and target of every request that was begun so far, connection by connection."""
        return [
            (method.decode(), target.decode(errors="replace"))
            for heard in self._heard
            for method, target in _REQUEST.findall(heard)
        ]

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Those that could change something."""
        return [request for request in self.requests if request[0] not in READS]

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self._heard.append(heard)
        try:
            answers, onward = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        except OSError:
            # What the client asks is heard all the same; nobody is there to answer it.
            with suppress(OSError):
                heard += await reader.read(_PIECE)
            writer.transport.abort()
            return
        pumps = [
            asyncio.ensure_future(self._ask(reader, onward, heard, writer)),
            asyncio.ensure_future(self._answer(answers, writer, heard)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            onward.close()
            writer.close()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _ask(
        self, reader: asyncio.StreamReader, onward: asyncio.StreamWriter, heard: bytearray, back: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                heard += piece
                begun = _REQUEST.match(piece)
                writes = begun is not None and begun[1].decode() not in READS
                if writes and self.held:
                    await self.let_go.wait()
                if writes and self.instead is not None:
                    back.write(self.instead)
                    await (back.drain() if self.instead else self.let_go.wait())
                    return
                onward.write(piece)
                await onward.drain()

    async def _answer(self, answers: asyncio.StreamReader, back: asyncio.StreamWriter, heard: bytearray) -> None:
        with suppress(OSError):
            while piece := await answers.read(_PIECE):
                asked = _REQUEST.findall(heard)
                if self.swallows and asked and asked[-1][0].decode() not in READS:
                    continue
                back.write(piece)
                await back.drain()


@asynccontextmanager
async def tap(upstream: str) -> AsyncIterator[Tap]:
    """A tap in front of the server at ``upstream``, which may come and go meanwhile."""
    made = Tap(upstream)
    server = await asyncio.start_server(made._hold, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
