"""What could be written at the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from services.command import Candidate, Offers
from services.registry.help import HELP
from services.registry.syntax import AnyCommand, Parameter, Syntax, candidates, collects, syntax_of
from services.registry.words import Word, quote, split

LIMIT = 50
"""The most candidates of one completion: nobody reads more."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Candidates for one place of a line.

    Attributes:
        start: index of the first character that a candidate replaces.
        end: index behind the last one.
        candidates: best first; their values are quoted already, ready to stand in the line.
        usage: what is expected here, in a few words; empty where nothing is.
    """

    start: int
    end: int
    candidates: tuple[Candidate, ...]
    usage: str = ""

    def apply(self, line: str, candidate: Candidate) -> tuple[str, int]:
        """The line with ``candidate`` in place, a blank behind it where it ends a word, and the new cursor."""
        rest = line[self.end :]
        blank = "" if rest[:1].isspace() or not candidate.whole else " "
        text = line[: self.start] + candidate.value + blank
        return text + rest, len(text) + (0 if blank or not candidate.whole else 1)


def complete(line: str, cursor: int, commands: Mapping[str, tuple[AnyCommand, Any]]) -> Completion:
    """What could stand at ``cursor``.

    Args:
        line: with or without the slash.
        cursor: 0 to the length of the line.
        commands: name -> the command and its needs, all that exist.
    """
    lead = len(line) - len(line.lstrip())
    slash = line[lead : lead + 1] == "/"
    offset = lead + slash
    cursor = max(offset, min(cursor, len(line)))
    shifted = [Word(w.text, w.start + offset, w.end + offset, w.quoted, w.open_quote) for w in split(line[offset:])]
    before = [word for word in shifted if word.end < cursor]
    current = next((word for word in shifted if word.start <= cursor <= word.end), Word("", cursor, cursor))
    typed = _typed(line, current, cursor)
    prefix = "" if slash else "/"
    start = current.start
    found = _command(before, commands)
    if found is None:
        if current.start == offset:
            start = lead
            prefix = "/"
        else:
            prefix = ""
        options = _verbs([word.text for word in before], commands)
        return Completion(start, current.end, _pick(typed, options, prefix=prefix, hints=False), "command")
    command, needs, used = found
    if command is HELP:
        verbs = _verbs([word.text for word in before[used:]], commands)
        return Completion(start, current.end, _pick(typed.removeprefix("/"), verbs, hints=False), "command")
    own = _argument(command, needs, before[used:], current, typed, line[current.start : cursor])
    if before[used:] or not any(name.startswith(f"{command.name} {typed}") for name in commands):
        return own
    # The name of a command that begins another one's: both may be meant.
    more = _pick(typed, _verbs([word.text for word in before], commands), hints=False)
    if not own.candidates:
        return own if typed else Completion(start, current.end, more, "command")
    return Completion(start, current.end, (*more, *own.candidates)[:LIMIT], own.usage)


def _typed(line: str, current: Word, cursor: int) -> str:
    pieces = split(line[current.start : cursor])
    return pieces[0].text if pieces else ""


def _command(
    words: Sequence[Word], commands: Mapping[str, tuple[AnyCommand, Any]]
) -> tuple[AnyCommand, Any, int] | None:
    for count in range(min(len(words), 3), 0, -1):
        entry = commands.get(" ".join(word.text for word in words[:count]))
        if entry is not None:
            return (*entry, count)
    return None


def _verbs(path: Sequence[str], commands: Mapping[str, tuple[AnyCommand, Any]]) -> list[Candidate]:
    groups: dict[str, list[tuple[str, AnyCommand]]] = {}
    for name, (command, _) in commands.items():
        parts = name.split()
        if parts[: len(path)] == list(path) and len(parts) > len(path):
            groups.setdefault(parts[len(path)], []).append((" ".join(parts[len(path) + 1 :]), command))
    return [
        Candidate(
            verb,
            members[0][1].summary
            if len(members) == 1 and not members[0][0]
            else ", ".join(rest for rest, _ in members if rest),
        )
        for verb, members in groups.items()
    ]


def _argument(
    command: AnyCommand, needs: Any, before: Sequence[Word], current: Word, typed: str, raw: str
) -> Completion:
    syntax = syntax_of(command.arguments)
    used, place, waiting, ended = _walk(syntax, before)
    if waiting is not None:
        return _values(command, needs, waiting, current.start, current.end, typed)
    if not ended and not current.quoted and typed.startswith("--") and "=" in typed:
        name, _, value = typed.partition("=")
        parameter = syntax.options.get(name)
        if parameter is not None and not parameter.flag:
            return _values(command, needs, parameter, current.start + len(name) + 1, current.end, value)
        return Completion(current.start, current.end, ())
    options = [
        Candidate(parameter.option, _option_hint(parameter))
        for parameter in sorted(syntax.options.values(), key=lambda one: not one.required)
        if parameter.many or parameter.field not in used
    ]
    if not ended and not current.quoted and typed.startswith("-"):
        return Completion(current.start, current.end, _pick(typed, options), "option")
    positional = syntax.at(place)
    found: tuple[Candidate, ...] = ()
    if positional is not None and positional.positional is not None and positional.positional.raw:
        offered = candidates(command, needs, positional)
        found = tuple(offered.matching(raw, LIMIT) if isinstance(offered, Offers) else ())
        if raw:
            return Completion(current.start, current.end, found, positional.usage)
    elif positional is not None:
        found = _offered(command, needs, positional, typed)
    if not typed and not ended:
        # An option is offered when the words that must come are there.
        waits = positional is not None and positional.required and not (collects(positional) and before)
        found = (*found, *options) if not (waits and found) else found
    return Completion(current.start, current.end, found[:LIMIT], positional.usage if positional else "")


def _walk(syntax: Syntax, before: Sequence[Word]) -> tuple[set[str], int, Parameter | None, bool]:
    used: set[str] = set()
    place, ended = 0, False
    waiting: Parameter | None = None
    for word in before:
        if waiting is not None:
            waiting = None
        elif not ended and not word.quoted and word.text == "--":
            ended = True
        elif not ended and not word.quoted and word.text.startswith("--"):
            name, equals, _ = word.text.partition("=")
            parameter = syntax.options.get(name)
            if parameter is not None:
                used.add(parameter.field)
                waiting = None if equals or parameter.flag else parameter
        elif (positional := syntax.at(place)) is not None:
            used.add(positional.field)
            place += 0 if collects(positional) else 1
    return used, place, waiting, ended


def _values(command: AnyCommand, needs: Any, parameter: Parameter, start: int, end: int, typed: str) -> Completion:
    found = _offered(command, needs, parameter, typed)
    return Completion(start, end, found, f"{parameter.option} {parameter.placeholder}")


def _offered(command: AnyCommand, needs: Any, parameter: Parameter, typed: str) -> tuple[Candidate, ...]:
    offered = candidates(command, needs, parameter)
    if isinstance(offered, Offers):
        return tuple(replace(one, value=_quoted(one)) for one in offered.matching(typed, LIMIT))
    return _pick(typed, offered, quoted=True)


def _quoted(candidate: Candidate) -> str:
    # What goes on behind it must not be shut in.
    return quote(candidate.value) if candidate.whole else candidate.value


def _option_hint(parameter: Parameter) -> str:
    parts = [] if parameter.flag else [parameter.placeholder]
    if parameter.info.description:
        parts.append(parameter.info.description)
    if parameter.required:
        parts.append("(needed)")
    return " ".join(parts)


def _pick(
    typed: str, options: Iterable[Candidate], *, prefix: str = "", quoted: bool = False, hints: bool = True
) -> tuple[Candidate, ...]:
    wanted = typed.lower()
    ranked: tuple[list[Candidate], list[Candidate], list[Candidate]] = ([], [], [])
    for candidate in options:
        value = candidate.value.lower()
        rank = (
            0
            if value.startswith(wanted)
            else 1
            if wanted in value
            else 2
            if hints and wanted in candidate.hint.lower()
            else None
        )
        if rank is not None:
            ranked[rank].append(candidate)
            if len(ranked[0]) >= LIMIT:
                break
    best = islice((candidate for rank in ranked for candidate in rank), LIMIT)
    return tuple(
        Candidate(prefix + (quote(candidate.value) if quoted else candidate.value), candidate.hint)
        for candidate in best
    )
