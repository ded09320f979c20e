"""Groups of alerts as ``/alerts list --by`` prints them, and as data for a program."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from services.alerts import listing
from services.alerts.grouping import PLACES, Grouping, GroupingKind, Sort, parse_grouping
from services.alerts.groups import arrange_groups, shared_labels
from services.alerts.model import Alert, Standing
from services.alerts.naming import told_apart
from services.alerts.now import AlertsNow
from services.alerts.routing import routes_of
from services.alerts.view import MUTED_KEY, AlertRow, RowKind
from services.alerts.wire import instant
from services.command import Candidate, Column, Result, Table
from services.vocabulary.durations import format_age
from services.vocabulary.errors import ConsoleError

if TYPE_CHECKING:
    from services.alerts.filtering import AlertFilter
    from services.alerts.needs import AlertsNeeds
    from services.alerts.saved_views import SavedView

_COLUMNS = (
    Column("severity"),
    Column("group"),
    Column("alerts", numeric=True),
    Column("firing", numeric=True),
    Column("age", numeric=True),
    Column("which"),
)


async def grouped(
    needs: AlertsNeeds,
    now: AlertsNow,
    chosen: AlertFilter,
    view: SavedView | None,
    by: str,
    sort: Sort | None,
) -> Result | None:
    """The answer by groups.

    Args:
        needs: of the commands.
        now: the alerts.
        chosen: which of them.
        view: whose grouping and sort hold where ``by`` and ``sort`` say nothing.
        by: a grouping as :func:`parse_grouping` reads it; empty for none.
        sort: what comes first.

    Returns:
        None where nothing is to be grouped or sorted in another way than a list is.

    Raises:
        ConsoleError: the view groups by problem.
    """
    grouping = parse_grouping(by) if by else view.grouping if view is not None and not view.plain else None
    order = sort or (view.sort if view is not None else Sort.WORST)
    if grouping is None and order is Sort.WORST:
        return None
    grouping = grouping or Grouping(GroupingKind.NONE)
    if grouping.kind is GroupingKind.PROBLEM:
        raise ConsoleError("this view groups by problem, which takes a page of its own", "/alerts correlate lists them")
    routes = await routes_of(needs.readers) if grouping.kind is GroupingKind.ROUTE else {}
    arranged = await asyncio.to_thread(
        partial(
            arrange_groups,
            now.alerts,
            grouping,
            routes=routes,
            filter=chosen,
            seen={},
            expanded=frozenset({MUTED_KEY}),
            sort=order,
        )
    )
    known = {alert.id: alert for alert in now.alerts}
    at = needs.clock.now()
    rows = [row for row in arranged.rows if row.kind is not RowKind.MUTED][: chosen.limit]
    said = listing.sentence(now, arranged, at, filtered=not chosen.empty)
    told = told_apart([row.alert for row in rows if row.alert is not None], now.alerts)
    return Result(
        said if grouping.kind is GroupingKind.NONE else f"{len(rows)} groups by {grouping}; {said}",
        data=[_object(row, [known[one] for one in row.ids]) for row in rows],
        table=Table(
            _COLUMNS,
            tuple(_row(row, words, known, at) for row, words in zip(rows, told, strict=True)),
        ),
        ok=bool(now.freshness) and not now.untrusted,
    )


def groupings(needs: AlertsNeeds) -> Iterable[Candidate]:
    """What completion offers for ``--by``."""
    words = [Candidate("alike"), Candidate("alertmanager", "its own groups"), Candidate("none")]
    return [*words, *map(Candidate, PLACES), *(Candidate(name, "label") for name in needs.offers.label_names())]


def views(needs: AlertsNeeds) -> Iterable[Candidate]:
    """What completion offers for ``--view``."""
    return [Candidate(one.name, describe(one)) for one in needs.views.values()]


def describe(view: SavedView) -> str:
    """What a view does, in a few words (raw)."""
    words = [f"by {view.grouping}"]
    if view.sort is not Sort.WORST:
        words.append(f"{view.sort.value} first")
    if view.filter:
        words.append(view.filter)
    return ", ".join(words)


def _row(row: AlertRow, words: str, known: Mapping[str, Alert], at: datetime) -> tuple[str, ...]:
    members = [known[one] for one in row.ids]
    severity = row.severity
    return (
        f"{severity.glyph} {severity.word}",
        row.title or words,
        str(row.count),
        str(sum(one.standing is Standing.FIRING for one in members)),
        format_age(at - row.since) if row.since is not None else "",
        row.told or row.standing.value,
    )


def _object(row: AlertRow, members: Sequence[Alert]) -> dict[str, Any]:
    return {
        "group": row.title or (row.alert.name if row.alert is not None else ""),
        "severity": row.severity.value,
        "standing": row.standing.value,
        "count": row.count,
        "firing": sum(one.standing is Standing.FIRING for one in members),
        "since": instant(row.since) if row.since is not None else None,
        "labels": dict(row.shared or shared_labels(members)),
        "alerts": [one.id for one in members],
    }
