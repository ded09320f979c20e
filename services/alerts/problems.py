"""The alerts pane by problem: one row for what probably has one cause. Pure functions, made to run in a thread.

The order is that of the plain list: what fires and is nobody's first, worst severity first, then the newest problem;
what is muted altogether is one line at the end. A muted alert of a problem that still fires stays with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import TYPE_CHECKING

from services.alerts.model import Alert, Standing
from services.alerts.naming import THINGS, differing
from services.alerts.view import MUTED_KEY, AlertRow, AlertsView, RowKind
from services.correlation.model import Correlation, Problem
from services.vocabulary.severity import Severity

if TYPE_CHECKING:
    from services.alerts.filtering import AlertFilter

_ORDER = {standing: place for place, standing in enumerate(Standing)}
_MUTED = (Standing.SILENCED, Standing.INHIBITED)
_COMPARED = 200
_COARSE = ("job", "namespace")


def arrange_problems(
    alerts: Iterable[Alert],
    correlation: Correlation,
    *,
    filter: AlertFilter | None = None,
    seen: Mapping[str, AbstractSet[str]],
    expanded: AbstractSet[str] = frozenset(),
) -> AlertsView:
    """Work out the page.

    Args:
        alerts: all that are known.
        correlation: of these alerts; one that it does not know stands alone.
        filter: which of them to list; a problem is listed with those of its alerts that pass.
        seen: as for :func:`services.alerts.view.arrange`.
        expanded: keys of the problems (and of the muted rest) whose alerts are listed below them.
    """
    counts: dict[tuple[Standing, Severity], int] = {}
    passed: dict[int | str, list[AlertRow]] = {}
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
        passed.setdefault(correlation.places.get(key, key), []).append(row)
    blocks: list[tuple[tuple[int, int, float, str], list[AlertRow]]] = []
    muted: list[AlertRow] = []
    for place, rows in passed.items():
        if all(row.standing in _MUTED for row in rows):
            muted += rows
            continue
        problem = correlation.problems[place] if isinstance(place, int) else None
        rows.sort(key=_rank)
        block = _block(problem, rows, expanded) if problem is not None and len(rows) > 1 else rows[:1]
        head = block[0]
        since = head.since.timestamp() if head.since is not None else 0.0
        blocks.append(((_ORDER[head.standing], head.severity.rank, -since, head.key), block))
    blocks.sort(key=lambda one: one[0])
    found = [row for _, block in blocks for row in block]
    if muted:
        found += _rest(muted, expanded)
    return AlertsView(tuple(found), counts, total, len(ids), new, frozenset(ids))


def _block(problem: Problem, rows: Sequence[AlertRow], expanded: AbstractSet[str]) -> list[AlertRow]:
    key = f"\0problem{problem.id}"
    active = [row for row in rows if row.standing is rows[0].standing]
    speaker = next((row.alert for row in rows if row.key == problem.cause.alert), rows[0].alert)
    head = AlertRow(
        key,
        RowKind.PROBLEM,
        speaker,
        tuple([row.key for row in rows]),
        rows[0].standing,
        min([row.severity for row in active], key=attrgetter("rank")),
        min([row.since for row in rows if row.since is not None]),
        sum([row.new for row in rows]),
        0,
        key in expanded,
        problem=problem,
    )
    if not head.expanded:
        return [head]
    labels = [row.alert.labels for row in rows[:_COMPARED] if row.alert is not None]
    apart = tuple([name for name in differing(labels) if name in THINGS and name not in _COARSE])
    return [head, *[_below(row, apart) for row in rows]]


def _rest(rows: list[AlertRow], expanded: AbstractSet[str]) -> list[AlertRow]:
    rows.sort(key=_rank)
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


def _rank(row: AlertRow) -> tuple[int, int, float, str]:
    since = row.since.timestamp() if row.since is not None else 0.0
    return _ORDER[row.standing], row.severity.rank, since, row.key
