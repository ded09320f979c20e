"""The slash grammar: parsing, the word that is wrong, completion, help."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from services.command import Arguments, Candidate, Command, Confirmer, Duration, Invocation, Positional, Result
from services.registry import CommandError, Registry
from services.registry.rendering import error_json, error_lines
from services.registry.words import quote, split
from services.safety.actor import Actor, Surface
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.plan import Applied, Plan, Risk, Target


@dataclass(frozen=True)
class World:
    """What the sample commands need."""

    ids: tuple[Candidate, ...] = (
        Candidate("prod/3f2a", "HighErrorRate 4m"),
        Candidate("prod/77b1", "Disk Full 2h"),
        Candidate("eu west/1", "odd name"),
    )


class AckArguments(Arguments):
    id: Annotated[str, Positional(selection="alert"), Field(description="alert id")]
    for_: Annotated[Duration, Field(alias="for", description="how long")] = timedelta(minutes=15)
    note: str = ""
    without: tuple[str, ...] = ()
    dry_run: bool = False
    count: int = Field(default=1, gt=0)


class CreateArguments(Arguments):
    title: Annotated[str, Positional(rest=True)]
    severity: Literal["sev1", "sev2", "sev3"] = "sev3"


class NoArguments(Arguments):
    pass


async def answer(_needs: World, arguments: Arguments, _invocation: Invocation) -> Result:
    return Result(f"ran {arguments!r}")


ACK = Command[World, AckArguments](
    name="alerts ack",
    summary="acknowledge an alert",
    arguments=AckArguments,
    risk=Risk.RECORD,
    run=answer,
    complete={"id": lambda world: world.ids},
    examples=("/alerts ack 3f2a --for 1h",),
)
LIST = Command[World, NoArguments](
    name="alerts list", summary="list alerts", arguments=NoArguments, risk=Risk.READ, run=answer
)
CREATE = Command[World, CreateArguments](
    name="incident create", summary="open an incident", arguments=CreateArguments, risk=Risk.RECORD, run=answer
)


class AnyGuard:
    """Makes a registry that may write; these tests never reach it."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        raise AssertionError("no command here writes")


@pytest.fixture
def registry() -> Registry:
    registry = Registry(AnyGuard())
    registry.add((ACK, LIST, CREATE), World())
    return registry


async def _yes(_plan: object) -> bool:
    return True


INVOCATION = Invocation(Actor("op-a", "op-a", "here", Surface.EXEC), _yes)


def wrong(registry: Registry, line: str) -> tuple[str, CommandError]:
    """The marked part of a line that cannot be parsed, and the error."""
    with pytest.raises(CommandError) as caught:
        registry.parse(line)
    return line[caught.value.start : caught.value.end], caught.value


@pytest.mark.parametrize("slash", ["/", "", "  /"])
def test_a_line_becomes_typed_arguments(registry: Registry, slash: str) -> None:
    request = registry.parse(f"{slash}alerts ack 3f2a --for=1h30m --note 'on \"it\"' --without a --without b --dry-run")
    assert request.command is ACK
    assert request.arguments == AckArguments.model_validate(
        {"id": "3f2a", "for": "1h30m", "note": 'on "it"', "without": ("a", "b"), "dry_run": True}
    )
    assert request.line.startswith("/alerts ack 3f2a")


def test_a_selection_stands_in_for_missing_words_and_shows_in_the_line(registry: Registry) -> None:
    request = registry.parse("/alerts ack --for 1h", {"alert": ("eu west/1", "prod/2")})
    assert request.arguments == AckArguments.model_validate({"id": "eu west/1", "for": "1h"})
    assert request.line == "/alerts ack --for 1h 'eu west/1'"
    assert registry.parse(request.line).arguments == request.arguments


def test_typed_words_win_over_the_selection(registry: Registry) -> None:
    request = registry.parse("/alerts ack abc", {"alert": ("other",)})
    assert request.arguments == AckArguments(id="abc")


def test_the_rest_of_the_words_is_one_title(registry: Registry) -> None:
    request = registry.parse("incident create Checkout is down --severity sev2 for all")
    assert request.arguments == CreateArguments(title="Checkout is down for all", severity="sev2")


def test_after_two_hyphens_nothing_is_an_option(registry: Registry) -> None:
    assert registry.parse("incident create -- --severity").arguments == CreateArguments(title="--severity")
    assert registry.parse("incident create '--severity'").arguments == CreateArguments(title="--severity")


