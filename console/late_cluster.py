"""A Kubernetes client that is imported and made at its first use: the import takes most of a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from console.late_import import import_late
from services.clusters.access import ClusterSettings, ClusterVersion, Parameters
from services.vocabulary.clock import Clock

if TYPE_CHECKING:
    from services.clusters.client import ClusterReader


class LateCluster:
    """Implements :class:`services.clusters.access.ClusterAccess` for one context."""

    def __init__(self, settings: ClusterSettings, clock: Clock, learn: Callable[..., None] = lambda *_: None) -> None:
        """Nothing is imported or opened before the first request.

        Args:
            settings: how to reach it.
            clock: measures.
            learn: told every secret of the kubeconfig.
        """
        self._settings = settings
        self._clock = clock
        self._learn = learn
        self._making = asyncio.Lock()
        self._reader: ClusterReader | None = None

    @property
    def name(self) -> str:
        """What the person calls the source."""
        return self._settings.name

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Read only these; empty for the whole cluster."""
        return self._settings.namespaces

    async def context_namespace(self) -> str:
        """The namespace that the kubeconfig's context names; raises ``SourceError``."""
        return await (await self._made()).context_namespace()

    async def version(self) -> ClusterVersion:
        """What the server says of itself; raises ``SourceError``."""
        return await (await self._made()).version()

    @asynccontextmanager
    async def read(self, path: str, parameters: Parameters = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of one answer; raises ``SourceError``."""
        async with (await self._made()).read(path, parameters) as pieces:
            yield pieces

    @asynccontextmanager
    async def watch(self, path: str, parameters: Parameters = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a watch; raises ``SourceError``."""
        async with (await self._made()).watch(path, parameters) as pieces:
            yield pieces

    async def close(self) -> None:
        """Close the connections."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _made(self) -> ClusterReader:
        async with self._making:
            if self._reader is None:
                module = await import_late("services.clusters.client")
                self._reader = module.ClusterReader(self._settings, self._clock, learn=self._learn)
            return self._reader
