"""The secret of a token: how it is made, hashed and compared."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from services.gateway.model import Token

PREFIX = "sre_"
"""What every secret begins with, so that it is known for one where it leaks."""
RANDOM_BYTES = 32
SHORTEST = 32
"""Bytes of the shortest secret that is looked at."""
LONGEST = 256
"""Bytes of the longest one."""


def new_secret() -> str:
    """A secret of 32 random bytes, as 47 characters that need no quoting anywhere."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def digest_of(secret: bytes) -> bytes:
    """What is kept of a secret. 256 random bits need no salt and no slow hash: nobody can guess their way to them."""
    return hashlib.sha256(secret).digest()


def find(tokens: Iterable[Token], secret: bytes, now: datetime) -> Token | None:
    """The valid token whose secret this is; None where there is none.

    Every token is compared, in a time that does not depend on how much of the secret is right.
    """
    sound = SHORTEST <= len(secret) <= LONGEST
    presented = digest_of(secret[:LONGEST])
    found: Token | None = None
    for token in tokens:
        same = hmac.compare_digest(presented, token.digest)
        if same and sound and token.standing(now) == "valid":
            found = token
    return found
