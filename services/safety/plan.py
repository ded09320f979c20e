"""What a write would do, worked out by reading alone, before anybody is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.safety.permit import WritePermit


class Risk(Enum):
    """What a command can do to the world. The open breaker refuses ``WRITE`` and ``DESTRUCTIVE`` alone."""

    READ = "read"
    RECORD = "record"  # our own store: incidents, notes, the breaker itself
    NOTIFY = "notify"  # pages people
    WRITE = "write"  # changes an outside system
    DESTRUCTIVE = "destructive"  # changes it in a way that can take service from users

    @property
    def outside(self) -> bool:
        """Whether an outside system is changed."""
        return self in (Risk.WRITE, Risk.DESTRUCTIVE)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a write changes.

    Attributes:
        kind: ``alert``, ``silence``, ``deployment``, ...
        name: its exact identity (raw, not for display).
        environment: where it lives.
    """

    kind: str
    name: str
    environment: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a person must agree to.

    Attributes:
        question: why it is asked, such as ``mutes 14 alerts``.
        typed: the word that has to be typed; empty where yes is enough.
        person: whether nobody but a person can agree, now and for this; what a script was told beforehand is not
            enough.
    """

    question: str
    typed: str = ""
    person: bool = False


def _unheard(reason: str) -> None:
    del reason


@dataclass(frozen=True, slots=True)
class BreakGlass(Confirmation):
    """What a person must agree to where the store is lost: they type the target, and say why.

    Attributes:
        explain: takes the reason, before the answer is yes; without one the answer counts as no.
    """

    explain: Callable[[str], None] = _unheard


@dataclass(frozen=True, slots=True)
class Applied:
    """What the other side answered to a write.

    Attributes:
        message: one sentence for the person: what is now so.
        data: the same for a program; JSON types only.
        undo: the slash command that reverses it; empty where nothing can.
    """

    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of a whole a write reaches, where that is more than its targets.

    Attributes:
        count: how many, such as the alerts that a silence mutes.
        total: of how many there are now; None where nobody knows.
        unit: what is counted, in the plural: ``alerts``.
    """

    count: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A write that was worked out and not yet done.

    Attributes:
        action: the kind of write, such as ``alertmanager.silence.create``; a permit is bound to it.
        risk: ``WRITE`` or ``DESTRUCTIVE``.
        source: the system it goes to, such as ``alertmanager prod``; its breaker counts the outcome.
        environment: named in every confirmation.
        targets: what it changes; never empty. The permit is bound to the first target's name.
        summary: one line, present tense: ``acks HighErrorRate for 15m as op-a; expires 19:46 UTC``.
        preview: further lines: matchers, hits, consequences.
        equivalent: the line for amtool, kubectl or curl that does the same by hand.
        confirmation: what a person must agree to; None where the command itself is agreement enough.
        apply: does it; spends the permit; raises :class:`~services.vocabulary.errors.SourceError`.
        verify: reads back whether it is so; None where the answer already proves it.
        prepare: the last reading before the permit is made, such as the choice of the member that answers; raises
            :class:`~services.vocabulary.errors.SourceError`, and then nothing was sent. What it finds, ``apply`` uses.
        dry_run: lets the other side work it out without doing it, and answers with what it said; raises
            :class:`~services.vocabulary.errors.SourceError`. None where the other side cannot.
        reversible: whether it can be taken back; nothing else may be the probe of a half-open breaker.
        warnings: what the person should know although nothing asks.
        reach: how much it reaches beyond its targets; None where the targets are all.
        namespaces: the namespaces that it touches, none of them for what lives in none; None where it cannot tell:
            whatever protects a namespace then counts it as touched.
        undoes: the number of the intent that it takes back; None for an ordinary write.
    """

    action: str
    risk: Risk
    source: str
    environment: str
    targets: tuple[Target, ...]
    summary: str
    equivalent: str
    apply: Callable[[WritePermit], Awaitable[Applied]]
    preview: tuple[str, ...] = ()
    confirmation: Confirmation | None = None
    verify: Callable[[Applied], Awaitable[bool]] | None = None
    warnings: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] | None = None
    dry_run: Callable[[], Awaitable[str]] | None = None
    reversible: bool = False
    reach: Reach | None = None
    namespaces: tuple[str, ...] | None = None
    undoes: int | None = None
