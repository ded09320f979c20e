"""A breaker a source that trips by itself; whom the database knows, and whether a person stood behind a write."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns with defaults, so that records that are there stay as they are."""
    op.add_column("breakers", sa.Column("trips", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("breakers", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("breakers", sa.Column("probe", sa.Integer(), nullable=True))
    op.add_column("intents", sa.Column("database_user", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("intents", sa.Column("automation", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "executions",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("intent", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_executions"),
        sa.UniqueConstraint("intent", name="uq_executions_intent"),
    )
    op.create_index("ix_executions_scope", "executions", ["scope", "number"])


def downgrade() -> None:
    """An older program cannot tell what the breakers of the sources say."""
    raise NotImplementedError("older programs do not know the breakers of sources; restore a copy instead")
