"""The history of alerts, put together: who writes it down, and the command that tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.alerts.lookup import find_alert
from services.alerts.model import Alert
from services.history.commands import Backfill, HistoryNeeds
from services.history.historian import Historian
from services.history.model import Episode
from services.metrics.alert_history import fired_between
from services.metrics.prometheus import PrometheusReader
from services.vocabulary.snapshot import FreshnessState

if TYPE_CHECKING:
    from console.live import Live
    from console.sources import Sources
    from services.alerts.needs import AlertsNeeds
    from services.history.repository import HistoryRepository
    from services.incidents.model import Incident
    from services.incidents.ownership import OwnershipRepository
    from services.storage.leases import Leases


def historian(
    repository: HistoryRepository, leases: Leases, live: Live, alerts: AlertsNeeds, kept_for: timedelta
) -> Historian:
    """Who writes down what the feeds of this console see."""

    async def current() -> Mapping[str, Sequence[Alert] | None]:
        seen: dict[str, Sequence[Alert] | None] = {}
        for cluster, feed in live.alerts.items():
            snapshot = feed.snapshot
            whole = snapshot.freshness.state is FreshnessState.FRESH and not snapshot.freshness.partial
            seen[cluster] = snapshot.items if whole else None
        return seen

    return Historian(repository, leases, current, alerts.clock, kept_for)


def history_needs(
    repository: HistoryRepository,
    ownership: OwnershipRepository,
    sources: Sources,
    alerts: AlertsNeeds,
    kept_for: timedelta,
) -> HistoryNeeds:
    """What the command works with."""

    async def find(id: str) -> Alert:
        return find_alert(await alerts.current(), id)

    async def remembered(alert: Alert, start: datetime, end: datetime) -> Backfill | None:
        client = sources.prometheus.get(f"alertmanager {alert.cluster}")
        if client is None:
            return None
        found = await fired_between(PrometheusReader(client), alert.labels, start, end)
        step = timedelta(seconds=found.step)
        now = alerts.clock.now()
        episodes = tuple(
            Episode(alert.id, alert.name, first, None if now - last <= 2 * step else last, alert.labels, observed=False)
            for first, last in found.stretches
        )
        return Backfill(episodes, step)

    async def incidents(ids: Sequence[str]) -> Sequence[Incident]:
        return await ownership.owned(ids)

    return HistoryNeeds(repository, find, remembered, incidents, alerts.clock, kept_for, alerts.offers)
