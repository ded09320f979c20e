"""``/slo list`` and ``show``: how much of each error budget is left, and how fast it burns."""

from __future__ import annotations

import math
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Duration, Invocation, Positional, Result, Table
from services.metrics.burn import HOUR, Finding, Urgency
from services.metrics.expression_commands import SOURCE
from services.metrics.model import Series
from services.metrics.naming import names_apart
from services.metrics.needs import MetricsNeeds
from services.metrics.objective import Standing, prometheus_duration
from services.metrics.standing import standings
from services.safety.plan import Risk
from services.vocabulary.errors import NotFound, SourceError
from services.vocabulary.plot import Line, Plot
from services.vocabulary.sparkline import sparkline

_COLUMNS = (
    Column("state"),
    Column("objective"),
    Column("service"),
    Column("target", numeric=True),
    Column("over", numeric=True),
    Column("budget left", numeric=True),
    Column("burn 1h", numeric=True),
    Column("burn 6h", numeric=True),
    Column("from"),
    Column("note"),
)
_WORDS = {Urgency.PAGE: "▲ page", Urgency.TICKET: "! ticket", Urgency.NONE: "✓ ok", Urgency.UNKNOWN: "? unknown"}
_ORDER = list(Urgency)
_POINTS = 240
_TREND = 40


class ListArguments(Arguments):
    """``/slo list``."""

    burning: bool = Field(False, description="only those that ask for somebody")
    source: str | None = SOURCE


class ShowArguments(Arguments):
    """``/slo show``."""

    name: Annotated[str, Positional()] = Field(description="the objective")
    since: Duration = Field(timedelta(days=1), description="how long the plot goes back")
    source: str | None = SOURCE


async def _list(needs: MetricsNeeds, request: ListArguments, invocation: Invocation) -> Result:
    del invocation
    found = await standings(needs.objectives, needs.reader(request.source))
    remember(needs, found)
    shown = [one for one in found if not request.burning or one.urgency in (Urgency.PAGE, Urgency.TICKET)]
    shown.sort(key=lambda one: (_ORDER.index(one.urgency), _known(one.budget), one.objective.name))
    if not found:
        return Result(
            "no objective is configured, and no recording rules of sloth or pyrra are there",
            [],
            lines=("add [[sre.slo]] to the configuration",),
        )
    counts = {urgency: sum(one.urgency is urgency for one in found) for urgency in Urgency}
    words = f"{len(found)} objectives: {counts[Urgency.PAGE]} ask for a page, {counts[Urgency.TICKET]} for a ticket"
    unknown = f", {counts[Urgency.UNKNOWN]} unknown" if counts[Urgency.UNKNOWN] else ""
    return Result(words + unknown, [_object(one) for one in shown], Table(_COLUMNS, tuple(map(_row, shown))))


async def _show(needs: MetricsNeeds, request: ShowArguments, invocation: Invocation) -> Result:
    del invocation
    reader = needs.reader(request.source)
    found = await standings(needs.objectives, reader)
    remember(needs, found)
    one = next((one for one in found if one.objective.name == request.name), None)
    if one is None:
        known = ", ".join(one.objective.name for one in found[:10])
        raise NotFound(f"there is no objective {request.name!r}", f"there is {known}" if known else "")
    objective = one.objective
    end = needs.clock.now()
    step = float(max(60, math.ceil(request.since.total_seconds() / (_POINTS - 1))))
    expression = f"({objective.ratio_over(HOUR)}) / {1 - objective.target!r}"
    notes = list(one.notes)
    series: tuple[Series, ...] = ()
    try:
        series = (await reader.query_range(expression, end - request.since, end, step)).series
    except SourceError as error:
        notes.append(str(error))
    page = max((one.factor for one in objective.conditions if one.urgency is Urgency.PAGE), default=None)
    names = names_apart([one.labels for one in series])
    plot = Plot(
        [Line(name, one.times, one.values) for name, one in zip(names, series, strict=True)],
        (end - request.since).timestamp(),
        end.timestamp(),
        threshold=page,
        step=step,
        caption="burn rate over 1h; the line is where it pages",
    )
    length = prometheus_duration(round(request.since.total_seconds()))
    trend = f"burn rate over 1h, last {length}: {sparkline(series[0].values, _TREND)}" if len(series) == 1 else ""
    return Result(
        f"{_WORDS[one.urgency]}: {objective.name}, {_percent(objective.target)} over "
        f"{prometheus_duration(round(objective.period))}, {_left(one)} of the budget left",
        _object(one),
        lines=(
            *(_finding(found) for found in one.findings),
            *((trend,) if trend else ()),
            f"ratio of bad events: {objective.ratio}",
            *notes,
        ),
        plot=plot if series else None,
        elsewhere=partial(_elsewhere, objective.name),
        ok=one.urgency not in (Urgency.PAGE, Urgency.UNKNOWN),
    )


