"""Keeps incidents and their timelines in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.incidents.model import Incident, IncidentState, OwnedAlert, TimelineEntry
from services.incidents.view import arrange
from services.storage.chain import GENESIS, Verification, Verifier, digest, storable
from services.storage.changes import Changes
from services.storage.engine import Store
from services.storage.tables import counters, incident_alerts, incidents, timeline
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, NotFound

COUNTER = "incidents"
OPEN = tuple(state.value for state in IncidentState if state.is_open)
_PAGE = 1000
RECENT = 50
"""How many ended incidents a feed carries beside the open ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to change about an incident; None leaves a field as it is.

    Attributes:
        kind: what the timeline calls it, such as ``state``.
        text: what the timeline says about it (raw).
    """

    kind: str
    text: str
    title: str | None = None
    severity: int | None = None
    state: IncidentState | None = None
    commander: str | None = None


class IncidentRepository:
    """Creates, lists and changes incidents. Every change leaves a line in the incident's hash-chained timeline."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Nothing is read before the first call."""
        self._store = store
        self._clock = clock

    async def create(
        self,
        title: str,
        severity: int,
        operator: str,
        *,
        started_at: datetime | None = None,
        detected_at: datetime | None = None,
    ) -> Incident:
        """Open an incident. Its number is the next one of this store: no gap, no double, whoever else creates.

        Args:
            title: one line (raw), not blank.
            severity: 1 (worst) to 5.
            operator: who creates it, and commands it until it is handed over.
            started_at: when users began to be hurt; now by default.
            detected_at: when it was noticed; now by default.

        Raises:
            ValueError: a blank title, another severity, or detected before it started.
            StoreError: it could not be kept.
        """
        title, operator, now = storable(title.strip()), storable(operator), self._clock.now()
        started_at, detected_at = started_at or now, detected_at or now
        if not title or not 1 <= severity <= 5 or detected_at < started_at:
            raise ValueError("an incident has a title, a severity from 1 to 5, and starts before it is detected")
        async with self._store.write() as connection:
            return await insert_incident(connection, title, severity, operator, started_at, detected_at, now)

    async def list(self, *, ended: int = 0) -> tuple[Incident, ...]:
        """The open incidents, the worst and oldest first, then at most ``ended`` ended ones, the latest first.

        Timelines are left empty.

        Raises:
            StoreError: the store cannot be read.
        """
        is_open = incidents.c.state.in_(OPEN)
        async with self._store.read() as connection:
            rows = list((await connection.execute(select(incidents).where(is_open))).all())
            if ended > 0:
                query = select(incidents).where(~is_open).order_by(incidents.c.updated_at.desc()).limit(ended)
                rows += (await connection.execute(query)).all()
            owned = await alerts_of(connection, [row.number for row in rows])
        return arrange(incident_of(row, owned.get(row.number, ())) for row in rows)

    def changes(self) -> Changes[Incident]:
        """Open and recently ended incidents, for a poller; reads again only when somebody wrote to the store."""

        async def read() -> tuple[Incident, ...]:
            return await self.list(ended=RECENT)

        return Changes(self._store, read)

    async def get(self, number: int) -> Incident:
        """One incident with its whole timeline.

        Raises:
            NotFound: there is none with this number.
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            row = await incident_row(connection, number)
            owned = await alerts_of(connection, [number])
            entries = await connection.execute(
                select(timeline).where(timeline.c.incident == number).order_by(timeline.c.sequence)
            )
            return replace(
                incident_of(row, owned.get(number, ())),
                timeline=tuple(
                    TimelineEntry(line.sequence, line.at, line.entered_at, line.operator, line.kind, line.text)
                    for line in entries
                ),
            )

    async def change(self, number: int, seen: int, operator: str, change: Change) -> Incident:
        """Change an incident that the person looked at in its revision ``seen``.

        Returns:
            The incident as it is now, without its timeline.

        Raises:
            NotFound: there is none with this number.
            Conflict: somebody changed it after that revision; nothing was written.
            StoreError: it could not be kept.
        """
        now = self._clock.now()
        wanted: dict[str, Any] = {
            "title": None if change.title is None else storable(change.title),
            "severity": change.severity,
            "state": None if change.state is None else change.state.value,
            "commander": None if change.commander is None else storable(change.commander),
        }
        async with self._store.write() as connection:
            row = await incident_row(connection, number, for_update=True)
            if row.revision != seen:
                raise Conflict(
                    f"incident #{number} was changed meanwhile (revision {row.revision}, you saw {seen})",
                    "nothing was written; look at it, then ask again",
                )
            await enter(connection, row, now, now, operator, change.kind, change.text)
            fields = {name: value for name, value in wanted.items() if value is not None}
            await connection.execute(touch(number, now, revision=seen + 1, **fields))
            owned = await alerts_of(connection, [number])
            return incident_of(await incident_row(connection, number), owned.get(number, ()))

    async def note(
        self, number: int, operator: str, text: str, *, kind: str = "note", at: datetime | None = None
    ) -> TimelineEntry:
        """Add a line to the timeline. It conflicts with nothing, and the incident's revision stays.

        Args:
            number: which incident.
            operator: who says it.
            text: what (raw).
            kind: what sort of line.
            at: when it happened; now by default.

        Raises:
            NotFound: there is none with this number.
            StoreError: it could not be kept.
        """
        now = self._clock.now()
        async with self._store.write() as connection:
            row = await incident_row(connection, number, for_update=True)
            return await enter(connection, row, at or now, now, operator, kind, text)

    async def verify(self, number: int) -> Verification:
        """Check one incident's timeline: nothing altered, removed, put in or put elsewhere.

        Raises:
            NotFound: there is none with this number.
            StoreError: the store cannot be read.
        """
        verifier, last = Verifier(), 0
        async with self._store.read() as connection:
            row = await incident_row(connection, number)
            while True:
                page = select(timeline).where(timeline.c.incident == number, timeline.c.sequence > last)
                found = (await connection.execute(page.order_by(timeline.c.sequence).limit(_PAGE))).all()
                for entry in found:
                    last = entry.sequence
                    fields = _fields(
                        number, entry.sequence, entry.at, entry.entered_at, entry.operator, entry.kind, entry.text
                    )
                    verifier.take(last, entry.previous, entry.hash, fields)
                if len(found) < _PAGE:
                    return verifier.finish(row.timeline_length, row.timeline_head)


async def insert_incident(
    connection: AsyncConnection,
    title: str,
    severity: int,
    operator: str,
    started_at: datetime,
    detected_at: datetime,
    now: datetime,
) -> Incident:
    """Open an incident within a transaction of the caller; see :meth:`IncidentRepository.create`."""
    await connection.execute(update(counters).where(counters.c.name == COUNTER).values(value=counters.c.value + 1))
    number = (await connection.execute(select(counters.c.value).where(counters.c.name == COUNTER))).scalar_one()
    incident = Incident(
        number=number,
        title=title,
        severity=severity,
        state=IncidentState.TRIAGE,
        commander=operator,
        started_at=started_at,
        detected_at=detected_at,
        updated_at=now,
    )
    await connection.execute(
        insert(incidents).values(
            number=number,
            title=title,
            severity=severity,
            state=incident.state.value,
            commander=operator,
            started_at=started_at,
            detected_at=detected_at,
            updated_at=now,
            revision=1,
            timeline_length=0,
            timeline_head=GENESIS,
        )
    )
    entry = TimelineEntry(1, now, now, operator, "created", f"SEV{severity} {title}")
    head = await _append(connection, number, entry, GENESIS)
    await connection.execute(touch(number, now, timeline_length=1, timeline_head=head))
    return replace(incident, timeline=(entry,))


async def alerts_of(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, tuple[OwnedAlert, ...]]:
    """Number -> the alerts that the incident owns, in the order in which they were attached."""
    found: dict[int, list[OwnedAlert]] = {}
    query = select(incident_alerts.c.incident, incident_alerts.c.alert, incident_alerts.c.name)
    order = (incident_alerts.c.attached_at, incident_alerts.c.alert)
    for row in await connection.execute(query.where(incident_alerts.c.incident.in_(numbers)).order_by(*order)):
        found.setdefault(row.incident, []).append(OwnedAlert(row.alert, row.name))
    return {number: tuple(owned) for number, owned in found.items()}


async def enter(
    connection: AsyncConnection, row: Row[Any], at: datetime, now: datetime, operator: str, kind: str, text: str
) -> TimelineEntry:
    """Add a line to the timeline of an incident whose row was read for update in this transaction."""
    entry = TimelineEntry(row.timeline_length + 1, at, now, storable(operator), kind, storable(text))
    head = await _append(connection, row.number, entry, row.timeline_head)
    await connection.execute(touch(row.number, now, timeline_length=entry.sequence, timeline_head=head))
    return entry


async def _append(connection: AsyncConnection, number: int, entry: TimelineEntry, previous: str) -> str:
    fields = _fields(number, entry.sequence, entry.at, entry.entered_at, entry.operator, entry.kind, entry.text)
    own = digest(previous, fields)
    await connection.execute(insert(timeline).values(**fields, previous=previous, hash=own))
    return own


def _fields(
    incident: int, sequence: int, at: datetime, entered_at: datetime, operator: str, kind: str, text: str
) -> dict[str, Any]:
    return {
        "incident": incident,
        "sequence": sequence,
        "at": at,
        "entered_at": entered_at,
        "operator": operator,
        "kind": kind,
        "text": text,
    }


async def incident_row(connection: AsyncConnection, number: int, *, for_update: bool = False) -> Row[Any]:
    """The row of an incident.

    Raises:
        NotFound: there is none with this number.
    """
    query = select(incidents).where(incidents.c.number == number)
    row = (await connection.execute(query.with_for_update() if for_update else query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no incident #{number}", "/incident list --all shows them")
    return row


def touch(number: int, now: datetime, **values: Any) -> Any:
    """The statement that changes an incident, and says when."""
    return update(incidents).where(incidents.c.number == number).values(updated_at=now, **values)


def incident_of(row: Row[Any], owned: tuple[OwnedAlert, ...] = ()) -> Incident:
    """The incident of a row, without its timeline."""
    return Incident(
        number=row.number,
        title=row.title,
        severity=row.severity,
        state=IncidentState(row.state),
        commander=row.commander,
        started_at=row.started_at,
        detected_at=row.detected_at,
        updated_at=row.updated_at,
        revision=row.revision,
        alerts=owned,
    )
