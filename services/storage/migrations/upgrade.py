"""Brings a database to the newest tables. Imports alembic, so it is imported only where there is something to do."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Apply every missing revision in the transaction that ``connection`` is in."""
    config = Config()
    config.set_main_option("script_location", "services.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
