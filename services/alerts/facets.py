"""What a filter can ask of an alert besides its labels: ``@state=active @age>1h @receiver=~"team-.*"``.

The names and operators are those that users of karma type (``internal/filters`` of prymitive/karma).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alerts.matcher_text import MatcherError
from services.alerts.matchers import compiled
from services.alerts.model import Alert
from services.vocabulary.durations import DurationError, parse_duration

AlertTest = Callable[[Alert], bool]

_FACET = re.compile(r"@([a-z_]*)\s*(=~|!~|!=|<=|>=|=|<|>)\s*(.*)", re.DOTALL)
_BEGINS = re.compile(r"@[a-z_]*\s*(?:=|!|<|>)")

_VALUES: dict[str, Callable[[Alert], Iterable[str]]] = {
    "state": lambda alert: (alert.state, alert.standing.value),
    "cluster": lambda alert: (alert.cluster,),
    "environment": lambda alert: (alert.environment,),
    "receiver": lambda alert: alert.receivers,
    "fingerprint": lambda alert: (alert.fingerprint,),
    "silenced_by": lambda alert: (*alert.silenced_by, *(one.created_by for one in alert.silences)),
    "inhibited_by": lambda alert: alert.inhibited_by,
}
NAMES = (*_VALUES, "age", "limit")
"""Every facet; ``state`` knows Alertmanager's words and the console's own, ``silenced_by`` ids and authors."""
OPERATORS = {"age": ("<", ">", "<=", ">="), "limit": ("=",)}
"""Which ones a facet takes; all others take ``= != =~ !~``."""
_MATCHING = ("=", "!=", "=~", "!~")
_HINT = "write for example @state=active, @age>1h or @limit=50"


@dataclass(frozen=True, slots=True)
class Facet:
    """One question: ``name`` is one of :data:`NAMES`, ``value`` is raw."""

    name: str
    operator: str
    value: str


def looks_like_facet(text: str) -> bool:
    """Whether ``text`` begins like one, as opposed to a bare word."""
    return _BEGINS.match(text) is not None


def parse_facet(text: str) -> Facet:
    """Read one facet, such as ``@age>1h``.

    Raises:
        MatcherError: it is none; tells the position.
    """
    found = _FACET.fullmatch(text)
    if found is None:
        raise MatcherError("this is no filter", text, 0, _HINT)
    name, operator, value = found.groups()
    if name not in NAMES:
        known = ", ".join(f"@{one}" for one in NAMES)
        raise MatcherError(f"there is no @{name}", text, 1, f"there is {known}")
    allowed = OPERATORS.get(name, _MATCHING)
    if operator not in allowed:
        raise MatcherError(f"@{name} takes {' '.join(allowed)}", text, found.start(2), _HINT)
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    facet = Facet(name, operator, value)
    try:
        if name == "age":
            parse_duration(value)
        elif name == "limit":
            limit_of(facet)
        elif operator in ("=~", "!~"):
            compiled(value)
    except (DurationError, ValueError) as error:
        raise MatcherError(str(error), text, found.start(3)) from None
    return facet


def limit_of(facet: Facet) -> int:
    """The number of a ``@limit``.

    Raises:
        ValueError: it is no number above 0.
    """
    if not facet.value.isdecimal() or not facet.value.isascii() or int(facet.value) < 1:
        raise ValueError("@limit takes a whole number from 1 on")
    return int(facet.value)


def facet_test(facets: Iterable[Facet], at: datetime) -> AlertTest:
    """What tells whether an alert has all of ``facets``; ages count until ``at``. A limit is no test."""
    tests = [_test(facet, at) for facet in facets if facet.name != "limit"]
    return lambda alert: all(test(alert) for test in tests)


def _test(facet: Facet, at: datetime) -> AlertTest:
    if facet.name == "age":
        return _age(facet.operator, parse_duration(facet.value), at)
    values, value = _VALUES[facet.name], facet.value
    match facet.operator:
        case "=" | "!=" if facet.name == "fingerprint":
            wanted = facet.operator == "="
            return lambda alert: alert.fingerprint.startswith(value) is wanted
        case "=":
            return lambda alert: value in values(alert)
        case "!=":
            return lambda alert: value not in values(alert)
    fullmatch, wanted = compiled(value).fullmatch, facet.operator == "=~"
    return lambda alert: any(fullmatch(one) is not None for one in values(alert)) is wanted


def _age(operator: str, length: timedelta, at: datetime) -> AlertTest:
    # Older than an hour began before an hour ago.
    begun = at - length
    match operator:
        case ">":
            return lambda alert: alert.starts_at < begun
        case ">=":
            return lambda alert: alert.starts_at <= begun
        case "<":
            return lambda alert: alert.starts_at > begun
    return lambda alert: alert.starts_at >= begun
