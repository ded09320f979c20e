"""The tables of the store. What is here and what the migrations build is the same; a test compares them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, to the microsecond, on engines with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be kept")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        result: datetime = value
        return result.replace(tzinfo=UTC) if result.tzinfo is None else result.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# One row a breaker. "global" is the one that people open.
breakers = Table(
    "breakers",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", UtcDateTime),
    Column("reason", Text, nullable=False),
    Column("manual", Boolean, nullable=False),
    # How often it tripped in a row, when a probe may be tried, and the intent that is that probe.
    Column("trips", Integer, nullable=False, server_default="0"),
    Column("retry_at", UtcDateTime),
    Column("probe", Integer),
    CheckConstraint("state in ('closed', 'open')", name="state"),
)

# What the breakers count: writes that reached the other side or may have, in the order in which they ended.
executions = Table(
    "executions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("intent", Integer, nullable=False, unique=True),
    Column("at", UtcDateTime, nullable=False),
    Column("failed", Boolean, nullable=False),
)
Index("ix_executions_scope", executions.c.scope, executions.c.number)

# Written before a write leaves; status stays null until its outcome is known.
intents = Table(
    "intents",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("database_user", Text, nullable=False, server_default=text("''")),
    Column("automation", Boolean, nullable=False, server_default=false()),
    Column("command", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("risk", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("equivalent", Text, nullable=False),
    Column("breaker_revision", Integer, nullable=False),
    Column("status", Text),
    Column("failure", Text),
    Column("message", Text),
    Column("undo", Text),
    Column("finished_at", UtcDateTime),
    # The write that this one takes back.
    Column("undoes", Integer),
)
Index(
    "ix_intents_unfinished",
    intents.c.number,
    sqlite_where=intents.c.status.is_(None),
    postgresql_where=intents.c.status.is_(None),
)
Index(
    "ix_intents_undoes",
    intents.c.undoes,
    sqlite_where=intents.c.undoes.is_not(None),
    postgresql_where=intents.c.undoes.is_not(None),
)
Index("ix_intents_operator", intents.c.operator, intents.c.number)

# Append-only, hash-chained. What "form" says is which columns the hash is over, and how.
audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("decision", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("duration_ms", Integer),
    Column("intent", Integer, ForeignKey("intents.number")),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("form", Integer, nullable=False, server_default="1"),
    Column("database_user", Text, nullable=False, server_default=text("''")),
    Column("automation", Boolean, nullable=False, server_default=false()),
    # The line that takes it back, and the write that this one took back.
    Column("undo", Text, nullable=False, server_default=text("''")),
    Column("undoes", Integer),
    # The key behind its hash; empty for none.
    Column("key_id", Text, nullable=False, server_default=text("''")),
)
# For lists with a filter, which go by time.
for _name in ("at", "operator", "action", "outcome", "decision"):
    _columns = [audit.c[_name]] if _name == "at" else [audit.c[_name], audit.c.at]
    Index(f"ix_audit_{_name}", *_columns, audit.c.sequence)
Index("ix_audit_intent", audit.c.intent)

# What an entry of the audit is found by besides: its targets and the command's name. Follows from the entry.
audit_words = Table(
    "audit_words",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    # Sorted by its bytes, so that a beginning of it is one range.
    Column("word", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_audit_words_word", audit_words.c.kind, audit_words.c.word, audit_words.c.at, audit_words.c.sequence)

# The last link of each chain, so that a cut tail shows.
chain_heads = Table(
    "chain_heads",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    # The key of the newest record that was hashed with one.
    Column("key_id", Text, nullable=False, server_default=text("''")),
)

# Numbers given out without gaps.
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)

# What lets programs in through the gateway. Of the secret itself only the SHA-256 is kept.
gateway_tokens = Table(
    "gateway_tokens",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", Text, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("title", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("commander", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("detected_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("revision", Integer, nullable=False),
    # The last link of its timeline's chain.
    Column("timeline_length", Integer, nullable=False),
    Column("timeline_head", Text, nullable=False),
    CheckConstraint("severity between 1 and 5", name="severity"),
)
Index("ix_incidents_state", incidents.c.state)

# Append-only, hash-chained within one incident.
timeline = Table(
    "timeline",
    metadata,
    Column("incident", Integer, ForeignKey("incidents.number"), primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("operator", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# Which alerts an incident owns; one belongs to a single open incident at most.
incident_alerts = Table(
    "incident_alerts",
    metadata,
    Column("incident", Integer, ForeignKey("incidents.number"), primary_key=True, autoincrement=False),
    # cluster/fingerprint: the same when it fires again.
    Column("alert", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("attached_at", UtcDateTime, nullable=False),
    Column("attached_by", Text, nullable=False),
)
Index("ix_incident_alerts_alert", incident_alerts.c.alert)

# Alerts that people made by hand, and acks that are prolonged while their alert fires. Kept by whoever has the lease,
# by leave of the person who asked; who that was stands beside it.
kept_alerts = Table(
    "kept_alerts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("posted_at", UtcDateTime, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("database_user", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("automation", Boolean, nullable=False),
    Column("ended_at", UtcDateTime),
)
Index("ix_kept_alerts_ended_at", kept_alerts.c.ended_at)

# What happened to alerts, as one console after another saw it; rows older than is asked for are removed.
alert_events = Table(
    "alert_events",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("noted_at", UtcDateTime, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("operator", Text, nullable=False),
    Column("text", Text, nullable=False),
    # Of acks and silences: which one.
    Column("reference", Text, nullable=False),
)
Index("ix_alert_events_alert", alert_events.c.cluster, alert_events.c.fingerprint, alert_events.c.at)
Index("ix_alert_events_at", alert_events.c.at)

kept_acks = Table(
    "kept_acks",
    metadata,
    Column("cluster", Text, primary_key=True),
    Column("silence", Text, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("acked_at", UtcDateTime, nullable=False),
    # When it is prolonged no more, whatever fires.
    Column("until", UtcDateTime, nullable=False),
    # What undo was told of the silence, and what it is since it was prolonged.
    Column("mark", Text, nullable=False),
    Column("mark_now", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("database_user", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("automation", Boolean, nullable=False),
    Column("ended_at", UtcDateTime),
)
Index("ix_kept_acks_ended_at", kept_acks.c.ended_at)

# Who does what must be done once.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

# What waits for a second person, and what became of it. Expiry is judged by the clock; "expired" is only its record.
approvals = Table(
    "approvals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("database_user", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("automation", Boolean, nullable=False),
    Column("command", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("risk", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("digest", Text, nullable=False),
    Column("reach", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Column("preview", JSON, nullable=False),
    Column("equivalent", Text, nullable=False),
    Column("requirements", JSON, nullable=False),
    CheckConstraint(
        "state in ('pending', 'approved', 'rejected', 'cancelled', 'expired', 'spent')",
        name="state",
    ),
)
Index("ix_approvals_state", approvals.c.state)

# Append-only: each yes and no.
approval_votes = Table(
    "approval_votes",
    metadata,
    Column("approval", Integer, ForeignKey("approvals.number"), primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("database_user", Text, nullable=False),
    Column("agrees", Boolean, nullable=False),
    Column("note", Text, nullable=False),
)

# How far automation is trusted, one row for each kind of action and environment that it ever asked for. A change begins
# a new period, in which evidence counts from nothing.
trust_levels = Table(
    "trust_levels",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("period", Integer, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    CheckConstraint("level between 0 and 4", name="level"),
)

# What automation proposed, tried and did, and whether it was right. "open" waits for a person to do the same.
trust_evidence = Table(
    "trust_evidence",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("period", Integer, nullable=False),
    # The level that was in force, which a cap may hold below that of the scope.
    Column("level", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("intent", Integer, unique=True),
    Column("settled_at", UtcDateTime),
    Column("settled_by", Text, nullable=False),
    CheckConstraint("state in ('open', 'good', 'bad', 'failed')", name="state"),
)
Index(
    "ix_trust_evidence_scope",
    trust_evidence.c.kind,
    trust_evidence.c.environment,
    trust_evidence.c.period,
    trust_evidence.c.state,
)
Index("ix_trust_evidence_source", trust_evidence.c.source)
Index("ix_trust_evidence_at", trust_evidence.c.kind, trust_evidence.c.environment, trust_evidence.c.at)
Index(
    "ix_trust_evidence_open",
    trust_evidence.c.kind,
    trust_evidence.c.environment,
    trust_evidence.c.digest,
    sqlite_where=trust_evidence.c.state == "open",
    postgresql_where=trust_evidence.c.state == "open",
)

# Append-only: each promotion and demotion.
trust_changes = Table(
    "trust_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("before", Integer, nullable=False),
    Column("after", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("os_user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("database_user", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("intent", Integer),
)
