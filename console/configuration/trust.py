"""``[sre.trust]``: how far automation may go at most, and what each level has to be earned with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from console.configuration.section import Apart, Seconds, Section, wrong

if TYPE_CHECKING:
    from services.trust.model import TrustRules
    from services.trust.promotion import Criterion

_HOUR, _DAY = 3600.0, 86_400.0


def _share(value: object) -> object:
    return float(value) if type(value) is int else value


class Step(Section):
    """What has to be so before the next level is offered."""

    successes: Annotated[int, Field(ge=1, le=100_000)]
    error_rate: Annotated[float, BeforeValidator(_share), Field(ge=0, lt=1)]
    after: Annotated[Seconds, Field(gt=0, le=366 * _DAY)]

    def criterion(self) -> Criterion:
        """The same for the arithmetic; exact, as it is written."""
        from fractions import Fraction

        from services.trust.promotion import Criterion

        return Criterion(self.successes, Fraction(str(self.error_rate)), timedelta(seconds=self.after))


class ToDryRun(Step):
    """``[sre.trust.to_dry_run]``."""

    successes: Annotated[int, Field(ge=1, le=100_000)] = 10
    error_rate: Annotated[float, BeforeValidator(_share), Field(ge=0, lt=1)] = 0.2
    after: Annotated[Seconds, Field(gt=0, le=366 * _DAY)] = 24 * _HOUR


class ToAssisted(Step):
    """``[sre.trust.to_assisted]``."""

    successes: Annotated[int, Field(ge=1, le=100_000)] = 20
    error_rate: Annotated[float, BeforeValidator(_share), Field(ge=0, lt=1)] = 0.1
    after: Annotated[Seconds, Field(gt=0, le=366 * _DAY)] = 72 * _HOUR


class ToSupervised(Step):
    """``[sre.trust.to_supervised]``."""

    successes: Annotated[int, Field(ge=1, le=100_000)] = 50
    error_rate: Annotated[float, BeforeValidator(_share), Field(ge=0, lt=1)] = 0.05
    after: Annotated[Seconds, Field(gt=0, le=366 * _DAY)] = 168 * _HOUR


class ToSelectiveAutonomy(Step):
    """``[sre.trust.to_selective_autonomy]``."""

    successes: Annotated[int, Field(ge=1, le=100_000)] = 100
    error_rate: Annotated[float, BeforeValidator(_share), Field(ge=0, lt=1)] = 0.02
    after: Annotated[Seconds, Field(gt=0, le=366 * _DAY)] = 336 * _HOUR


class TrustSettings(Section):
    """``[sre.trust]``."""

    cap: Literal["shadow", "dry-run", "assisted", "supervised", "selective-autonomy"] = "selective-autonomy"
    match_window: Annotated[Seconds, Field(ge=60, le=_DAY)] = 1800.0
    failure_window: Annotated[Seconds, Field(ge=_HOUR, le=366 * _DAY)] = 7 * _DAY
    to_dry_run: Annotated[ToDryRun, Apart()] = Field(default_factory=ToDryRun.model_construct)
    to_assisted: Annotated[ToAssisted, Apart()] = Field(default_factory=ToAssisted.model_construct)
    to_supervised: Annotated[ToSupervised, Apart()] = Field(default_factory=ToSupervised.model_construct)
    to_selective_autonomy: Annotated[ToSelectiveAutonomy, Apart()] = Field(
        default_factory=ToSelectiveAutonomy.model_construct
    )

    @model_validator(mode="after")
    def _steeper(self) -> TrustSettings:
        steps = self._steps
        for (lower, before), (upper, after) in zip(steps.items(), list(steps.items())[1:], strict=False):
            if after.successes < before.successes or after.error_rate > before.error_rate or after.after < before.after:
                raise wrong(
                    f"{upper} asks for less than {lower}",
                    "a higher level wants no fewer successes, no more errors and no less time than the one below it",
                )
        return self

    @property
    def _steps(self) -> dict[str, Step]:
        return {
            "to_dry_run": self.to_dry_run,
            "to_assisted": self.to_assisted,
            "to_supervised": self.to_supervised,
            "to_selective_autonomy": self.to_selective_autonomy,
        }

    def rules(self, *, progressive: bool) -> TrustRules:
        """The same for the gate; ``progressive`` is the feature flag."""
        from services.trust.levels import level_of
        from services.trust.model import TrustRules

        return TrustRules(
            progressive,
            level_of(self.cap),
            timedelta(seconds=self.match_window),
            timedelta(seconds=self.failure_window),
            tuple(step.criterion() for step in self._steps.values()),
        )
