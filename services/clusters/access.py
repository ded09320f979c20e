"""What a reader of a cluster needs from its client; light, so that nothing heavy is imported for a type."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How to reach one cluster.

    Attributes:
        name: what the person calls the source, such as ``kubernetes prod``; opens every error message.
        context: the context of the kubeconfig; empty for its current one.
        kubeconfig: absolute path of the file; empty for ``$KUBECONFIG``, else ``~/.kube/config``.
        namespaces: read only these; empty for the whole cluster.
        timeout: seconds for one whole answer that is not a watch; a quarter of it (10 s at most) to connect.
        watch_silence: seconds without an event or bookmark after which a watch counts as broken. API servers send a
            bookmark about every minute.
        max_body: most bytes of one answer that is not a watch, decompressed.
    """

    name: str
    context: str = ""
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()
    timeout: float = 30.0
    watch_silence: float = 150.0
    max_body: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClusterVersion:
    """What an API server says of itself.

    Attributes:
        version: such as ``v1.32.4``.
        latency: what the answer took.
        skew: the server's clock minus ours, exact to about a second; None where the server sent no ``Date``.
        server_time: the server's ``Date`` (UTC).
    """

    version: str
    latency: timedelta
    skew: timedelta | None = None
    server_time: datetime | None = None


class ClusterAccess(Protocol):
    """Reads one cluster. Every method raises :class:`~services.vocabulary.errors.SourceError`."""

    @property
    def name(self) -> str:
        """What the person calls the source."""
        ...

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Read only these; empty for the whole cluster."""
        ...

    async def context_namespace(self) -> str:
        """The namespace that the kubeconfig's context names; empty where it names none."""
        ...

    def read(self, path: str, parameters: Parameters = ()) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The body of one answer, piece by piece, within the limits of time and size."""
        ...

    def watch(self, path: str, parameters: Parameters = ()) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The body of a watch, piece by piece, with no limit but that of silence."""
        ...
