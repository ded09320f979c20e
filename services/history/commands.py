"""``/alerts history``: how often alerts fired, how long, who acted, and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from services.alerts.model import Alert
from services.command import Arguments, Column, Command, Duration, Invocation, Offers, Positional, Result, Table
from services.history.episodes import Summary, episodes_of, joined, per_day, summarize
from services.history.model import Episode
from services.history.repository import HistoryRepository
from services.incidents.model import Incident
from services.safety.plan import Risk
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age, format_duration
from services.vocabulary.errors import ConsoleError, SourceError
from services.vocabulary.sparkline import sparkline

_EPISODES = (
    Column("started"),
    Column("lasted", numeric=True),
    Column("acked by"),
    Column("silenced by"),
    Column("said"),
    Column("known from"),
)
_NAMES = (
    Column("alert"),
    Column("times", numeric=True),
    Column("per day"),
    Column("again at once", numeric=True),
    Column("fired for", numeric=True),
    Column("usually", numeric=True),
    Column("acked", numeric=True),
    Column("last", numeric=True),
    Column("cluster"),
)
_SHOWN = 50
_WIDEST = 30
_ONE, _ALL = timedelta(days=30), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a Prometheus remembers.

    Attributes:
        episodes: as far as its samples tell.
        step: between two samples.
    """

    episodes: tuple[Episode, ...]
    step: timedelta


@dataclass(frozen=True, slots=True)
class HistoryNeeds:
    """What the command works with.

    Attributes:
        repository: what consoles saw.
        find: the alert that is meant by an id or a unique beginning of one.
        remembered: an alert, from when and until when -> what the Prometheus of its cluster remembers; None where none
            belongs to it.
        incidents: ids of alerts -> the incidents that own or owned them, the latest first.
        clock: the time.
        kept_for: how long it is kept.
        offers: ids of alerts, for completion.
    """

    repository: HistoryRepository
    find: Callable[[str], Awaitable[Alert]]
    remembered: Callable[[Alert, datetime, datetime], Awaitable[Backfill | None]]
    incidents: Callable[[Sequence[str]], Awaitable[Sequence[Incident]]]
    clock: Clock
    kept_for: timedelta
    offers: Offers


class HistoryArguments(Arguments):
    """``/alerts history [id] [--since 30d] [--all]``."""

    id: Annotated[str | None, Positional(selection="alert")] = Field(
        None, description="of one alert; without it the noisiest first"
    )
    since: Duration | None = Field(None, description="how far back: 30d of one alert, else 7d")
    all: bool = Field(False, description="of every alert, whatever is selected")


async def _history(needs: HistoryNeeds, request: HistoryArguments, invocation: Invocation) -> Result:
    del invocation
    if request.id is None or request.all:
        return await _every(needs, request.since or _ALL)
    return await _one(needs, request.id, request.since or _ONE)


async def _every(needs: HistoryNeeds, span: timedelta) -> Result:
    now = needs.clock.now()
    since = now - span
    episodes = episodes_of(await needs.repository.events(since))
    by_name: dict[tuple[str, str], list[Episode]] = {}
    for one in episodes:
        by_name.setdefault((one.alert.partition("/")[0], one.name), []).append(one)
    told = [(key, several, summarize(several, now)) for key, several in by_name.items()]
    told.sort(key=lambda each: (-each[2].times, each[0]))
    rows = tuple(
        (
            name or "(no alertname)",
            str(found.times),
            _days(several, since, now),
            _again(found),
            format_age(found.fired_for),
            format_age(found.usual),
            str(found.acked),
            "" if found.last_at is None else f"{format_age(now - found.last_at)} ago",
            cluster,
        )
        for (cluster, name), several, found in told
    )
    flapping = sum(found.flaps for _, _, found in told)
    said = f"{len(episodes)} firings of {len(told)} alerts in {format_duration(span)}"
    return Result(
        said + (f", {flapping} flap" if flapping else ""),
        data=[{"cluster": key[0], "name": key[1], **_summary(found)} for key, _, found in told],
        table=Table(_NAMES, rows) if rows else None,
        lines=tuple(await _known_since(needs, {cluster for cluster, _ in by_name}, since)),
    )


async def _known_since(needs: HistoryNeeds, clusters: set[str], since: datetime) -> list[str]:
    lines = []
    for cluster in sorted(clusters):
        first = await needs.repository.first_at(cluster)
        if first is not None and first > since:
            lines.append(f"{cluster} is written down since {_utc(first)}")
    return lines or ([] if clusters else ["nothing is written down yet; a console does it while it runs"])


