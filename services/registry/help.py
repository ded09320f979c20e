"""``/help``, written from the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.registry.syntax import AnyCommand, Parameter, syntax_of, usage
from services.safety.plan import Risk
from services.vocabulary.errors import NotFound
from services.vocabulary.nearest import nearest

Commands = Mapping[str, tuple[AnyCommand, Any]]

_RISKS = {
    Risk.READ: "reads only",
    Risk.RECORD: "writes to the console's own store",
    Risk.NOTIFY: "pages people",
    Risk.WRITE: "changes an outside system; refused while the circuit is open",
    Risk.DESTRUCTIVE: "can take service from users; refused while the circuit is open",
}


class HelpArguments(Arguments):
    """What ``/help`` takes."""

    command: Annotated[
        tuple[str, ...], Positional(rest=True), Field(description="a command, or the first word of several")
    ] = ()


async def _run(commands: Commands, arguments: HelpArguments, _invocation: Invocation) -> Result:
    name = " ".join(word.removeprefix("/") for word in arguments.command)
    if not name:
        return _listing(commands, "")
    if name in commands:
        return describe(commands[name][0])
    if any(other.startswith(f"{name} ") for other in commands):
        return _listing(commands, f"{name} ")
    near = nearest(name, commands)
    raise NotFound(f"there is no command /{name}", f"did you mean /{near}?" if near else "/help lists all of them")


def _complete(commands: Commands) -> list[Candidate]:
    return [Candidate(name, command.summary) for name, (command, _) in commands.items()]


HELP = Command[Commands, HelpArguments](
    name="help",
    summary="list the commands, or explain one",
    arguments=HelpArguments,
    risk=Risk.READ,
    run=_run,
    complete={"command": _complete},
    examples=("/help", "/help alerts ack"),
)


def _listing(commands: Commands, prefix: str) -> Result:
    shown = [command for name, (command, _) in sorted(commands.items()) if name.startswith(prefix)]
    return Result(
        f"{len(shown)} commands; /help <command> explains one",
        data=[_data(command) for command in shown],
        table=Table(
            (Column("COMMAND"), Column("WHAT IT DOES")), tuple((usage(command), command.summary) for command in shown)
        ),
    )


def describe(command: AnyCommand) -> Result:
    """Everything that is declared of one command."""
    syntax = syntax_of(command.arguments)
    lines = [f"usage: {usage(command)}"]
    if command.help:
        lines += ["", *command.help.splitlines()]
    rows = [(_term(one), _meaning(command, one)) for one in (*syntax.positionals, *syntax.options.values())]
    if rows:
        width = max(len(term) for term, _ in rows)
        lines += ["", *(f"  {term.ljust(width)}  {meaning}".rstrip() for term, meaning in rows)]
    if command.examples:
        lines += ["", "examples:", *(f"  {example}" for example in command.examples)]
    lines += ["", f"It {_RISKS[command.risk]}."]
    return Result(f"/{command.name}: {command.summary}", data=_data(command), lines=tuple(lines))


def _term(parameter: Parameter) -> str:
    if parameter.positional is not None or parameter.flag:
        return parameter.placeholder if parameter.positional else parameter.option
    return f"{parameter.option} {parameter.placeholder}"


def _meaning(command: AnyCommand, parameter: Parameter) -> str:
    parts = [parameter.info.description or ""]
    if parameter.positional is not None and parameter.positional.selection:
        parts.append(f"by default the selected {parameter.positional.selection}")
    elif parameter.many and parameter.positional is None:
        parts.append("may be repeated")
    choices = [candidate.value for candidate in command.choices.get(parameter.field, ())]
    if choices:
        parts.append("one of " + ", ".join(choices))
    return "; ".join(part for part in parts if part)


def _data(command: AnyCommand) -> dict[str, Any]:
    return {
        "name": command.name,
        "summary": command.summary,
        "usage": usage(command),
        "risk": command.risk.value,
        "examples": list(command.examples),
        "arguments": [
            {
                "name": one.label,
                "kind": "positional" if one.positional is not None else "flag" if one.flag else "option",
                "required": one.required,
                "help": one.info.description or "",
            }
            for one in syntax_of(command.arguments).parameters
        ],
    }
