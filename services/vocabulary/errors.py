"""Failures that a person is told about. Each says what is wrong and what to do."""

from __future__ import annotations

from enum import Enum


class ConsoleError(Exception):
    """The root of every failure that is shown to a person.

    Attributes:
        message: one sentence: what is wrong.
        hint: what to do about it; empty where the message already says.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class FailureKind(Enum):
    """Why a source did not give a usable answer."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    DENIED = "denied"  # 401, 403
    REJECTED = "rejected"  # any other 4xx: the other side understood and said no
    SERVER = "server error"  # 5xx
    MALFORMED = "malformed"  # not the protocol: HTML, truncated JSON, wrong types
    TOO_LARGE = "too large"
    CONFIGURATION = "configuration"


class SourceError(ConsoleError):
    """A source failed.

    Attributes:
        kind: why.
        sent: whether the request had left (or may have): a write that fails so has an unknown outcome.
        status: the HTTP status, where there was one.
    """

    def __init__(
        self, kind: FailureKind, message: str, hint: str = "", *, sent: bool = True, status: int | None = None
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.sent = sent
        self.status = status


class Refused(ConsoleError):
    """The console itself declines: breaker, mode, policy, a missing confirmation.

    Attributes:
        equivalent: a line for kubectl, amtool or curl that does the same by hand; empty where there is none.
        recorded: whether the refusal is in the audit already, or was to be.
    """

    def __init__(self, message: str, hint: str = "", *, equivalent: str = "", recorded: bool = False) -> None:
        super().__init__(message, hint)
        self.equivalent = equivalent
        self.recorded = recorded


class NotFound(ConsoleError):
    """What the person named does not exist (any more)."""


class Conflict(ConsoleError):
    """Somebody else changed it meanwhile; nothing was written."""


class StoreError(ConsoleError):
    """The console's own store cannot be opened, read or written."""


class StoreLost(StoreError):
    """The store is gone, damaged or out of reach: nobody can tell what it holds, the breakers among it."""


class StoreGone(StoreLost):
    """The store was there before, and now it is not, or it is an older one."""
