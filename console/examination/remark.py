"""What the doctor has to say about this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that is not as it should be.

    Attributes:
        check: what was looked at: ``files``, ``secrets``, ``encryption`` or ``packages``.
        fails: True where others on this machine can read or alter what they must not, or where something cannot
            work; False where it works and is risky.
        text: what is wrong and what to do (raw); never a secret.
    """

    check: str
    fails: bool
    text: str
