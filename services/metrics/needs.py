"""What the metrics commands work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.command import Invocation
from services.metrics.completing import ExpressionOffers, Vocabulary
from services.metrics.objective import Objective
from services.safety.plan import Plan
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError, NotFound

if TYPE_CHECKING:
    from services.metrics.prometheus import PrometheusReader

COMMON = "prometheus"
"""The name of the server that all sources share."""


@dataclass(frozen=True, slots=True)
class MetricsNeeds:
    """What the metrics commands work with.

    Attributes:
        readers: name -> server; ``prometheus`` is the one that all sources share.
        clock: the time.
        plan_silence: works out the silence of one alert by its labels, how long and why; reads alone.
        objectives: of the configuration.
        known_objectives: the names that were last seen, for completion.
    """

    readers: Mapping[str, PrometheusReader]
    clock: Clock
    plan_silence: Callable[[tuple[tuple[str, str], ...], str, str, Invocation], Awaitable[Plan]]
    objectives: Sequence[Objective] = ()
    known_objectives: list[str] = field(default_factory=list, compare=False)
    offers: ExpressionOffers = field(init=False, compare=False)

    def __post_init__(self) -> None:
        vocabulary = Vocabulary(self._ask, self.clock)
        object.__setattr__(self, "offers", ExpressionOffers(vocabulary))

    def reader(self, name: str | None) -> PrometheusReader:
        """The server that is meant.

        Raises:
            ConsoleError: there is none of that name, or several and none is named.
        """
        if not self.readers:
            raise ConsoleError("no Prometheus is configured", "add [sre.prometheus] with its url to the configuration")
        known = ", ".join(self.readers)
        if name is not None:
            if name not in self.readers:
                raise NotFound(f"there is no Prometheus {name!r}", f"there is {known}")
            return self.readers[name]
        if COMMON in self.readers:
            return self.readers[COMMON]
        if len(self.readers) > 1:
            raise ConsoleError("there are several servers", f"choose one with --source: {known}")
        return next(iter(self.readers.values()))

    async def _ask(self, label: str) -> tuple[str, ...]:
        try:
            reader = self.reader(None)
        except ConsoleError:
            return ()
        found, _ = await (reader.label_values(label) if label else reader.label_names())
        return found
