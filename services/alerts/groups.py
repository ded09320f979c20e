"""The alerts pane by anything but problems: what it is grouped by heads each group. Pure, made to run in a thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from msgspec import structs

from services.alerts.blocks import Block, arrange_blocks, head_of
from services.alerts.grouping import PLACES, Grouping, GroupingKind, Sort
from services.alerts.model import Alert
from services.alerts.naming import differing
from services.alerts.routing import Route, group_of
from services.alerts.view import GROUP_FROM, AlertRow, AlertsView, RowKind, service_of

if TYPE_CHECKING:
    from services.alerts.filtering import AlertFilter

_COMPARED = 200
_TOLD = 3


def arrange_groups(
    alerts: Iterable[Alert],
    grouping: Grouping,
    *,
    routes: Mapping[str, Route | None] | None = None,
    filter: AlertFilter | None = None,
    seen: Mapping[str, AbstractSet[str]],
    expanded: AbstractSet[str] = frozenset(),
    sort: Sort = Sort.WORST,
) -> AlertsView:
    """Work out the page of a list that is grouped by anything but problems.

    Args:
        alerts: all that are known.
        grouping: by what.
        routes: cluster -> how its Alertmanager routes, for groups by ``ROUTE``; where that is not known, its
            receivers make the groups.
        filter: which alerts to list.
        seen: as for :func:`services.alerts.view.arrange`.
        expanded: keys of the groups whose alerts are listed.
        sort: what comes first.
    """

    def heading(
        place: tuple[tuple[str, str], ...], rows: Sequence[AlertRow], expanded: AbstractSet[str]
    ) -> Block | None:
        if len(rows) < (GROUP_FROM if grouping.kind is GroupingKind.ALIKE else 2):
            return None
        key = f"\0group{grouping}{place!r}"
        head = head_of(key, RowKind.GROUP, rows[0].alert, rows, expanded=key in expanded)
        members = [row.alert for row in rows if row.alert is not None]
        head = structs.replace(head, mixed=len({one.environment or one.cluster for one in members}) > 1)
        if grouping.kind is not GroupingKind.ALIKE:
            head = structs.replace(head, title=_title(place), told=_names(members), shared=shared_labels(members))
        apart = differing([alert.labels for alert in members[:_COMPARED]]) if head.expanded else ()
        return Block(head, tuple([name for name in apart if name not in ("alertname", "severity")]))

    place = _place_of(grouping, routes or {})
    return arrange_blocks(alerts, place, heading, filter=filter, seen=seen, expanded=expanded, sort=sort)


def shared_labels(alerts: Sequence[Alert]) -> tuple[tuple[str, str], ...]:
    """The labels that all of ``alerts`` have with the same value, sorted by name."""
    if not alerts:
        return ()
    common = set(alerts[0].labels.items())
    for alert in alerts[1:]:
        common.intersection_update(alert.labels.items())
        if not common:
            break
    return tuple(sorted(common))


def _place_of(grouping: Grouping, routes: Mapping[str, Route | None]) -> Callable[[Alert], Hashable]:
    match grouping.kind:
        case GroupingKind.NONE:
            return lambda alert: alert.id
        case GroupingKind.ALIKE | GroupingKind.PROBLEM:
            return lambda alert: (
                ("cluster", alert.cluster),
                ("alertname", alert.name),
                ("severity", alert.severity.value),
                ("namespace", alert.labels.get("namespace", "")),
                ("@service", service_of(alert.labels)),
                ("standing", alert.standing.value),
            )
        case GroupingKind.ROUTE:
            return lambda alert: _routed(alert, routes.get(alert.cluster))
    readers = [(name, PLACES.get(name)) for name in grouping.labels]
    return lambda alert: tuple([(name, read(alert) if read else alert.labels.get(name, "")) for name, read in readers])


def _routed(alert: Alert, route: Route | None) -> tuple[tuple[str, str], ...]:
    if route is None:
        return (("@cluster", alert.cluster), ("@receiver", ", ".join(alert.receivers)))
    # An alert may be in several groups, where a route says continue; the list shows it once, in the first.
    receiver, labels = group_of(route, alert.labels)[0]
    return (("@cluster", alert.cluster), ("@receiver", receiver), *labels)


def _title(place: Sequence[tuple[str, str]]) -> str:
    return " / ".join([value or f"no {name.removeprefix('@')}" for name, value in place])


def _names(alerts: Sequence[Alert]) -> str:
    counted = Counter([alert.name or "(no alertname)" for alert in alerts]).most_common()
    words = [name if count == 1 else f"{name} ×{count}" for name, count in counted[:_TOLD]]
    return ", ".join(words) + (f" and {len(counted) - _TOLD} more" if len(counted) > _TOLD else "")
