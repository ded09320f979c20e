"""The audit says more, is found quicker, and may be keyed; a write names the one that it takes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BATCH = 1000
_LONGEST = 200


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''"))


def upgrade() -> None:
    """Add columns with defaults: the hashes of what is there already are not over them."""
    op.add_column("intents", sa.Column("undoes", sa.Integer(), nullable=True))
    op.create_index(
        "ix_intents_undoes",
        "intents",
        ["undoes"],
        sqlite_where=sa.text("undoes IS NOT NULL"),
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )
    op.create_index("ix_intents_operator", "intents", ["operator", "number"])
    op.add_column("audit", sa.Column("form", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("audit", _text("database_user"))
    op.add_column("audit", sa.Column("automation", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("audit", _text("undo"))
    op.add_column("audit", sa.Column("undoes", sa.Integer(), nullable=True))
    op.add_column("audit", _text("key_id"))
    op.create_index("ix_audit_at", "audit", ["at", "sequence"])
    for name in ("operator", "action", "outcome", "decision"):
        op.create_index(f"ix_audit_{name}", "audit", [name, "at", "sequence"])
    op.create_index("ix_audit_intent", "audit", ["intent"])
    op.add_column("chain_heads", _text("key_id"))
    op.create_table(
        "audit_words",
        sa.Column("sequence", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("word", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "kind", "word", name="pk_audit_words"),
        sqlite_with_rowid=False,
    )
    _fill()
    op.create_index("ix_audit_words_word", "audit_words", ["kind", "word", "at", "sequence"])


def _fill() -> None:
    connection, last = op.get_bind(), 0
    # Times pass as they are: text on the one engine, times with a zone on the other.
    page = sa.text(
        "SELECT sequence, at, command, targets FROM audit WHERE sequence > :last ORDER BY sequence LIMIT :batch"
    )
    add = sa.text("INSERT INTO audit_words (sequence, kind, word, at) VALUES (:sequence, :kind, :word, :at)")
    while rows := connection.execute(page, {"last": last, "batch": _BATCH}).mappings().all():
        last = rows[-1]["sequence"]
        found = [
            {"sequence": row["sequence"], "kind": kind, "word": word, "at": row["at"]}
            for row in rows
            for kind, word in sorted(set(_words(row["command"], row["targets"])))
        ]
        if found:
            connection.execute(add, found)


def _words(command: str, targets: Any) -> Iterator[tuple[str, str]]:
    first = command.removeprefix("/").split(maxsplit=2)[:2]
    name = first[:1] if len(first) < 2 or not first[1].isalpha() else first
    if name:
        yield "command", " ".join(name)[:_LONGEST]
    for target in json.loads(targets) if isinstance(targets, str) else targets:
        whole = str(target["name"])
        yield "target", whole[:_LONGEST]
        if tail := whole.rpartition("/")[2]:
            yield "target", tail[:_LONGEST]


def downgrade() -> None:
    """An older program would add entries whose hashes nobody could tell from forged ones."""
    raise NotImplementedError("older programs do not know the newer entries of the audit; restore a copy instead")
