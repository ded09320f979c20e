"""What is asked of the audit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted. Everything that is given must hold; texts are exact unless it is said otherwise.

    Attributes:
        since, until: when it was decided (UTC), both ends included.
        operator: who asked.
        command: the name of the command, or its first word alone.
        kind: the action, or as many of its leading parts as are given: ``alertmanager.silence``.
        target: the name of what was to be changed, what follows its last slash, or a beginning of either.
        decision: ``allowed`` or ``refused``.
        outcome: what came of it, in a word.
    """

    since: datetime | None = None
    until: datetime | None = None
    operator: str | None = None
    command: str | None = None
    kind: str | None = None
    target: str | None = None
    decision: str | None = None
    outcome: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for, so that every entry is meant."""
        return all(getattr(self, field.name) is None for field in fields(self))
