"""By what the alerts of a list are put together, and what comes first. Light: the first rows wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from services.alerts.model import Alert
from services.alerts.view import service_of


class Sort(Enum):
    """What comes first among the blocks of one standing."""

    WORST = "worst"
    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    NAME = "name"


class GroupingKind(Enum):
    """What makes alerts a group."""

    ALIKE = "alike"
    PROBLEM = "problem"
    ROUTE = "alertmanager"
    NONE = "none"
    LABELS = "labels"


_WORDS = tuple(kind.value for kind in GroupingKind if kind is not GroupingKind.LABELS)
PLACES: Mapping[str, Callable[[Alert], str]] = {
    "@cluster": lambda alert: alert.cluster,
    "@environment": lambda alert: alert.environment or alert.cluster,
    "@receiver": lambda alert: ", ".join(alert.receivers),
    "@service": lambda alert: service_of(alert.labels),
}
"""What an alert can be grouped by besides its labels; ``@service`` is its service, app or job, the first it has."""


@dataclass(frozen=True)
class Grouping:
    """By what a list is grouped.

    Attributes:
        kind: in which way.
        labels: by the values of which labels or :data:`PLACES`, for ``LABELS``; at least one there.
    """

    kind: GroupingKind = GroupingKind.ALIKE
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The word that :func:`parse_grouping` reads."""
        return ",".join(self.labels) if self.kind is GroupingKind.LABELS else self.kind.value


def parse_grouping(text: str) -> Grouping:
    """Read ``alike``, ``problem``, ``alertmanager``, ``none``, or names of labels with commas between them.

    Raises:
        ValueError: it is none of these; says what there is.
    """
    if text in _WORDS:
        return Grouping(GroupingKind(text))
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if not all(names):
        raise ValueError(f"write {', '.join(_WORDS)}, or labels such as namespace,service")
    for name in names:
        if name.startswith("@") and name not in PLACES:
            raise ValueError(f"there is no {name}; there is {', '.join(PLACES)}")
    return Grouping(GroupingKind.LABELS, names)
