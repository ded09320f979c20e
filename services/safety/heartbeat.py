"""A write that is on its way says so, again and again: no other console takes it for lost, however long it lasts.

A request may take as long as its source is given, and its verification as long again. The permit's own deadline, which
says until when the write may leave, is not moved by this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.safety import journal
from services.safety.issuing import PERMIT_LIFE
from services.storage.engine import Store
from services.vocabulary.clock import Clock
from services.vocabulary.errors import StoreError

EVERY = PERMIT_LIFE / 3
"""Between two beats; a write that missed three of them is nobody's any more."""

_log = logging.getLogger(__name__)


class Heartbeat:
    """Keeps intents from expiring while their write is on its way."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """
        Args:
            store: has the intents.
            clock: the time.
        """
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def beating(self, intent: int) -> AsyncIterator[None]:
        """Beat for ``intent`` as long as this lasts."""
        beats = asyncio.create_task(self._beat(intent), name=f"heartbeat of intent {intent}")
        try:
            yield
        finally:
            beats.cancel()
            # A beat that is being written must not come after the outcome.
            await asyncio.gather(beats, return_exceptions=True)

    async def _beat(self, intent: int) -> None:
        while True:
            await self._clock.sleep(EVERY.total_seconds())
            try:
                async with self._store.write() as connection:
                    await journal.prolong(connection, intent, until=self._clock.now() + PERMIT_LIFE)
            except StoreError as error:
                # Where this console cannot write, another one may take the write for lost: it is unknown then.
                _log.warning("intent %s could not be kept from expiring: %s", intent, error)
