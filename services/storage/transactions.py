"""How transactions begin: with the statement that the store names, not where the driver guesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

_BEGIN = "sre_begin"


def begins(engine: AsyncEngine, statement: str) -> AsyncEngine:
    """The same engine, with the same connections, whose transactions begin with ``statement``; none where empty."""
    return engine.execution_options(**{_BEGIN: statement})


def take_over(engine: AsyncEngine, prepare: Callable[[Any], None] | None = None, *, default: str = "BEGIN") -> None:
    """Let the store begin the transactions of ``engine``.

    Args:
        engine: all connections of it.
        prepare: is given each new connection of the driver, and stops the driver from beginning by itself; None
            where it does not.
        default: what begins a transaction where :func:`begins` says nothing else.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, record: object) -> None:  # noqa: ARG001 - the event's signature
        if prepare is not None:
            prepare(connection)

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get(_BEGIN, default)
        if statement:
            connection.exec_driver_sql(statement)
