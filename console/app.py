"""The Textual app: paints first, then reads the configuration and connects, then lives until it is left."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkerFailed

import themes
from console.departure import Departure, Writes
from console.endings import HUNG_UP, Endings
from console.terminal import ConsoleDriver, TerminalLost
from screens.operations import OperationsScreen
from services.vocabulary.clock import Clock, SystemClock
from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display
from themes.palette import THEMES, variable_defaults

if TYPE_CHECKING:
    from console.log import Log
    from console.peek import Peek
    from screens.desk import Desk
    from screens.wallboard import WallboardScreen
    from services.safety.outcome import Unfinished


class Connection(Writes, Protocol):
    """What was connected: the desk, what is on its way, and how to let go of all."""

    @property
    def desk(self) -> Desk:
        """What the screens are handed."""
        ...

    async def close(self) -> tuple[str, ...] | None:
        """Stop reading and close everything; never raises."""
        ...


_log = logging.getLogger(__name__)

_STUCK = 5.0
"""Seconds after which a key no longer waits for the one before it."""

Connect = Callable[["ConsoleApp"], Awaitable[Connection]]


class ConsoleApp(App[int]):
    """One console, or one wallboard."""

    TITLE = "sre-console"
    CSS_PATH = Path(themes.__file__).with_name("console.tcss")
    ENABLE_COMMAND_PALETTE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", id="console.quit", show=False, priority=True),
        Binding("ctrl+p", "command_palette", "Palette", id="console.palette", show=False),
        Binding("ctrl+z", "suspend_process", "To the shell; fg comes back", id="console.suspend", show=False),
    ]

    def __init__(
        self,
        connect: Connect,
        *,
        clock: Clock | None = None,
        theme: str = themes.DEFAULT,
        incidents: bool = True,
        demo: bool = False,
        wallboard: bool = False,
    ) -> None:
        """
        Args:
            connect: called once after the first paint; reads the configuration and builds the desk. A
                :class:`ConsoleError` from it ends the app with exit code 2.
            clock: for everything that shows a time.
            theme: a name of :data:`themes.NAMES`; another is ignored.
            incidents: whether there is a pane of incidents.
            demo: whether everything shown is simulated.
            wallboard: nothing can be written, and the wallboard is the only screen.
        """
        # Without colours only the terminal's own foreground and background are left: greys of a theme might meet there.
        plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True if plain else None)
        for one in THEMES:
            self.register_theme(one)
        self.theme = themes.PLAIN if plain else theme if theme in themes.NAMES else themes.DEFAULT
        self._connect = connect
        self._clock = clock or SystemClock()
        self._incidents = incidents
        self._demo = demo
        self._wallboard_only = wallboard
        self._connection: Connection | None = None
        self._begun = False
        self._wallboard: WallboardScreen | None = None
        self._operations: OperationsScreen | None = None
        self._departure = Departure(self, self._clock)
        self._endings = Endings(self._ordered_to_leave, self._let_go)
        self.crash: Exception | None = None
        """What nobody expected, where it ended the app."""
        self.farewell: tuple[str, ...] = ()
        """What to tell whoever left: writes that did not end in time."""
        self.failure: ConsoleError | None = None
        """Why the app left by itself; the caller prints it after the screen is restored."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """A value for our own variables under any theme."""
        return variable_defaults()

    def get_default_screen(self) -> Screen[None]:
        """The first screen, without data."""
        if self._wallboard_only:
            return self._wall()
        self._operations = OperationsScreen(incidents=self._incidents, demo=self._demo)
        return self._operations

    async def on_event(self, event: events.Event) -> None:
        """Let keys act in the order in which they were pressed, each where the one before it led.

        Left to itself, a key makes its way through the widgets before it acts. What a quick person (or a slow line)
        sends behind it is by then on its way too: the letters of a filter would be taken for an ack.
        """
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        active = self.screen.active_bindings.get(event.key)
        field = self.focused if isinstance(self.focused, Input) else None
        if active is None or not active.enabled or (active.node is self and active.binding.priority):
            await super().on_event(event)
        elif field is None:
            if isinstance(self.screen, OperationsScreen):
                self.screen.looked()
            await self.run_action(active.binding.action, active.node)
        elif field.check_consume_key(event.key, event.character):
            await super().on_event(event)
        else:
            # Behind the letters that wait to be typed into the field, and before any key that comes next: what this
            # one does may lead away from the field.
            await _settled(field)
            await self.run_action(active.binding.action, active.node)
            await _settled(*field.ancestors_with_self, *field.ancestors_with_self)

    def on_key(self, event: events.Key) -> None:
        """Nobody took this key where it was pressed: nobody takes it later, on whatever screen has come since."""
        event.prevent_default()

    def post_display_hook(self) -> None:
        """Connect once the first picture stands. Textual calls this for every one."""
        if not self._begun:
            self._begun = True
            self._begin()

    def _begin(self) -> None:
        # Ended from outside, it leaves as a person does: writes on their way are waited for.
        self._endings.watch()
        self.run_worker(self._connected(), name="connect", exit_on_error=True)

    async def _connected(self) -> None:
        try:
            self._connection = await self._connect(self)
        except ConsoleError as error:
            self.failure = error
            self.exit(2, return_code=2)
            return
        # What was imported lives as long as the program: a full collection over it takes 50 ms.
        gc.freeze()
        gc.enable()
        if self._operations is not None:
            self._operations.attach(self._connection.desk)
        if self._wallboard is not None:
            self._wallboard.attach(self._connection.desk)

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver; ours where that is the one for terminals of Unix."""
        chosen = super().get_driver_class()
        from textual.drivers.linux_driver import LinuxDriver

        return ConsoleDriver if chosen is LinuxDriver else chosen

    @on(TerminalLost)
    def _terminal_lost(self, event: TerminalLost) -> None:
        self._endings.end(HUNG_UP, f"the terminal is gone: {event.reason}")

    @on(Driver.SignalResume)
    def _resumed(self) -> None:
        # The terminal shows what the shell left there; Textual draws only what has changed.
        self.refresh()

    def _let_go(self) -> None:
        if isinstance(self._driver, ConsoleDriver):
            self._driver.let_go()

    @property
    def stuck(self) -> bool:
        """Whether the terminal took nothing to the very end, so that a thread still waits for it."""
        return isinstance(self._driver, ConsoleDriver) and self._driver.stuck

    async def action_quit(self) -> None:
        """Leave. Writes on their way are waited for; a second time, no longer."""
        self._departure.asked(self._connection)

    def _ordered_to_leave(self, code: int, hurry: bool) -> None:
        self.call_later(self._leave, code, hurry)

    def _leave(self, code: int, hurry: bool) -> None:
        self._departure.begin(self._connection, code, hurry=hurry)

    def _handle_exception(self, error: Exception) -> None:
        if self.crash is None:
            # A worker wraps what failed in it.
            self.crash = (
                error.error if isinstance(error, WorkerFailed) and isinstance(error.error, Exception) else error
            )
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Textual would print the traceback with all local variables on the terminal, secrets among them. It goes to
        # the log, and whoever ran the app says so in one line.
        self._close_messages_no_wait()

    async def painted(self) -> None:
        """Wait until what was changed before stands on the screen."""
        stands = asyncio.Event()
        if self.call_after_refresh(stands.set):
            await stands.wait()

    def tell_unfinished(self, lost: Unfinished) -> None:
        """Say that a write has no outcome, and what to check."""
        by_hand = f"\nby hand: {display(lost.equivalent, 200)}" if lost.equivalent else ""
        self.notify(
            f"{display(lost.check, 300)}{by_hand}",
            title=display(f"{lost.command} of {lost.operator} has no outcome", 70),
            severity="warning",
            timeout=30,
            markup=False,
        )

    def tell_notice(self, title: str, text: str) -> None:
        """Say at once what a person should know."""
        self.notify(display(text, 300), title=display(title, 70), severity="warning", timeout=15, markup=False)

    async def on_unmount(self) -> None:
        """Let go of the sources."""
        if self._connection is not None:
            self.farewell = await self._connection.close() or ()
        self._endings.forget()

    def action_command_palette(self) -> None:
        """Open the palette, with a field that draws harmlessly what is pasted into it."""
        from screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def choose_theme(self, name: str) -> None:
        """Change the colours now."""
        self.theme = name

    def _pick_theme(self, name: str) -> None:
        """From the palette; remembered as ``/theme`` does it, once there are commands."""
        self.choose_theme(name)
        commands = self._connection.desk.registry.commands if self._connection is not None else ()
        if any(command.name == "theme" for command in commands):
            self.run_worker(self._remember_theme(name), exit_on_error=False)

    async def _remember_theme(self, name: str) -> None:
        if self._connection is None:
            return
        desk = self._connection.desk
        try:
            await desk.registry.run(desk.registry.parse(f"/theme {name}"), desk.invocation({}, _never))
        except ConsoleError as error:
            self.notify(display(str(error), 300), severity="warning", markup=False)

    def action_wallboard(self) -> None:
        """To the wallboard; the same key leads back."""
        if self._wallboard_only:
            return
        if isinstance(self.screen, OperationsScreen):
            self.push_screen(self._wall(), self._left_wall)

    def _left_wall(self, _: object) -> None:
        self._wallboard = None

    def _wall(self) -> WallboardScreen:
        from screens.wallboard import WallboardScreen

        if self._wallboard is None:
            self._wallboard = WallboardScreen(clock=self._clock, demo=self._demo, alone=self._wallboard_only)
            if self._connection is not None:
                self._wallboard.attach(self._connection.desk)
        return self._wallboard

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What ctrl+p lists: every slash command, then themes and quit."""
        if self._connection is not None and isinstance(screen, OperationsScreen):
            for command in self._connection.desk.registry.commands:
                line = f"/{command.name}"
                yield SystemCommand(line, command.summary, lambda line=line: screen.action_command(f"{line} "))
        for name in themes.NAMES:
            yield SystemCommand(f"Theme {name}", "Change the colours", lambda name=name: self._pick_theme(name))
        yield SystemCommand("Help", "Keys and commands", lambda: self.run_worker(self.run_action("screen.help")))
        yield SystemCommand("Quit", "Leave the console", self.action_quit)


async def _never(_: object) -> bool:
    return False


async def _settled(*nodes: MessagePump) -> None:
    """Wait until each of ``nodes`` in turn has dealt with what was sent to it so far; one that is stuck is left."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STUCK):
            for node in nodes:
                settled = asyncio.Event()
                if not isinstance(node, App) and node.call_later(settled.set):
                    await settled.wait()


