"""One connection: HTTP/1.1 with limits on time and number that the server itself does not have."""

from __future__ import annotations

import asyncio
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.gateway.rates import Patience

MOST_CONNECTIONS = 256
"""Of all clients. Whoever comes after that takes the place of whoever has kept a connection without asking longest."""
LARGEST_HEAD = 16 * 1024
"""Bytes of a request line with all its headers."""

_log = logging.getLogger(__name__)


class LimitedProtocol(H11Protocol):
    """Gives up on clients that send slowly, hold connections, or speak no HTTP."""

    exchange: float = Patience().exchange
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        self._begin()
        if len(self.connections) > MOST_CONNECTIONS:
            # Ordered by deadline: the one that waits longest without a request on its way, else the new one itself.
            mine = [one for one in self.connections if isinstance(one, LimitedProtocol)]
            idle = [one for one in mine if one is not self and one.idle]
            min(idle, key=lambda one: one.due, default=self).give_up()

    @property
    def idle(self) -> bool:
        """Whether no request of it is being answered."""
        # None before the first request, whatever the type says.
        return getattr(self.cycle, "response_complete", True)

    @property
    def due(self) -> float:
        """When the loop's clock gives up on it."""
        return self._deadline.when() if self._deadline is not None else 0.0

    def data_received(self, data: bytes) -> None:
        """Bytes arrived; whatever they are, they end this connection alone."""
        try:
            super().data_received(data)
        except (h11.ProtocolError, ValueError) as error:
            _log.debug("a connection is ended that speaks no HTTP: %s", error)
            self.give_up()

    def send_400_response(self, msg: str) -> None:
        """What arrived is no HTTP. Where a request before it is still being answered, nobody waits for that answer."""
        if not self.idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """An answer has ended; the next request may be there already."""
        self._begin()
        try:
            super().on_response_complete()
        except (h11.ProtocolError, ValueError) as error:
            _log.debug("a connection is ended that speaks no HTTP: %s", error)
            self.give_up()

    def shutdown(self) -> None:
        """The gateway ends."""
        try:
            super().shutdown()
        except h11.ProtocolError:
            self.give_up()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked for a while."""
        try:
            super().timeout_keep_alive_handler()
        except h11.ProtocolError:
            self.give_up()

    def give_up(self) -> None:
        """End the connection now, without a word."""
        self._end()
        if self.transport is not None:
            self.transport.abort()

    def _begin(self) -> None:
        self._end()
        self._deadline = self.loop.call_later(self.exchange, self.give_up)

    def _end(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
