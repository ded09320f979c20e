"""Alertmanager's routing tree, read from its own configuration: which receiver and which group an alert belongs to.

The rules are those of ``dispatch/route.go`` of Alertmanager: a child inherits receiver and ``group_by``; an alert goes
to the first child that matches, and on to its siblings only where that child says ``continue``; where no child
matches, the route itself takes it. ``group_by: ['...']`` groups by all labels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from services.alerts.matcher_text import MatcherError
from services.alerts.matchers import LabelTest, label_test, parse_matchers
from services.alerts.model import Matcher
from services.vocabulary.errors import SourceError

if TYPE_CHECKING:
    from services.alerts.source import AlertSource

_ALL = "..."
_DEEPEST = 100


class RoutingError(ValueError):
    """The configuration holds no routing tree that can be read."""


@dataclass(frozen=True)
class Route:
    """One node of the tree.

    Attributes:
        receiver: who hears of what stops here.
        group_by: names of the labels that make a group; None stands for all labels.
        matchers: all must match; none match everything.
        goes_on: whether the siblings behind it are tried too.
        routes: its children, in order.
    """

    receiver: str
    group_by: frozenset[str] | None = frozenset()
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False
    routes: tuple[Route, ...] = ()

    @cached_property
    def matches(self) -> LabelTest:
        """Whether a label set gets in."""
        return label_test(self.matchers)


def read_routes(configuration: str) -> Route:
    """The tree in ``configuration``, the YAML text that ``/api/v2/status`` gives as ``config.original``.

    Raises:
        RoutingError: it holds none, or one with a matcher that is none.
    """
    import yaml  # type: ignore[import-untyped]  # late: nothing else here needs it

    try:
        whole = yaml.safe_load(configuration)
    except (yaml.YAMLError, RecursionError) as error:
        raise RoutingError(f"the configuration is no YAML: {type(error).__name__}") from None
    root = whole.get("route") if isinstance(whole, dict) else None
    if not isinstance(root, dict):
        raise RoutingError("the configuration has no route")
    try:
        return _route(root, "", frozenset(), 0)
    except (MatcherError, TypeError, AttributeError) as error:
        raise RoutingError(f"the routing tree cannot be read: {error}") from None


async def routes_of(readers: Mapping[str, AlertSource]) -> dict[str, Route | None]:
    """How each cluster routes; None for one that does not tell, or does not answer."""

    async def ask(reader: AlertSource) -> Route | None:
        try:
            return await reader.routes()
        except SourceError:
            return None  # its receivers make the groups; that it fails is told by its freshness

    found = await asyncio.gather(*[ask(reader) for reader in readers.values()])
    return dict(zip(readers, found, strict=True))


def group_of(route: Route, labels: Mapping[str, str]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """The groups that an alert belongs to: receiver and labels of each (sorted), at least one."""
    found = []
    for one in _reached(route, labels):
        names = labels.keys() if one.group_by is None else one.group_by & labels.keys()
        found.append((one.receiver, tuple([(name, labels[name]) for name in sorted(names)])))
    return tuple(found)


def _reached(route: Route, labels: Mapping[str, str]) -> list[Route]:
    found: list[Route] = []
    for child in route.routes:
        if child.matches(labels):
            found += _reached(child, labels)
            if not child.goes_on:
                break
    return found or [route]


def _route(given: Mapping[str, Any], receiver: str, group_by: frozenset[str] | None, depth: int) -> Route:
    if depth > _DEEPEST:
        raise RoutingError("the routing tree is deeper than any that works")
    receiver = str(given.get("receiver") or receiver)
    names = given.get("group_by")
    if names:
        group_by = None if _ALL in names else frozenset(map(str, names))
    matchers = [Matcher(str(name), str(value)) for name, value in (given.get("match") or {}).items()]
    matchers += [Matcher(str(name), str(value), is_regex=True) for name, value in (given.get("match_re") or {}).items()]
    lines: Sequence[Any] = given.get("matchers") or ()
    for line in [lines] if isinstance(lines, str) else lines:
        matchers += parse_matchers(str(line))
    children = [_route(child, receiver, group_by, depth + 1) for child in given.get("routes") or ()]
    route = Route(receiver, group_by, tuple(matchers), bool(given.get("continue")), tuple(children))
    _ = route.matches  # a pattern that is none is told now
    return route
