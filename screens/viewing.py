"""Chooses what the alerts pane shows: a view by its name, or a label to filter by.

What the pages need is imported when one is opened: the first rows do not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.alerts_presenter import AlertsPresenter
    from screens.commanding import Commanding

_BAR = 12


class Viewing:
    """Opens the pages to pick from, and does what was picked."""

    def __init__(self, screen: Screen[Any], alerts: AlertsPresenter, commanding: Commanding) -> None:
        """
        Args:
            screen: shows the pages.
            alerts: the list whose view it is.
            commanding: runs the line that a choice becomes.
        """
        self._screen = screen
        self._alerts = alerts
        self._commanding = commanding

    def choose_view(self) -> None:
        """One of the saved views."""
        from screens.picking import Pick, PickScreen
        from services.alerts.grouped_listing import describe

        chosen = self._alerts.chosen
        picks = [
            Pick(one.name, one.name, describe(one), "shown now" if one == chosen.current else "")
            for one in chosen.views.values()
        ]
        title = "Views of the alerts"
        self._screen.app.push_screen(PickScreen(title, picks, at=chosen.current.name), self._show_view)

    def choose_label(self) -> None:
        """A value of a label; what passes the filter now is counted."""
        from screens.picking import Pick, PickScreen
        from services.alerts.matchers import format_matcher
        from services.alerts.model import Matcher
        from services.alerts.overview import overview

        shown = self._alerts.shown_alerts()
        picks: list[Pick] = []
        for label in overview(shown):
            several = f"{label.distinct} values" if label.distinct > 1 else "one value"
            picks.append(Pick("", label.name, f"{several} on {label.alerts} of {len(shown)} alerts"))
            for value, count in label.top:
                only, others = (format_matcher(Matcher(label.name, value, is_equal=equal)) for equal in (True, False))
                share = count / len(shown)
                bar = "█" * max(1, round(share * _BAR))
                picks.append(Pick(only, value or "(empty)", bar, f"{count}", others))
            if label.distinct > len(label.top):
                picks.append(Pick("", "", f"and {label.distinct - len(label.top)} more values"))
        title = "Labels: enter lists only these, x all but these"
        self._screen.app.push_screen(PickScreen(title, picks), self._filter_by)

    def _show_view(self, name: str | None) -> None:
        from services.registry import quote

        if name is not None:
            self._commanding.run(f"/alerts view {quote(name)}")

    def _filter_by(self, matcher: str | None) -> None:
        if matcher is not None:
            pane = self._alerts.pane
            pane.put_filter(f"{pane.filter} {matcher}".strip())