@pytest.mark.parametrize(
    ("line", "marked", "message", "suggestion"),
    [
        ("/alerts ack 'x", "'x", "not closed", ""),
        ("/alerst list", "alerst", "no command /alerst", "alerts"),
        ("/ack 3f2a", "ack", "no command /ack", "alerts ack"),
        ("/alerts akc 3f", "akc", "has no akc", "ack"),
        ("/alerts", "", "one more word", ""),
        ("/", "/", "no command", ""),
        ("", "", "no command", ""),
        ("/alerts ack x --fro 1h", "--fro", "no option --fro", "--for"),
        ("/alerts ack x --fro=1h", "--fro", "no option --fro", "--for"),
        ("/alerts ack x --for", "", "--for needs a value", ""),
        ("/alerts ack x --for --dry-run", "--dry-run", "--for needs a value", ""),
        ("/alerts ack x --for 15x", "15x", "15x", ""),
        ("/alerts ack x --for=15x", "15x", "15x", ""),
        ("/alerts ack x --for 1h --for 2h", "--for", "twice", ""),
        ("/alerts ack x --dry-run=1", "--dry-run=1", "takes no value", ""),
        ("/alerts ack x --count many", "many", "not a whole number", ""),
        ("/alerts ack x --count 0", "0", "greater than 0", ""),
        ("/alerts ack x y", "y", "one too many", ""),
        ("/alerts ack x for 1h", "for", "one too many", "--for"),
        ("/alerts list x", "x", "takes no words", ""),
        ("/alerts ack", "", "the id is missing", ""),
        ("/incident create a --severity sev9", "sev9", "not one of sev1, sev2, sev3", ""),
        ("/incident create a --severity sve2", "sve2", "not one of", "sev2"),
        ("/incident create", "", "the title is missing", ""),
    ],
)
def test_the_error_points_at_the_word(
    registry: Registry, line: str, marked: str, message: str, suggestion: str
) -> None:
    found, error = wrong(registry, line)
    assert found == marked
    assert message in error.message
    if suggestion:
        assert error.suggestion == suggestion
        assert suggestion in error.hint


def test_an_error_is_drawn_under_its_word(registry: Registry) -> None:
    line = "/alerts ack \u202e --for 15x"
    _, error = wrong(registry, line)
    first, caret, said, *_ = error_lines(line, error)
    assert "\u202e" not in "".join(error_lines(line, error))
    assert first[caret.index("^") :].startswith("15x")
    assert caret.count("^") == 3
    assert "15x" in said
    assert error_json(line, error)["data"] == {"start": error.start, "end": error.end, "suggestion": None}


def complete(registry: Registry, line: str) -> list[str]:
    """The values offered at the ``|``."""
    cursor = line.index("|")
    return [one.value for one in registry.complete(line.replace("|", ""), cursor).candidates]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("|", ["/help", "/alerts", "/incident"]),
        ("/|", ["/help", "/alerts", "/incident"]),
        ("/al|", ["/alerts"]),
        ("al|", ["/alerts"]),
        ("/alerts |", ["ack", "list"]),
        ("/alerts a|", ["ack"]),
        ("/alerts ack |", ["prod/3f2a", "prod/77b1", "'eu west/1'"]),
        ("/alerts ack disk|", ["prod/77b1"]),
        ("/alerts ack 'eu |", ["'eu west/1'"]),
        ("/alerts ack x --|", ["--for", "--note", "--without", "--dry-run", "--count"]),
        ("/alerts ack x --for 1h --|", ["--note", "--without", "--dry-run", "--count"]),
        ("/alerts ack x --wi|", ["--without"]),
        ("/alerts ack x --without a --wi|", ["--without"]),
        ("/alerts ack x --for 1|", ["15m", "1h", "1d"]),
        ("/alerts ack x --for=1|", ["15m", "1h", "1d"]),
        ("/alerts ack x --note |", []),
        ("/incident create a --severity |", ["sev1", "sev2", "sev3"]),
        ("/nonsense |", []),
        ("/help al|", ["alerts"]),
        ("/help alerts |", ["ack", "list"]),
    ],
)
def test_completion_offers_what_fits_at_the_cursor(registry: Registry, line: str, offered: list[str]) -> None:
    found = complete(registry, line)
    assert found == offered or sorted(found) == sorted(offered)


def test_an_applied_completion_replaces_its_word(registry: Registry) -> None:
    line = "/alerts ack dis --for 1h"
    completion = registry.complete(line, 15)
    assert completion.apply(line, completion.candidates[0]) == ("/alerts ack prod/77b1 --for 1h", 22)
    completion = registry.complete("/al", 3)
    assert completion.apply("/al", completion.candidates[0]) == ("/alerts ", 8)


