"""``sre-console exec``: one slash command, without a screen."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.cli import complain, complain_lines, refuse, say
from console.configuration.paths import named_config
from console.configuration.problems import ConfigurationError
from console.opening import open_backend
from console.progress import Progress
from services.command import Invocation, Result
from services.registry import CommandError
from services.registry.rendering import error_json, error_lines, result_json, result_lines
from services.safety.actor import Surface
from services.safety.plan import BreakGlass, Plan
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display

if TYPE_CHECKING:
    from console.log import Log
    from console.wiring import Backend

_log = logging.getLogger(__name__)


def execute(
    line: str,
    *,
    config: str | None,
    demo: bool,
    as_json: bool,
    yes: bool,
    automation: bool = False,
    confirm: str = "",
    break_glass: str = "",
    log: Log | None = None,
) -> int:
    """Run ``line`` and print what it answers.

    Args:
        line: the slash command.
        config: the file that the person named.
        demo: against the simulated production.
        as_json: one JSON object on stdout, for failures too.
        yes: agree to what the command would ask; never to what has to be typed or only a person can agree to.
        automation: no person asks, but a script.
        confirm: the word that the command has typed, where it has one typed.
        break_glass: why it is to go on where the store is lost; empty where it is not.
        log: where the fault goes that nobody expected.

    Returns:
        0 done, 1 failed or denied, 2 not a valid command or no usable configuration.
    """

    async def interruptible() -> int:
        # Ended from outside, it leaves as after ctrl+c: writes on their way are waited for.
        if (task := asyncio.current_task()) is not None:
            for ending in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(ending, task.cancel)
        return await run_line(
            line,
            config=named_config(config),
            demo=demo,
            as_json=as_json,
            yes=yes,
            automation=automation,
            confirm=confirm,
            break_glass=break_glass,
            log=log,
        )

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


async def run_line(
    line: str,
    *,
    config: Path | None,
    demo: bool = False,
    as_json: bool = False,
    yes: bool = False,
    automation: bool = False,
    confirm: str = "",
    break_glass: str = "",
    log: Log | None = None,
) -> int:
    """Like :func:`execute`, inside a running loop."""
    return await _Execution(
        line,
        demo=demo,
        as_json=as_json,
        yes=yes,
        automation=automation,
        confirm=confirm,
        break_glass=break_glass,
        log=log,
    ).run(config)


class _Execution:
    def __init__(
        self,
        line: str,
        *,
        demo: bool,
        as_json: bool,
        yes: bool,
        automation: bool,
        confirm: str,
        log: Log | None,
        break_glass: str = "",
    ) -> None:
        self._line = line
        self._demo = demo
        self._json = as_json
        self._yes = yes
        self._automation = automation
        self._typed = confirm
        self._break_glass = break_glass
        self._log = log
        self._asked: Plan | None = None
        self._command = line.strip()

    async def run(self, config: Path | None) -> int:
        try:
            backend = await open_backend(
                clock=SystemClock(),
                surface=Surface.EXEC,
                config=config,
                demo=self._demo,
                automation=self._automation,
                log=self._log,
            )
        except ConsoleError as error:
            if self._json:
                answer = error_json(self._command, error)
                if isinstance(error, ConfigurationError):
                    answer["data"] = [asdict(problem) for problem in error.problems]
                self._print(answer)
                return 2
            return refuse(error)
        try:
            await backend.open_records()
            request = backend.registry.parse(self._line)
            self._command = f"/{request.command.name}"
            result = await backend.registry.run(request, self._invocation(backend))
        except CommandError as error:
            return self._failed(error, 2)
        except ConsoleError as error:
            return self._failed(error, 1)
        except BrokenPipeError:
            raise
        except Exception as error:
            _log.exception("%s failed", self._command)
            hint = "" if self._log is None else f"the log says where: {self._log.path}"
            return self._failed(ConsoleError(f"the console failed: {type(error).__name__}: {error}", hint), 1)
        finally:
            await backend.close()
            if backend.left and not self._json:
                complain_lines([display(f"sre-console: {lost.command}: {lost.check}") for lost in backend.left])
        return self._answered(result)

    def _invocation(self, backend: Backend) -> Invocation:
        invocation = backend.invocation({}, self._confirm)
        if self._json:
            return invocation
        return replace(invocation, progress=Progress(sys.stderr).show, write=_write)

    async def _confirm(self, plan: Plan) -> bool:
        self._asked = plan
        asked = plan.confirmation
        if asked is None or (self._automation and (asked.person or asked.typed)):
            return False
        if isinstance(asked, BreakGlass):
            asked.explain(self._break_glass)
            return bool(self._break_glass) and self._typed == asked.typed
        if asked.typed:
            return self._typed == asked.typed
        return self._yes

    def _answered(self, result: Result) -> int:
        if self._json:
            self._print(result_json(self._command, result))
        else:
            self._mark_demo()
            if result.streamed:
                complain_lines(result_lines(result))
                return 0 if result.ok else 1
            # What another program searches is not cut; what a terminal shows is.
            say(result_lines(result, whole=not sys.stdout.isatty()))
        return 0 if result.ok else 1

    def _failed(self, error: ConsoleError, code: int) -> int:
        if self._json:
            self._print(error_json(self._command, error))
            return code
        if self._asked is not None and not self._yes:
            complain_lines(_preview(self._asked))
        complain_lines(error_lines(self._line, error))
        return code

    def _print(self, answer: dict[str, Any]) -> None:
        if self._demo:
            answer["demo"] = True
        # ASCII escapes: no byte of outside text reaches a terminal raw.
        say([json.dumps(answer, default=str)])

    def _mark_demo(self) -> None:
        if self._demo:
            complain("DEMO: a simulated production", code=0)


def _write(text: str) -> None:
    sys.stdout.write(text)


def _preview(plan: Plan) -> Sequence[str]:
    return [display(line) for line in (plan.summary, *plan.preview, *plan.warnings)]
