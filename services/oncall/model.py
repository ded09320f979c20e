"""Who is on call, immutable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Duty:
    """What one rotation says at one moment. Times are UTC.

    Attributes:
        rotation: its name.
        zone: IANA name of the zone its handoffs are written in.
        member: who is on call; None is a gap.
        since: start of the present turn or gap; None where it has no start.
        until: end of the present turn or gap; None where it has no end.
        next_member: who follows; None where nobody does.
        next_at: when they take over.
        note: anything a person should know, such as a turn lost to a clock change.
    """

    rotation: str
    zone: str
    member: str | None
    since: datetime | None
    until: datetime | None
    next_member: str | None = None
    next_at: datetime | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """The rotation's name."""
        return self.rotation
