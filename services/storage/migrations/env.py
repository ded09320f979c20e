"""Run by alembic: applies the revisions on the connection that the caller opened and locked."""

from __future__ import annotations

from alembic import context

from services.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds all revisions, so that none is half applied
)
context.run_migrations()
