"""Reads how objectives stand: those of the configuration by question, those of recording rules as they are recorded."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from services.metrics.discovering import PYRRA, SLOTH, pyrra_standings, sloth_standings
from services.metrics.model import InstantAnswer
from services.metrics.objective import Objective, Standing, prometheus_duration
from services.metrics.prometheus import PrometheusReader
from services.vocabulary.errors import FailureKind, SourceError

_AT_ONCE = 4  # questions: a Prometheus has other work too


async def standings(objectives: Sequence[Objective], reader: PrometheusReader) -> tuple[Standing, ...]:
    """Every objective of the configuration, then what sloth and pyrra have recorded.

    Raises:
        SourceError: what is recorded cannot be read. A configured one that cannot be read says so in its notes.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    asked = await asyncio.gather(*(_asked(one, reader, gate) for one in objectives))
    sloth, pyrra = await reader.query(SLOTH), await reader.query(PYRRA)
    known = {one.name for one in objectives}
    recorded = (*sloth_standings(sloth.samples), *pyrra_standings(pyrra.samples))
    return (*asked, *(one for one in recorded if one.objective.name not in known))


async def _asked(objective: Objective, reader: PrometheusReader, gate: asyncio.Semaphore) -> Standing:
    notes: list[str] = []
    windows = objective.windows
    # Few windows need their events; asking for all of them would double the work of the server.
    longs = sorted({condition.long for condition in objective.conditions}) if objective.least > 0 else []
    ratios = await asyncio.gather(*(_number(objective.ratio_over(one), reader, gate, notes) for one in windows))
    rates = await asyncio.gather(*(_number(objective.events_over(one), reader, gate, notes) for one in longs))
    events = {window: rate * window for window, rate in zip(longs, rates, strict=True) if not math.isnan(rate)}
    for window, ratio in zip(windows, ratios, strict=True):
        if math.isnan(ratio) and not notes:
            notes.append(f"no events in the last {prometheus_duration(window)}")
    return Standing(objective, dict(zip(windows, ratios, strict=True)), events, tuple(dict.fromkeys(notes)))


async def _number(expression: str, reader: PrometheusReader, gate: asyncio.Semaphore, notes: list[str]) -> float:
    async with gate:
        try:
            answer = await reader.query(expression)
        except SourceError as error:
            if error.kind in (FailureKind.UNREACHABLE, FailureKind.DENIED):
                raise
            notes.append(str(error))
            return math.nan
    return _one(answer, notes)


def _one(answer: InstantAnswer, notes: list[str]) -> float:
    notes += answer.partial
    if len(answer.samples) > 1:
        notes.append(f"the query gives {len(answer.samples)} series; it must give one, so aggregate it with sum()")
        return math.nan
    return answer.samples[0].value if answer.samples else math.nan
