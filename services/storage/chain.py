"""Hash chains: each record carries the hash of the one before, so that a changed past shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.storage.keys import ChainKey

GENESIS = "0" * 64
"""What the first record of a chain names as its predecessor."""


def digest(previous: str, fields: Mapping[str, Any], key: ChainKey | None = None) -> str:
    """The hash of one record: SHA-256 over canonical JSON of ALL its fields and its predecessor's hash.

    With a key it is HMAC-SHA-256 over the same.

    Canonical: keys sorted, no blanks, everything beyond ASCII escaped, times as ISO 8601 in UTC with six decimals.

    Args:
        previous: the hash of the record before, or :data:`GENESIS`.
        fields: every other field; JSON types and aware datetimes.
        key: where the chain has one.

    Raises:
        TypeError: a field of another type.
        ValueError: a NaN, an infinity or a datetime without zone.
    """
    text = json.dumps(
        {**fields, "previous": previous},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
        default=_plain,
    )
    raw = text.encode("ascii")
    return hashlib.sha256(raw).hexdigest() if key is None else key.digest(raw)


def storable(text: str) -> str:
    """``text`` as every database can keep it: lone surrogates and NUL written out as escapes.

    Applied before hashing, so that what is hashed is what is read back.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be hashed")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    raise TypeError(f"{type(value).__name__} cannot be hashed")


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking a chain from its first record to its last found.

    Attributes:
        entries: how many records were whole, counted from the first.
        head: the hash of the last whole one.
        problem: one sentence naming the first record that is not whole; empty where all are.
        sequence: its number; None where all are whole.
    """

    entries: int
    head: str
    problem: str = ""
    sequence: int | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing was altered, removed, put in or put elsewhere."""
        return not self.problem


class Verifier:
    """Checks a chain record by record, in constant memory."""

    def __init__(self) -> None:
        self._entries = 0
        self._head = GENESIS
        self._problem = ""
        self._sequence: int | None = None

    def take(
        self, sequence: int, previous: str, own: str, fields: Mapping[str, Any], key: ChainKey | None = None
    ) -> bool:
        """Check the next record; False once the chain is broken."""
        if self._problem:
            return False
        expected = self._entries + 1
        if sequence != expected:
            self._break(expected, f"entry {expected} is missing (the next one present is {sequence})")
        elif previous != self._head:
            self._break(sequence, f"entry {sequence} does not follow entry {sequence - 1}: one of them was replaced")
        elif own != digest(previous, fields, key):
            self._break(sequence, f"entry {sequence} was altered after it was written")
        else:
            self._entries, self._head = sequence, own
        return not self._problem

    def fail(self, sequence: int, problem: str) -> None:
        """Something else than its hash shows that the record ``sequence`` is not whole."""
        if not self._problem:
            self._break(sequence, problem)

    def finish(self, sequence: int, head: str) -> Verification:
        """Close the check.

        Args:
            sequence: how many records the store's own note of the head counts.
            head: the hash it holds.
        """
        if not self._problem:
            if self._entries < sequence:
                self._break(self._entries + 1, f"entry {self._entries + 1} to {sequence} at the end were removed")
            elif self._entries > sequence or self._head != head:
                self._break(self._entries, f"entry {self._entries} is not the last one that was noted ({sequence})")
        return Verification(self._entries, self._head, self._problem, self._sequence)

    def _break(self, sequence: int, problem: str) -> None:
        self._problem, self._sequence = problem, sequence