def remember(needs: MetricsNeeds, found: tuple[Standing, ...]) -> None:
    """Keep the names for completion."""
    needs.known_objectives[:] = [one.objective.name for one in found]


def _elsewhere(name: str, start: float, end: float) -> str:
    # It always ends now: what is left of a budget is a matter of the present.
    return f"/slo show {name} --since {prometheus_duration(max(600, round((end - start) / 60) * 60))}"


def _row(one: Standing) -> tuple[str, ...]:
    objective = one.objective
    return (
        _WORDS[one.urgency],
        objective.name,
        objective.service,
        _percent(objective.target),
        prometheus_duration(round(objective.period)),
        _left(one),
        _burn(one.burns.get(HOUR, math.nan)),
        _burn(one.burns.get(6 * HOUR, math.nan)),
        objective.origin,
        "; ".join(one.notes),
    )


def _finding(found: Finding) -> str:
    condition = found.condition
    word = "too few events" if found.quiet else {True: "holds", False: "does not hold", None: "unknown"}[found.holds]
    long, short = prometheus_duration(condition.long), prometheus_duration(condition.short)
    return (
        f"{condition.urgency.value}: burn over {long} {_burn(found.long)} and over {short} {_burn(found.short)}, "
        f"both above {condition.factor:g}: {word}"
    )


def _object(one: Standing) -> dict[str, Any]:
    objective = one.objective
    return {
        "name": objective.name,
        "service": objective.service,
        "target": objective.target,
        "period_seconds": objective.period,
        "origin": objective.origin,
        "urgency": one.urgency.value,
        "budget_left": _json(one.budget),
        "burn_rates": {prometheus_duration(window): _json(burn) for window, burn in sorted(one.burns.items())},
        "conditions": [
            {
                "urgency": found.condition.urgency.value,
                "long": prometheus_duration(found.condition.long),
                "short": prometheus_duration(found.condition.short),
                "factor": found.condition.factor,
                "holds": found.holds,
            }
            for found in one.findings
        ],
        "notes": list(one.notes),
    }


def _left(one: Standing) -> str:
    return "unknown" if math.isnan(one.budget) else f"{100 * one.budget:.1f} %"


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"


def _burn(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.2f}"


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _known(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _names(needs: MetricsNeeds) -> list[Candidate]:
    names = dict.fromkeys([*(one.name for one in needs.objectives), *needs.known_objectives])
    return [Candidate(name) for name in names]


def _sources(needs: MetricsNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.readers]


OBJECTIVE_COMMANDS: tuple[Command[MetricsNeeds, Any], ...] = (
    Command(
        name="slo list",
        summary="list objectives, what burns its budget first",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        complete={"source": _sources},
        examples=("/slo list", "/slo list --burning"),
    ),
    Command(
        name="slo show",
        summary="plot how fast one budget burns, and say why it asks for somebody",
        arguments=ShowArguments,
        risk=Risk.READ,
        run=_show,
        complete={"name": _names, "source": _sources},
        examples=("/slo show checkout-availability",),
    ),
)
