"""Entries of the audit as rows, as objects and as lines."""

from __future__ import annotations

from typing import Any

from services.command import Column
from services.safety.audit_entry import AuditEntry

COLUMNS = (
    Column("entry", numeric=True),
    Column("time (UTC)"),
    Column("who"),
    Column("from"),
    Column("command"),
    Column("decision"),
    Column("outcome"),
    Column("message"),
)
"""Of a list."""

NAMES = (
    "sequence",
    "at",
    "operator",
    "os_user",
    "database_user",
    "host",
    "surface",
    "automation",
    "command",
    "action",
    "source",
    "environment",
    "targets",
    "decision",
    "rule",
    "outcome",
    "message",
    "duration_ms",
    "intent",
    "undo",
    "undoes",
    "form",
    "key_id",
    "previous",
    "hash",
)
"""What an object holds, in this order."""


def row(entry: AuditEntry) -> tuple[str, ...]:
    """One line of a list."""
    return (
        str(entry.sequence),
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.operator,
        f"{entry.os_user}@{entry.host} {entry.surface}",
        entry.command,
        f"{entry.decision} ({entry.rule})",
        entry.outcome,
        entry.message,
    )


def as_object(entry: AuditEntry) -> dict[str, Any]:
    """Everything of an entry, in JSON types (raw)."""
    plain = {name: getattr(entry, name) for name in NAMES}
    return {**plain, "at": entry.at.isoformat(), "targets": [dict(target) for target in entry.targets]}


def lines(entry: AuditEntry) -> tuple[str, ...]:
    """Everything of an entry, for a person (raw)."""
    known = f", database user {entry.database_user}" if entry.database_user else ""
    script = ", a script" if entry.automation else ""
    said = [
        ("when", f"{entry.at:%Y-%m-%d %H:%M:%S.%f} UTC"),
        ("who", f"{entry.operator} ({entry.os_user}@{entry.host}{known}{script})"),
        ("from", entry.surface),
        ("command", entry.command),
        ("kind", entry.action),
        ("on", " in ".join(part for part in (entry.source, entry.environment) if part)),
        *(("target", f"{one['kind']} {one['name']} in {one['environment']}") for one in entry.targets),
        ("decision", f"{entry.decision}: {entry.rule}"),
        ("outcome", entry.outcome),
        ("message", entry.message),
        ("took", "" if entry.duration_ms is None else f"{entry.duration_ms} ms"),
        ("write", "" if entry.intent is None else str(entry.intent)),
        ("undo", entry.undo),
        ("takes back", "" if entry.undoes is None else f"write {entry.undoes}"),
        ("hashed", f"form {entry.form}, " + (f"key {entry.key_id}" if entry.key_id else "no key")),
        ("previous", entry.previous),
        ("hash", entry.hash),
    ]
    return tuple(f"{name:<11}{value}" for name, value in said if value)
