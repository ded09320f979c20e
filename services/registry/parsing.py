"""From the words of a line to a typed request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.command import Arguments
from services.registry.syntax import AnyCommand, Parameter, Syntax, collects, syntax_of, usage
from services.registry.words import CommandError, Word, quote
from services.vocabulary.nearest import nearest

Selection = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Request:
    """A command with valid arguments, ready to run.

    Attributes:
        command: its declaration.
        arguments: its arguments; an instance of ``command.arguments``.
        line: the whole command as it would be typed, what the selection filled in included.
    """

    command: AnyCommand
    arguments: Arguments
    line: str


@dataclass
class _Given:
    """The words that belong to each parameter, and the values as the model takes them."""

    words: dict[str, list[Word]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    from_selection: list[str] = field(default_factory=list)


def parse_arguments(line: str, command: AnyCommand, words: Sequence[Word], selection: Selection) -> Request:
    """Read the words behind a command's name.

    Raises:
        CommandError: it marks the word that is wrong.
    """
    syntax = syntax_of(command.arguments)
    given = _assign(line, command, syntax, words, selection)
    try:
        arguments = command.arguments.model_validate(given.values)
    except ValidationError as failure:
        raise _explain(line, command, syntax, given, failure) from None
    # The name as it is declared, whatever quotes it was typed in: policies and the record go by it.
    text = " ".join([f"/{command.name}", *((line[words[0].start :].strip(),) if words else ())])
    return Request(command, arguments, " ".join([text, *(quote(value) for value in given.from_selection)]))


def _assign(line: str, command: AnyCommand, syntax: Syntax, words: Sequence[Word], selection: Selection) -> _Given:
    given = _Given()
    rest = list(words)
    options_end = False
    place = 0
    while rest:
        word = rest.pop(0)
        if not options_end and not word.quoted and word.text == "--":
            options_end = True
        elif not options_end and not word.quoted and word.text.startswith("--"):
            _option(line, command, syntax, given, word, rest)
        else:
            parameter = syntax.at(place)
            if parameter is None:
                raise _too_many(command, syntax, word)
            given.words.setdefault(parameter.field, []).append(word)
            place += 0 if collects(parameter) else 1
    _fill(line, syntax, given, selection)
    return given


def _option(line: str, command: AnyCommand, syntax: Syntax, given: _Given, word: Word, rest: list[Word]) -> None:
    name, equals, value = word.text.partition("=")
    parameter = syntax.options.get(name)
    if parameter is None:
        near = nearest(name, syntax.options)
        known = ", ".join(syntax.options) or "no options"
        raise CommandError(
            f"/{command.name} has no option {name}",
            f"did you mean {near}?" if near else f"it takes {known}",
            start=word.start,
            end=word.start + len(name),
            suggestion=near,
        )
    if parameter.field in given.words and not parameter.many:
        raise CommandError(f"{name} is given twice", "leave one out", start=word.start, end=word.end)
    if parameter.flag:
        if equals:
            raise CommandError(f"{name} takes no value", f"write {name} alone", start=word.start, end=word.end)
        given.values[parameter.key] = True
        given.words[parameter.field] = [word]
        return
    if equals:
        skip = min(len(name) + 1, word.end - word.start)
        argument = Word(value, word.start + skip, word.end, True)
    elif rest and (rest[0].quoted or not rest[0].text.startswith("--")):
        argument = rest.pop(0)
    else:
        raise CommandError(
            f"{name} needs a value",
            f"write {name} {parameter.placeholder}",
            start=rest[0].start if rest else len(line),
            end=rest[0].end if rest else len(line),
        )
    given.words.setdefault(parameter.field, []).append(argument)


def _fill(line: str, syntax: Syntax, given: _Given, selection: Selection) -> None:
    for parameter in syntax.parameters:
        words = given.words.get(parameter.field)
        if words:
            if parameter.key not in given.values:
                given.values[parameter.key] = _value(parameter, _texts(line, parameter, words))
        elif parameter.positional is not None and (chosen := selection.get(parameter.positional.selection, ())):
            chosen = chosen if parameter.many else chosen[:1]
            given.values[parameter.key] = _value(parameter, list(chosen))
            given.from_selection += chosen


def _texts(line: str, parameter: Parameter, words: Sequence[Word]) -> list[str]:
    raw = parameter.positional is not None and parameter.positional.raw
    if not raw or (len(words) == 1 and _wrapped(line[words[0].start : words[0].end])):
        return [word.text for word in words]
    return [line[word.start : word.end] for word in words]


def _wrapped(text: str) -> bool:
    return len(text) > 1 and text[0] in "'\"" and text[0] == text[-1] and text.count(text[0]) == 2


def _value(parameter: Parameter, texts: list[str]) -> Any:
    if parameter.many:
        return tuple(texts)
    return " ".join(texts)


def _too_many(command: AnyCommand, syntax: Syntax, word: Word) -> CommandError:
    takes = len(syntax.positionals)
    message = (
        f"/{command.name} takes "
        + ("no words" if not takes else "one word" if takes == 1 else f"{takes} words")
        + f", and {quote(word.text)} is one too many"
    )
    hint = f"put several words in quotes; it is written: {usage(command)}" if takes else f"written: {usage(command)}"
    near = nearest("--" + word.text, syntax.options)
    if near and word.text.lower().strip("-") in near:
        return CommandError(message, f"did you mean {near}?", start=word.start, end=word.end, suggestion=near)
    return CommandError(message, hint, start=word.start, end=word.end)


def _explain(line: str, command: AnyCommand, syntax: Syntax, given: _Given, failure: ValidationError) -> CommandError:
    # Wrong words first: they can be seen, what is missing cannot.
    errors = sorted(failure.errors(include_url=False), key=lambda error: error["type"] == "missing")
    error = errors[0]
    parameter = syntax.by_field(str(error["loc"][0])) if error["loc"] else None
    if parameter is None:
        words = [word for several in given.words.values() for word in several]
        start = min((word.start for word in words), default=len(line))
        end = max((word.end for word in words), default=len(line))
        return CommandError(_said(error), f"it is written: {usage(command)}", start=start, end=end)
    if error["type"] == "missing":
        what = f"the {parameter.label}" if parameter.positional else parameter.option
        return CommandError(f"{what} is missing", f"it is written: {usage(command)}", start=len(line), end=len(line))
    words = given.words.get(parameter.field, [])
    index = error["loc"][1] if len(error["loc"]) > 1 else None
    if isinstance(index, int) and index < len(words) and parameter.many:
        words = [words[index]]
    start = words[0].start if words else len(line)
    end = words[-1].end if words else len(line)
    text = " ".join(word.text for word in words)
    allowed = [candidate.value for candidate in command.choices.get(parameter.field, ()) or parameter.choices]
    name = parameter.label if parameter.positional else parameter.option
    if error["type"] in ("literal_error", "enum"):
        near = nearest(text, allowed)
        return CommandError(
            f"{name}: {quote(text)} is not one of {', '.join(allowed)}",
            start=start,
            end=end,
            suggestion=near,
        )
    return CommandError(f"{name}: {_said(error, text)}", start=start, end=end)


_NUMBERS = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "float_parsing": "is not a number",
    "decimal_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "bool_parsing": "is neither true nor false",
    "datetime_from_date_parsing": "is not a date and time; write for example 2026-01-05T09:00:00Z",
    "datetime_parsing": "is not a date and time; write for example 2026-01-05T09:00:00Z",
}


def _said(error: ErrorDetails, text: str = "") -> str:
    if error["type"] in _NUMBERS:
        return f"{quote(text)} {_NUMBERS[error['type']]}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message.replace("Input should be", f"{quote(text)} must be").replace("String should", f"{quote(text)} must")
