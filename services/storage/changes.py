"""Reads again only when somebody wrote: what makes a poll of the store nearly free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from services.storage.store import Store

T = TypeVar("T")


class Changes(Generic[T]):
    """Wraps one reading of the store for a poller: :meth:`read` answers from memory until somebody writes."""

    def __init__(self, store: Store, read: Callable[[], Awaitable[Sequence[T]]]) -> None:
        """
        Args:
            store: where the records are.
            read: one whole reading.
        """
        self._store = store
        self._read = read
        self._version: int | None = None
        self._items: Sequence[T] = ()

    async def read(self) -> Sequence[T]:
        """The records as they are now; the same object as before where nothing was written.

        Raises:
            StoreError: the store cannot be read.
        """
        version = await self._store.version()
        if version != self._version:
            # The version is taken first: a write in between is read now and, harmlessly, once more next time.
            self._items = await self._read()
            self._version = version
        return self._items
