"""``/alerts show`` and ``/alerts silences``: everything about one alert, and what mutes which."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from services.alerts import listing
from services.alerts.lookup import find_alert
from services.alerts.matchers import format_matcher
from services.alerts.model import Alert, Silence, SilenceState
from services.alerts.needs import AlertsNeeds
from services.alerts.wire import instant
from services.command import Arguments, Column, Command, Invocation, Offers, Positional, Result, Table
from services.safety.plan import Risk
from services.vocabulary.durations import format_age
from services.vocabulary.errors import SourceError

SOON = timedelta(minutes=15)
"""What ends sooner is pointed out: whoever relies on it has to do something."""

_COLUMNS = (
    Column("state"),
    Column("mutes", numeric=True),
    Column("ends in", numeric=True),
    Column("by"),
    Column("cluster"),
    Column("matchers"),
    Column("comment"),
    Column("id"),
)
_LONGEST_COMMENT = 60


class ShowArguments(Arguments):
    """``/alerts show [id]``."""

    id: Annotated[str, Positional(selection="alert")] = Field(
        description="fingerprint or a unique beginning of it, with cluster/ before it where two clusters share one"
    )


class SilencesArguments(Arguments):
    """``/alerts silences [words…]``."""

    words: Annotated[tuple[str, ...], Positional(rest=True)] = Field(
        (), description="all must occur in the matchers, the author or the comment"
    )
    acks: bool = Field(False, description="only acknowledgements, the oldest first")
    unused: bool = Field(False, description="only those that mute nothing now")
    expired: bool = Field(False, description="ended ones too")


async def _show(needs: AlertsNeeds, request: ShowArguments, invocation: Invocation) -> Result:
    del invocation
    now = await needs.current()
    alert = find_alert(now, request.id)
    at = needs.clock.now()
    return Result(
        f"{alert.severity.glyph} {alert.name or '(no alertname)'} in {alert.cluster}: {alert.standing.value} "
        f"for {format_age(at - alert.starts_at)}",
        data=listing.data(alert),
        lines=tuple(_lines(alert, at)),
        ok=alert.cluster not in now.untrusted,
    )


def _lines(alert: Alert, at: datetime) -> list[str]:
    lines = [
        f"id: {alert.id}",
        f"since: {instant(alert.starts_at)}",
        f"environment: {alert.environment}" if alert.environment else "",
        f"receivers: {', '.join(alert.receivers)}" if alert.receivers else "",
    ]
    lines += [f"label {name} = {value}" for name, value in sorted(alert.labels.items())]
    lines += [f"{name}: {value}" for name, value in sorted(alert.annotations.items())]
    for silence in alert.silences:
        what = "acknowledged" if silence.is_ack else "silenced"
        ends = format_age(max(timedelta(0), silence.ends_at - at))
        lines.append(f"{what} by {silence.created_by} for {ends} still: {silence.comment} ({silence.id})")
    lines += [f"silenced by {one}" for one in alert.silenced_by if one not in {known.id for known in alert.silences}]
    lines += [f"inhibited by {one}" for one in alert.inhibited_by]
    lines += [f"muted by the time interval {one}" for one in alert.muted_by]
    if alert.generator_url:
        lines.append(f"rule: {alert.generator_url}")
    return [line for line in lines if line]


async def _silences(needs: AlertsNeeds, request: SilencesArguments, invocation: Invocation) -> Result:
    del invocation
    now, at = await needs.current(), needs.clock.now()
    asked = await asyncio.gather(*(reader.silences() for reader in needs.readers.values()), return_exceptions=True)
    found: list[Silence] = []
    failed: list[str] = []
    for answer in asked:
        if isinstance(answer, SourceError):
            failed.append(f"not listed: {answer}")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += answer
    hits = Counter((alert.cluster, one) for alert in now.alerts for one in alert.silenced_by)
    shown = [one for one in found if _wanted(one, hits[one.cluster, one.id], request)]
    # An ack that is old and goes on is the one that was forgotten.
    shown.sort(key=lambda one: one.starts_at if request.acks else one.ends_at)
    shown.sort(key=lambda one: one.state is SilenceState.EXPIRED)
    active = [one for one in found if one.state is SilenceState.ACTIVE]
    unused = sum(not hits[one.cluster, one.id] for one in active)
    soon = sum(one.ends_at - at <= SOON for one in active)
    said = [f"{len(active)} active", f"{sum(one.state is SilenceState.PENDING for one in found)} to come"]
    said += [f"{unused} that mute nothing now"] if unused else []
    said += [f"{soon} that end within {format_age(SOON)}"] if soon else []
    return Result(
        "silences: " + ", ".join(said),
        data=[_object(one, hits[one.cluster, one.id]) for one in shown],
        table=Table(_COLUMNS, tuple(_row(one, hits[one.cluster, one.id], at) for one in shown)) if shown else None,
        lines=tuple(failed),
        ok=not failed and bool(needs.readers),
    )


def _wanted(silence: Silence, hits: int, request: SilencesArguments) -> bool:
    if silence.state is SilenceState.EXPIRED and not request.expired:
        return False
    if (request.acks and not silence.is_ack) or (request.unused and hits):
        return False
    hay = f"{_matchers(silence)}\n{silence.created_by}\n{silence.comment}\n{silence.id}".casefold()
    return all(word.casefold() in hay for word in request.words)


def _row(silence: Silence, hits: int, at: datetime) -> tuple[str, ...]:
    left = silence.ends_at - at
    state = silence.state.value
    if silence.state is SilenceState.ACTIVE:
        state = "ends soon" if left <= SOON else "active" if hits else "mutes nothing"
    ends = format_age(left) if left > timedelta(0) else f"{format_age(-left)} ago"
    comment = " ".join(silence.comment.split())
    return (
        f"ack, {state}" if silence.is_ack else state,
        str(hits),
        ends,
        silence.created_by,
        silence.cluster,
        _matchers(silence),
        comment if len(comment) <= _LONGEST_COMMENT else f"{comment[:_LONGEST_COMMENT]}…",
        f"{silence.cluster}/{silence.id}",
    )


def _object(silence: Silence, hits: int) -> dict[str, Any]:
    return {
        "id": silence.id,
        "cluster": silence.cluster,
        "state": silence.state.value,
        "ack": silence.is_ack,
        "mutes": hits,
        "matchers": [
            {"name": one.name, "value": one.value, "is_regex": one.is_regex, "is_equal": one.is_equal}
            for one in silence.matchers
        ],
        "starts_at": instant(silence.starts_at),
        "ends_at": instant(silence.ends_at),
        "created_by": silence.created_by,
        "comment": silence.comment,
    }


def _matchers(silence: Silence) -> str:
    return ", ".join(format_matcher(one) for one in silence.matchers)


def _ids(needs: AlertsNeeds) -> Offers:
    return needs.offers


LOOKING_COMMANDS: Sequence[Command[AlertsNeeds, Any]] = (
    Command(
        name="alerts show",
        summary="Show everything about one alert",
        arguments=ShowArguments,
        risk=Risk.READ,
        run=_show,
        complete={"id": _ids},
        examples=("/alerts show 3f2a",),
    ),
    Command(
        name="alerts silences",
        summary="List silences, what ends first",
        arguments=SilencesArguments,
        risk=Risk.READ,
        run=_silences,
        examples=("/alerts silences", "/alerts silences --acks", "/alerts silences --unused checkout"),
        help="Says how many alerts each mutes now; one that mutes nothing may be wrong, or done with.",
    ),
)
