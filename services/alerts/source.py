"""What gives alerts: an Alertmanager cluster, or a Prometheus that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.alerts.model import Alert, Silence

if TYPE_CHECKING:
    from services.alerts.routing import Route


class AlertSource(Protocol):
    """Read by polling. What it reads, it says whole or not at all."""

    @property
    def cluster(self) -> str:
        """The name that the person gave it."""
        ...

    @property
    def source(self) -> str:
        """The name under which its freshness is told, such as ``alertmanager prod``."""
        ...

    @property
    def environment(self) -> str:
        """What it watches over."""
        ...

    @property
    def partial(self) -> tuple[str, ...]:
        """What is missing from the last good reading, one sentence each."""
        ...

    async def read(self) -> tuple[Alert, ...]:
        """Every alert that is not resolved.

        Raises:
            SourceError: no usable answer.
        """
        ...

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence; none where it knows none.

        Raises:
            SourceError: no usable answer.
        """
        ...

    async def silence(self, silence_id: str) -> Silence | None:
        """One silence; None where there is none of that id.

        Raises:
            SourceError: no usable answer.
        """
        ...

    async def routes(self) -> Route | None:
        """How it groups and routes; None where it does neither, or does not say in a way that can be read.

        Raises:
            SourceError: no usable answer.
        """
        ...
