"""Pages are worked out one at a time, from values that nobody changes meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from textual.app import App

from screens.arranging import IN_THREAD_FROM, Arranger, Work


class Bench(App[None]):
    """Arranges numbers on its default screen."""

    def __init__(self, size: int, work: Callable[[int], str]) -> None:
        super().__init__()
        self.input = 0
        self.shown: list[str] = []
        self.failures: list[Exception] = []
        self._crowd = size
        self._work = work
        self.arranger: Arranger[str] | None = None

    def begin(self) -> None:
        self.arranger = Arranger(
            self.screen, "bench", gather=self._gather, show=self.shown.append, failed=self.failures.append
        )
        self.arranger.arrange()

    def again(self, value: int) -> None:
        assert self.arranger is not None
        self.input = value
        self.arranger.arrange()

    def _gather(self) -> Work[str]:
        value = self.input
        return Work(self._crowd, lambda: self._work(value))


async def test_many_requests_during_one_make_one_more_with_what_is_true_then() -> None:
    begun, gate = threading.Event(), threading.Event()

    def work(value: int) -> str:
        begun.set()
        gate.wait(5)
        return f"page {value}"

    app = Bench(IN_THREAD_FROM, work)
    async with app.run_test():
        app.begin()
        await asyncio.to_thread(begun.wait, 5)
        for value in (1, 2, 3):
            app.again(value)
        assert app.shown == []
        gate.set()
        while len(app.shown) < 2:
            await app.workers.wait_for_complete()
        assert app.shown == ["page 0", "page 3"]


async def test_little_is_arranged_at_once() -> None:
    app = Bench(IN_THREAD_FROM - 1, str)
    async with app.run_test():
        app.begin()
        assert app.shown == ["0"]


async def test_a_failure_is_told_and_the_next_page_is_tried_all_the_same() -> None:
    for size in (1, IN_THREAD_FROM):
        app = Bench(size, lambda value: str(10 // value))
        async with app.run_test():
            app.begin()
            await app.workers.wait_for_complete()
            assert [type(one) for one in app.failures] == [ZeroDivisionError]
            app.again(5)
            await app.workers.wait_for_complete()
            assert app.shown == ["2"]
