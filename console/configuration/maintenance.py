"""``[[sre.maintenance]]``: windows that come back, and what is muted in them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, field_validator

from console.configuration.policies import WindowSettings, known_zone
from console.configuration.section import Name, Section, no_items, wrong

if TYPE_CHECKING:
    from services.alerts.maintenance import Maintenance, Span
    from services.policy.model import Hours


class MaintenanceSettings(Section):
    """One of them."""

    name: Name
    matchers: list[str] = Field(min_length=1)
    comment: Annotated[str, Field(min_length=1)]
    clusters: list[Name] = Field(default_factory=no_items)
    zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    during: list[WindowSettings] = Field(min_length=1)

    @field_validator("matchers")
    @classmethod
    def _matchers(cls, value: list[str]) -> list[str]:
        from services.alerts.matcher_text import MatcherError
        from services.alerts.matchers import label_test, parse_matcher

        try:
            read = [parse_matcher(text) for text in value]
        except MatcherError as error:
            raise wrong(str(error), error.hint) from None
        if all(label_test((one,))({}) for one in read):
            raise wrong("these matchers match alerts without any label", "write one that does not: service=db")
        return value

    def maintenance(self) -> Maintenance:
        """The same for whoever sees to it."""
        from services.alerts.maintenance import Maintenance
        from services.alerts.matchers import parse_matcher
        from services.policy.model import Hours

        hours = Hours(self.zone, tuple(one.window() for one in self.during))
        matchers = tuple(parse_matcher(text) for text in self.matchers)
        return Maintenance(self.name, matchers, tuple(self.clusters), self.comment, partial(_window, hours))


def _window(hours: Hours, at: datetime) -> Span | None:
    """The window that is open at a moment, or opens next. It begins when it opened, also where that is long ago."""
    from services.policy.hours import span_at

    return span_at(hours, at)
