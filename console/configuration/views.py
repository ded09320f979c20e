"""``[[sre.view]]``: a filter, a grouping and a sort of the alerts under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from console.configuration.section import Name, Section, wrong

if TYPE_CHECKING:
    from services.alerts.saved_views import SavedView


class ViewSettings(Section):
    """One view."""

    name: Name
    filter: str = ""
    by: str = "alike"
    sort: Literal["worst", "newest", "oldest", "largest", "name"] = "worst"
    start: bool = False

    @field_validator("filter")
    @classmethod
    def _filter(cls, value: str) -> str:
        from services.alerts.filtering import parse_filter
        from services.alerts.matcher_text import MatcherError

        try:
            parse_filter(value)
        except MatcherError as error:
            raise wrong(str(error), error.hint) from None
        return value

    @field_validator("by")
    @classmethod
    def _by(cls, value: str) -> str:
        from services.alerts.grouping import parse_grouping

        try:
            parse_grouping(value)
        except ValueError as error:
            raise wrong(str(error)) from None
        return value

    def view(self) -> SavedView:
        """The same for the list."""
        from services.alerts.grouping import Sort, parse_grouping
        from services.alerts.saved_views import SavedView

        return SavedView(self.name, self.filter, parse_grouping(self.by), Sort(self.sort), self.start)
