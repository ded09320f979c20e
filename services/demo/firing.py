"""Which alerts are pending and firing at any moment: the rules, evaluated over the world's metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from urllib.parse import quote_plus

from services.demo import story
from services.demo.catalog import CLUSTER
from services.demo.evaluator import Evaluator, matches
from services.demo.metrics import Metrics
from services.demo.promql import LabelMatcher, parse
from services.demo.rules import GROUPS, HISTORY, STANDING_RULES, STORY_RULES, Rule, RuleGroup, expand
from services.demo.series import Series
from services.demo.signals import Constant
from services.demo.vectors import Labels, Vector
from services.demo.world import World

PROMETHEUS_URL = "https://prometheus.demo.example"
"""What the demo's Prometheus believes to be its own address; nothing listens there."""

KEPT_TURNS = 24
"""``ALERTS`` goes back so many turns of the story (six hours); evaluating more would keep a query waiting."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert of one rule from its first to its last true evaluation. Seconds after the epoch.

    Attributes:
        labels: those of the rule's result and of the rule, without the cluster.
        active: since when the expression is true. fires: since when it counts as firing (may never come).
        resolved: when the expression was first false again.
        values: (moment, value) of each evaluation at which the value changed, in order.
    """

    rule: Rule
    labels: Labels
    active: float
    fires: float
    resolved: float
    values: tuple[tuple[float, float], ...]

    def value(self, at: float) -> float:
        """What the expression gave at the last evaluation."""
        return next((value for time, value in reversed(self.values) if time <= at), self.values[0][1])

    def state(self, at: float) -> str | None:
        """``pending`` or ``firing``; None when it is neither."""
        if not self.active <= at < self.resolved:
            return None
        return "firing" if at >= self.fires else "pending"

    def annotations(self, at: float) -> Labels:
        """The filled annotations."""
        value = self.value(at)
        return {name: expand(text, self.labels, value) for name, text in self.rule.annotations.items()}

    @property
    def sent_labels(self) -> Labels:
        """The labels as Alertmanager gets them: the external label of the cluster included."""
        return {**self.labels, "cluster": CLUSTER}

    @property
    def generator_url(self) -> str:
        """The link that Prometheus sends with the alert."""
        return f"{PROMETHEUS_URL}/graph?g0.expr={quote_plus(self.rule.expression)}&g0.tab=1"


class Firings:
    """Evaluates all rules of one world. Pure: a moment has the same alerts whenever it is asked about."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._metrics = Metrics(world)
        self._turn = lru_cache(maxsize=64)(self._evaluate_turn)
        self._standing = lru_cache(maxsize=2)(self._evaluate_standing)

    @property
    def metrics(self) -> Metrics:
        """The metrics that the rules look at."""
        return self._metrics

    def at(self, moment: float, group: RuleGroup | None = None) -> list[Firing]:
        """The alerts that are pending or firing at a moment, of one group or all."""
        return [firing for firing in self.between(moment, moment, group) if firing.state(moment)]

    def between(self, since: float, until: float, group: RuleGroup | None = None) -> Iterator[Firing]:
        """The alerts that are active at some moment of ``[since, until]``."""
        found: list[Firing] = []
        if group in (None, STANDING_RULES) and until >= HISTORY:
            found += self._standing(int(until // 3600) + 1)
        if group in (None, STORY_RULES):
            last = story.turn_of(until)
            for turn in range(max(0, story.turn_of(since), last - KEPT_TURNS), last + 1):
                found += self._turn(turn)
        return (firing for firing in found if firing.active <= until and firing.resolved > since)

    def select(self, matchers: Sequence[LabelMatcher], since: float, until: float) -> Iterator[Series]:
        """The series that match, those of ``ALERTS`` included."""
        names = [matcher for matcher in matchers if matcher.name == "__name__"]
        others = [matcher for matcher in matchers if matcher.name != "__name__"]
        wanted = {"ALERTS", "ALERTS_FOR_STATE", *self._metrics.families}
        wanted = {name for name in wanted if all(matches(matcher, {"__name__": name}) for matcher in names)}
        for name in sorted(wanted):
            series = (
                self._alerts(name, since, until)
                if name.startswith("ALERTS")
                else (self._metrics.families[name].series(since, until))
            )
            yield from (one for one in series if all(matches(matcher, one.labels) for matcher in others))

    def _alerts(self, name: str, since: float, until: float) -> Iterator[Series]:
        for firing in self.between(since, until):
            if name == "ALERTS_FOR_STATE":
                terms = ((firing.active + self._world.epoch_seconds, Constant()),)
                yield Series(name, firing.labels, terms, begin=firing.active, end=firing.resolved)
                continue
            for state, begin, end in (
                ("pending", firing.active, min(firing.fires, firing.resolved)),
                ("firing", firing.fires, firing.resolved),
            ):
                if begin < end:
                    labels = {**firing.labels, "alertstate": state}
                    yield Series(name, labels, ((1.0, Constant()),), begin=begin, end=end)

    def _evaluate_turn(self, turn: int) -> tuple[Firing, ...]:
        return self._evaluate(STORY_RULES, turn * story.TURN, (turn + 1) * story.TURN)

    def _evaluate_standing(self, hour: int) -> tuple[Firing, ...]:
        return self._evaluate(STANDING_RULES, HISTORY, hour * 3600.0, open_ended=True)

    def _evaluate(self, group: RuleGroup, begin: float, end: float, *, open_ended: bool = False) -> tuple[Firing, ...]:
        count = int((end - begin) // group.interval)
        times = [begin + number * group.interval for number in range(count)]
        evaluator = Evaluator(_Metrics(self._metrics), times, self._world.epoch_seconds)
        found: list[Firing] = []
        for rule in group.rules:
            result = evaluator.evaluate(parse(rule.expression))
            if isinstance(result, Vector):
                for labels, values in result.columns:
                    found += _intervals(rule, labels, times, values, inf if open_ended else end)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class _Metrics:
    metrics: Metrics

    def select(self, matchers: Sequence[LabelMatcher], since: float, until: float) -> Iterable[Series]:
        (name,) = (matcher.value for matcher in matchers if matcher.name == "__name__")
        others = [matcher for matcher in matchers if matcher.name != "__name__"]
        series = self.metrics.families[name].series(since, until)
        return (one for one in series if all(matches(matcher, one.labels) for matcher in others))


def _intervals(
    rule: Rule, labels: Labels, times: Sequence[float], values: Sequence[float | None], end: float
) -> Iterator[Firing]:
    run: list[tuple[float, float]] = []
    for time, value in [*zip(times, values, strict=True), (end, None)]:
        if value is not None:
            run.append((time, value))
            continue
        if run:
            active = run[0][0]
            found = {name: text for name, text in labels.items() if name != "__name__"}
            extra = {name: expand(text, found, run[0][1]) for name, text in rule.labels.items()}
            yield Firing(
                rule=rule,
                labels={"alertname": rule.name, **found, **extra},
                active=active,
                fires=active + rule.hold,
                resolved=time,
                values=tuple(run),
            )
            run = []


__all__ = ["GROUPS", "Firing", "Firings"]
