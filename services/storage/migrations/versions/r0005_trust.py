"""How far automation is trusted, what that rests on, and every change of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Build the three tables. Nothing was ever promoted, so no row is shadow everywhere."""
    op.create_table(
        "trust_levels",
        *_texts("kind", "environment"),
        *_numbers("level", "period"),
        _time("since"),
        sa.PrimaryKeyConstraint("kind", "environment", name="pk_trust_levels"),
        sa.CheckConstraint("level between 0 and 4", name=op.f("ck_trust_levels_level")),
    )
    op.create_table(
        "trust_evidence",
        sa.Column("number", sa.Integer(), nullable=False),
        _time("at"),
        *_texts("kind", "environment"),
        *_numbers("period", "level"),
        *_texts("state", "form", "source", "operator", "command", "digest", "message"),
        sa.Column("intent", sa.Integer()),
        _time("settled_at", nullable=True),
        *_texts("settled_by"),
        sa.PrimaryKeyConstraint("number", name="pk_trust_evidence"),
        sa.UniqueConstraint("intent", name="uq_trust_evidence_intent"),
        sa.CheckConstraint("state in ('open', 'good', 'bad', 'failed')", name=op.f("ck_trust_evidence_state")),
    )
    op.create_index("ix_trust_evidence_scope", "trust_evidence", ["kind", "environment", "period", "state"])
    op.create_index("ix_trust_evidence_source", "trust_evidence", ["source"])
    op.create_index("ix_trust_evidence_at", "trust_evidence", ["kind", "environment", "at"])
    waiting = sa.text("state = 'open'")
    op.create_index(
        "ix_trust_evidence_open",
        "trust_evidence",
        ["kind", "environment", "digest"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "trust_changes",
        sa.Column("number", sa.Integer(), nullable=False),
        _time("at"),
        *_texts("kind", "environment"),
        *_numbers("before", "after"),
        *_texts("cause", "operator", "os_user", "host", "database_user", "reason"),
        sa.Column("intent", sa.Integer()),
        sa.PrimaryKeyConstraint("number", name="pk_trust_changes"),
    )


def downgrade() -> None:
    """An older program knows no trust, and would let automation do everything."""
    raise NotImplementedError("older programs know no trust; restore a copy instead")
