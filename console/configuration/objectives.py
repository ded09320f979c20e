"""``[[sre.slo]]``: what is promised to users, and how Prometheus is asked whether it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from console.configuration.section import Name, Seconds, Section, wrong

if TYPE_CHECKING:
    from services.metrics.objective import Objective

_DAY = 86_400.0
_WINDOW = "{{.window}}"


class ObjectiveSettings(Section):
    """One objective; ``errors`` and ``total`` are PromQL that gives one number of events a second."""

    name: Name
    target: Annotated[float, Field(gt=0, lt=1)]
    errors: str
    total: str
    service: str = ""
    period: Annotated[Seconds, Field(ge=_DAY, le=366 * _DAY)] = 30 * _DAY
    least_events: Annotated[float, Field(ge=0)] = 0.0

    @field_validator("errors", "total")
    @classmethod
    def _windowed(cls, value: str) -> str:
        if _WINDOW not in value:
            raise wrong(
                f"the query does not say over which window: {_WINDOW} is missing",
                f'write for example sum(rate(http_requests_total{{code=~"5.."}}[{_WINDOW}]))',
            )
        return value

    def objective(self) -> Objective:
        """The same for the arithmetic."""
        from services.metrics.objective import configured

        return configured(self.name, self.service, self.target, self.period, self.errors, self.total, self.least_events)