def run(peek: Peek, log: Log) -> int:
    """Open the console and stay until the person leaves.

    Args:
        peek: the first look.
        log: takes what goes wrong meanwhile.

    Returns:
        The exit code: 0, 1 after a crash, or 2 where the configuration cannot be used (told on standard error).
    """
    clock = SystemClock()

    async def connect(app: ConsoleApp) -> Connection:
        from console import connection

        connected = await connection.connect(peek, clock, app.choose_theme, painted=app.painted, log=log)
        connected.backend.tell = app.tell_unfinished
        connected.backend.notice = app.tell_notice
        return connected

    app = ConsoleApp(
        connect,
        clock=clock,
        theme=peek.theme,
        incidents=peek.incident_response,
        demo=peek.demo,
        wallboard=peek.wallboard,
    )
    app.run()
    for line in app.farewell:
        _log.warning("left without an outcome: %s", line)
    if app.stuck:
        # A thread waits for the terminal and would be waited for.
        os._exit(app.return_code or HUNG_UP)
    if app.crash is not None:
        return log.crashed(app.crash)
    for line in app.farewell:
        print(f"sre-console: {line}", file=sys.stderr)  # noqa: T201 - the screen is gone
    if app.failure is not None:
        print(f"sre-console: {app.failure}", file=sys.stderr)  # noqa: T201 - the screen is gone
    return app.return_code or 0
