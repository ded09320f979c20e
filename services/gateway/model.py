"""Tokens of the gateway, immutable. Light: imports no server and no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Scope(Enum):
    """What a token may be used for."""

    READ = "read"
    CIRCUIT_WRITE = "circuit:write"


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without the secret itself: only its hash is kept. Times are UTC.

    Attributes:
        number: counts from 1 in each store; what people revoke it by.
        name: who acts through it; the operator of whatever it asks for (raw).
        scopes: what it may be used for.
        digest: SHA-256 of the secret.
        created_at, created_by: when and by whom it was made.
        expires_at: from when on it is worth nothing; None for never.
        revoked_at: when it was revoked; None where it was not.
        revoked_by: by whom (raw).
    """

    number: int
    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str = ""

    def standing(self, now: datetime) -> str:
        """``valid``, ``expired`` or ``revoked`` at the moment ``now``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        return "valid"
