"""What stands in front of a PostgreSQL in tests: it encrypts, or cuts the line when something passes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_PIECE = 65536


class Front:
    """A listener on the loopback that passes everything on to a server.

    Attributes:
        port: where it listens.
        cut_after: is shown each piece that goes to the server; True passes it on and then cuts the line, so that the
            answer is not heard.
        swallow: is shown each piece before it goes to the server; True cuts the line instead of passing it on.
        refuses: whether new lines are cut at once.
        lines: how many lines were made.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Use :func:`front`."""
        self._place = (host, port)
        self._tls = tls
        self.port = 0
        self.lines = 0
        self.cut_after: Callable[[bytes], bool] = lambda piece: False
        self.swallow: Callable[[bytes], bool] = lambda piece: False
        self.refuses = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One line, until either side ends it."""
        self.lines += 1
        if self.refuses:
            writer.close()
            return
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, OSError):
            if self._tls is not None:
                # The protocol of PostgreSQL asks for TLS in the clear first.
                if await reader.readexactly(8) != _REQUEST:
                    return
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._tls)
            there, back = await asyncio.open_connection(*self._place)
            try:
                await self._relay(reader, writer, there, back)
            finally:
                back.close()
        writer.close()

    async def _relay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        silent = False

        async def towards() -> None:
            nonlocal silent
            while piece := await reader.read(_PIECE):
                if self.swallow(piece):
                    return
                silent = self.cut_after(piece)
                back.write(piece)
                await back.drain()
                if silent:
                    return

        async def answers() -> None:
            while piece := await there.read(_PIECE):
                if not silent:
                    writer.write(piece)
                    await writer.drain()

        sides = {asyncio.create_task(towards()), asyncio.create_task(answers())}
        _, late = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        for side in late:
            side.cancel()
        await asyncio.gather(*sides, return_exceptions=True)


@asynccontextmanager
async def front(port: int, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Front]:
    """A front of the server at ``port``; with ``tls`` it takes nothing that is not encrypted."""
    made = Front(host, port, tls)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
