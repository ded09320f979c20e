"""Views of the alerts by name: a filter, a grouping and a sort, from the configuration or built in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from services.alerts.grouping import Grouping, GroupingKind, Sort
from services.vocabulary.errors import NotFound

if TYPE_CHECKING:
    from services.alerts.routing import Route


@dataclass(frozen=True)
class SavedView:
    """One view.

    Attributes:
        name: how it is called.
        filter: what narrows the list (raw); see :func:`services.alerts.filtering.parse_filter`.
        grouping: by what alerts are put together.
        sort: what comes first.
        start: whether the console begins with it.
    """

    name: str
    filter: str = ""
    grouping: Grouping = field(default_factory=Grouping)
    sort: Sort = Sort.WORST
    start: bool = False

    @property
    def plain(self) -> bool:
        """Whether it orders the list as it is ordered without any view."""
        return self.grouping.kind is GroupingKind.ALIKE and self.sort is Sort.WORST


ALL = SavedView("all")
BUILT_IN = (
    ALL,
    SavedView("problems", grouping=Grouping(GroupingKind.PROBLEM)),
    SavedView("groups", grouping=Grouping(GroupingKind.ROUTE)),
    SavedView("services", grouping=Grouping(GroupingKind.LABELS, ("namespace", "@service"))),
    SavedView("flat", grouping=Grouping(GroupingKind.NONE)),
)
"""What every console has; one of the configuration with the same name takes its place."""


def views_of(saved: Sequence[SavedView]) -> dict[str, SavedView]:
    """Every view by name: those of the configuration first."""
    return {one.name: one for one in (*saved, *(one for one in BUILT_IN if one.name not in {s.name for s in saved}))}


def find_view(views: Mapping[str, SavedView], name: str) -> SavedView:
    """The view of that name.

    Raises:
        NotFound: there is none; says which there are.
    """
    found = views.get(name)
    if found is None:
        raise NotFound(f"there is no view {name!r}", f"there are {', '.join(views)}")
    return found


Routes: TypeAlias = "Mapping[str, Route | None]"
"""Cluster -> how it routes; None where it does not tell."""
ReadRoutes: TypeAlias = "Callable[[], Awaitable[Routes]]"


class ChosenView:
    """The view that the alerts pane shows, and whoever wants to know when it changes."""

    def __init__(self, views: Mapping[str, SavedView], read_routes: ReadRoutes) -> None:
        """
        Args:
            views: by name.
            read_routes: asks each cluster how it routes; None for one that does not say.
        """
        self.views = views
        self.current = next((one for one in views.values() if one.start), ALL)
        self.routes: Routes = {}
        self._read_routes = read_routes
        self._heard: list[Callable[[SavedView], None]] = []

    def subscribe(self, heard: Callable[[SavedView], None]) -> None:
        """Call ``heard`` with each view that is chosen from now on, and when more is known of the routes."""
        self._heard.append(heard)

    async def choose(self, view: SavedView) -> None:
        """Show ``view``; one by Alertmanager's groups asks first how each cluster routes."""
        if view.grouping.kind is GroupingKind.ROUTE:
            self.routes = await self._read_routes()
        self.switch(view)

    def switch(self, view: SavedView) -> None:
        """Show ``view`` with what is known of the routes."""
        self.current = view
        for heard in self._heard:
            heard(view)

    async def learn(self) -> None:
        """Ask how the clusters route where the current view needs it."""
        if self.current.grouping.kind is GroupingKind.ROUTE:
            await self.choose(self.current)

    def by_problem(self) -> SavedView:
        """The current view by problem; alike ones together where it is so already."""
        kind = GroupingKind.ALIKE if self.current.grouping.kind is GroupingKind.PROBLEM else GroupingKind.PROBLEM
        return replace(self.current, name="", grouping=Grouping(kind))
