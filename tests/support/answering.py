"""A person who looks at a question before they answer it."""

from __future__ import annotations

import asyncio
from typing import Any

from textual.pilot import Pilot

from screens.confirm import ARMING, ConfirmScreen
from tests.support.clock import ManualClock

_LIMIT = 30.0


async def answerable(pilot: Pilot[Any], clock: ManualClock) -> None:
    """Wait until a question stands on the screen and letters answer it; ``clock`` is turned for that.

    Raises:
        TimeoutError: there is none, or they never do.
    """
    async with asyncio.timeout(_LIMIT):
        while not _takes_letters(pilot):
            clock.turn(ARMING / 2)
            await pilot.pause()
            await asyncio.sleep(0.002)


def _takes_letters(pilot: Pilot[Any]) -> bool:
    screen = pilot.app.screen
    return isinstance(screen, ConfirmScreen) and bool(screen.check_action("answer", (True,)))
