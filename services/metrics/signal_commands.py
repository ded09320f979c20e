"""``/metrics signals``: the golden signals of one service."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Duration, Invocation, Positional, Result, Table
from services.metrics.expression_commands import SOURCE
from services.metrics.model import Series
from services.metrics.needs import MetricsNeeds
from services.metrics.objective import prometheus_duration
from services.metrics.prometheus import PrometheusReader
from services.metrics.signals import (
    FAMILIES,
    GENERIC,
    SERVICE_LABELS,
    STATUS_LABELS,
    Signal,
    generic,
    label_among,
    request_signals,
    saturation_signals,
    wanted_names,
)
from services.metrics.tabling import figure
from services.safety.plan import Risk
from services.vocabulary.errors import ConsoleError, NotFound, SourceError
from services.vocabulary.plot import Line, Plot, Unit
from services.vocabulary.sparkline import sparkline

_COLUMNS = (
    Column("signal"),
    Column("now", numeric=True),
    Column("lowest", numeric=True),
    Column("highest", numeric=True),
    Column("trend"),
    Column("from"),
)
_POINTS = 240
_TREND = 30
_AT_ONCE = 3


class SignalsArguments(Arguments):
    """``/metrics signals``."""

    service: Annotated[str, Positional(selection="service")] = Field(description="a service or workload")
    namespace: str = Field("", description="only there")
    since: Duration = Field(timedelta(hours=1), description="how long it goes back")
    source: str | None = SOURCE


async def _signals(needs: MetricsNeeds, request: SignalsArguments, invocation: Invocation) -> Result:
    del invocation
    if request.since <= timedelta(0):
        raise ConsoleError("--since must be longer than nothing", "write for example --since 1h")
    reader = needs.reader(request.source)
    found = await _found(reader, request, needs.clock.now())
    if not found:
        raise NotFound(
            f"no metric family that is known counts requests of {request.service!r}",
            f"looked for {', '.join(one.requests for one in FAMILIES)}; {GENERIC} by {', '.join(SERVICE_LABELS)}",
        )
    end = needs.clock.now()
    start = end - request.since
    step = float(max(1, math.ceil(request.since.total_seconds() / (_POINTS - 1))))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(signal: Signal) -> tuple[Series | None, str]:
        async with gate:
            try:
                answer = await reader.query_range(signal.expression, start, end, step)
            except SourceError as error:
                return None, f"{signal.name}: {error}"
        return (answer.series[0] if answer.series else None), ""

    read_all = await asyncio.gather(*map(read, found))
    every = [(signal, series) for signal, (series, _) in zip(found, read_all, strict=True)]
    drawn, series = next((one for one in every if one[0].name == "errors"), every[0])
    length = prometheus_duration(round(request.since.total_seconds()))
    plot = None
    if series is not None:
        line = Line("", series.times, series.values)
        plot = Plot([line], start.timestamp(), end.timestamp(), unit=drawn.unit, step=step, caption=drawn.name)
    return Result(
        f"{request.service}: {len(found)} signals over the last {length}",
        [_object(signal, series) for signal, series in every],
        Table(_COLUMNS, tuple(_row(signal, series) for signal, series in every)),
        tuple(said for _, said in read_all if said),
        plot=plot,
        elsewhere=partial(_elsewhere, request),
    )


async def _found(reader: PrometheusReader, request: SignalsArguments, now: datetime) -> list[Signal]:
    names, _ = await reader.label_values("__name__", f'{{__name__=~"{"|".join(wanted_names())}"}}')
    known = frozenset(names)
    signals: list[Signal] = []
    for family in FAMILIES:
        if family.requests in known:
            tried = request_signals(family, request.service, request.namespace, known)
            if (await reader.query(tried[0].expression)).samples:
                signals += tried
                break
    if not signals and GENERIC in known:
        every = await _generic_labels(reader, request.service, now)
        if service := label_among(every, SERVICE_LABELS, request.service):
            family = generic(service, label_among(every, STATUS_LABELS))
            signals += request_signals(family, request.service, request.namespace, known)
    return [*signals, *saturation_signals(request.service, request.namespace, known)] if signals else []


async def _generic_labels(reader: PrometheusReader, service: str, now: datetime) -> list[dict[str, str]]:
    value = service.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    selectors = [f'{GENERIC}{{{label}="{value}"}}' for label in SERVICE_LABELS]
    found, _ = await reader.series(selectors, now - timedelta(minutes=10), now)
    return [dict(labels) for labels in found]


def _elsewhere(request: SignalsArguments, start: float, end: float) -> str:
    # It always ends now: these are the signals of the present.
    namespace = f" --namespace {request.namespace}" if request.namespace else ""
    seconds = max(300, round((end - start) / 60) * 60)
    return f"/metrics signals {request.service}{namespace} --since {prometheus_duration(seconds)}"


def _row(signal: Signal, series: Series | None) -> tuple[str, ...]:
    if series is None:
        return signal.name, "no data", "", "", "", signal.family
    finite = [value for value in series.values if math.isfinite(value)] or [math.nan]
    now, low, high = series.values[-1], min(finite), max(finite)
    return (
        signal.name,
        *(_said(value, signal.unit) for value in (now, low, high)),
        sparkline(series.values, _TREND),
        signal.family,
    )


def _said(value: float, unit: Unit) -> str:
    if not math.isfinite(value):
        return "no events" if math.isnan(value) else figure(value)
    match unit:
        case Unit.RATIO:
            return f"{100 * value:.3g} %"
        case Unit.SECONDS:
            return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
        case Unit.PER_SECOND:
            return f"{value:.3g}/s"
    return figure(value)


def _object(signal: Signal, series: Series | None) -> dict[str, Any]:
    last = None if series is None or not math.isfinite(series.values[-1]) else series.values[-1]
    return {
        "signal": signal.name,
        "now": last,
        "unit": signal.unit.value,
        "family": signal.family,
        "query": signal.expression,
    }


def _sources(needs: MetricsNeeds) -> list[Candidate]:
    return [Candidate(name) for name in needs.readers]


SIGNAL_COMMANDS: tuple[Command[MetricsNeeds, Any], ...] = (
    Command(
        name="metrics signals",
        summary="show traffic, errors, latency and saturation of a service",
        arguments=SignalsArguments,
        risk=Risk.READ,
        run=_signals,
        complete={"source": _sources},
        examples=("/metrics signals checkout", "/metrics signals checkout --namespace shop --since 6h"),
    ),
)
