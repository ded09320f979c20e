"""The alerts pane by problem: one row for what probably has one cause. Pure functions, made to run in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from msgspec import structs

from services.alerts.blocks import Block, arrange_blocks, head_of
from services.alerts.grouping import Sort
from services.alerts.model import Alert
from services.alerts.naming import THINGS, differing
from services.alerts.view import AlertRow, AlertsView, RowKind
from services.correlation.model import Correlation

if TYPE_CHECKING:
    from services.alerts.filtering import AlertFilter

_COMPARED = 200
_COARSE = ("job", "namespace")


def arrange_problems(
    alerts: Iterable[Alert],
    correlation: Correlation,
    *,
    filter: AlertFilter | None = None,
    seen: Mapping[str, AbstractSet[str]],
    expanded: AbstractSet[str] = frozenset(),
    sort: Sort = Sort.WORST,
) -> AlertsView:
    """Work out the page.

    Args:
        alerts: all that are known.
        correlation: of these alerts; one that it does not know stands alone.
        filter: which of them to list; a problem is listed with those of its alerts that pass.
        seen: as for :func:`services.alerts.view.arrange`.
        expanded: keys of the problems (and of the muted rest) whose alerts are listed below them.
        sort: what comes first.
    """

    def place(alert: Alert) -> int | str:
        return correlation.places.get(alert.id, alert.id)

    def heading(place: int | str, rows: Sequence[AlertRow], expanded: AbstractSet[str]) -> Block | None:
        if isinstance(place, str) or len(rows) == 1:
            return None
        problem = correlation.problems[place]
        key = f"\0problem{problem.id}"
        speaker = next((row.alert for row in rows if row.key == problem.cause.alert), rows[0].alert)
        head = head_of(key, RowKind.PROBLEM, speaker, rows, expanded=key in expanded)
        return Block(structs.replace(head, problem=problem), _apart(rows) if head.expanded else ())

    return arrange_blocks(alerts, place, heading, filter=filter, seen=seen, expanded=expanded, sort=sort)


def _apart(rows: Sequence[AlertRow]) -> tuple[str, ...]:
    labels = [row.alert.labels for row in rows[:_COMPARED] if row.alert is not None]
    return tuple([name for name in differing(labels) if name in THINGS and name not in _COARSE])
