"""Between a command line and the registry: completes, explains, runs, and tells what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.content import Content

from screens.confirm import ConfirmScreen, Question
from screens.plotting import PlotScreen
from screens.progress import CommandProgress
from screens.result import ResultScreen
from services.vocabulary.errors import ConsoleError, Refused
from services.vocabulary.text import display, shorten
from widgets.command_line import CommandLine, Offer

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from services.command import Result
    from services.safety.plan import Plan

_log = logging.getLogger(__name__)

Selection = Mapping[str, tuple[str, ...]]
_CROWD = 1
_TOAST_LINES = 3
_PAUSE = 0.15
"""Seconds without a key before a line is worked out: nobody reads what a line would do while they type it."""
_PREVIEWED = 600
_NOT_SEEN_BEFORE = "enter came before this could be shown: enter again does it"


@dataclass(frozen=True)
class _Asked:
    """A line, and what was read from it: what is selected may stand for what it does not name."""

    line: str
    arguments: Any


class Commanding:
    """Runs slash lines for one screen. A key and a typed line take the same road."""

    def __init__(self, screen: Screen[Any], desk: Desk, line: CommandLine, selection: Callable[[], Selection]) -> None:
        """
        Args:
            screen: asks, toasts, shows long answers.
            desk: the commands and who runs them.
            line: the command line of the screen.
            selection: what is selected now.
        """
        self._screen = screen
        self._desk = desk
        self._line = line
        self._selection = selection
        self._running: set[str] = set()
        self._progress = CommandProgress(screen, desk.clock)
        self._explained: _Asked | None = None
        self._outrun: _Asked | None = None

    def edited(self, line: str, cursor: int) -> None:
        """The person typed: offer completions, and say what the line would do or what is wrong with it."""
        from services.registry import CommandError

        self._explained = self._outrun = None
        registry = self._desk.registry
        completion = registry.complete(line, cursor)
        offers = []
        for candidate in completion.candidates[:50]:
            taken, place = completion.apply(line, candidate)
            if taken.rstrip() != line.rstrip():
                offers.append(Offer(taken, place, candidate.value, candidate.hint))
        usage = Content.styled(display(completion.usage, 200), "$text-quiet")
        try:
            request = registry.parse(line, self._first())
        except CommandError as error:
            # The word under the cursor is not wrong as long as it can still become right.
            growing = error.end >= cursor and (bool(offers) or error.start >= len(line.rstrip()))
            if _awaited(line, cursor):
                self._line.show(offers, _still_missing(completion.usage))
            elif growing or not line.strip("/ "):
                self._line.show(offers, usage)
            else:
                words = f"✗ {display(str(error), 240)}"
                self._line.show(offers, Content.styled(words, "bold $warning"), (error.start, error.end))
            return
        if _awaited(line, cursor):
            self._line.show(offers, _still_missing(completion.usage))
            return
        self._line.show(offers, usage)
        # A callable: one that is replaced before it began leaves no coroutine that nobody awaits.
        explain: Any = partial(self._explain, request, _Asked(line, request.arguments))
        self._screen.run_worker(explain, group="preview", exclusive=True, exit_on_error=False)

    async def _explain(self, request: Any, asked: _Asked, pause: float = _PAUSE) -> None:
        line = asked.line
        await self._desk.clock.sleep(pause)
        try:
            first, *rest = await self._desk.registry.preview(request, self._invocation(self._first()))
            said = Content(f"⏎ {display(first, 240)}")
            if rest:
                # Matchers and what they hit; as many lines as there is room for.
                more = "  ".join(display(words.strip(), 160) for words in rest)
                said = Content("\n").join([said, Content.styled(shorten(more, _PREVIEWED), "$text-quiet")])
        except ConsoleError as error:
            said = Content.styled(f"✗ {display(str(error), 240)}", "bold $warning")
        except Exception as error:
            _log.exception("explaining %s failed", line)
            said = Content.styled(f"✗ the console failed: {type(error).__name__}", "bold $warning")
        if self._line.is_open and self._line.line == line:
            if self._outrun == asked:
                said = Content("\n").join([Content.styled(_NOT_SEEN_BEFORE, "bold $warning"), said])
            self._line.say(said)
            self._explained, self._outrun = asked, None

    def submit(self, line: str) -> None:
        """Run a line that was typed; one that is no command stays for mending.

        One that changes an outside system runs only once its preview was there to be seen, for what is selected now.
        """
        from services.registry import CommandError

        try:
            request = self._desk.registry.parse(line, self._first())
        except CommandError as error:
            words = f"✗ {display(str(error), 240)}"
            self._line.show((), Content.styled(words, "bold $warning"), (error.start, error.end))
            return
        asked = _Asked(line, request.arguments)
        if request.command.plan is not None and asked != self._explained:
            if asked != self._outrun:
                self._outrun = asked
                self._line.say(Content.styled("working out what it would do …", "$text-quiet"))
                explain: Any = partial(self._explain, request, asked, 0.0)
                self._screen.run_worker(explain, group="preview", exclusive=True, exit_on_error=False)
            return
        self._line.close()
        self.run(line)

    def run(self, line: str) -> None:
        """Run a line, whoever asks; the answer is a toast, or a page where it is long."""
        if line in self._running:
            self._toast(f"{line} is still running.")
            return
        self._line.remember(line)
        self._running.add(line)
        self._screen.run_worker(self._run(line, self._first()), group="commands", exit_on_error=False)

    def run_each(
        self, tasks: Sequence[tuple[str, str]], question: Question, agreed: Callable[[], None] = lambda: None
    ) -> None:
        """Run several lines of the same kind after one question; one toast counts how they ended.

        Args:
            tasks: each line, and what the person knows that it acts on.
            question: asked once for all of them.
            agreed: called once the person has said yes.
        """
        if len(tasks) <= _CROWD:
            for line, _ in tasks:
                self.run(line)
            return
        lines = {line for line, _ in tasks}
        if under_way := len(lines & self._running):
            self._toast(f"{question.summary}: {under_way} of them still running.")
            return
        self._running |= lines
        self._screen.run_worker(self._run_each(tasks, question, agreed), group="commands", exit_on_error=False)

    async def _run_each(self, tasks: Sequence[tuple[str, str]], question: Question, agreed: Callable[[], None]) -> None:
        left: dict[str, list[str]] = {}
        try:
            if not await self._screen.app.push_screen_wait(ConfirmScreen(question, self._desk.clock)):
                self._toast("Nothing was done.")
                return
            agreed()
            for line, name in tasks:
                self._line.remember(line)
                if reason := await self._reason_against(line):
                    left.setdefault(reason, []).append(name)
        finally:
            self._running.difference_update(line for line, _ in tasks)
        with self._telling(question.summary):
            if left:
                self._tell_left(question, len(tasks), left)
            else:
                self._toast(f"{question.summary}: all {len(tasks)} done.")
        self._desk.refresh()

    async def _reason_against(self, line: str) -> str:
        # One that cannot be done, because its alert has ended meanwhile, says nothing about the others.
        try:
            result = await self._answer(line, {}, confirmed=True)
        except ConsoleError as error:
            return str(error)
        except Exception as error:
            _log.exception("%s failed", line)
            return f"the console failed: {type(error).__name__}: {error}"
        return "" if result.ok else result.message

    def _tell_left(self, question: Question, total: int, left: Mapping[str, Sequence[str]]) -> None:
        count = sum(map(len, left.values()))
        lines = [f"{total - count} of {total} done, {count} not:"]
        for reason, names in left.items():
            lines += ["", reason, *(f"  {name}" for name in names)]
        self._screen.app.push_screen(ResultScreen(question.summary, lines))

    async def _run(self, line: str, selection: Selection) -> None:
        try:
            result = await self._answer(line, selection)
        except ConsoleError as error:
            self._failed(line, error)
        except Exception as error:
            _log.exception("%s failed", line)
            self._failed(line, ConsoleError(f"the console failed: {type(error).__name__}: {error}"))
        else:
            with self._telling(line):
                self._told(line, result)
        finally:
            self._running.discard(line)
            self._progress.clear()
        self._desk.refresh()

    @contextmanager
    def _telling(self, line: str) -> Iterator[None]:
        # What was done is done: whoever did it must not be left without a word because it cannot be drawn.
        try:
            yield
        except Exception as error:
            _log.exception("the answer of %s cannot be shown", line)
            words = (
                f"It ended, but its answer cannot be shown: {type(error).__name__}. /audit list tells what was done."
            )
            self._screen.notify(words, title=display(line, 70), severity="error", timeout=12, markup=False)

    async def _answer(self, line: str, selection: Selection, *, confirmed: bool = False) -> Result:
        request = self._desk.registry.parse(line, selection)
        invocation = self._invocation(selection, confirmed=confirmed)
        progress = partial(self._progress.show, line)
        return await self._desk.registry.run(request, replace(invocation, progress=progress))

    def _told(self, line: str, result: Result) -> None:
        from services.registry.rendering import result_lines

        lines = result_lines(result)
        if result.plot is not None:
            plotted = PlotScreen(line, lines, result.plot, result.elsewhere)
            self._screen.app.push_screen(plotted, lambda other: self.run(other) if other else None)
            return
        if result.table is not None or len(lines) > _TOAST_LINES:
            self._screen.app.push_screen(ResultScreen(line, lines, wide=result.table is not None))
            return
        text = "\n".join(lines)
        self._screen.notify(
            text, title=display(line, 70), severity="information" if result.ok else "warning", timeout=8, markup=False
        )

    def _failed(self, line: str, error: ConsoleError) -> None:
        text = display(str(error), 600)
        if isinstance(error, Refused) and error.equivalent:
            self._screen.app.push_screen(
                ResultScreen(line, [f"Refused. {text}", "", "The same by hand:", f"  {error.equivalent}"])
            )
            return
        self._screen.notify(text, title=display(line, 70), severity="error", timeout=12, markup=False)

    def _toast(self, text: str) -> None:
        self._screen.notify(display(text, 300), markup=False)

    def _first(self) -> Selection:
        """A command that takes one thing takes the one under the cursor."""
        return {kind: keys[:1] for kind, keys in self._selection().items()}

    def _invocation(self, selection: Selection, *, confirmed: bool = False) -> Any:
        return self._desk.invocation(selection, self._agreed if confirmed else self._ask)

    async def _agreed(self, plan: Plan) -> bool:
        # One question was asked for all of them; what a plan itself asks was not part of it.
        return plan.confirmation is None or await self._ask(plan)

    async def _ask(self, plan: Plan) -> bool:
        return await self._screen.app.push_screen_wait(ConfirmScreen(Question.about(plan), self._desk.clock))


def _awaited(line: str, cursor: int) -> bool:
    """Whether the cursor stands between two quotes that are still empty: what belongs there is not wrong yet."""
    return line[cursor - 1 : cursor + 1] in ('""', "''") and cursor > 1


def _still_missing(usage: str) -> Content:
    words = f"{usage} is still missing: " if usage else ""
    return Content.styled(display(f"{words}write it between the quotes, then enter", 200), "$text-quiet")
