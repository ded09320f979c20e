"""All slash commands in one place: parse, complete, explain, preview and run them.

The registry knows declarations alone (:mod:`services.command`). The composition root adds those of each domain
together with what they need to run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from services.command import Candidate, Command, Confirmer, Invocation, Result
from services.registry.completion import Completion, complete
from services.registry.help import HELP, HelpArguments
from services.registry.parsing import Request, Selection, parse_arguments
from services.registry.syntax import AnyCommand, usage
from services.registry.words import CommandError, Word, quote, require_closed, split
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan, Risk
from services.vocabulary.errors import Conflict, ConsoleError, Refused
from services.vocabulary.nearest import nearest

__all__ = ["Candidate", "CommandError", "Completion", "Executor", "Registry", "Request", "quote", "usage"]


class Executor(Protocol):
    """The one road to an outside write: :class:`services.safety.guard.Guard`, or a stand-in that opens it late."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        """Do what ``plan`` says, if it may be done; raises :class:`~services.vocabulary.errors.Refused`."""
        ...


KeepRefusal = Callable[[Actor, str, str, ConsoleError], Awaitable[None]]
"""Who asked, the line, what it was to do, why not."""


class Registry:
    """The commands of one console.

    Without a guard it is read-only: commands that record, notify or write are not added at all.
    """

    def __init__(self, guard: Executor | None) -> None:
        self._guard = guard
        self._keep_refusal: KeepRefusal | None = None
        self._entries: dict[str, tuple[AnyCommand, Any]] = {}
        self.add((HELP,), MappingProxyType(self._entries))

    def keep_refusals(self, keep: KeepRefusal) -> None:
        """Tell ``keep`` of every refusal and conflict of a command that changes something, unless it is on record."""
        self._keep_refusal = keep

    def add(self, commands: Iterable[Command[Any, Any]], needs: Any) -> None:
        """Add a domain's commands.

        Args:
            commands: their declarations.
            needs: what their ``run``, ``plan`` and completers are called with.

        Raises:
            TypeError: a name is taken.
        """
        for command in commands:
            if command.name in self._entries:
                raise TypeError(f"/{command.name} is declared twice")
            if self._guard is not None or command.risk is Risk.READ:
                self._entries[command.name] = (command, needs)

    @property
    def commands(self) -> tuple[AnyCommand, ...]:
        """Every command, by name."""
        return tuple(self._entries[name][0] for name in sorted(self._entries))

    def parse(self, line: str, selection: Selection = MappingProxyType({})) -> Request:
        """Read a line.

        Args:
            line: with or without the slash. ``--help`` behind a command's name asks for its help.
            selection: kind -> identities of the selected items; they stand in for words that are missing.

        Raises:
            CommandError: it marks the word that is wrong and suggests another.
        """
        lead = len(line) - len(line.lstrip())
        lead += line[lead : lead + 1] == "/"
        words = [
            Word(word.text, word.start + lead, word.end + lead, word.quoted, word.open_quote)
            for word in split(line[lead:])
        ]
        require_closed(words)
        command, count = self._command(line, words)
        rest = words[count:]
        if not rest and f"{command.name} list" in self._entries:
            # A command that needs words, called without any, shows what they could be.
            return self.parse(f"/{command.name} list")
        if any(word.text == "--help" and not word.quoted for word in rest):
            return Request(HELP, HelpArguments(command=tuple(command.name.split())), f"/help {command.name}")
        return parse_arguments(line, command, rest, selection)

    def complete(self, line: str, cursor: int) -> Completion:
        """What could stand at ``cursor``: commands, ids, options, values."""
        return complete(line, cursor, self._entries)

    async def preview(self, request: Request, invocation: Invocation) -> tuple[str, ...]:
        """What ``request`` would do: one line, and behind it what else is known, such as matchers. Reads alone.

        Raises:
            ConsoleError: it could not be planned.
        """
        command, needs = self._entries[request.command.name]
        if command.plan is None:
            return (command.summary,)
        plan = await command.plan(needs, request.arguments, invocation)
        return (plan.summary, *plan.warnings, *plan.preview)

    async def plan(self, request: Request, invocation: Invocation) -> Plan | None:
        """Work out what ``request`` would write, by reading alone; None where it writes to no outside system.

        Raises:
            ConsoleError: it could not be planned.
        """
        command, needs = self._entries[request.command.name]
        return None if command.plan is None else await self._planned(command, needs, request, invocation)

    async def run(self, request: Request, invocation: Invocation) -> Result:
        """Do it. Writes to outside systems go through the guard and nowhere else.

        Raises:
            ConsoleError: it failed, or was refused.
        """
        try:
            return await self._run(request, invocation)
        except (Refused, Conflict) as error:
            on_record = isinstance(error, Refused) and error.recorded
            if self._keep_refusal is not None and request.command.risk is not Risk.READ and not on_record:
                action = request.command.name.replace(" ", ".")
                await self._keep_refusal(invocation.actor, request.line, action, error)
            raise

    async def _run(self, request: Request, invocation: Invocation) -> Result:
        command, needs = self._entries[request.command.name]
        if command.run is not None:
            return await command.run(needs, request.arguments, invocation)
        if command.plan is None or self._guard is None:
            raise Refused("this console is read-only")
        plan = await self._planned(command, needs, request, invocation)
        outcome = await self._guard.execute(
            plan, command=request.line, actor=invocation.actor, confirm=invocation.confirm
        )
        return Result(
            outcome.message,
            data=dict(outcome.data),
            ok=outcome.ok,
            # By its number it is taken back once, and points to what it takes back.
            undo=f"/undo {outcome.intent}" if outcome.undo and outcome.intent is not None else outcome.undo,
            status=outcome.status.value,
        )

    async def _planned(self, command: AnyCommand, needs: Any, request: Request, invocation: Invocation) -> Plan:
        if command.plan is None:
            raise TypeError(f"/{command.name} plans nothing")
        plan = await command.plan(needs, request.arguments, invocation)
        # The class belongs to the declaration of the command: no plan makes itself more harmless than that.
        return replace(plan, risk=command.risk) if command.risk is Risk.DESTRUCTIVE else plan

    def _command(self, line: str, words: list[Word]) -> tuple[AnyCommand, int]:
        for count in range(min(len(words), 3), 0, -1):
            entry = self._entries.get(" ".join(word.text for word in words[:count]))
            if entry is not None:
                return entry[0], count
        raise self._unknown(line, words)

    def _unknown(self, line: str, words: list[Word]) -> CommandError:
        verbs = sorted({name.split()[0] for name in self._entries})
        if not words:
            return CommandError("there is no command", "/help lists them", start=0, end=len(line))
        first = words[0]
        if first.text not in verbs:
            near = nearest(first.text, verbs)
            # The second word of a command alone, such as /ack, names it well enough to suggest it.
            inner = [name for name in self._entries if name.split()[-1] == first.text]
            suggestion = near or (inner[0] if len(inner) == 1 else "")
            return CommandError(
                f"there is no command /{first.text}",
                f"did you mean /{suggestion}?" if suggestion else f"there are {', '.join(verbs)}; /help explains them",
                start=first.start,
                end=first.end,
                suggestion=suggestion,
            )
        seconds = sorted(name.split()[1] for name in self._entries if name.startswith(f"{first.text} "))
        if len(words) == 1:
            return CommandError(
                f"/{first.text} needs one more word", f"one of {', '.join(seconds)}", start=len(line), end=len(line)
            )
        second = words[1]
        near = nearest(second.text, seconds)
        return CommandError(
            f"/{first.text} has no {quote(second.text)}",
            f"did you mean {near}?" if near else f"it has {', '.join(seconds)}",
            start=second.start,
            end=second.end,
            suggestion=near,
        )
