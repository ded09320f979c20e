"""What completion offers of a filter: label names and values that are there now, and the facets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from services.alerts.facets import NAMES, OPERATORS
from services.alerts.model import Standing
from services.alerts.offers import AlertOffers
from services.command import Candidate

_MATCHER = re.compile(r"(@?[^\s{}!=~<>,\"]+)(=~|!~|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_STATES = ("active", "suppressed", "unprocessed", *(one.value for one in Standing))
_NEEDS_QUOTES = re.compile(r"[\s\"\\{},'`]")
_LOOKED = 20
_AGES = ("10m", "1h", "6h", "1d")


class FilterOffers:
    """Continuations of one word of a filter."""

    def __init__(self, offers: AlertOffers) -> None:
        """``offers`` knows the alerts."""
        self._offers = offers

    def matching(self, typed: str, limit: int) -> Sequence[Candidate]:
        """The best continuations of ``typed``, at most ``limit``, each the whole word; what most alerts have first."""
        found = _MATCHER.fullmatch(typed)
        if found is None:
            return _begin(typed, self._names(), limit)
        name, operator, value = found.groups()
        head = f"{name}{operator}"
        known = self._facet_values(name[1:]) if name.startswith("@") else self._values(name)
        return [Candidate(head + one.value, one.hint) for one in _begin(value, known, limit)]

    def go_on(self, text: str) -> str:
        """The whole of ``text`` with its last word as it probably goes on; empty where nothing is likely."""
        last = text.rpartition(" ")[2]
        if not last or text.count('"') % 2:
            return ""
        for one in self.matching(last, _LOOKED):
            if one.value.startswith(last) and len(one.value) > len(last) and not _NEEDS_QUOTES.search(one.value):
                return text + one.value[len(last) :]
        return ""

    def _names(self) -> list[Candidate]:
        labels = [Candidate(f"{name}=", "label", whole=False) for name in self._offers.label_names()]
        facets = [Candidate(f"@{name}{OPERATORS.get(name, ('=',))[0]}", "filter", whole=False) for name in NAMES]
        return [*labels, *facets]

    def _values(self, name: str) -> list[Candidate]:
        return [Candidate(value, _alerts(count)) for value, count in self._offers.label_values(name)]

    def _facet_values(self, name: str) -> list[Candidate]:
        match name:
            case "state":
                return [Candidate(one) for one in dict.fromkeys(_STATES)]
            case "age":
                return [Candidate(one) for one in _AGES]
            case "cluster" | "environment" | "receiver":
                return [Candidate(value, _alerts(count)) for value, count in self._offers.facet_values(name)]
        return []


class SilenceOffers:
    """What may be silenced: alerts by their ids, or matchers, which have no facets."""

    def __init__(self, offers: AlertOffers) -> None:
        """``offers`` knows the alerts."""
        self._ids = offers
        self._filter = FilterOffers(offers)

    def matching(self, typed: str, limit: int) -> Sequence[Candidate]:
        """The best continuations of ``typed``, at most ``limit``."""
        ids = [] if _MATCHER.fullmatch(typed) else list(self._ids.matching(typed, limit))
        matchers = [one for one in self._filter.matching(typed, limit) if not one.value.startswith("@")]
        return [*ids[: limit - min(len(matchers), limit // 2)], *matchers][:limit]


def _begin(typed: str, known: Iterable[Candidate], limit: int) -> list[Candidate]:
    wanted = typed.casefold()
    begins, holds = list[Candidate](), list[Candidate]()
    for one in known:
        place = one.value.casefold().find(wanted)
        if place == 0:
            begins.append(one)
        elif place > 0:
            holds.append(one)
    return [*begins, *holds][:limit]


def _alerts(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count} alerts"
