"""Approvals by a second person, and their votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in names]


def upgrade() -> None:
    """Build the two tables and the counter of the numbers."""
    op.create_table(
        "approvals",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        *_texts("state"),
        sa.Column("revision", sa.Integer(), nullable=False),
        *_times("requested_at", "expires_at", "changed_at"),
        *_texts("changed_by", "operator", "os_user", "host", "database_user", "surface"),
        sa.Column("automation", sa.Boolean(), nullable=False),
        *_texts("command", "action", "risk", "source", "environment"),
        sa.Column("targets", sa.JSON(), nullable=False),
        *_texts("digest"),
        sa.Column("reach", sa.Integer(), nullable=False),
        *_texts("summary"),
        sa.Column("preview", sa.JSON(), nullable=False),
        *_texts("equivalent"),
        sa.Column("requirements", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_approvals"),
        sa.CheckConstraint(
            "state in ('pending', 'approved', 'rejected', 'cancelled', 'expired', 'spent')",
            name=op.f("ck_approvals_state"),
        ),
    )
    op.create_index("ix_approvals_state", "approvals", ["state"])
    op.create_table(
        "approval_votes",
        sa.Column("approval", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("sequence", sa.Integer(), nullable=False, autoincrement=False),
        *_times("at"),
        *_texts("operator", "os_user", "host", "database_user"),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        *_texts("note"),
        sa.PrimaryKeyConstraint("approval", "sequence", name="pk_approval_votes"),
        sa.ForeignKeyConstraint(["approval"], ["approvals.number"], name="fk_approval_votes_approval"),
    )
    counters = sa.table("counters", sa.column("name", sa.Text), sa.column("value", sa.Integer))
    op.bulk_insert(counters, [{"name": "approvals", "value": 0}])


def downgrade() -> None:
    """An older program would let through what waits for an approval."""
    raise NotImplementedError("older programs know no approvals; restore a copy instead")
