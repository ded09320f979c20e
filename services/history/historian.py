"""Writes down what happens to alerts: one console of all, by a lease; the next one goes on where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from services.alerts.model import Alert
from services.history.repository import HistoryRepository
from services.history.watching import Standing, look, standing_after
from services.storage.leases import Leases
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError

LEASE = "alert history"
LASTING = timedelta(seconds=60)
EVERY = 10.0
"""Seconds between two looks."""
_FORGET_EVERY = timedelta(hours=1)

_log = logging.getLogger(__name__)

Current = Callable[[], Awaitable[Mapping[str, Sequence[Alert] | None]]]
"""Cluster -> its alerts; None where its last answer is not fresh, or not whole."""


class Historian:
    """Looks every few seconds, and writes only where something happened and this console has the lease."""

    def __init__(
        self, repository: HistoryRepository, leases: Leases, current: Current, clock: Clock, kept_for: timedelta
    ) -> None:
        """
        Args:
            repository: where it is put down.
            leases: of this console.
            current: what fires now.
            clock: the time.
            kept_for: what is older is forgotten.
        """
        self._repository = repository
        self._leases = leases
        self._current = current
        self._clock = clock
        self._kept_for = kept_for
        self._known: dict[str, dict[str, Standing]] | None = None
        self._seen: dict[str, Sequence[Alert]] = {}
        self._forgot_at: datetime | None = None

    async def run(self) -> None:
        """Look until this is cancelled."""
        while True:
            try:
                await self.round()
            except ConsoleError as error:
                # Whoever goes on must learn first what was put down, perhaps by this very write.
                self._known = None
                _log.warning("what happens to alerts is not put down: %s", error)
            await self._clock.sleep(EVERY)

    async def round(self) -> int:
        """Look once.

        Returns:
            How much was put down.

        Raises:
            StoreError: the store cannot be read or written.
        """
        if not await self._leases.take(LEASE, LASTING):
            self._known = None
            return 0
        if self._known is None:
            self._known = standing_after(await self._repository.standing())
            self._seen = {}
        now, written = self._clock.now(), 0
        for cluster, alerts in (await self._current()).items():
            # The same answer as before says nothing new.
            if alerts is None or self._seen.get(cluster) is alerts:
                continue
            known, events = look(self._known.get(cluster, {}), cluster, alerts, now)
            await self._repository.add(now, events)
            self._known[cluster], self._seen[cluster] = known, alerts
            written += len(events)
        await self._forget(now)
        return written

    async def _forget(self, now: datetime) -> None:
        if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY:
            self._forgot_at = now
            await self._repository.forget(now - self._kept_for)
