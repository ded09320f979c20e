"""Listens, and serves the application in the loop that runs already. Leaves signals, terminal and log alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn

from services.gateway.address import Address, exposure_problem
from services.gateway.protocol import LARGEST_HEAD, LimitedProtocol
from services.gateway.rates import Patience
from services.vocabulary.errors import ConsoleError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_HANDSHAKE = 5.0
_BACKLOG = 128
_GRACE = 2
_EXCHANGE = Patience().exchange

_log = logging.getLogger(__name__)


class GatewayError(ConsoleError):
    """The gateway cannot listen."""


def bind(address: Address) -> socket.socket:
    """A socket that listens.

    Raises:
        GatewayError: the address is taken, not this machine's, or open to others without TLS and ``public``.
    """
    if problem := exposure_problem(address):
        raise GatewayError(*problem)
    where = f"{address.host} port {address.port}"
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise GatewayError(f"there is no address {address.host}: {error.strerror or error}") from None
    # Of the two addresses of localhost, the one that every client tries.
    family, _, _, _, place = min(found, key=lambda one: one[0] is not socket.AF_INET)
    # With the protocol named, asyncio switches Nagle's delay off for what is accepted: 40 ms an answer otherwise.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise GatewayError(f"the gateway cannot listen on {where}: {error.strerror or error}") from None
    return listening


def tls_context(address: Address) -> ssl.SSLContext | None:
    """How the connections are encrypted; None for plain HTTP.

    Raises:
        GatewayError: certificate or key cannot be used.
    """
    if address.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(address.certificate, address.key, password=_no_passphrase)
    except (OSError, ssl.SSLError) as error:
        raise GatewayError(
            f"the certificate {address.certificate} cannot be used: {error}", "check [gateway] tls_cert and tls_key"
        ) from None
    return context


def url_of(listening: socket.socket, *, secure: bool) -> str:
    """Where clients find it."""
    host, port = listening.getsockname()[:2]
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{named}:{port}"


def _no_passphrase() -> str:
    # Asked for on the terminal otherwise.
    raise GatewayError(
        "the key of the certificate is locked with a passphrase", "store an unlocked copy with mode 0600"
    )


@asynccontextmanager
async def serving(application: ASGIApp, address: Address, *, exchange: float = _EXCHANGE) -> AsyncIterator[Serving]:
    """Serve until the block is left; then no new connection is taken, and answers on their way get two seconds.

    Args:
        application: what answers.
        address: where to listen.
        exchange: seconds, as :class:`~services.gateway.limits.Patience` has them.

    Raises:
        GatewayError: it cannot listen.
    """
    context = await asyncio.to_thread(tls_context, address)
    listening = bind(address)
    config = uvicorn.Config(
        application,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        loop="none",
        log_config=None,
        # What a client does wrong is told to the client; what the gateway does wrong is logged by the application.
        log_level="critical",
        access_log=False,
        # Whoever asks says of itself what it likes.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    server = _Server(config, listening, context, exchange)
    task = asyncio.create_task(server.serve(), name="gateway")
    try:
        yield Serving(url_of(listening, secure=context is not None), task)
    finally:
        server.leave()
        _, late = await asyncio.wait({task}, timeout=_GRACE + 3)
        for one in late:
            one.cancel()
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the gateway broke", exc_info=error)
        listening.close()


@dataclass(frozen=True)
class Serving:
    """A gateway that listens.

    Attributes:
        url: where.
        task: ends when it does.
    """

    url: str
    task: asyncio.Task[None]

    async def ended(self) -> None:
        """Wait until it ends by itself, which it does only when it breaks.

        Raises:
            GatewayError: always, sooner or later.
        """
        await asyncio.wait({self.task})
        error = None if self.task.cancelled() else self.task.exception()
        raise GatewayError("the gateway has stopped listening") from error


class _Server(uvicorn.Server):
    """A uvicorn that lives beside a screen: it takes no signals, and never ends the program."""

    def __init__(
        self, config: uvicorn.Config, listening: socket.socket, context: ssl.SSLContext | None, exchange: float
    ) -> None:
        super().__init__(config)
        self.leaving = asyncio.Event()
        self._exchange = exchange
        self._listening = listening
        self._context = context

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The console's own handlers stay."""
        yield

    async def main_loop(self) -> None:
        """Wait for the end; once a second is enough for the header ``Date``, which is all there is to do."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.leaving.wait()

    def leave(self) -> None:
        """Take no more connections, and end when what is on its way has been answered."""
        self.should_exit = True
        self.leaving.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections; a handshake has to be quick."""
        del sockets
        config = self.config
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            made = LimitedProtocol(config=config, server_state=self.server_state, app_state={}, _loop=loop)
            made.exchange = self._exchange
            return made

        extra: dict[str, Any] = {} if self._context is None else {"ssl_handshake_timeout": _HANDSHAKE}
        taking: Callable[..., Any] = loop.create_server
        self.servers = [await taking(protocol, sock=self._listening, ssl=self._context, backlog=_BACKLOG, **extra)]
        self.started = True
