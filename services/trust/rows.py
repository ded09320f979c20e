"""Levels and evidence as rows of the store, and back. What cannot be read is shadow, and says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Integer, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from services.storage.chain import storable
from services.storage.tables import trust_changes, trust_evidence, trust_levels
from services.trust.levels import Level
from services.trust.model import Held, Scope, TrustChange
from services.trust.promotion import Tally

OPEN, GOOD, BAD, FAILED = "open", "good", "bad", "failed"
"""States of evidence: it waits for a person to do the same; it was right; it was wrong; it was wrong and failed."""


async def read_held(connection: AsyncConnection, scope: Scope) -> Held:
    """What is kept of ``scope``; a row that makes no sense is shadow with a problem, never an exception."""
    query = select(trust_levels.c.level, trust_levels.c.period, trust_levels.c.since).where(_is(scope))
    try:
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return Held(scope)
        if type(row.level) is not int or type(row.period) is not int or not isinstance(row.since, datetime):
            raise ValueError(f"level {row.level!r}, period {row.period!r}, since {row.since!r}")
        if row.period < 1:
            raise ValueError(f"period {row.period}")
        return Held(scope, Level(row.level), row.period, row.since)
    except (ValueError, TypeError) as error:
        return Held(scope, problem=f"the trust in {scope} cannot be read and counts as shadow: {error}")


async def read_scopes(connection: AsyncConnection) -> tuple[Scope, ...]:
    """Every scope of which something is kept, by kind and environment."""
    rows = (await connection.execute(select(trust_levels.c.kind, trust_levels.c.environment))).all()
    return tuple(sorted(Scope(str(row.kind), str(row.environment)) for row in rows))


async def scopes_of_source(connection: AsyncConnection, source: str) -> tuple[Scope, ...]:
    """The scopes in which automation ever asked for something of ``source``."""
    query = select(trust_evidence.c.kind, trust_evidence.c.environment).distinct()
    rows = (await connection.execute(query.where(trust_evidence.c.source == storable(source)))).all()
    return tuple(sorted(Scope(row.kind, row.environment) for row in rows))


async def read_tally(connection: AsyncConnection, held: Held, *, failures_since: datetime) -> Tally:
    """What counts at the level of ``held``.

    What automation did while a cap held it lower was not done at its level, and counts for nothing but a failure.

    Args:
        connection: a transaction.
        held: which scope, and the period in which evidence counts.
        failures_since: older failures no longer demote.
    """
    own = and_(
        trust_evidence.c.kind == held.scope.kind,
        trust_evidence.c.environment == held.scope.environment,
        trust_evidence.c.period == held.period,
    )
    counts = (
        select(trust_evidence.c.state, func.count().label("number"))
        .where(own, trust_evidence.c.level == int(held.level))
        .group_by(trust_evidence.c.state)
    )
    numbers = {str(row.state): int(row.number) for row in (await connection.execute(counts)).all()}
    failures = select(func.count()).where(own, trust_evidence.c.state == FAILED, trust_evidence.c.at > failures_since)
    failed = int((await connection.execute(failures)).scalar_one())
    # A state that nobody knows counts against.
    bad = sum(number for state, number in numbers.items() if state not in (GOOD, OPEN))
    return Tally(numbers.get(GOOD, 0), bad, numbers.get(OPEN, 0), failed)


async def newest(connection: AsyncConnection, scope: Scope) -> datetime | None:
    """When the last evidence of ``scope`` was written down; None where there is none."""
    query = select(func.max(trust_evidence.c.at, type_=trust_evidence.c.at.type)).where(
        trust_evidence.c.kind == scope.kind, trust_evidence.c.environment == scope.environment
    )
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def last_period(connection: AsyncConnection, scope: Scope) -> int:
    """The latest period of which there is evidence; 0 where there is none."""
    query = select(func.coalesce(func.max(trust_evidence.c.period, type_=Integer()), 0)).where(
        trust_evidence.c.kind == scope.kind, trust_evidence.c.environment == scope.environment
    )
    return int((await connection.execute(query)).scalar_one())


async def read_changes(connection: AsyncConnection, kind: str, environment: str, limit: int) -> tuple[TrustChange, ...]:
    """The newest promotions and demotions, the newest first; empty texts stand for every kind and environment."""
    query = select(trust_changes).order_by(trust_changes.c.number.desc()).limit(limit)
    if kind:
        query = query.where(trust_changes.c.kind == storable(kind))
    if environment:
        query = query.where(trust_changes.c.environment == storable(environment))
    return tuple(
        TrustChange(
            number=row.number,
            at=row.at,
            scope=Scope(row.kind, row.environment),
            before=Level(row.before),
            after=Level(row.after),
            cause=row.cause,
            operator=row.operator,
            os_user=row.os_user,
            host=row.host,
            database_user=row.database_user,
            reason=row.reason,
            intent=row.intent,
        )
        for row in (await connection.execute(query)).all()
    )


def within(window: timedelta, at: datetime, now: datetime) -> bool:
    """Whether ``now`` is in the window that begins at ``at``; a clock that was set back to before it is not."""
    return timedelta(0) <= now - at <= window


def _is(scope: Scope) -> ColumnElement[bool]:
    return and_(trust_levels.c.kind == scope.kind, trust_levels.c.environment == scope.environment)
