"""Hears who writes to a PostgreSQL store: LISTEN on a connection of its own, made again whenever it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import psycopg

from services.storage.postgresql_connection import Connector
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError

_HEARTBEAT = 5.0
_FIRST = 0.1
_LAST = 1.0

_log = logging.getLogger(__name__)


class Bell:
    """Rings after each write of anybody, and whenever something may have been missed."""

    def __init__(self, connector: Connector, channel: str, clock: Clock) -> None:
        """Nothing is connected before the first :meth:`next`.

        Args:
            connector: makes the connection.
            channel: of the notifications.
            clock: waits between two attempts.
        """
        self._connector = connector
        self._channel = channel
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._ring = asyncio.Event()
        self.listening = False

    def next(self) -> asyncio.Event:
        """What is set at the next ring. Take it before looking at the store, and nothing is missed."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        return self._ring

    async def close(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _rings(self) -> None:
        ring, self._ring = self._ring, asyncio.Event()
        ring.set()

    async def _listen(self) -> None:
        wait = _FIRST
        while True:
            try:
                async with await self._connector.connect() as connection:
                    # A channel's name is an identifier of our own making.
                    await connection.execute(f'LISTEN "{self._channel}"')
                    self.listening, wait = True, _FIRST
                    self._rings()  # whatever was written while nobody listened
                    await self._hear(connection)
            except (psycopg.Error, OSError, ConsoleError) as error:
                _log.debug("nobody listens to the store: %s", error)
            finally:
                self.listening = False
            self._rings()  # whoever waits looks for himself, and says what is wrong
            await self._clock.sleep(wait)
            wait = min(_LAST, wait * 2)

    async def _hear(self, connection: psycopg.AsyncConnection[object]) -> None:
        while True:
            heard = False
            async for _ in connection.notifies(timeout=_HEARTBEAT, stop_after=1):
                heard = True
            if heard:
                self._rings()
            else:
                # A link that died without a word shows here.
                await connection.execute("SELECT 1")
