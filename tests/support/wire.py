"""Servers on loopback that answer what a test tells them: properly, or byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class HttpDouble:
    """Answers every request with ``answer`` and remembers what it was asked.

    Attributes:
        answer: what to do with a request; a test may replace it.
        requests: every request so far, with its body.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[tuple[web.BaseRequest, bytes]] = []
        self.url = ""

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request, await request.read()))
        return await self.answer(request)


@asynccontextmanager
async def http_double(answer: Answer) -> AsyncIterator[HttpDouble]:
    """An HTTP server on a free port of loopback."""
    double = HttpDouble(answer)
    runner = web.ServerRunner(web.Server(double._handle), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        double.url = f"http://{host}:{port}"
        yield double
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_double(talk: Talk) -> AsyncIterator[str]:
    """A TCP server on a free port of loopback; yields its HTTP URL. ``talk`` holds each connection and closes it."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, which is what some tests are about
        finally:
            writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def request_head(reader: asyncio.StreamReader) -> bytes:
    """Read a request up to the end of its headers."""
    return await reader.readuntil(b"\r\n\r\n")


async def unused_url() -> str:
    """The URL of a port of loopback that nobody listens on."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return f"http://127.0.0.1:{port}"
