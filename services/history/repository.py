"""Keeps what happened to alerts in the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, select

from services.history.model import Event, EventKind
from services.storage.chain import storable
from services.storage.store import Store
from services.storage.tables import alert_events

_BATCH = 500


class HistoryRepository:
    """Events of alerts. Every method raises ``StoreError`` where the store cannot be read or written."""

    def __init__(self, store: Store) -> None:
        """Nothing is read before the first call."""
        self._store = store

    async def add(self, noted_at: datetime, events: Sequence[Event]) -> None:
        """Put ``events`` down, in their order: all of them or none.

        Args:
            noted_at: when they were seen (UTC); an alert may have begun long before.
            events: of one look.
        """
        if not events:
            return
        async with self._store.write() as connection:
            for start in range(0, len(events), _BATCH):
                values = [_values(one, noted_at) for one in events[start : start + _BATCH]]
                await connection.execute(insert(alert_events), values)

    async def events(
        self, since: datetime, *, alerts: Sequence[tuple[str, str]] = (), name: str = ""
    ) -> tuple[Event, ...]:
        """What happened since then, in the order in which it was put down.

        Args:
            since: from when on (UTC).
            alerts: cluster and fingerprint of those that are wanted; all by default.
            name: only of this ``alertname``.
        """
        wanted = [
            and_(alert_events.c.cluster == cluster, alert_events.c.fingerprint == fingerprint)
            for cluster, fingerprint in alerts
        ]
        query = select(alert_events).where(alert_events.c.at >= since)
        if wanted:
            condition = wanted[0]
            for more in wanted[1:]:
                condition = condition | more
            query = query.where(condition)
        if name:
            query = query.where(alert_events.c.name == name)
        async with self._store.read() as connection:
            rows = (await connection.execute(query.order_by(alert_events.c.number))).all()
        return tuple([_event(row) for row in rows])

    async def standing(self) -> tuple[Event, ...]:
        """The events since the last firing of every alert that has not been resolved, in order."""
        last_fired = (
            select(
                alert_events.c.cluster,
                alert_events.c.fingerprint,
                func.max(alert_events.c.number).label("number"),
            )
            .where(alert_events.c.kind == EventKind.FIRED.value)
            .group_by(alert_events.c.cluster, alert_events.c.fingerprint)
            .subquery()
        )
        query = (
            select(alert_events)
            .join(
                last_fired,
                and_(
                    alert_events.c.cluster == last_fired.c.cluster,
                    alert_events.c.fingerprint == last_fired.c.fingerprint,
                    alert_events.c.number >= last_fired.c.number,
                ),
            )
            .order_by(alert_events.c.number)
        )
        async with self._store.read() as connection:
            return tuple([_event(row) for row in await connection.execute(query)])

    async def first_at(self, cluster: str) -> datetime | None:
        """When the first thing was seen that is still kept of a cluster; None where nothing is."""
        query = select(func.min(alert_events.c.noted_at)).where(alert_events.c.cluster == cluster)
        async with self._store.read() as connection:
            found: datetime | None = (await connection.execute(query)).scalar_one_or_none()
            return found

    async def forget(self, before: datetime) -> int:
        """Remove what is older. Returns how much that was."""
        async with self._store.write() as connection:
            done = await connection.execute(delete(alert_events).where(alert_events.c.at < before))
            return int(done.rowcount)


def _values(event: Event, noted_at: datetime) -> dict[str, Any]:
    return {
        "at": event.at,
        "noted_at": noted_at,
        "cluster": storable(event.cluster),
        "fingerprint": storable(event.fingerprint),
        "kind": event.kind.value,
        "name": storable(event.name),
        "labels": {storable(name): storable(value) for name, value in event.labels.items()},
        "operator": storable(event.operator),
        "text": storable(event.text),
        "reference": storable(event.reference),
    }


def _event(row: Row[Any]) -> Event:
    return Event(
        row.at,
        row.cluster,
        row.fingerprint,
        EventKind(row.kind),
        row.name,
        row.labels,
        row.operator,
        row.text,
        row.reference,
    )
