"""Keys of a hash chain: with one, whoever can write the store and does not hold the key cannot make hashes that fit."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from services.vocabulary.errors import ConsoleError

SHORTEST = 32
"""Characters that a key needs at least."""

MAKE = "make one with: openssl rand -hex 32"

_NAMED_BY = b"sre-console chain key id"


class ChainKeyError(ConsoleError):
    """What was given is no key."""


@dataclass(frozen=True, slots=True, repr=False)
class ChainKey:
    """One key. It says its id and makes hashes; nobody reads it out again.

    Attributes:
        id: 16 hexadecimal digits, made from the key by HMAC: every record says by which key it is hashed.
    """

    id: str
    _secret: bytes

    def __repr__(self) -> str:
        return f"ChainKey({self.id})"

    def digest(self, text: bytes) -> str:
        """HMAC-SHA-256 (RFC 2104) of ``text``, as 64 hexadecimal digits."""
        return hmac.digest(self._secret, text, sha256).hex()


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """The keys that a store's chains know.

    Attributes:
        current: hashes what is written from now on; None where none is configured.
        earlier: only check what was written before.
        problem: why a configured key cannot be had; empty where it can. As long as there is one nothing is written.
    """

    current: ChainKey | None = None
    earlier: tuple[ChainKey, ...] = ()
    problem: str = ""

    def find(self, key_id: str) -> ChainKey | None:
        """The key of that id; None where nobody gave it."""
        every = (*((self.current,) if self.current is not None else ()), *self.earlier)
        return next((key for key in every if key.id == key_id), None)


NO_KEYS = ChainKeys()


def chain_key(secret: str) -> ChainKey:
    """Make a key of what a secret holds.

    Raises:
        ChainKeyError: it is shorter than :data:`SHORTEST` characters.
    """
    if len(secret) < SHORTEST:
        raise ChainKeyError(f"a key of the audit has at least {SHORTEST} characters, this one has {len(secret)}", MAKE)
    raw = secret.encode("utf-8", "surrogatepass")
    return ChainKey(hmac.digest(raw, _NAMED_BY, sha256).hex()[:16], raw)
