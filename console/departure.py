"""How the program is left: at once where nothing is on its way, else after its writes have ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from textual.app import App

    from screens.leaving import LeavingScreen
    from services.vocabulary.clock import Clock


class Writes(Protocol):
    """What is on its way to outside systems."""

    @property
    def under_way(self) -> tuple[str, ...]:
        """The commands whose writes are on their way now (raw)."""
        ...

    async def drain(self, hurry: asyncio.Event) -> None:
        """Wait for them, with patience, until ``hurry`` is set; never raises."""
        ...


class Departure:
    """Ends one app, once."""

    def __init__(self, app: App[Any], clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._screen: LeavingScreen | None = None

    def asked(self, writes: Writes | None) -> None:
        """A person wants to leave; whoever asks a second time does not want to wait."""
        self.begin(writes, hurry=self._screen is not None)

    def begin(self, writes: Writes | None, code: int = 0, *, hurry: bool = False) -> None:
        """Leave once what is on its way has ended, and say so meanwhile.

        Args:
            writes: what is waited for; None where there is nothing to write with.
            code: the exit code; other than 0 where the end was ordered from outside, so that nobody can stay.
            hurry: wait for nothing; what is on its way is put down as unknown.
        """
        if self._screen is None:
            if writes is None or not writes.under_way:
                self._app.exit(None, code)
                return
            self._show(writes, code)
        elif code:
            self._screen.order(code)
        if hurry and self._screen is not None:
            self._screen.hurry.set()

    def _show(self, writes: Writes, code: int) -> None:
        from screens.leaving import LeavingScreen

        screen = self._screen = LeavingScreen(lambda: writes.under_way, self._clock, code=code)
        waiting = self._app.run_worker(self._left(writes, screen))

        def stays(_: object) -> None:
            self._screen = None
            waiting.cancel()

        self._app.push_screen(screen, stays)

    async def _left(self, writes: Writes, screen: LeavingScreen) -> None:
        await writes.drain(screen.hurry)
        self._app.exit(None, screen.code)
