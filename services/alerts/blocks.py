"""The alerts pane in blocks: what belongs together stands under one head, which unfolds. Made to run in a thread.

What fires and is nobody's comes first, whatever the sort; what is muted altogether is one line at the end. A muted
alert of a block that still fires stays with it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from services.alerts.grouping import Sort
from services.alerts.model import Alert, Standing
from services.alerts.view import MUTED_KEY, AlertRow, AlertsView, RowKind
from services.vocabulary.severity import Severity

if TYPE_CHECKING:
    from services.alerts.filtering import AlertFilter

_ORDER = {standing: place for place, standing in enumerate(Standing)}
_MUTED = (Standing.SILENCED, Standing.INHIBITED)


@dataclass(frozen=True)
class Block:
    """What heads a block, and what tells its alerts apart.

    Attributes:
        head: the row that stands for all.
        apart: names of the labels in which the alerts below it differ; each tells the first that it has.
    """

    head: AlertRow
    apart: tuple[str, ...] = ()


Place = Callable[[Alert], Hashable]
"""Where an alert belongs; all of one place are one block."""
Heading = Callable[[Any, Sequence[AlertRow], AbstractSet[str]], Block | None]
"""Place, its rows in order and what is expanded -> the block; None where its alerts stand by themselves."""


def arrange_blocks(
    alerts: Iterable[Alert],
    place: Place,
    heading: Heading,
    *,
    filter: AlertFilter | None = None,
    seen: Mapping[str, AbstractSet[str]],
    expanded: AbstractSet[str] = frozenset(),
    sort: Sort = Sort.WORST,
) -> AlertsView:
    """Work out the page.

    Args:
        alerts: all that are known.
        place: where each belongs.
        heading: makes the head of a block.
        filter: which alerts to list; a block is listed with those that pass.
        seen: as for :func:`services.alerts.view.arrange`.
        expanded: keys of the heads (and of the muted rest) whose alerts are listed below them.
        sort: what comes first.
    """
    counts: dict[tuple[Standing, Severity], int] = {}
    passed: dict[Hashable, list[AlertRow]] = {}
    matches = filter.matches if filter is not None and not filter.empty else None
    ids: list[str] = []
    total = new = 0
    for alert in alerts:
        total += 1
        standing, severity, key = alert.standing, alert.severity, alert.id
        counts[standing, severity] = counts.get((standing, severity), 0) + 1
        if matches is not None and not matches(alert):
            continue
        known = seen.get(alert.cluster)
        fresh = known is not None and key not in known
        ids.append(key)
        new += fresh
        row = AlertRow(key, RowKind.ALERT, alert, (key,), standing, severity, alert.starts_at, int(fresh))
        passed.setdefault(place(alert), []).append(row)
    blocks: list[tuple[tuple[Any, ...], list[AlertRow]]] = []
    muted: list[AlertRow] = []
    for where, rows in passed.items():
        if all(row.standing in _MUTED for row in rows):
            muted += rows
            continue
        rows.sort(key=rank)
        block = heading(where, rows, expanded)
        if block is None:
            blocks += [(_place_in_order(row, (row,), sort), [row]) for row in rows]
            continue
        below = [_below(row, block.apart) for row in rows] if block.head.expanded else []
        blocks.append((_place_in_order(block.head, rows, sort), [block.head, *below]))
    blocks.sort(key=lambda one: one[0])
    found = [row for _, rows in blocks for row in rows]
    if muted:
        found += _rest(muted, expanded)
    return AlertsView(tuple(found), counts, total, len(ids), new, frozenset(ids))


def head_of(key: str, kind: RowKind, speaker: Alert | None, rows: Sequence[AlertRow], *, expanded: bool) -> AlertRow:
    """The row that stands for ``rows`` (in order): as bad as the worst that needs somebody, as old as the oldest.

    Args:
        key: stays the same for the same block from page to page.
        kind: what kind of block it is.
        speaker: the alert whose name and place it shows; rows of alerts always have one.
        rows: its alerts, in order, at least one.
        expanded: whether they are listed below it.
    """
    return AlertRow(
        key,
        kind,
        speaker,
        tuple([row.key for row in rows]),
        rows[0].standing,
        min([row.severity for row in rows if row.standing is rows[0].standing], key=attrgetter("rank")),
        min([row.since for row in rows if row.since is not None]),
        sum([row.new for row in rows]),
        0,
        expanded,
    )


def rank(row: AlertRow) -> tuple[int, int, float, str]:
    """The order within a block: what needs somebody first, the worst first, the oldest first."""
    return _ORDER[row.standing], row.severity.rank, _seconds(row.since), row.key


def _place_in_order(head: AlertRow, rows: Sequence[AlertRow], sort: Sort) -> tuple[Any, ...]:
    standing, severity, since = _ORDER[head.standing], head.severity.rank, _seconds(head.since)
    match sort:
        case Sort.NEWEST:
            newest = max([_seconds(row.since) for row in rows if row.standing is head.standing])
            return standing, -newest, severity, head.key
        case Sort.OLDEST:
            return standing, since, severity, head.key
        case Sort.LARGEST:
            return standing, -head.count, severity, -since, head.key
        case Sort.NAME:
            name = head.title or (head.alert.name if head.alert is not None else "")
            return standing, name.casefold(), severity, -since, head.key
    return standing, severity, -since, head.key


def _rest(rows: list[AlertRow], expanded: AbstractSet[str]) -> list[AlertRow]:
    rows.sort(key=rank)
    folded = AlertRow(
        MUTED_KEY,
        RowKind.MUTED,
        None,
        tuple([row.key for row in rows]),
        Standing.SILENCED,
        min([row.severity for row in rows], key=attrgetter("rank")),
        min([row.since for row in rows if row.since is not None]),
        sum([row.new for row in rows]),
        0,
        MUTED_KEY in expanded,
    )
    return [folded, *([_below(row, ()) for row in rows] if folded.expanded else [])]


def _below(row: AlertRow, apart: tuple[str, ...]) -> AlertRow:
    labels = row.alert.labels if row.alert is not None else {}
    own = tuple([name for name in apart if labels.get(name)])[:1]
    return AlertRow(row.key, row.kind, row.alert, row.ids, row.standing, row.severity, row.since, row.new, 1, apart=own)


def _seconds(since: datetime | None) -> float:
    return since.timestamp() if since is not None else 0.0
