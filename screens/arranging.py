"""Pages are worked out one at a time: at once where there is little to arrange, in a thread where there is much."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from textual.screen import Screen

PageT = TypeVar("PageT")

IN_THREAD_FROM = 1500
"""Fewer items are arranged at once; more would be felt by whoever types meanwhile."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work(Generic[PageT]):
    """One page to be worked out.

    Attributes:
        size: how many items there are.
        run: works the page out from values that nobody changes any more; may run in a thread.
    """

    size: int
    run: Callable[[], PageT]


class Arranger(Generic[PageT]):
    """Gathers in the loop, works where it disturbs nobody, shows in the loop again."""

    def __init__(
        self,
        screen: Screen[Any],
        name: str,
        *,
        gather: Callable[[], Work[PageT]],
        show: Callable[[PageT], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """
        Args:
            screen: runs what goes to a thread.
            name: of that work.
            gather: takes everything that the page depends on, in the loop.
            show: is handed each finished page, in the loop.
            failed: is told, in the loop, why there is no page; the one before is then no longer true.
        """
        self._screen = screen
        self._name = name
        self._gather = gather
        self._show = show
        self._failed = failed
        self._busy = False
        self._again = False

    def arrange(self) -> None:
        """Work the page out anew; many calls while one is under way make one more."""
        if self._busy:
            self._again = True
            return
        try:
            work = self._gather()
            if work.size < IN_THREAD_FROM:
                self._show(work.run())
                return
        except Exception as error:
            self._tell(error)
            return
        self._busy = True
        self._screen.run_worker(self._in_thread(work), group=self._name)

    async def _in_thread(self, work: Work[PageT]) -> None:
        try:
            self._show(await asyncio.to_thread(work.run))
        except Exception as error:
            self._tell(error)
        finally:
            self._busy = False
        if self._again:
            self._again = False
            self.arrange()

    def _tell(self, error: Exception) -> None:
        _log.exception("%s failed", self._name, exc_info=error)
        self._failed(error)
