"""``/metrics query``, ``range``, ``series`` and ``labels``: what a person asks a Prometheus."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Duration, Invocation, Positional, Result, Table
from services.metrics.model import Labels, Series
from services.metrics.naming import names_apart
from services.metrics.needs import MetricsNeeds
from services.metrics.syntax import parse
from services.metrics.tabling import csv_lines, figure, labels_table, selector, shared
from services.metrics.units import unit_of
from services.safety.plan import Risk
from services.vocabulary.durations import format_duration
from services.vocabulary.errors import ConsoleError, SourceError
from services.vocabulary.moment import Moment, resolve
from services.vocabulary.plot import Line, Plot, Unit
from services.vocabulary.sparkline import sparkline

_TREND = 24  # cells of a sparkline
_PLACE = re.compile(r"(?:^|\D)(\d+):(\d+): parse error")
_MOST_SERIES = 1000
_POINTS = 240  # of a series, where no step is given: as many as a wide screen has columns

SOURCE = Field(None, description="which server, where several are configured")
_CSV = Field(False, description="print comma-separated values")


class QueryArguments(Arguments):
    """``/metrics query``."""

    expression: Annotated[str, Positional(rest=True, raw=True)] = Field(description="PromQL")
    at: Moment | None = Field(None, description="when, such as -1h; now by default")
    source: str | None = SOURCE
    csv: bool = _CSV


class RangeArguments(Arguments):
    """``/metrics range``."""

    expression: Annotated[str, Positional(rest=True, raw=True)] = Field(description="PromQL")
    since: Duration = Field(timedelta(hours=1), description="how long it goes back")
    until: Moment | None = Field(None, description="where it ends, such as -1h; now by default")
    step: Duration | None = Field(None, description="between samples; what fits the screen by default")
    source: str | None = SOURCE
    csv: bool = _CSV


class SeriesArguments(Arguments):
    """``/metrics series``."""

    selector: Annotated[str, Positional(rest=True, raw=True)] = Field(description='such as up{job="node"}')
    since: Duration = Field(timedelta(hours=1), description="with samples in this time")
    source: str | None = SOURCE
    csv: bool = _CSV


class LabelsArguments(Arguments):
    """``/metrics labels``."""

    label: Annotated[str | None, Positional()] = Field(None, description="whose values are listed")
    match: str | None = Field(None, description="a selector: only of the series that it takes")
    source: str | None = SOURCE


async def _query(needs: MetricsNeeds, request: QueryArguments, invocation: Invocation) -> Result:
    del invocation
    reader = needs.reader(request.source)
    at = None if request.at is None else _moment(request.at, needs)
    try:
        answer = await reader.query(request.expression, at)
    except SourceError as error:
        raise explained(error, request.expression) from error
    every = [sample.labels for sample in answer.samples]
    values = [figure(sample.value) for sample in answer.samples]
    table = labels_table(every, (Column("value", numeric=True),), ([value] for value in values))
    when = "now" if at is None else f"at {_text(at)}"
    return _listed(
        f"{_count(len(every), 'series', 'series')} {when}{_common(every)}",
        [{"labels": dict(one.labels), "at": one.time, "value": _json(one.value)} for one in answer.samples],
        table,
        answer.partial,
        csv=request.csv,
    )


async def _range(needs: MetricsNeeds, request: RangeArguments, invocation: Invocation) -> Result:
    del invocation
    reader = needs.reader(request.source)
    end = _moment(request.until, needs)
    if request.since <= timedelta(0):
        raise ConsoleError("--since must be longer than nothing", "write for example --since 1h")
    step = _step(request)
    try:
        answer = await reader.query_range(request.expression, end - request.since, end, step)
    except SourceError as error:
        raise explained(error, request.expression) from error
    found = sorted(answer.series, key=_height, reverse=True)
    every = [one.labels for one in found]
    if request.csv:
        rows = [
            (_iso(at), selector(one.labels), figure(value))
            for one in found
            for at, value in zip(one.times, one.values, strict=True)
        ]
        return Result("", _ranges(found), lines=csv_lines(("time", "series", "value"), rows))
    columns = [Column(title, numeric=True) for title in ("min", "mean", "max", "last")]
    table = labels_table(every, (*columns, Column("trend")), [_summary(one) for one in found])
    start = end - request.since
    return Result(
        f"{_count(len(found), 'series', 'series')}, {_text(start)} to {_text(end)}, every {step:g}s{_common(every)}",
        _ranges(found),
        table if found else None,
        lines=tuple(f"partial: {line}" for line in answer.partial),
        plot=_plot(request.expression, found, start, end, step) if found else None,
        elsewhere=partial(_elsewhere, request, needs),
    )


async def _series(needs: MetricsNeeds, request: SeriesArguments, invocation: Invocation) -> Result:
    del invocation
    now = needs.clock.now()
    try:
        found, partial = await needs.reader(request.source).series([request.selector], now - request.since, now)
    except SourceError as error:
        raise explained(error, request.selector) from error
    shown = found[:_MOST_SERIES]
    table = labels_table(shown, (), ([] for _ in shown))
    missing = (f"the first {len(shown)} are printed; --json has all",) if len(found) > len(shown) else ()
    return _listed(
        f"{_count(len(found), 'series', 'series')}{_common(shown)}",
        [dict(labels) for labels in found],
        table if table.columns else None,
        (*partial, *missing),
        csv=request.csv,
    )


async def _labels(needs: MetricsNeeds, request: LabelsArguments, invocation: Invocation) -> Result:
    del invocation
    reader = needs.reader(request.source)
    match = request.match or ""
    try:
        found, partial = (
            await reader.label_names(match)
            if request.label is None
            else await reader.label_values(request.label, match)
        )
    except SourceError as error:
        raise explained(error, match) from error
    what = _count(len(found), "label", "labels") if request.label is None else f"{request.label}: {len(found)} values"
    table = Table((Column("label" if request.label is None else "value"),), tuple((one,) for one in found))
    return _listed(what, list(found), table, partial)


def _listed(message: str, data: list[Any], table: Table | None, partial: Sequence[str], *, csv: bool = False) -> Result:
    if csv and table is not None:
        return Result("", data, lines=csv_lines([column.title for column in table.columns], table.rows))
    return Result(message, data, table if data else None, tuple(f"partial: {line}" for line in partial))


def explained(error: SourceError, expression: str) -> ConsoleError:
    """The server's own words, with the place of a wrong expression marked below it.

    The place is what Prometheus says (``1:7: parse error: …``, ``promql/parser/parse.go``): line and column from 1.
    """
    place = _PLACE.search(error.message)
    lines = expression.split("\n")
    if place is None or not 1 <= int(place[1]) <= len(lines):
        return error
    line, column = lines[int(place[1]) - 1], int(place[2])
    start = max(0, column - 41)
    near = line[start : column + 19]
    return SourceError(
        error.kind,
        f"{error.message}, at character {column}: {near[: column - 1 - start]}▸{near[column - 1 - start :]}",
        error.hint,
        sent=error.sent,
        status=error.status,
    )


def _moment(moment: datetime | timedelta | None, needs: MetricsNeeds) -> datetime:
    try:
        return resolve(moment, needs.clock.now())
    except ValueError as error:
        raise ConsoleError(str(error), "write for example -2h or 2026-01-05T09:00") from error


def _step(request: RangeArguments) -> float:
    if request.step is not None:
        return max(0.001, request.step.total_seconds())
    return float(max(1, math.ceil(request.since.total_seconds() / (_POINTS - 1))))


def _plot(expression: str, found: Sequence[Series], start: datetime, end: datetime, step: float) -> Plot:
    names = names_apart([one.labels for one in found])
    return Plot(
        [Line(name, one.times, one.values) for name, one in zip(names, found, strict=True)],
        start.timestamp(),
        end.timestamp(),
        unit=_unit(expression),
        step=step,
    )


def _elsewhere(request: RangeArguments, needs: MetricsNeeds, start: float, end: float) -> str:
    source = f" --source {shlex.quote(request.source)}" if request.source else ""
    now = needs.clock.now().timestamp()
    until = "" if end >= now else f" --until {_iso(round(end))}"
    since = format_duration(timedelta(seconds=max(1, round(end - start))))
    return f"/metrics range --since {since}{until}{source} {request.expression}"


def _unit(expression: str) -> Unit:
    try:
        return unit_of(parse(expression))
    except ValueError:
        return Unit.NONE


def _summary(one: Series) -> tuple[str, str, str, str, str]:
    finite = [value for value in one.values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (math.nan, math.nan)
    mean = math.fsum(value / len(finite) for value in finite) if finite else math.nan
    return figure(low), figure(mean), figure(high), figure(one.values[-1]), sparkline(one.values, _TREND)


def _height(one: Series) -> float:
    return max((value for value in one.values if not math.isnan(value)), default=-math.inf)


def _ranges(found: Iterable[Series]) -> list[Any]:
    return [
        {
            "labels": dict(one.labels),
            "samples": [[at, _json(value)] for at, value in zip(one.times, one.values, strict=True)],
        }
        for one in found
    ]


def _json(value: float) -> float | str:
    # JSON knows no NaN and no infinity; Prometheus itself writes them as text.
    return value if math.isfinite(value) else figure(value)


def _common(every: Sequence[Labels]) -> str:
    common = shared(every)
    return f", all with {selector(common)}" if common else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _sources(needs: MetricsNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.readers]


def _offers(needs: MetricsNeeds) -> Any:
    return needs.offers


EXPRESSION_COMMANDS: tuple[Command[MetricsNeeds, Any], ...] = (
    Command(
        name="metrics query",
        summary="ask what an expression gives at one moment",
        arguments=QueryArguments,
        risk=Risk.READ,
        run=_query,
        complete={"expression": _offers, "source": _sources},
        examples=("/metrics query up == 0", "/metrics query --at -1h sum by (job) (rate(http_requests_total[5m]))"),
    ),
    Command(
        name="metrics range",
        summary="plot what an expression gave over time",
        arguments=RangeArguments,
        risk=Risk.READ,
        run=_range,
        complete={"expression": _offers, "source": _sources},
        examples=("/metrics range up", "/metrics range --since 6h sum by (job) (rate(http_requests_total[5m]))"),
    ),
    Command(
        name="metrics series",
        summary="list the series that a selector takes",
        arguments=SeriesArguments,
        risk=Risk.READ,
        run=_series,
        complete={"selector": _offers, "source": _sources},
        examples=('/metrics series up{job="node"}',),
    ),
    Command(
        name="metrics labels",
        summary="list label names, or the values of one label",
        arguments=LabelsArguments,
        risk=Risk.READ,
        run=_labels,
        complete={"source": _sources},
        examples=("/metrics labels", "/metrics labels job"),
    ),
)
