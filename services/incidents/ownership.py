"""Which incident owns which alert: an alert belongs to one open incident at most, whoever attaches it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.incidents.model import Incident, OwnedAlert
from services.incidents.repository import (
    COUNTER,
    OPEN,
    IncidentRepository,
    alerts_of,
    enter,
    incident_of,
    incident_row,
    insert_incident,
    touch,
)
from services.storage.chain import storable
from services.storage.engine import Store
from services.storage.tables import counters, incident_alerts, incidents
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, NotFound

_NAMED = 10
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Escalation:
    """What came of an escalation.

    Attributes:
        incident: as it is now, without its timeline.
        opened: whether it was opened for this.
        severity_before: its severity until now; None where it was opened for this.
        attached: the alerts that it did not own before.
    """

    incident: Incident
    opened: bool
    severity_before: int | None
    attached: tuple[OwnedAlert, ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """What came of attaching alerts.

    Attributes:
        incident: as it is now, without its timeline.
        alerts: those that it did not own before.
        taken_from: the numbers of the open incidents that owned some of them until now.
    """

    incident: Incident
    alerts: tuple[OwnedAlert, ...]
    taken_from: tuple[int, ...]


class OwnershipRepository:
    """Attaches alerts to incidents, and raises an incident for them. Every change stands in the timelines."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Nothing is read before the first call."""
        self._store = store
        self._clock = clock
        self._incidents = IncidentRepository(store, clock)

    async def escalate(
        self,
        alerts: Sequence[OwnedAlert],
        title: str,
        severity: int,
        operator: str,
        started_at: datetime,
        *,
        to: int = 0,
    ) -> Escalation:
        """Raise the open incident that owns any of ``alerts`` by one severity; open one where none does.

        Two people who escalate the same alert at the same moment get one incident: the second one raises it.

        Args:
            alerts: all are attached.
            title: of an incident that has to be opened (raw, not blank).
            severity: of an incident that has to be opened, 1 (worst) to 5.
            operator: who escalates.
            started_at: when the first of the alerts began.
            to: the severity that it shall have, opened or raised; 0 for the rule above.

        Raises:
            Conflict: several open incidents own some of them.
            StoreError: it could not be kept.
        """
        now, operator = self._clock.now(), storable(operator)
        async with self._store.write() as connection:
            # Whoever opens or raises an incident for alerts takes this row first: one after the other.
            await connection.execute(select(counters.c.value).where(counters.c.name == COUNTER).with_for_update())
            owners = await _owners(connection, [one.id for one in alerts])
            numbers = sorted(set(owners.values()))
            if len(numbers) > 1:
                raise Conflict(
                    f"they belong to several incidents: {', '.join(f'#{number}' for number in numbers)}",
                    "escalate the alerts of one of them, or put them together first: /alerts group",
                )
            if not numbers:
                opened = await insert_incident(
                    connection, storable(title.strip()), to or severity, operator, min(started_at, now), now, now
                )
                number, before = opened.number, None
            else:
                number = numbers[0]
                row = await incident_row(connection, number, for_update=True)
                before, wanted = row.severity, to or max(1, row.severity - 1)
                if wanted != before:
                    words = f"SEV{before} to SEV{wanted}"
                    await enter(connection, row, now, now, operator, "severity", words)
                    await connection.execute(touch(number, now, severity=wanted, revision=row.revision + 1))
            attached = await _attach(connection, number, alerts, operator, now)
            return Escalation(await _now(connection, number), before is None, before, attached)

    async def attach(self, number: int, alerts: Sequence[OwnedAlert], operator: str) -> Attached:
        """Let incident ``number`` own ``alerts`` from now on, and no other open one.

        Raises:
            NotFound: there is no such incident.
            Conflict: it has ended.
            StoreError: it could not be kept.
        """
        now, operator = self._clock.now(), storable(operator)
        async with self._store.write() as connection:
            await connection.execute(select(counters.c.value).where(counters.c.name == COUNTER).with_for_update())
            row = await incident_row(connection, number)
            if row.state not in OPEN:
                raise Conflict(f"incident #{number} is {row.state}", "/incident list shows the open ones")
            owners = await _owners(connection, [one.id for one in alerts])
            elsewhere: dict[int, list[OwnedAlert]] = {}
            for one in alerts:
                if owners.get(one.id, number) != number:
                    elsewhere.setdefault(owners[one.id], []).append(one)
            for other, several in elsewhere.items():
                await _detach(connection, other, several, operator, now, f"to incident #{number}: ")
            attached = await _attach(connection, number, alerts, operator, now)
            return Attached(await _now(connection, number), attached, tuple(sorted(elsewhere)))

    async def detach(self, alerts: Sequence[OwnedAlert], operator: str) -> Mapping[str, int]:
        """Let no open incident own ``alerts`` any more.

        Returns:
            Alert -> the number of the incident that owned it.

        Raises:
            NotFound: none of them belongs to an open incident.
            StoreError: it could not be kept.
        """
        now, operator = self._clock.now(), storable(operator)
        async with self._store.write() as connection:
            owners = await _owners(connection, [one.id for one in alerts])
            if not owners:
                raise NotFound("no open incident owns any of them", "/alerts show tells which one does")
            for number in sorted(set(owners.values())):
                theirs = [one for one in alerts if owners.get(one.id) == number]
                await _detach(connection, number, theirs, operator, now, "no longer of it: ")
            return owners

    async def owned(self, ids: Sequence[str]) -> tuple[Incident, ...]:
        """The incidents that own, or owned when they ended, any of the alerts, the latest first, with timelines.

        Raises:
            StoreError: the store cannot be read.
        """
        query = select(incident_alerts.c.incident).where(incident_alerts.c.alert.in_(ids[:_BATCH])).distinct()
        async with self._store.read() as connection:
            numbers = sorted((row.incident for row in await connection.execute(query)), reverse=True)[:_NAMED]
        return tuple([await self._incidents.get(number) for number in numbers])


