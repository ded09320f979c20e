"""What every store offers, whatever engine is under it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.storage.keys import NO_KEYS, ChainKeys
from services.vocabulary.clock import Clock
from services.vocabulary.redaction import redact

LOOK = 0.5
"""Seconds between two looks at a store that cannot call by itself."""


@dataclass(frozen=True, slots=True)
class StoreServer:
    """What keeps the records.

    Attributes:
        product: its name and version.
        now: its clock; None where it has none of its own.
        warnings: what is wrong with how it is set up or reached, each a sentence.
    """

    product: str
    now: datetime | None = None
    warnings: tuple[str, ...] = ()


class Store(ABC):
    """The console's own records. Read and write through its transactions; close it at the end.

    Attributes:
        clock: for those who write records.
        read_only: whether nothing can be written through it.
        redact: takes secrets out of what is kept for others to read, such as the audit; the patterns alone where
            nobody registered any.
        keys: hash the chain of the audit; none by default.
    """

    clock: Clock
    read_only: bool
    redact: Callable[[str], str] = staticmethod(redact)
    keys: ChainKeys = NO_KEYS

    @property
    @abstractmethod
    def name(self) -> str:
        """How messages name it; holds no secret."""

    @property
    def database_user(self) -> str:
        """Whom the database knows this console as; empty where it proves nobody's identity."""
        return ""

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that sees one moment of the store. Nothing written in it is kept; PostgreSQL refuses it.

        Raises:
            StoreError: the store cannot be read.
        """

    @abstractmethod
    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that nobody else writes beside; kept when the block ends well, dropped when it raises.

        Every statement in it sees all that was kept before, and no other console, in any process, on any machine,
        writes until it ends: no update is lost, and nothing has to be tried again. Once the block has ended, what it
        wrote survives the death of the process and of the machine that keeps the store.

        Raises:
            StoreError: read-only, or the store cannot be written; nothing of it was kept, unless the message says
                that this is not known (the connection was cut while the end was on its way).
        """

    @abstractmethod
    async def version(self) -> int:
        """A number that differs after anybody, in any process, wrote to the store. Costs next to nothing.

        Raises:
            StoreError: the store cannot be read.
        """

    async def wait(self, seen: int) -> int:
        """Wait until :meth:`version` differs from ``seen``: at most half a second after a write.

        Returns:
            The version now.

        Raises:
            StoreError: the store cannot be read.
        """
        while (version := await self.version()) == seen:
            await self.clock.sleep(LOOK)
        return version

    @abstractmethod
    async def server(self) -> StoreServer:
        """What keeps the records, for the doctor.

        Raises:
            StoreError: the store cannot be read.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""
