"""What is known of the alerts of every cluster at this moment, and how far each cluster is to be trusted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from services.alerts.model import Alert
from services.vocabulary.clock import Clock
from services.vocabulary.errors import SourceError
from services.vocabulary.snapshot import Freshness, FreshnessState, Snapshot

if TYPE_CHECKING:
    from services.alerts.source import AlertSource


@dataclass(frozen=True, slots=True)
class AlertsNow:
    """All alerts, and the freshness of each cluster.

    Attributes:
        alerts: of every cluster, in the order of the clusters; those of a cluster that fails are the last known ones.
        freshness: cluster -> how far its alerts can be trusted; judged when this was made.
    """

    alerts: tuple[Alert, ...]
    freshness: Mapping[str, Freshness]

    @property
    def untrusted(self) -> dict[str, Freshness]:
        """The clusters that gave no fresh answer."""
        return {cluster: freshness for cluster, freshness in self.freshness.items() if not freshness.trusted}


def alerts_of_snapshots(snapshots: Mapping[str, Snapshot[Alert]]) -> AlertsNow:
    """What the console's feeds hold.

    Args:
        snapshots: cluster -> the feed's ``snapshot``, whose freshness is judged at this moment.
    """
    return AlertsNow(
        tuple([alert for snapshot in snapshots.values() for alert in snapshot.items]),
        {cluster: snapshot.freshness for cluster, snapshot in snapshots.items()},
    )


async def read_alerts(readers: Sequence[AlertSource], clock: Clock) -> AlertsNow:
    """Read every cluster once, all at the same time; one that fails is told in ``freshness`` and stops none."""

    async def read(reader: AlertSource) -> tuple[tuple[Alert, ...], Freshness]:
        source = reader.source
        begun = clock.monotonic()
        try:
            alerts = await reader.read()
        except SourceError as error:
            return (), Freshness(source, FreshnessState.FAILING, failing_since=clock.now(), reason=str(error))
        return alerts, Freshness(
            source,
            FreshnessState.FRESH,
            checked_at=clock.now(),
            latency=timedelta(seconds=clock.monotonic() - begun),
            partial=reader.partial,
        )

    answers = await asyncio.gather(*[read(reader) for reader in readers])
    return AlertsNow(
        tuple([alert for alerts, _ in answers for alert in alerts]),
        {reader.cluster: freshness for reader, (_, freshness) in zip(readers, answers, strict=True)},
    )
