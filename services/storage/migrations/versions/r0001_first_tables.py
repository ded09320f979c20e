"""Breaker, intents, audit, incidents and their timeline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=nullable, autoincrement=False)


def upgrade() -> None:
    """Build them and give the breaker its first state: closed, never touched."""
    breakers = op.create_table(
        "breakers",
        _text("scope"),
        _text("state"),
        _number("revision"),
        _text("changed_by"),
        _time("changed_at", nullable=True),
        _text("reason"),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_breakers"),
        sa.CheckConstraint("state in ('closed', 'open')", name=op.f("ck_breakers_state")),
    )
    op.create_table(
        "intents",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=True),
        _time("at"),
        _time("expires_at"),
        _text("operator"),
        _text("os_user"),
        _text("host"),
        _text("surface"),
        _text("command"),
        _text("action"),
        _text("risk"),
        _text("source"),
        _text("environment"),
        sa.Column("targets", sa.JSON(), nullable=False),
        _text("equivalent"),
        _number("breaker_revision"),
        _text("status", nullable=True),
        _text("failure", nullable=True),
        _text("message", nullable=True),
        _text("undo", nullable=True),
        _time("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_intents"),
    )
    op.create_index(
        "ix_intents_unfinished",
        "intents",
        ["number"],
        sqlite_where=sa.text("status IS NULL"),
        postgresql_where=sa.text("status IS NULL"),
    )
    op.create_table(
        "audit",
        _number("sequence"),
        _time("at"),
        _text("operator"),
        _text("os_user"),
        _text("host"),
        _text("surface"),
        _text("command"),
        _text("action"),
        _text("source"),
        _text("environment"),
        sa.Column("targets", sa.JSON(), nullable=False),
        _text("decision"),
        _text("rule"),
        _text("outcome"),
        _text("message"),
        _number("duration_ms", nullable=True),
        _number("intent", nullable=True),
        _text("previous"),
        _text("hash"),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
        sa.ForeignKeyConstraint(["intent"], ["intents.number"], name="fk_audit_intent"),
    )
    chain_heads = op.create_table(
        "chain_heads",
        _text("name"),
        _number("sequence"),
        _text("hash"),
        sa.PrimaryKeyConstraint("name", name="pk_chain_heads"),
    )
    counters = op.create_table(
        "counters",
        _text("name"),
        _number("value"),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "incidents",
        _number("number"),
        _text("title"),
        _number("severity"),
        _text("state"),
        _text("commander"),
        _time("started_at"),
        _time("detected_at"),
        _time("updated_at"),
        _number("revision"),
        _number("timeline_length"),
        _text("timeline_head"),
        sa.PrimaryKeyConstraint("number", name="pk_incidents"),
        sa.CheckConstraint("severity between 1 and 5", name=op.f("ck_incidents_severity")),
    )
    op.create_index("ix_incidents_state", "incidents", ["state"])
    op.create_table(
        "timeline",
        _number("incident"),
        _number("sequence"),
        _time("at"),
        _time("entered_at"),
        _text("operator"),
        _text("kind"),
        _text("text"),
        _text("previous"),
        _text("hash"),
        sa.PrimaryKeyConstraint("incident", "sequence", name="pk_timeline"),
        sa.ForeignKeyConstraint(["incident"], ["incidents.number"], name="fk_timeline_incident"),
    )
    op.bulk_insert(
        breakers,
        [
            {
                "scope": "global",
                "state": "closed",
                "revision": 0,
                "changed_by": "",
                "changed_at": None,
                "reason": "",
                "manual": False,
            }
        ],
    )
    op.bulk_insert(chain_heads, [{"name": "audit", "sequence": 0, "hash": "0" * 64}])
    op.bulk_insert(counters, [{"name": "incidents", "value": 0}])


def downgrade() -> None:
    """There is nothing before the first revision."""
    raise NotImplementedError("the first revision cannot be taken back; remove the store instead")
