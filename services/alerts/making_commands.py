"""``/alerts create`` and ``resolve``: alerts that a person makes. ``/alerts acks``: who has what, and how long yet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from services.alerts.kept import KeptAck
from services.alerts.making import MakingNeeds, plan_create, plan_resolve
from services.alerts.model import ACK_PREFIX, Alert, Silence, SilenceState
from services.alerts.wire import instant
from services.command import Arguments, Candidate, Column, Command, Duration, Invocation, Positional, Result, Table
from services.safety.plan import Plan, Risk
from services.vocabulary.durations import format_age
from services.vocabulary.errors import SourceError

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_COLUMNS = (
    Column("owner"),
    Column("age", numeric=True),
    Column("ends in", numeric=True),
    Column("kept for", numeric=True),
    Column("cluster"),
    Column("alert"),
    Column("note"),
    Column("id"),
)


def _label(word: str) -> str:
    name, equals, _ = word.partition("=")
    if not equals or not _LABEL.fullmatch(name) or name == "alertname":
        raise ValueError(f"{word!r} is not a label; write for example service=checkout")
    return word


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("an alert needs a name")
    return value


class CreateArguments(Arguments):
    """``/alerts create <name> [label=value…] --for 1h [--summary "…"]``."""

    name: Annotated[str, Positional(), AfterValidator(_name)] = Field(description="its alertname")
    labels: Annotated[tuple[Annotated[str, AfterValidator(_label)], ...], Positional(rest=True)] = Field(
        (), description="such as severity=warning service=checkout"
    )
    for_: Duration = Field(alias="for", description="when it ends by itself")
    summary: str = Field("", description="what is wrong, for whoever is notified")
    cluster: str = Field("", description="where, if there are several")


class ResolveArguments(Arguments):
    """``/alerts resolve <id>``."""

    id: Annotated[str, Positional(selection="alert")] = Field(
        description="fingerprint or a unique beginning of it, with cluster/ before it where two clusters share one"
    )
    if_match: str = Field("", description="only the one of this number; the console writes it into undo")


class AcksArguments(Arguments):
    """``/alerts acks [--mine]``."""

    mine: bool = Field(False, description="only yours")


async def _create(needs: MakingNeeds, request: CreateArguments, invocation: Invocation) -> Plan:
    labels = {"alertname": request.name}
    for word in request.labels:
        name, _, value = word.partition("=")
        labels[name] = value
    annotations = {"summary": request.summary} if request.summary else {}
    annotations["created_by"] = invocation.actor.operator
    # A label without a value is one that is not there.
    labels = {name: value for name, value in labels.items() if value}
    return await plan_create(needs, invocation.actor, labels, annotations, request.for_, request.cluster)


async def _resolve(needs: MakingNeeds, request: ResolveArguments, invocation: Invocation) -> Plan:
    del invocation
    return await plan_resolve(needs, request.id, request.if_match)


async def _acks(needs: MakingNeeds, request: AcksArguments, invocation: Invocation) -> Result:
    now, at = await needs.alerts.current(), needs.alerts.clock.now()
    answers = await asyncio.gather(
        *(reader.silences() for reader in needs.alerts.readers.values()), return_exceptions=True
    )
    found: list[Silence] = []
    failed: list[str] = []
    for answer in answers:
        if isinstance(answer, SourceError):
            failed.append(f"not listed: {answer}")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += [one for one in answer if one.is_ack and one.state is SilenceState.ACTIVE and one.ends_at > at]
    if request.mine:
        found = [one for one in found if one.created_by == invocation.actor.operator]
    kept = {(one.cluster, one.silence): one for one in await needs.kept.acks()}
    # The oldest is the one that may be forgotten.
    found.sort(key=lambda one: _since(one, kept.get((one.cluster, one.id))))
    muted: dict[tuple[str, str], list[Alert]] = {}
    for alert in now.alerts:
        for silence in alert.silenced_by:
            muted.setdefault((alert.cluster, silence), []).append(alert)
    rows, data = [], []
    for one in found:
        key = (one.cluster, one.id)
        held, alerts = kept.get(key), muted.get(key, [])
        left = held.until - at if held is not None else None
        note = one.comment.removeprefix(ACK_PREFIX).strip()
        since = _since(one, held)
        rows.append(
            (
                one.created_by,
                format_age(at - since),
                format_age(one.ends_at - at),
                "-" if left is None else format_age(max(timedelta(0), left)),
                one.cluster,
                ", ".join(sorted({alert.name or alert.fingerprint for alert in alerts})) or "none fires",
                " ".join(note.split()),
                alerts[0].fingerprint if len(alerts) == 1 else f"{one.cluster}/{one.id}",
            )
        )
        data.append(
            {
                "owner": one.created_by,
                "note": note,
                "since": instant(since),
                "ends_at": instant(one.ends_at),
                "kept_until": None if held is None else instant(held.until),
                "kept_for": None if held is None else held.actor.operator,
                "cluster": one.cluster,
                "silence": one.id,
                "alerts": [alert.id for alert in alerts],
            }
        )
    idle = sum(not one["alerts"] for one in data)
    said = f"{len(data)} acks" if len(data) != 1 else "1 ack"
    return Result(
        said + (f", {idle} whose alert does not fire" if idle else ""),
        data=data,
        table=Table(_COLUMNS, tuple(rows)) if rows else None,
        lines=tuple(failed),
        ok=not failed,
    )


def _since(silence: Silence, held: KeptAck | None) -> Any:
    return silence.starts_at if held is None else min(silence.starts_at, held.acked_at)


def _ids(needs: MakingNeeds) -> Any:
    return needs.alerts.offers


def _clusters(needs: MakingNeeds) -> Iterable[Candidate]:
    return [Candidate(name) for name in needs.alerts.writers]


def _label_names(needs: MakingNeeds) -> Iterable[Candidate]:
    return [Candidate(f"{name}=", whole=False) for name in needs.alerts.offers.label_names() if name != "alertname"]


COMMANDS: tuple[Command[MakingNeeds, Any], ...] = (
    Command(
        name="alerts create",
        summary="Create an alert by hand: it fires until it ends or is resolved",
        arguments=CreateArguments,
        risk=Risk.WRITE,
        plan=_create,
        complete={"labels": _label_names, "cluster": _clusters},
        examples=('/alerts create MailStuck severity=warning service=mail --for 1h --summary "queue grows"',),
        help=(
            "It is posted to Alertmanager, which notifies as its labels are routed. One of the consoles posts it again "
            "until it ends, also after a restart of Alertmanager; /alerts resolve ends it sooner."
        ),
    ),
    Command(
        name="alerts resolve",
        summary="Resolve an alert that was created by hand",
        arguments=ResolveArguments,
        risk=Risk.WRITE,
        plan=_resolve,
        complete={"id": _ids},
        examples=("/alerts resolve 3f2a",),
        help="Any other alert would fire again within seconds, and page twice: this says so, and how to silence it.",
    ),
    Command(
        name="alerts acks",
        summary="List who has which alert, the oldest ack first",
        arguments=AcksArguments,
        risk=Risk.READ,
        run=_acks,
        examples=("/alerts acks", "/alerts acks --mine"),
        help="Kept for says how long it is prolonged yet while its alert fires; - is one that nobody here prolongs.",
    ),
)
"""The commands for what people make and keep."""