async def test_help_is_written_from_the_declarations(registry: Registry) -> None:
    listing = await registry.run(registry.parse("/help"), INVOCATION)
    assert listing.table is not None
    assert listing.table.rows[0][0].split()[:2] == ["/alerts", "ack"]
    for line in ("/help alerts ack", "/alerts ack --help", "/help /alerts ack"):
        shown = await registry.run(registry.parse(line), INVOCATION)
        assert any("--for DURATION" in text for text in shown.lines), line
    with pytest.raises(Exception, match="did you mean /alerts ack"):
        await registry.run(registry.parse("/help alerts akc"), INVOCATION)


def test_without_a_guard_only_reading_is_offered() -> None:
    registry = Registry(None)
    registry.add((ACK, LIST, CREATE), World())
    assert [command.name for command in registry.commands] == ["alerts list", "help"]
    with pytest.raises(CommandError):
        registry.parse("/alerts ack x")


class RecordingGuard:
    """Does what it is told and remembers the line that asked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.risks: list[Risk] = []

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        self.lines.append(command)
        self.risks.append(plan.risk)
        agreed = await confirm(plan)
        return Outcome(1, OutcomeStatus.DONE if agreed else OutcomeStatus.NOT_SENT, plan.summary, {"id": "s1"}, "/undo")


async def test_a_write_goes_through_the_guard_alone() -> None:
    async def plan(_needs: World, arguments: AckArguments, _invocation: Invocation) -> Plan:
        async def apply(_permit: object) -> Applied:
            raise AssertionError("only the guard applies")

        target = Target("alert", arguments.id, "prod")
        return Plan("a.b", Risk.WRITE, "alertmanager prod", "prod", (target,), f"acks {arguments.id}", "amtool", apply)

    guard = RecordingGuard()
    registry = Registry(guard)
    registry.add(
        (Command(name="alerts ack", summary="s", arguments=AckArguments, risk=Risk.WRITE, plan=plan),), World()
    )
    request = registry.parse("alerts ack 3f2a")
    assert await registry.preview(request, INVOCATION) == ("acks 3f2a",)
    assert guard.lines == []
    result = await registry.run(request, INVOCATION)
    assert guard.lines == ["/alerts ack 3f2a"]
    assert (result.ok, result.message, result.data, result.undo) == (True, "acks 3f2a", {"id": "s1"}, "/undo 1")


async def test_no_plan_makes_itself_more_harmless_than_its_command_is_declared() -> None:
    async def plan(_needs: World, _arguments: AckArguments, _invocation: Invocation) -> Plan:
        async def apply(_permit: object) -> Applied:
            raise AssertionError("only the guard applies")

        return Plan(
            "a.b", Risk.WRITE, "outside", "prod", (Target("thing", "x", "prod"),), "changes x", "by hand", apply
        )

    guard = RecordingGuard()
    registry = Registry(guard)
    for name, risk in (("drop it", Risk.DESTRUCTIVE), ("change it", Risk.WRITE)):
        command = Command(name=name, summary="s", arguments=AckArguments, risk=risk, plan=plan)
        registry.add((command,), World())
        await registry.run(registry.parse(f"{name} x"), INVOCATION)
        planned = await registry.plan(registry.parse(f"{name} x"), INVOCATION)
        assert planned is not None
        assert planned.risk is risk
    assert guard.risks == [Risk.DESTRUCTIVE, Risk.WRITE]


def test_a_name_is_declared_once(registry: Registry) -> None:
    with pytest.raises(TypeError, match="twice"):
        registry.add((LIST,), World())


@given(st.lists(st.text(min_size=0, max_size=12), max_size=5))
def test_quoted_words_are_read_back(texts: list[str]) -> None:
    line = " ".join(quote(text) for text in texts)
    assert [word.text for word in split(line)] == texts


@given(st.text(max_size=60))
def test_no_line_breaks_the_parser_or_the_completion(line: str) -> None:
    registry = Registry(AnyGuard())
    registry.add((ACK, LIST, CREATE), World())
    error = None
    try:
        registry.parse(line)
    except CommandError as caught:
        error = caught
    assert error is None or (0 <= error.start <= error.end <= len(line) and error_lines(line, error))
    for cursor in range(len(line) + 1):
        found = registry.complete(line, cursor)
        assert 0 <= found.start <= found.end <= len(line)
