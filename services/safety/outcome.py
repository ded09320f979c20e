"""What became of a write, and what is left of one whose end nobody saw. Light: imports no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from services.safety.plan import Target


class OutcomeStatus(Enum):
    """How far a write came.

    Done: the other side did it. Failed: it said no, or what was read back is not so. Unknown: it may or may not
    have happened. Not sent: nothing left this machine. Dry run: the other side worked it out and changed nothing.
    """

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"
    TRIED = "dry run"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write.

    Attributes:
        intent: its number in the store; None where it ended before it was to leave.
        status: how far it came.
        message: one sentence for the person (raw).
        data: the same for a program; JSON types only.
        undo: the slash command that reverses it; empty where nothing can.
        recorded: False where the store could not keep the outcome; the message says so.
    """

    intent: int | None
    status: OutcomeStatus
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    undo: str = ""
    recorded: bool = True

    @property
    def ok(self) -> bool:
        """Whether what was asked for is now so."""
        return self.status is OutcomeStatus.DONE


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A write that was begun and whose outcome nobody wrote down: the console died, or was stopped, in between.

    Attributes:
        intent: its number in the store.
        at: when it began (UTC).
        expires_at: until then another console may still be at it (UTC).
        operator: who asked.
        command: the line that asked.
        action: the kind of write.
        source: the system it went to.
        targets: what it was to change.
        equivalent: the amtool, kubectl or curl line that does the same by hand.
        environment: where that lives.
        destructive: whether it could take service from users.
        automation: whether no person had asked for it.
    """

    intent: int
    at: datetime
    expires_at: datetime
    operator: str
    command: str
    action: str
    source: str
    targets: tuple[Target, ...]
    equivalent: str
    environment: str = ""
    destructive: bool = False
    automation: bool = False

    @property
    def check(self) -> str:
        """What to look at, in one sentence (raw)."""
        names = ", ".join(f"{target.kind} {target.name}" for target in self.targets)
        return f"unknown, check: {self.action} on {self.source}, {names}"
