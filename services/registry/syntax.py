"""What the declaration of a command says about its words."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from services.command import Arguments, Candidate, Command, Offers, Positional

AnyCommand = Command[Any, Any]

_DURATIONS = tuple(Candidate(text) for text in ("15m", "30m", "1h", "2h", "4h", "8h", "1d"))


@dataclass(frozen=True)
class Parameter:
    """One field of a command's arguments, seen as words."""

    field: str
    info: FieldInfo

    @cached_property
    def positional(self) -> Positional | None:
        """How it is filled by place; None for an option."""
        return next((mark for mark in self.info.metadata if isinstance(mark, Positional)), None)

    @property
    def key(self) -> str:
        """The name that the model takes and tells in its errors."""
        return self.info.alias or self.field

    @property
    def label(self) -> str:
        """The name that a person sees: the alias or the field (``for_`` is ``for``), with hyphens."""
        return (self.info.alias or self.field.rstrip("_")).replace("_", "-")

    @property
    def option(self) -> str:
        """``--name``."""
        return "--" + self.label

    @cached_property
    def types(self) -> tuple[Any, ...]:
        """The types it may have, unions and annotations taken apart, None left out."""
        return _alternatives(self.info.annotation)

    @property
    def many(self) -> bool:
        """Whether it collects several words."""
        return any(get_origin(kind) in (tuple, list, frozenset, set) for kind in self.types)

    @property
    def flag(self) -> bool:
        """Whether it is an option without a value."""
        return self.positional is None and self.types == (bool,)

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.info.is_required()

    @property
    def choices(self) -> tuple[Candidate, ...]:
        """The values that its type allows (or, for a duration, usual ones)."""
        found: list[Candidate] = []
        for kind in _elements(self.types):
            if get_origin(kind) is Literal:
                found += [Candidate(str(value)) for value in get_args(kind)]
            elif isinstance(kind, type) and issubclass(kind, Enum):
                found += [Candidate(str(member.value)) for member in kind]
            elif kind is timedelta:
                found += _DURATIONS
        return tuple(found)

    @property
    def placeholder(self) -> str:
        """What stands for its value in a usage line."""
        if self.positional is not None:
            return f"<{self.label}>" + ("…" if self.positional.rest or self.many else "")
        if timedelta in _elements(self.types):
            return "DURATION"
        closed = [kind for kind in _elements(self.types) if get_origin(kind) is Literal]
        if closed and len(self.choices) <= 5:
            return "|".join(candidate.value for candidate in self.choices)
        return self.label.upper()

    @property
    def usage(self) -> str:
        """How it is written; in brackets where it may be left out."""
        if self.positional is not None:
            text = self.placeholder
        else:
            text = self.option if self.flag else f"{self.option} {self.placeholder}"
        return text if self.required else f"[{text}]"


@dataclass(frozen=True)
class Syntax:
    """All parameters of a command, in the order of their declaration."""

    parameters: tuple[Parameter, ...]

    @cached_property
    def positionals(self) -> tuple[Parameter, ...]:
        """Those filled by place."""
        return tuple(parameter for parameter in self.parameters if parameter.positional is not None)

    @cached_property
    def options(self) -> dict[str, Parameter]:
        """Those filled by name, keyed by ``--name``."""
        return {parameter.option: parameter for parameter in self.parameters if parameter.positional is None}

    def by_field(self, name: str) -> Parameter | None:
        """The parameter of a field (or of its alias)."""
        return next((one for one in self.parameters if name in (one.field, one.key)), None)

    def at(self, place: int) -> Parameter | None:
        """The positional that the word number ``place`` (from 0) fills; None where no word is expected."""
        for parameter in self.positionals:
            if place == 0 or collects(parameter):
                return parameter
            place -= 1
        return None


def collects(parameter: Parameter) -> bool:
    """Whether a positional takes all the words that are left."""
    return parameter.positional is not None and (parameter.positional.rest or parameter.many)


def syntax_of(arguments: type[Arguments]) -> Syntax:
    """Read the declaration of ``arguments``."""
    return Syntax(tuple(Parameter(name, info) for name, info in arguments.model_fields.items()))


def usage(command: AnyCommand) -> str:
    """One line: how ``command`` is written."""
    syntax = syntax_of(command.arguments)
    ordered: Sequence[Parameter] = (*syntax.positionals, *syntax.options.values())
    return " ".join([f"/{command.name}", *(parameter.usage for parameter in ordered)])


def candidates(command: AnyCommand, needs: Any, parameter: Parameter) -> Sequence[Candidate] | Offers:
    """The values offered for a parameter: from live data, else as declared, else what its type allows."""
    completer = command.complete.get(parameter.field) or command.complete.get(parameter.label)
    if completer is not None:
        offered = completer(needs)
        return offered if isinstance(offered, Offers) else tuple(offered)
    declared = command.choices.get(parameter.field) or command.choices.get(parameter.label) or ()
    return tuple(declared) or parameter.choices


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return tuple(kind for part in get_args(annotation) for kind in _alternatives(part))
    return () if annotation is type(None) else (annotation,)


def _elements(kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    out: list[Any] = []
    for kind in kinds:
        if get_origin(kind) in (tuple, list, frozenset, set):
            out += [inner for part in get_args(kind) if part is not ... for inner in _alternatives(part)]
        else:
            out.append(kind)
    return tuple(out)
