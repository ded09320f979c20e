"""Who of all consoles does what must be done once. A lease ends by itself, so that a dead console hinders nobody."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, insert, select, update

from services.storage.store import Store
from services.storage.tables import leases
from services.vocabulary.clock import Clock


class Leases:
    """The leases of one console."""

    def __init__(self, store: Store, clock: Clock, holder: str) -> None:
        """
        Args:
            store: where all consoles look.
            clock: the time; leases are so long that clocks of a team may differ by seconds.
            holder: names this run of this console, and no other.
        """
        self._store = store
        self._clock = clock
        self.holder = holder

    async def take(self, name: str, lasting: timedelta) -> bool:
        """Take a lease, or keep it; nothing is written while more than half of it is left.

        Returns:
            Whether this console has it now.

        Raises:
            StoreError: the store cannot be read or written.
        """
        query = select(leases).where(leases.c.name == name)
        async with self._store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        now = self._clock.now()
        if row is not None and row.expires_at > now:
            if row.holder != self.holder:
                return False
            if row.expires_at - now > lasting / 2:
                return True
        async with self._store.write() as connection:
            row, now = (await connection.execute(query)).one_or_none(), self._clock.now()
            if row is not None and row.holder != self.holder and row.expires_at > now:
                return False
            if row is None:
                await connection.execute(insert(leases).values(name=name, holder=self.holder, expires_at=now + lasting))
            else:
                changed = update(leases).where(leases.c.name == name)
                await connection.execute(changed.values(holder=self.holder, expires_at=now + lasting))
        return True

    async def give_back(self, name: str) -> None:
        """Let another console have it at once; nothing happens where this one has it not.

        Raises:
            StoreError: the store cannot be written.
        """
        async with self._store.write() as connection:
            await connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == self.holder))
