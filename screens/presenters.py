"""From feeds to panes: one presenter a pane. Each works out its page and knows what is selected in it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from screens.arranging import Arranger, Work
from screens.counting import counted
from services.vocabulary.snapshot import Freshness, FreshnessState
from widgets.pane import Pane
from widgets.record_table import RecordTable

if TYPE_CHECKING:
    from textual.screen import Screen

    from services.feed import Feed
    from services.vocabulary.clock import Clock
    from services.vocabulary.snapshot import Snapshot

RowT = TypeVar("RowT")
ItemT = TypeVar("ItemT")
PageT = TypeVar("PageT")

AGES_EVERY = 5
"""Seconds between looks at the ages in the lists and in the detail."""


class Presenter(Generic[ItemT, PageT]):
    """Keeps one pane true to its feeds."""

    kind = ""
    """The kind of selection that commands know its rows by."""

    def __init__(self, pane: Pane, screen: Screen[Any]) -> None:
        self.pane = pane
        self._screen = screen
        self._feeds: dict[str, Feed[ItemT]] = {}
        self._clock: Clock | None = None
        self._listed: tuple[Sequence[Any], str] | None = None
        self._arranger: Arranger[PageT] = Arranger(
            screen, f"arrange-{pane.id}", gather=self._gather, show=self._show, failed=self._fail
        )
        self._failure: Freshness | None = None
        self._told_by: dict[str, tuple[object, ...]] = {}

    @property
    def table(self) -> RecordTable[Any]:
        """The list of the pane."""
        return self.pane.table

    @property
    def attention(self) -> int:
        """How many items need a person."""
        return 0

    @property
    def urgent(self) -> bool:
        """Whether one of them is critical."""
        return False

    def attach(self, feeds: Mapping[str, Feed[ItemT]], clock: Clock) -> None:
        """Follow ``feeds`` from now on.

        Args:
            feeds: by the name that the items themselves tell as their source, such as the alerts' cluster.
            clock: judges how fresh they are.
        """
        self._feeds = dict(feeds)
        self._clock = clock
        for name, feed in self._feeds.items():
            feed.subscribe(partial(self._heard, name))
        self.arrange()

    def _heard(self, name: str, snapshot: Snapshot[ItemT]) -> None:
        # Most answers confirm what is known already; a filter may ask for ages, which pass.
        freshness = snapshot.freshness
        told = (freshness.state, freshness.partial, snapshot.items)
        if self._told_by.get(name) != told or self.pane.filter:
            self._told_by[name] = told
            self.arrange()

    @property
    def sources(self) -> dict[str, Freshness]:
        """How far to trust the pane, source by source, judged now."""
        return {name: feed.snapshot.freshness for name, feed in self._feeds.items()}

    @property
    def waiting(self) -> bool:
        """Whether some source was never heard of: neither an answer nor a failure."""
        return any(source.state is FreshnessState.WAITING for source in self.sources.values())

    @property
    def items(self) -> list[ItemT]:
        """Everything the feeds hold."""
        return [item for feed in self._feeds.values() for item in feed.snapshot.items]

    def arrange(self) -> None:
        """Work the page out anew; many calls while one is under way make one more."""
        self._arranger.arrange()

    def _gather(self) -> Work[PageT]:
        items = self.items
        return Work(len(items), self._page(items))

    def _show(self, page: PageT) -> None:
        if not self._screen.is_attached or not self._feeds:
            return
        self._failure = None
        freshness = tuple(self.sources.values())
        if all(source.state is FreshnessState.WAITING for source in freshness):
            self.table.set_waiting(f"waiting for {', '.join(source.source for source in freshness)} …")
            return
        self._draw(page, freshness)
        self.tick()

    def _fail(self, error: Exception) -> None:
        """There is no page: what stands in the list is no longer what the sources say."""
        if not self._screen.is_attached or self._clock is None:
            return
        since = self._failure.failing_since if self._failure is not None else None
        reason = f"the console failed to arrange it: {type(error).__name__}: {error}".removesuffix(": ")
        self._failure = Freshness(
            "console", FreshnessState.FAILING, failing_since=since or self._clock.now(), reason=reason
        )
        if not self.table.rows:
            self._listed = None
            self.table.set_rows((), empty=f"UNKNOWN: {reason}")
        self.pane.count(counted([("UNKNOWN", "bold $warning")]))
        self.tick()

    def tick(self) -> None:
        """A second has passed: ages and freshness."""
        if self._clock is None:
            return
        now = self._clock.now()
        sources = self.sources if self._failure is None else {self._failure.source: self._failure}
        self.pane.judge(sources, now, told=self._told)
        # Formatting every visible row once a second is most of what an idle console would do.
        if now.second % AGES_EVERY == 0:
            self.table.refresh_ages()

    @property
    def _told(self) -> bool:
        return False

    def now(self) -> datetime:
        """The clock's time; only after :meth:`attach`."""
        if self._clock is None:
            raise RuntimeError("a presenter that was not attached has no time")
        return self._clock.now()

    def selection(self) -> Mapping[str, tuple[str, ...]]:
        """What commands should act on when they name nothing: the selected rows, or the one under the cursor."""
        keys = tuple(self.table.chosen_keys())
        return {self.kind: keys} if keys and self.kind else {}

    def _list(self, rows: Sequence[Any], empty: str) -> None:
        # Most answers of a source change nothing: then nothing is drawn.
        if (rows, empty) != self._listed:
            self._listed = (rows, empty)
            self.table.set_rows(rows, empty=empty)

    def blind(self, freshness: Sequence[Freshness], nothing: str) -> str:
        """The sentence of an empty list: ``nothing`` only where every source gave a fresh answer."""
        if all(source.trusted for source in freshness):
            return nothing
        names = ", ".join(source.source for source in freshness if not source.trusted)
        return f"UNKNOWN: no fresh answer from {names}"

    def open(self, key: str) -> bool:
        """Enter on a row. Returns True where that changed the list itself."""
        del key
        return False

    @abstractmethod
    def _page(self, items: Sequence[ItemT]) -> Callable[[], PageT]:
        """What works out the page for ``items``, perhaps in a thread.

        Called in the loop, where it takes along all that the page depends on: what it returns reads no widget and
        changes nothing.
        """

    @abstractmethod
    def _draw(self, page: PageT, freshness: Sequence[Freshness]) -> None:
        """Hand the page to the widgets."""
