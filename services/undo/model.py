"""A write that was done, and whether it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.safety.outcome import OutcomeStatus


@dataclass(frozen=True, slots=True)
class Reversal:
    """A write that took, or was to take, another one back.

    Attributes:
        number: of its own intent.
        operator: who asked for it.
        status: how far it came; None while it is under way.
    """

    number: int
    operator: str
    status: OutcomeStatus | None


@dataclass(frozen=True, slots=True)
class Write:
    """One write, as it stands on record. All texts raw; times UTC.

    Attributes:
        number: of its intent; what ``/undo`` takes.
        at: when it was asked for.
        operator: who asked.
        database_user: whom the database knew them as; empty where it proves nobody's identity.
        command: the line that asked.
        action: the kind of write.
        source: the system it went to.
        environment: where that lives.
        targets: the names of what it changed.
        status: how far it came; None while it is under way, or where its end is lost.
        recipe: the line that takes it back; empty where nothing does.
        undoes: the number of the write that it took back itself; None for an ordinary one.
        reversals: what took it back, or was to, the oldest first.
    """

    number: int
    at: datetime
    operator: str
    database_user: str
    command: str
    action: str
    source: str
    environment: str
    targets: tuple[str, ...]
    status: OutcomeStatus | None
    recipe: str
    undoes: int | None = None
    reversals: tuple[Reversal, ...] = ()

    @property
    def obstacle(self) -> str:
        """Why it cannot be taken back; empty where it can, as far as its record tells."""
        if self.status is None:
            return "it is under way, or its end is not known"
        if self.status in (OutcomeStatus.FAILED, OutcomeStatus.NOT_SENT):
            return f"nothing was changed: it {'failed' if self.status is OutcomeStatus.FAILED else 'was not sent'}"
        if taken := hindering(self.reversals):
            return taken
        if self.recipe:
            return ""
        if self.status is OutcomeStatus.UNKNOWN:
            return "nobody saw its end, so what would take it back is not known; check it by hand"
        if self.undoes is not None:
            return f"it took write {self.undoes} back itself"
        return "this kind of write cannot be taken back"


def hindering(reversals: tuple[Reversal, ...]) -> str:
    """What of ``reversals`` stands against a further one; empty where nothing does.

    One that failed, or was never sent, has changed nothing. One whose end is unknown may be tried again: the thing
    itself is looked at first, and says so where it is gone.
    """
    for one in reversals:
        if one.status is OutcomeStatus.DONE:
            return f"it was taken back already: write {one.number} of {one.operator}"
        if one.status is None:
            return f"write {one.number} of {one.operator} is taking it back, or was lost on the way"
    return ""
