"""``/deploy``: how rollouts stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field

from services.command import Arguments, Candidate, Column, Command, Invocation, Positional, Result, Table
from services.deployments.model import Deployment, Revision
from services.deployments.view import arrange, count
from services.safety.plan import Risk
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.snapshot import Freshness, FreshnessState, Snapshot

Snapshots = Sequence[Snapshot[Deployment]]

_COLUMNS = (
    Column("state"),
    Column("deployment"),
    Column("kind"),
    Column("env"),
    Column("ready", numeric=True),
    Column("rev", numeric=True),
    Column("changed", numeric=True),
    Column("images"),
    Column("trouble"),
)
_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class DeploymentsNeeds:
    """What the commands work with.

    Attributes:
        current: one snapshot a context, read now where no watch keeps it up to date.
        latest: what is known already, for completion; reads nothing.
        clock: for ages.
    """

    current: Callable[[], Awaitable[Snapshots]]
    latest: Callable[[], Snapshots]
    clock: Clock


class StatusArguments(Arguments):
    """``/deploy status [name]``."""

    name: Annotated[str | None, Positional(selection="deployment")] = Field(
        None, description="a name, namespace/name or context/namespace/name"
    )
    all: bool = Field(False, description="list them all, whatever is selected")


async def _status(needs: DeploymentsNeeds, request: StatusArguments, invocation: Invocation) -> Result:
    del invocation
    snapshots = await needs.current()
    now = needs.clock.now()
    judged = [(snapshot.freshness.at(now), snapshot.items) for snapshot in snapshots]
    warnings = tuple(line for freshness, _ in judged for line in _warnings(freshness, now))
    fresh = {item.id: freshness for freshness, items in judged for item in items}
    items = arrange(item for _, found in judged for item in found)
    if request.name is not None and not request.all:
        return _detail(_named(items, request.name, warnings), fresh, now, warnings)
    return Result(
        _sentence(items, [freshness for freshness, _ in judged]),
        data=[_object(item, fresh[item.id]) for item in items],
        table=Table(_COLUMNS, tuple(_row(item, fresh[item.id], now) for item in items)),
        lines=warnings,
        ok=bool(judged) and all(freshness.trusted for freshness, _ in judged),
    )


def _sentence(items: Sequence[Deployment], known: Sequence[Freshness]) -> str:
    if not known:
        return "no Kubernetes context is configured; add [[sre.kubernetes]]"
    blind = [freshness.source for freshness in known if not freshness.trusted]
    if not blind:
        return count(items).sentence
    if not items:
        return f"UNKNOWN: no fresh answer from {', '.join(blind)}"
    return f"{count(items).sentence}; not fresh: {', '.join(blind)}"


def _warnings(freshness: Freshness, now: datetime) -> list[str]:
    lines = [f"{freshness.source}: {missing}" for missing in freshness.partial]
    because = f": {freshness.reason}" if freshness.reason else ""
    match freshness.state:
        case FreshnessState.WAITING:
            lines.append(f"{freshness.source}: no answer yet")
        case FreshnessState.FAILING:
            lines.append(f"{freshness.source}: never answered{because}")
        case FreshnessState.STALE:
            age = format_age(now - freshness.checked_at) if freshness.checked_at else "?"
            lines.append(f"{freshness.source}: shown as it was {age} ago{because}")
        case FreshnessState.FRESH:
            pass
    return lines


def _named(items: Sequence[Deployment], name: str, warnings: tuple[str, ...]) -> Deployment:
    exact = [item for item in items if item.id == name]
    found = exact or [item for item in items if any(_ends(form, name) for form in _forms(item))]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(item.id for item in found[:_CANDIDATES])
        more = f" and {len(found) - _CANDIDATES} more" if len(found) > _CANDIDATES else ""
        raise ConsoleError(f"{name!r} could be any of {len(found)}: {names}{more}", "write the one you mean")
    near = get_close_matches(name.rpartition("/")[2], sorted({item.name for item in items}), 1)
    hints = [f"did you mean {near[0]}?"] if near else []
    hints += [f"it may be missing because {warning}" for warning in warnings]
    raise NotFound(f"there is no deployment {name!r}", "; ".join(hints) or "/deploy status --all lists them")


def _forms(item: Deployment) -> tuple[str, ...]:
    return item.id, f"{item.context}/{item.namespace}/{item.name}"


def _ends(form: str, name: str) -> bool:
    return form == name or form.endswith(f"/{name}")


def _detail(item: Deployment, fresh: dict[str, Freshness], now: datetime, warnings: tuple[str, ...]) -> Result:
    lines = [f"{item.kind} {item.id}" + (f" ({item.environment})" if item.environment else "")]
    lines.append(f"ready {item.ready}/{item.desired}, updated {item.updated}")
    if item.trouble:
        lines.append(f"trouble: {item.trouble}")
    lines += [f"image: {image}" for image in item.images]
    lines += [_revision_line(revision, item, now) for revision in item.revisions]
    return Result(
        f"{item.state.glyph} {item.name} is {item.state.value}" + (f": {item.message}" if item.message else ""),
        data=_object(item, fresh[item.id]),
        lines=(*lines, *warnings),
        ok=fresh[item.id].trusted,
    )


def _revision_line(revision: Revision, item: Deployment, now: datetime) -> str:
    at = item.changed_at if revision.current and item.changed_at else revision.created_at
    mark = "  current" if revision.current else ""
    return f"revision {revision.number}  {format_age(now - at)} ago  {', '.join(revision.images)}{mark}"


def _row(item: Deployment, freshness: Freshness, now: datetime) -> tuple[str, ...]:
    return (
        f"{item.state.glyph} {item.state.value}" + ("" if freshness.trusted else " (stale)"),
        f"{item.context}/{item.namespace}/{item.name}",
        item.kind,
        item.environment,
        f"{item.ready}/{item.desired}",
        str(item.revision) if item.revision else "",
        format_age(now - item.changed_at) if item.changed_at else "",
        ", ".join(image.rpartition("/")[2] for image in item.images),
        item.trouble,
    )


def _object(item: Deployment, freshness: Freshness) -> dict[str, Any]:
    return {
        "id": item.id,
        "context": item.context,
        "environment": item.environment,
        "namespace": item.namespace,
        "name": item.name,
        "kind": item.kind,
        "state": item.state.value,
        "message": item.message,
        "ready": item.ready,
        "desired": item.desired,
        "updated": item.updated,
        "revision": item.revision,
        "changed_at": _iso(item.changed_at),
        "trouble": item.trouble,
        "images": list(item.images),
        "labels": dict(item.labels),
        "revisions": [
            {
                "number": revision.number,
                "created_at": _iso(revision.created_at),
                "images": list(revision.images),
                "current": revision.current,
            }
            for revision in item.revisions
        ],
        "fresh": freshness.trusted,
        "checked_at": _iso(freshness.checked_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _names(needs: DeploymentsNeeds) -> Iterable[Candidate]:
    items = [item for snapshot in needs.latest() for item in snapshot.items]
    return [Candidate(item.id, item.state.value) for item in arrange(items)]


COMMANDS = (
    Command(
        name="deploy status",
        summary="Show how rollouts stand, or one of them with its revisions",
        arguments=StatusArguments,
        risk=Risk.READ,
        run=_status,
        complete={"name": _names},
        examples=("/deploy status", "/deploy status checkout", "/deploy status prod/shop/checkout"),
        help="States follow kubectl rollout status; a rollout that finished and lost pods since is degraded.",
    ),
)
