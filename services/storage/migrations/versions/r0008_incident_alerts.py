"""Which alerts an incident owns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the table."""
    op.create_table(
        "incident_alerts",
        sa.Column("incident", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attached_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident", "alert", name="pk_incident_alerts"),
        sa.ForeignKeyConstraint(["incident"], ["incidents.number"], name="fk_incident_alerts_incident"),
    )
    op.create_index("ix_incident_alerts_alert", "incident_alerts", ["alert"])


def downgrade() -> None:
    """An older program would forget what belongs together."""
    raise NotImplementedError("older programs know no alerts of incidents; restore a copy instead")
