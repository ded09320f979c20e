"""How far a command is that takes long, on the band of the screen that ran it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from services.vocabulary.text import display
from widgets.band import Band

if TYPE_CHECKING:
    from textual.screen import Screen

    from services.vocabulary.clock import Clock

_EVERY = 0.2
_BAR = 20


class CommandProgress:
    """Shows one command at a time: the one that spoke last."""

    def __init__(self, screen: Screen[Any], clock: Clock) -> None:
        """
        Args:
            screen: has a band of the class ``-progress``, or shows nothing.
            clock: a few times a second is enough.
        """
        self._screen = screen
        self._clock = clock
        self._told_at = 0.0

    def show(self, line: str, what: str, done: int, total: int) -> None:
        """Say that ``line`` has done so many of so many ``what``."""
        now = self._clock.monotonic()
        if 0 < done < total and now - self._told_at < _EVERY:
            return
        self._told_at = now
        share = done / total if total else 1.0
        filled = round(share * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        self._say(Content(f"{display(line, 40)}  {bar} {share:4.0%}  {done:,} of {total:,} {what}"))

    def clear(self) -> None:
        """Nothing is under way any more."""
        self._say(None)

    def _say(self, content: Content | None) -> None:
        for band in self._screen.query(Band).filter(".-progress"):
            band.say(content)
