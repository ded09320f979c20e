"""The types of a slash command. Knows no domain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict

from services.safety.actor import Actor
from services.safety.plan import Plan, Risk
from services.vocabulary.durations import parse_duration
from services.vocabulary.plot import Plot


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""The type of an argument such as ``--for 1h30m``: the grammar of
:func:`services.vocabulary.durations.parse_duration`."""


class Arguments(BaseModel):
    """The base of every command's arguments.

    A field annotated with :class:`Positional` is filled by place, every other one by ``--name value`` (underscores
    become hyphens; a ``bool`` takes no value). A field without a default must be given. ``description`` of the
    pydantic ``Field`` is its help.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Positional:
    """Marks a field that is filled by place: ``id: Annotated[str, Positional()]``.

    Attributes:
        rest: takes all the remaining words, joined by single blanks for a ``str`` or as they are for a ``tuple``.
        selection: the kind of selected item (``alert``, ``incident``, ``deployment``) that fills it when the words
            are missing; empty for none.
        raw: keeps the quotes and backslashes of its words, because they are a language of their own (PromQL). One word
            that is quoted as a whole loses these quotes. Completion inserts candidates as they are.
    """

    rest: bool = False
    selection: str = ""
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One completion.

    Attributes:
        value: what is inserted (raw; the grammar quotes it where it has to).
        hint: what stands beside it, such as a name and an age (raw).
        whole: whether it ends a word, so that a blank follows it.
    """

    value: str
    hint: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a printed table; ``numeric`` ones are aligned to the right."""

    title: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A printed table. Cells are raw text; whoever prints them passes them through ``display``."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a command answers.

    Attributes:
        message: one sentence for a person (raw).
        data: the same for a program; JSON types only. For a list command, a list.
        table: rows to print, where the answer is a list.
        lines: further lines to print under the message (raw).
        ok: False where the command ran and what it checked is not well.
        undo: the slash command that reverses it; empty where nothing can.
        status: how far a write came, as :class:`~services.safety.outcome.OutcomeStatus` says it; empty for all else.
        streamed: whether the answer itself was handed to :attr:`Invocation.write`; the message then goes beside it.
        plot: what a screen draws above the rest, where people would rather look than read.
        elsewhere: the line that plots another stretch of time, from and to in Unix seconds.
    """

    message: str
    data: Any = None
    table: Table | None = None
    lines: tuple[str, ...] = ()
    ok: bool = True
    undo: str = ""
    status: str = ""
    streamed: bool = False
    plot: Plot | None = None
    elsewhere: Callable[[float, float], str] | None = None


Confirmer = Callable[[Plan], Awaitable[bool]]
"""Asks a person; True is yes. Headless, ``--yes`` answers; without it the guard refuses and names ``--yes``."""


def _unseen(what: str, done: int, total: int) -> None:
    del what, done, total


@dataclass(frozen=True, slots=True)
class Invocation:
    """Who runs a command, from where, on what.

    Attributes:
        actor: who.
        confirm: how to ask.
        selection: kind -> the identities of the selected items of that kind, cursor first.
        progress: told by a command that takes long: what it counts, how many of how many.
        write: takes the text of an answer that is too long to be kept, bit by bit; None where there is a screen, or
            where the answer is one JSON object.
    """

    actor: Actor
    confirm: Confirmer
    selection: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    progress: Callable[[str, int, int], None] = _unseen
    write: Callable[[str], None] | None = None


NeedsT = TypeVar("NeedsT")
ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)


@runtime_checkable
class Offers(Protocol):
    """Candidates that know how to be searched: for so many that going through all of them at a key would be felt."""

    def matching(self, typed: str, limit: int) -> Sequence[Candidate]:
        """The best at most ``limit`` candidates for what was typed so far; takes milliseconds."""
        ...


Completer = Callable[[NeedsT], Iterable[Candidate] | Offers]


@dataclass(frozen=True, kw_only=True)
class Command(Generic[NeedsT, ArgumentsT]):
    """One slash command, declared once: palette, completion, ``exec``, help and documents come from here.

    Exactly one of ``run`` (for read, record and notify) and ``plan`` (for write and destructive) is given.

    Attributes:
        name: verb path without the slash, such as ``alerts ack``.
        summary: one line, imperative, no full stop.
        arguments: the model of its arguments.
        risk: what it can do to the world.
        run: does it and answers.
        plan: works out the write by reading alone.
        complete: field name -> candidates from live data (quick, no input or output).
        choices: field name -> fixed candidates.
        examples: whole lines that work.
        help: more prose, where one line is not enough.
    """

    name: str
    summary: str
    arguments: type[ArgumentsT]
    risk: Risk
    run: Callable[[NeedsT, ArgumentsT, Invocation], Awaitable[Result]] | None = None
    plan: Callable[[NeedsT, ArgumentsT, Invocation], Awaitable[Plan]] | None = None
    complete: Mapping[str, Completer[NeedsT]] = field(default_factory=dict)
    choices: Mapping[str, Sequence[Candidate]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    help: str = ""

    def __post_init__(self) -> None:
        if (self.run is None) == (self.plan is None) or (self.plan is not None) != self.risk.outside:
            raise TypeError(f"/{self.name}: plan for write and destructive, run for the rest")
