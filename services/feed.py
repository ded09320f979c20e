"""From a source to everybody who looks at it: polls, publishes snapshots, keeps the last data when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Generic, TypeVar

from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.errors import ConsoleError
from services.vocabulary.snapshot import Freshness, FreshnessState, Snapshot

T = TypeVar("T")
Subscriber = Callable[[Snapshot[T]], None]

_log = logging.getLogger(__name__)


class Feed(Generic[T]):
    """The latest snapshot of one source, and those who want to know when it changes.

    Whoever reads the source calls :meth:`publish` or :meth:`fail`; whoever looks at it subscribes.
    """

    def __init__(self, source: str, clock: Clock, *, valid_for: timedelta | None = None) -> None:
        self._clock = clock
        self._valid_for = valid_for
        self._subscribers: dict[object, Subscriber[T]] = {}
        self._snapshot: Snapshot[T] = Snapshot(Freshness(source))

    @property
    def source(self) -> str:
        """The name that the person gave the source."""
        return self._snapshot.freshness.source

    @property
    def snapshot(self) -> Snapshot[T]:
        """What is known now; freshness judged at this moment."""
        snapshot = self._snapshot
        judged = snapshot.freshness.at(self._clock.now())
        return snapshot if judged is snapshot.freshness else replace(snapshot, freshness=judged)

    def subscribe(self, subscriber: Subscriber[T]) -> Callable[[], None]:
        """Call ``subscriber`` with every new snapshot, in the loop's own thread.

        Returns:
            A function that ends the subscription; calling it again does nothing.
        """
        subscription = object()
        self._subscribers[subscription] = subscriber

        def unsubscribe() -> None:
            self._subscribers.pop(subscription, None)

        return unsubscribe

    def publish(self, items: Sequence[T], *, latency: timedelta | None = None, partial: tuple[str, ...] = ()) -> None:
        """A good answer arrived: ``items`` is everything the source holds now."""
        self._set(
            Freshness(
                self.source,
                FreshnessState.FRESH,
                checked_at=self._clock.now(),
                latency=latency,
                valid_for=self._valid_for,
                partial=partial,
            ),
            tuple(items),
        )

    def confirm(self) -> None:
        """The source is alive and nothing changed (a bookmark, an empty poll): the data is fresh again.

        Before the first answer there is no data that could be, so this does nothing.
        """
        last = self._snapshot
        if last.freshness.checked_at is None:
            return
        self._set(
            replace(
                last.freshness,
                state=FreshnessState.FRESH,
                checked_at=self._clock.now(),
                failing_since=None,
                reason="",
            ),
            last.items,
        )

    def fail(self, error: ConsoleError) -> None:
        """No good answer: the last data stays, marked stale with the reason."""
        last = self._snapshot.freshness
        self._set(
            replace(
                last,
                state=FreshnessState.FAILING if last.checked_at is None else FreshnessState.STALE,
                failing_since=last.failing_since or self._clock.now(),
                reason=str(error),
            ),
            self._snapshot.items,
        )

    def _set(self, freshness: Freshness, items: tuple[T, ...]) -> None:
        _log_change(self._snapshot.freshness, freshness)
        self._snapshot = Snapshot(freshness, self._snapshot.version + 1, items)
        for subscription, subscriber in tuple(self._subscribers.items()):
            if subscription not in self._subscribers:
                continue  # ended by one who was called before it
            try:
                subscriber(self._snapshot)
            except Exception:
                # One broken view must not stop the source for the others.
                _log.exception("a subscriber of %s failed", freshness.source)


def _log_change(before: Freshness, now: Freshness) -> None:
    """One line when a source begins or ends to fail, or when something else is missing; none for each answer."""
    failing = now.failing_since is not None
    if failing and before.failing_since is None:
        _log.warning("%s fails: %s", now.source, now.reason.removeprefix(f"{now.source}: "))
    elif not failing and before.failing_since is not None and now.checked_at is not None:
        lasted = format_age(now.checked_at - before.failing_since)
        _log.info("%s answers again after %s", now.source, lasted)
    elif not failing and before.checked_at is None:
        _log.info("%s answers", now.source)
    if not failing and now.partial != before.partial:
        if now.partial:
            _log.warning("%s answers in part: %s", now.source, "; ".join(now.partial))
        else:
            _log.info("%s answers in full again", now.source)


class Backoff:
    """Waits that double from ``first`` to ``last`` seconds, each shortened by up to half at random.

    The jitter keeps many consoles from calling a source that just came back in the same instant.
    """

    def __init__(self, first: float, last: float, random: Random) -> None:
        self._first = first
        self._last = last
        self._random = random
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        ceiling = min(self._last, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return ceiling * (1 - 0.5 * self._random.random())

    def reset(self) -> None:
        """The source answered: the next failure waits ``first`` again."""
        self._failures = 0


class Poller(Generic[T]):
    """Reads a source again and again, one reading at a time, and publishes to a feed.

    The pause adapts: a source that takes long is asked less often, so that it spends at most a quarter of its
    time on one console. A failing one is asked with :class:`Backoff`.
    """

    def __init__(
        self,
        feed: Feed[T],
        read: Callable[[], Awaitable[Sequence[T]]],
        clock: Clock,
        *,
        interval: float,
        random: Random | None = None,
        partial: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """Nothing is read before :meth:`run`.

        Args:
            feed: where the answers go.
            read: one whole reading; raises :class:`ConsoleError` where it fails, and limits its own time.
            clock: measures and waits.
            interval: seconds between the end of one reading and the start of the next, at least.
            random: the jitter of the back-off.
            partial: asked after each good reading: what is missing from it.
        """
        self.feed = feed
        self._read = read
        self._clock = clock
        self._interval = interval
        self._partial = partial
        self._backoff = Backoff(min(1.0, interval), max(30.0, interval), random or Random())  # noqa: S311 - jitter
        self._wake = asyncio.Event()

    def refresh(self) -> None:
        """Read again now (or as soon as the present reading ends): after a write, or when a person asks."""
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            self._wake.clear()
            await self._pause(await self._once())

    async def _once(self) -> float:
        begun = self._clock.monotonic()
        try:
            items = await self._read()
        except ConsoleError as error:
            self.feed.fail(error)
            return self._backoff.next()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something inside the reading was cancelled, not this poller: one failed reading must not end them all.
            self.feed.fail(ConsoleError("the reading was broken off"))
            return self._backoff.next()
        except Exception as error:
            _log.exception("reading %s failed", self.feed.source)
            what = f"{type(error).__name__}: {error}".removesuffix(": ")
            self.feed.fail(ConsoleError(f"the console failed to read it: {what}"))
            return self._backoff.next()
        took = self._clock.monotonic() - begun
        self._backoff.reset()
        self.feed.publish(items, latency=timedelta(seconds=took), partial=self._partial())
        return max(self._interval, 3 * took)

    async def _pause(self, seconds: float) -> None:
        wake = asyncio.ensure_future(self._wake.wait())
        pause = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({wake, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
            pause.cancel()