async def _one(needs: HistoryNeeds, id: str, span: timedelta) -> Result:
    now = needs.clock.now()
    since = now - span
    alert = await needs.find(id)
    # Of an alert that fires longer than that, its beginning still counts.
    events = await needs.repository.events(min(since, alert.starts_at), alerts=[(alert.cluster, alert.fingerprint)])
    observed = episodes_of(events)
    lines: list[str] = []
    episodes = await _with_backfill(needs, alert, observed, since, now, lines)
    found = summarize(episodes, now)
    lines[:0] = [
        f"per day {_days(episodes, since, now)}, today is the last",
        f"fired for {format_age(found.fired_for)} in all, half of the times at most {format_age(found.usual)}",
    ]
    owners = await needs.incidents([alert.id])
    lines += [_incident(one) for one in owners[:5]]
    shown = episodes[-_SHOWN:][::-1]
    if len(episodes) > len(shown):
        lines.append(f"the latest {len(shown)} of {len(episodes)} are listed")
    often = "once" if found.times == 1 else f"{found.times} times"
    words = f"{alert.name or alert.id}: {often} in {format_duration(span)}"
    if found.firing:
        words += ", fires now"
    if found.flaps:
        words += f"; it flaps ({found.again} of {found.times} came again within 15m)"
    return Result(
        words,
        data={
            "alert": alert.id,
            **_summary(found),
            "episodes": [_object(one) for one in episodes],
            "incidents": [one.number for one in owners],
        },
        table=Table(_EPISODES, tuple(_row(one, now) for one in shown)) if shown else None,
        lines=tuple(lines),
    )


async def _with_backfill(
    needs: HistoryNeeds, alert: Alert, observed: list[Episode], since: datetime, now: datetime, lines: list[str]
) -> list[Episode]:
    first = await needs.repository.first_at(alert.cluster)
    until = now if first is None else first
    if until <= since:
        return observed
    try:
        remembered = await needs.remembered(alert, since, until)
    except ConsoleError as error:
        what = "cannot be read" if isinstance(error, SourceError) else "is not known"
        lines.append(f"what was before {_utc(until)} {what}: {error}")
        return observed
    if remembered is None:
        lines.append(f"known since {_utc(until)}; no Prometheus belongs to {alert.cluster} that could tell more")
        return observed
    lines.append(f"before {_utc(until)} from Prometheus, to within {format_duration(remembered.step)}")
    return joined(observed, remembered.episodes, remembered.step)


def _days(episodes: Sequence[Episode], since: datetime, now: datetime) -> str:
    days = per_day(episodes, since.astimezone(UTC).date(), now.astimezone(UTC).date())
    return sparkline([float(one) for one in days], min(len(days), _WIDEST))


def _again(found: Summary) -> str:
    return f"{found.again}{' flaps' if found.flaps else ''}" if found.again else ""


def _row(one: Episode, now: datetime) -> tuple[str, ...]:
    lasted = format_age(one.lasted(now))
    return (
        _utc(one.started_at),
        lasted if one.ended_at is not None else f"{lasted} yet",
        ", ".join(one.acked_by),
        ", ".join(one.silenced_by),
        " ".join("; ".join(one.notes).split()),
        "consoles" if one.observed else "Prometheus",
    )


def _incident(one: Incident) -> str:
    last = one.timeline[-1] if one.timeline else None
    words = f"incident #{one.number} (SEV{one.severity}, {one.state.value}, {one.commander}): {one.title}"
    return words if last is None else f"{words}; last {last.operator}: {last.text}"


def _object(one: Episode) -> dict[str, Any]:
    return {
        "started_at": one.started_at.isoformat(),
        "ended_at": None if one.ended_at is None else one.ended_at.isoformat(),
        "acked_by": list(one.acked_by),
        "silenced_by": list(one.silenced_by),
        "notes": list(one.notes),
        "observed": one.observed,
    }


def _summary(found: Summary) -> dict[str, Any]:
    return {
        "times": found.times,
        "again": found.again,
        "flapping": round(found.flapping, 3),
        "fired_seconds": found.fired_for.total_seconds(),
        "median_seconds": found.usual.total_seconds(),
        "firing": found.firing,
        "acked": found.acked,
        "last_at": None if found.last_at is None else found.last_at.isoformat(),
    }


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ids(needs: HistoryNeeds) -> Offers:
    return needs.offers


COMMANDS: tuple[Command[HistoryNeeds, Any], ...] = (
    Command(
        name="alerts history",
        summary="How often an alert fired, how long, who acted; or the noisiest alerts",
        arguments=HistoryArguments,
        risk=Risk.READ,
        run=_history,
        complete={"id": _ids},
        examples=("/alerts history 3f2a", "/alerts history --all --since 14d"),
        help=(
            "A console that runs writes down every firing, resolve, ack and silence, for all consoles of the store. "
            "What was before is read from the ALERTS series of the cluster's Prometheus. An alert flaps if it came "
            "again within 15 minutes at least half of the times."
        ),
    ),
)
"""The commands of this room."""
