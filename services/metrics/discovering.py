"""Objectives that others have written into recording rules: those of sloth and of pyrra.

sloth (``internal/alert`` and ``internal/prometheus`` of slok/sloth): ``slo:sli_error:ratio_rate<window>``,
``slo:objective:ratio`` and ``slo:time_period:days``, told apart by ``sloth_id``. pyrra (``slo/rules.go`` of
pyrra-dev/pyrra, with its generic rules): ``<metric>:burnrate<window>``, ``pyrra_objective``, ``pyrra_window`` and
``pyrra_availability``, told apart by ``slo`` and ``namespace``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from services.metrics.burn import DAY, HOUR, Condition, Urgency, conditions
from services.metrics.model import Sample
from services.metrics.objective import WINDOW, Objective, Standing
from services.metrics.tabling import selector

SLOTH = '{__name__=~"slo:sli_error:ratio_rate.+|slo:objective:ratio|slo:time_period:days", sloth_id!=""}'
"""Everything that sloth records, in one question."""
PYRRA = '{__name__=~".+:burnrate.+|pyrra_objective|pyrra_window|pyrra_availability", slo!=""}'
"""Everything that pyrra records, in one question."""

_NAMED = re.compile(r"(?P<stem>.*(?:ratio_rate|:burnrate))(?P<count>\d+)(?P<unit>[smhdwy])")
_UNITS = {"s": 1, "m": 60, "h": HOUR, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
_MONTH = 30 * DAY
_FOUR_WEEKS = 28 * DAY
# Long and short window, factor: of ``slo/slo.go`` of pyrra, for four weeks; other periods stretch the windows.
_PYRRA = (
    (Urgency.PAGE, HOUR, 300, 14.0),
    (Urgency.PAGE, 6 * HOUR, 1800, 7.0),
    (Urgency.TICKET, DAY, 2 * HOUR, 2.0),
    (Urgency.TICKET, 4 * DAY, 6 * HOUR, 1.0),
)


def sloth_standings(samples: Iterable[Sample]) -> tuple[Standing, ...]:
    """What the samples of :data:`SLOTH` say, by name."""
    found: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        labels = dict(sample.labels)
        found.setdefault(labels.get("sloth_id", ""), {})[labels.get("__name__", "")] = sample
    out = []
    for identity, named in found.items():
        target = _value(named, "slo:objective:ratio")
        ratios, some = _ratios(named)
        if some is None or target is None or not 0 < target < 1:
            continue
        labels = dict(some.labels)
        period = (_value(named, "slo:time_period:days") or 30) * DAY
        objective = Objective(
            identity,
            labels.get("sloth_service", ""),
            target,
            period,
            "sloth",
            f'slo:sli_error:ratio_rate{WINDOW}{{sloth_id="{_escaped(identity)}"}}',
            conditions=conditions(period),
        )
        out.append(Standing(objective, ratios))
    return tuple(sorted(out, key=lambda one: one.objective.name))


def pyrra_standings(samples: Iterable[Sample]) -> tuple[Standing, ...]:
    """What the samples of :data:`PYRRA` say, by name."""
    found: dict[tuple[str, str], dict[str, Sample]] = {}
    for sample in samples:
        labels = dict(sample.labels)
        key = (labels.get("namespace", ""), labels.get("slo", ""))
        found.setdefault(key, {})[labels.get("__name__", "")] = sample
    out = []
    for (namespace, name), named in found.items():
        target = _value(named, "pyrra_objective")
        ratios, some = _ratios(named)
        if some is None or target is None or not 0 < target < 1:
            continue
        period = _value(named, "pyrra_window") or _FOUR_WEEKS
        stretch = period / _FOUR_WEEKS
        written = _NAMED.fullmatch(dict(some.labels)["__name__"])
        stem = written["stem"] if written else ""
        chosen = tuple((key, value) for key, value in (("namespace", namespace), ("slo", name)) if value)
        objective = Objective(
            f"{namespace}/{name}" if namespace else name,
            dict(some.labels).get("service", ""),
            target,
            period,
            "pyrra",
            f"{stem}{WINDOW}{selector(chosen)}",
            conditions=tuple(
                Condition(urgency, round(long * stretch), round(short * stretch), factor)
                for urgency, long, short, factor in _PYRRA
            ),
        )
        standing = Standing(objective, ratios)
        available = _value(named, "pyrra_availability")
        if available is not None:
            standing = replace(standing, ratios={**ratios, round(period): 1 - available})
        out.append(standing)
    return tuple(sorted(out, key=lambda one: one.objective.name))


def _ratios(named: Mapping[str, Sample]) -> tuple[dict[int, float], Sample | None]:
    ratios: dict[int, float] = {}
    some: Sample | None = None
    for name, sample in named.items():
        if written := _NAMED.fullmatch(name):
            ratios[int(written["count"]) * _UNITS[written["unit"]]] = sample.value
            some = some or sample
    return ratios, some


def _value(named: Mapping[str, Sample], name: str) -> float | None:
    return named[name].value if name in named else None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
