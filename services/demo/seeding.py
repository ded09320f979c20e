"""Values that look random and are the same for the same seed."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

# The letters that Kubernetes uses in generated names.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def number(*parts: object) -> int:
    """A 64-bit number that depends on every part."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def fraction(*parts: object) -> float:
    """A value from 0 up to 1 (exclusive)."""
    return (number(*parts) >> 11) / (1 << 53)


def identifier(*parts: object) -> str:
    """A version 4 UUID."""
    text = "\x1f".join(str(part) for part in parts)
    return str(UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))


def letters(length: int, *parts: object) -> str:
    """A suffix as Kubernetes makes them for pods and ReplicaSets."""
    value, out = number(*parts), []
    for _ in range(length):
        value, index = divmod(value, len(_LETTERS))
        out.append(_LETTERS[index])
    return "".join(out)
