"""The alerts pane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from screens.presenters import Presenter, counted
from services.alerts.model import Alert, Standing
from services.alerts.view import MUTED_KEY, AlertRow, AlertsView, RowKind, arrange
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness
from services.vocabulary.text import display
from widgets.alert_rows import severity_style

_WORDS = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
    Severity.OTHER: "other",
}


class AlertsPresenter(Presenter[Alert]):
    """Firing first, groups folded, the muted counted; what is new since the person looked is marked."""

    kind = "alert"

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._expanded: set[str] = set()
        self._seen: set[str] | None = None
        self._present: frozenset[str] = frozenset()
        self._rows: dict[str, AlertRow] = {}
        self.view: AlertsView | None = None
        self.filter_error = ""
        self._drift: str | None = None

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
        if self._seen is not None and self._present - self._seen:
            self._seen |= self._present
            self.arrange()

    def alert(self, key: str | None) -> Alert | None:
        """The alert of a row; of a group the newest."""
        row = self._rows.get(key or "")
        return row.alert if row else None

    def row(self, key: str | None) -> AlertRow | None:
        """The row of a key."""
        return self._rows.get(key or "")

    def open(self, key: str) -> bool:
        """Fold or unfold a group."""
        row = self._rows.get(key)
        if row is None or row.kind is RowKind.ALERT:
            return False
        self._expanded ^= {key}
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

    def _page(self, items: Sequence[Alert]) -> AlertsView:
        from services.alerts.filtering import parse_filter
        from services.alerts.matcher_text import MatcherError

        chosen = None
        self.filter_error = ""
        if self.pane.filter:
            try:
                chosen = parse_filter(self.pane.filter)
            except MatcherError as error:
                self.filter_error = str(error)
        return arrange(items, filter=chosen, seen=self._seen, expanded=frozenset(self._expanded))

    def _draw(self, page: AlertsView, freshness: Sequence[Freshness]) -> None:
        self.view = page
        if self._seen is None and all(source.trusted for source in freshness):
            # What stood there at the first look is not news.
            self._seen = set(page.ids)
        self._present = page.ids
        before = self._rows.get(self.table.cursor_key or "") if self._listed is not None else None
        self._rows = {row.key: row for row in page.rows}
        self._list(page.rows, self._empty(page, freshness))
        if before is not None and before.key not in self._rows:
            self._follow(before)
        self.pane.count(self._counts(page, freshness))

    def _follow(self, lost: AlertRow) -> None:
        # The row under the cursor is gone: folded into a group, or its group dissolved, or the alert has ended.
        ids = set(lost.ids)
        kept = next((row for row in self._rows.values() if row.key != MUTED_KEY and ids & set(row.ids)), None)
        if kept is not None:
            self.table.move_to(kept.key)
        else:
            self._drift = self.table.cursor_key

    @property
    def drifted(self) -> bool:
        """Whether the cursor stands where no person put it: the alert it stood on has ended."""
        return self._drift is not None and self._drift == self.table.cursor_key

    def accept(self) -> None:
        """The person was told where the cursor stands."""
        self._drift = None

    def _empty(self, page: AlertsView, freshness: Sequence[Freshness]) -> str:
        if page.total and self.pane.filter:
            return f"No alert of {page.total} passes the filter. Escape clears it."
        return self.blind(freshness, "No alerts. 0 firing.")

    def _counts(self, page: AlertsView, freshness: Sequence[Freshness]) -> Content:
        if self.filter_error:
            return Content.styled(f"filter: {display(self.filter_error, 120)}", "bold $warning")
        parts = [
            (f"{severity.glyph} {page.firing(severity)} {_WORDS[severity]}", severity_style(severity))
            for severity in Severity
            if page.firing(severity)
        ]
        trusted = all(source.trusted for source in freshness)
        if not parts:
            parts.append(("0 firing", "$text-quiet") if trusted else ("firing UNKNOWN", "bold $warning"))
        elif not trusted:
            parts.append(("or more", "bold $warning"))
        if page.new:
            parts.append((f"• {page.new} new", "bold $accent"))
        acked = page.standing(Standing.ACKED)
        muted = page.standing(Standing.SILENCED) + page.standing(Standing.INHIBITED)
        if acked or muted:
            parts.append((f"{acked} acked · {muted} muted", "$text-quiet"))
        if self.pane.filter:
            parts.append((f"filter: {page.shown} of {page.total}", "bold $accent"))
        return counted(parts)
