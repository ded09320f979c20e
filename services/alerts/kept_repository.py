"""Keeps in the store which alerts and acks are kept up, so that a restart forgets none."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from services.alerts.kept import KeptAck, KeptAlert
from services.alerts.model import AlertDraft
from services.alerts.wire import fingerprint
from services.safety.actor import Actor, Surface
from services.storage.store import Store
from services.storage.tables import kept_acks, kept_alerts
from services.vocabulary.clock import Clock


class KeptRepository:
    """Alerts made by hand and acks. Every method raises ``StoreError`` where the store cannot be read or written."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Nothing is read before the first call."""
        self._store = store
        self._clock = clock

    async def created(self, cluster: str, environment: str, draft: AlertDraft, actor: Actor) -> int:
        """Put down an alert that Alertmanager took just now; its number."""
        values = {
            "cluster": cluster,
            "environment": environment,
            "fingerprint": fingerprint(draft.labels),
            "labels": draft.labels,
            "annotations": draft.annotations,
            "starts_at": draft.starts_at,
            "ends_at": draft.ends_at,
            "posted_at": self._clock.now(),
            **_who(actor),
        }
        async with self._store.write() as connection:
            done = await connection.execute(insert(kept_alerts).values(values).returning(kept_alerts.c.number))
            return int(done.scalar_one())

    async def alerts(self) -> tuple[KeptAlert, ...]:
        """Those that have not ended, the oldest first."""
        query = select(kept_alerts).where(kept_alerts.c.ended_at.is_(None)).order_by(kept_alerts.c.number)
        async with self._store.read() as connection:
            return tuple([_alert(row) for row in await connection.execute(query)])

    async def posted(self, number: int) -> None:
        """Alertmanager took the alert again just now."""
        await self._change(number, posted_at=self._clock.now())

    async def ended(self, number: int) -> None:
        """The alert is kept no more."""
        await self._change(number, ended_at=self._clock.now())

    async def _change(self, number: int, **values: Any) -> None:
        async with self._store.write() as connection:
            await connection.execute(update(kept_alerts).where(kept_alerts.c.number == number).values(**values))

    async def hold(self, ack: KeptAck) -> None:
        """Keep an ack from now on, in place of what was kept of its silence before."""
        values = {
            "cluster": ack.cluster,
            "silence": ack.silence,
            "alert": ack.alert,
            "acked_at": ack.acked_at,
            "until": ack.until,
            "mark": ack.mark,
            "mark_now": ack.mark_now,
            **_who(ack.actor),
        }
        async with self._store.write() as connection:
            await connection.execute(delete(kept_acks).where(*_is(ack.cluster, ack.silence)))
            await connection.execute(insert(kept_acks).values(values))

    async def acks(self) -> tuple[KeptAck, ...]:
        """Those that are kept, the oldest first."""
        query = select(kept_acks).where(kept_acks.c.ended_at.is_(None)).order_by(kept_acks.c.acked_at)
        async with self._store.read() as connection:
            return tuple([_ack(row) for row in await connection.execute(query)])

    async def prolonged(self, ack: KeptAck, silence: str, mark_now: str) -> None:
        """Alertmanager took the longer silence, perhaps under another id."""
        async with self._store.write() as connection:
            changed = update(kept_acks).where(*_is(ack.cluster, ack.silence))
            await connection.execute(changed.values(silence=silence, mark_now=mark_now))

    async def release(self, cluster: str, silence: str) -> None:
        """Keep an ack no more; nothing happens where it is not kept."""
        async with self._store.write() as connection:
            changed = update(kept_acks).where(*_is(cluster, silence), kept_acks.c.ended_at.is_(None))
            await connection.execute(changed.values(ended_at=self._clock.now()))


def _is(cluster: str, silence: str) -> tuple[Any, Any]:
    return kept_acks.c.cluster == cluster, kept_acks.c.silence == silence


def _who(actor: Actor) -> dict[str, Any]:
    return {
        "operator": actor.operator,
        "os_user": actor.os_user,
        "host": actor.host,
        "database_user": actor.database_user,
        "surface": actor.surface.value,
        "automation": actor.automation,
    }


def _actor(row: Row[Any]) -> Actor:
    return Actor(row.operator, row.os_user, row.host, Surface(row.surface), row.database_user, row.automation)


def _alert(row: Row[Any]) -> KeptAlert:
    return KeptAlert(
        row.number,
        row.cluster,
        row.environment,
        row.fingerprint,
        dict(row.labels),
        dict(row.annotations),
        row.starts_at,
        row.ends_at,
        row.posted_at,
        _actor(row),
    )


def _ack(row: Row[Any]) -> KeptAck:
    return KeptAck(row.cluster, row.silence, row.alert, row.acked_at, row.until, row.mark, row.mark_now, _actor(row))
