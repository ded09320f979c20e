"""The alerts pane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import structs
from textual.content import Content

from screens.arranging import Work
from screens.counting import counted, honest, narrowed, nothing_passes
from screens.presenters import Presenter
from services.alerts.grouping import GroupingKind, Sort
from services.alerts.model import Alert, Standing
from services.alerts.saved_views import ALL, ChosenView, Routes, SavedView, views_of
from services.alerts.view import MUTED_KEY, AlertRow, AlertsView, RowKind, arrange
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness
from services.vocabulary.text import display
from widgets.alert_rows import severity_style

if TYPE_CHECKING:
    from screens.studying import CurrentStudy
    from services.alerts.routing import Route
    from services.correlation.model import Explanation
    from services.deployments.model import Deployment

_CORRELATING = 10
_FOLDS_KEPT = 500
"""Groups that are remembered as unfolded while another view shows none of them."""
_GROUPS = (RowKind.GROUP, RowKind.PROBLEM)


@dataclass(frozen=True)
class AlertsPage:
    """A finished page.

    Attributes:
        view: what the list shows.
        filter: what the person typed to narrow it (raw).
        filter_error: why that narrows nothing; empty where it does.
        filter_hint: what was probably meant where nothing passes (raw); empty where something does.
        study: by which problems the list is grouped; None where it is not.
        shown: the view by which it was worked out.
    """

    view: AlertsView
    filter: str = ""
    filter_error: str = ""
    filter_hint: str = ""
    study: CurrentStudy | None = None
    shown: SavedView = ALL


def page_of(
    items: Sequence[Alert],
    filter: str,
    seen: Mapping[str, frozenset[str]],
    expanded: frozenset[str],
    correlate: Callable[[Sequence[Alert]], CurrentStudy] | None = None,
    at: datetime | None = None,
    shown: SavedView = ALL,
    routes: Mapping[str, Route | None] = MappingProxyType({}),
) -> AlertsPage:
    """Work a page out; see :func:`services.alerts.view.arrange`. A filter that cannot be read narrows nothing.

    Args:
        items: every alert.
        filter: what the person typed (raw); the one of ``shown`` stands there already.
        seen: what is no longer new.
        expanded: keys of what is unfolded.
        correlate: finds the problems, where the view groups by them.
        at: ages in the filter count until here.
        shown: the view.
        routes: how the clusters route, where the view groups as they do.
    """
    chosen, error = None, ""
    if filter:
        from services.alerts.filtering import parse_filter
        from services.alerts.matcher_text import MatcherError

        try:
            chosen = parse_filter(filter) if at is None else parse_filter(filter, at)
        except MatcherError as wrong:
            error = str(wrong)
    study = None
    if correlate is not None:
        from services.alerts.problems import arrange_problems

        study = correlate(items)
        view = arrange_problems(
            items, study.study.correlation, filter=chosen, seen=seen, expanded=expanded, sort=shown.sort
        )
    elif shown.plain:
        view = arrange(items, filter=chosen, seen=seen, expanded=expanded)
    else:
        from services.alerts.groups import arrange_groups

        view = arrange_groups(
            items, shown.grouping, routes=routes, filter=chosen, seen=seen, expanded=expanded, sort=shown.sort
        )
    if chosen is not None and chosen.limit is not None:
        view = structs.replace(view, rows=view.rows[: chosen.limit])
    hint = ""
    if chosen is not None and not view.shown and items:
        from services.alerts.hinting import hint_for

        hint = hint_for(chosen, items)
    return AlertsPage(view, filter, error, hint, study, shown)


class AlertsPresenter(Presenter[Alert, AlertsPage]):
    """Firing first, groups folded, the muted counted; what is new since the person looked is marked."""

    kind = "alert"

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._expanded: set[str] = set()
        self._seen: dict[str, frozenset[str]] = {}
        self._rows: dict[str, AlertRow] = {}
        self.view: AlertsView | None = None
        self._narrowed = ""
        self._unfolded: str | None = None
        self._chosen = ChosenView(views_of(()), _no_routes)
        self._chosen.subscribe(self._viewed)
        self._put = ""
        self._study: CurrentStudy | None = None
        self._rollouts: Callable[[], Sequence[Deployment]] = tuple

    @property
    def attention(self) -> int:
        """What fires and is nobody's yet."""
        return self.view.standing(Standing.FIRING) if self.view else 0

    @property
    def urgent(self) -> bool:
        """Whether something critical fires and is nobody's yet."""
        return bool(self.view and self.view.firing(Severity.CRITICAL))

    def looked(self) -> None:
        """The person acted in the pane: what stands there now is no longer new."""
        if self.view is not None and self.view.new:
            self._forget(frozenset(alert.id for alert in self.items))
            shown = self.view.ids
            self._seen = {cluster: known | shown for cluster, known in self._seen.items()}
            self.arrange()

    def alert(self, key: str | None) -> Alert | None:
        """The alert of a row; of a group the newest."""
        row = self._rows.get(key or "")
        return row.alert if row else None

    def row(self, key: str | None) -> AlertRow | None:
        """The row of a key."""
        return self._rows.get(key or "")

    def follow_rollouts(self, rollouts: Callable[[], Sequence[Deployment]]) -> None:
        """Where to find the workloads whose rollouts may be causes."""
        self._rollouts = rollouts

    def follow_view(self, chosen: ChosenView) -> None:
        """Show the view that is chosen there, from now on."""
        self._chosen = chosen
        chosen.subscribe(self._viewed)
        self._viewed(chosen.current)

    @property
    def chosen(self) -> ChosenView:
        """Which view is shown, and which others there are."""
        return self._chosen

    def shown_alerts(self) -> list[Alert]:
        """Every alert that passes the filter."""
        ids = self.view.ids if self.view is not None else frozenset()
        return [alert for alert in self.items if alert.id in ids]

    def group_by_problem(self) -> None:
        """Group the list by problem, or by likeness again."""
        self._chosen.switch(self._chosen.by_problem())

    def unfold_all(self, *, unfold: bool) -> None:
        """Unfold every group, or fold all."""
        groups = {row.key for row in self._rows.values() if row.kind in _GROUPS}
        self._expanded = self._expanded | groups if unfold else set()
        self._unfolded = None
        self.arrange()

    def _viewed(self, view: SavedView) -> None:
        # What a person typed stays, unless the view that they choose says something else.
        if view.name or view.filter != self._put:
            self._put = view.filter
            self.pane.put_filter(view.filter)
        if self._clock is not None:
            self.arrange()

    @property
    def _by_problem(self) -> bool:
        return self._chosen.current.grouping.kind is GroupingKind.PROBLEM

    def explain(self, id: str) -> Explanation | None:
        """Why the alert of that identity is in its problem; None where the list is not grouped so."""
        return self._study.study.explain(id, brief=True) if self._by_problem and self._study is not None else None

    def open(self, key: str) -> bool:
        """Fold or unfold a group."""
        row = self._rows.get(key)
        if row is None or row.kind is RowKind.ALERT:
            return False
        self._expanded ^= {key}
        self._unfolded = key if key in self._expanded else None
        self.arrange()
        return True

    def selection(self) -> Mapping[str, tuple[str, ...]]:
        """The identities behind the chosen rows."""
        ids: list[str] = []
        for key in self.table.chosen_keys():
            row = self._rows.get(key)
            if row is not None and key != MUTED_KEY:
                ids.extend(one for one in row.ids if one not in ids)
        return {self.kind: tuple(ids)} if ids else {}

    @property
    def _told(self) -> bool:
        return True

    def _page(self, items: Sequence[Alert]) -> Callable[[], AlertsPage]:
        for cluster, feed in self._feeds.items():
            if cluster not in self._seen and feed.snapshot.freshness.trusted:
                # What stood there at a cluster's first answer is not news.
                self._seen[cluster] = frozenset([alert.id for alert in feed.snapshot.items])
        arguments = (tuple(items), self.pane.filter, dict(self._seen), frozenset(self._expanded))
        shown, routes = self._chosen.current, self._chosen.routes
        if not self._by_problem:
            return partial(page_of, *arguments, None, self.now(), shown, routes)
        from screens.studying import study_again

        again = partial(study_again, self._study, tuple(self._rollouts()))
        return partial(page_of, *arguments, again, self.now(), shown)

    def _gather(self) -> Work[AlertsPage]:
        work = super()._gather()
        # To correlate takes so many times what it takes to arrange.
        return Work(work.size * _CORRELATING, work.run) if self._by_problem else work

    def _draw(self, page: AlertsPage, freshness: Sequence[Freshness]) -> None:
        if page.shown is not self._chosen.current:
            return  # worked out before the key was pressed; the next page is on its way
        self._study = page.study
        view = self.view = page.view
        before = self._rows.get(self.table.cursor_key or "") if self._listed is not None else None
        self._rows = {row.key: row for row in view.rows}
        if not page.filter:
            self._forget(view.ids)
            if len(self._expanded) > _FOLDS_KEPT:
                self._expanded &= self._rows.keys()
        self._list(view.rows, self._empty(page, freshness))
        if before is not None and before.key not in self._rows:
            self._follow(before)
        self._show_unfolded()
        if page.filter != self._narrowed:
            # Whoever changes the filter moves the cursor themselves.
            self._narrowed = page.filter
            self.table.accept_cursor()
        self.pane.count(self._counts(page, freshness))

    def _forget(self, there: frozenset[str]) -> None:
        # What has ended is forgotten: it is news when it comes again.
        for cluster, feed in self._feeds.items():
            known, freshness = self._seen.get(cluster), feed.snapshot.freshness
            if known is not None and freshness.trusted and not freshness.partial and not known <= there:
                self._seen[cluster] = known & there

    def _show_unfolded(self) -> None:
        # Unfolded at the lower edge, all that came would lie below it: as if nothing had happened.
        row = self._rows.get(self._unfolded or "")
        if row is not None and row.expanded:
            self._unfolded = None
            self.table.reveal(row.key, row.count)

    def _follow(self, lost: AlertRow) -> None:
        # The row under the cursor is gone: folded into a group, or its group dissolved, or the alert has ended.
        ids = set(lost.ids)
        kept = next((row for row in self._rows.values() if row.key != MUTED_KEY and ids & set(row.ids)), None)
        if kept is not None:
            self.table.move_to(kept.key)

    def _empty(self, page: AlertsPage, freshness: Sequence[Freshness]) -> str:
        if page.view.total and page.filter:
            if page.filter_hint:
                return f"{page.filter_hint} Escape clears the filter."
            return nothing_passes("alert", page.view.total)
        return self.blind(freshness, "No alerts. 0 firing.")

    def _counts(self, page: AlertsPage, freshness: Sequence[Freshness]) -> Content:
        if page.filter_error:
            return Content.styled(f"filter: {display(page.filter_error, 120)}", "bold $warning")
        view = page.view
        parts = [
            (f"{severity.glyph} {view.firing(severity)} {severity.value}", severity_style(severity))
            for severity in Severity
            if view.firing(severity)
        ]
        parts = honest(parts, freshness, "firing", quiet="0 firing")
        if page.filter:
            parts.append(narrowed(view.shown, view.total))
        if view.new:
            parts.append((f"• {view.new} new", "bold $accent"))
        acked = view.standing(Standing.ACKED)
        muted = view.standing(Standing.SILENCED) + view.standing(Standing.INHIBITED)
        if words := _view_words(page):
            parts.append((words, "bold $accent"))
        if acked or muted:
            parts.append((f"{acked} acked · {muted} muted", "$text-quiet"))
        return counted(parts)


def _view_words(page: AlertsPage) -> str:
    shown = page.shown
    words = []
    if shown.grouping.kind is GroupingKind.NONE:
        words.append("ungrouped")
    elif shown.grouping.kind is not GroupingKind.ALIKE:
        words.append(f"by {display(str(shown.grouping), 40)}: {sum(row.kind in _GROUPS for row in page.view.rows)}")
    if shown.sort is not Sort.WORST:
        words.append("by name" if shown.sort is Sort.NAME else f"{shown.sort.value} first")
    return ", ".join(words)


async def _no_routes() -> Routes:
    return {}