async def _owners(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, int]:
    """Alert -> the open incident that owns it."""
    found: dict[str, int] = {}
    joined = incident_alerts.join(incidents, incidents.c.number == incident_alerts.c.incident)
    query = select(incident_alerts.c.alert, incident_alerts.c.incident).select_from(joined)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        rows = await connection.execute(query.where(incident_alerts.c.alert.in_(batch), incidents.c.state.in_(OPEN)))
        found.update((row.alert, row.incident) for row in rows)
    return found


async def _attach(
    connection: AsyncConnection, number: int, alerts: Sequence[OwnedAlert], operator: str, now: datetime
) -> tuple[OwnedAlert, ...]:
    owned = {one.id for one in (await alerts_of(connection, [number])).get(number, ())}
    fresh = tuple({one.id: one for one in alerts if one.id not in owned}.values())
    if fresh:
        values = [
            {
                "incident": number,
                "alert": storable(one.id),
                "name": storable(one.name),
                "attached_at": now,
                "attached_by": operator,
            }
            for one in fresh
        ]
        await connection.execute(insert(incident_alerts), values)
        row: Row[Any] = await incident_row(connection, number, for_update=True)
        await enter(connection, row, now, now, operator, "alerts", f"owns {_named(fresh)}")
    return fresh


async def _detach(
    connection: AsyncConnection, number: int, alerts: Sequence[OwnedAlert], operator: str, now: datetime, words: str
) -> None:
    ids = [one.id for one in alerts]
    for start in range(0, len(ids), _BATCH):
        batch = incident_alerts.c.alert.in_(ids[start : start + _BATCH])
        await connection.execute(delete(incident_alerts).where(incident_alerts.c.incident == number, batch))
    row = await incident_row(connection, number, for_update=True)
    await enter(connection, row, now, now, operator, "alerts", words + _named(alerts))


async def _now(connection: AsyncConnection, number: int) -> Incident:
    owned = await alerts_of(connection, [number])
    return incident_of(await incident_row(connection, number), owned.get(number, ()))


def _named(alerts: Iterable[OwnedAlert]) -> str:
    names = [f"{one.name} ({one.id})" for one in alerts]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
