"""The text by which a person narrows a list of alerts: bare words, matchers and facets, all of which must hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from services.alerts.facets import AlertTest, Facet, facet_test, limit_of, looks_like_facet, parse_facet
from services.alerts.matcher_text import MatcherError
from services.alerts.matchers import LabelTest, label_test, looks_like_matcher, parse_matcher, parse_matchers
from services.alerts.model import Alert, Matcher

# Words end at a blank, unless it stands in quotes or braces.
_WORD = re.compile(r'(?:\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\}?|"(?:[^"\\]|\\.)*"?|[^\s"{])+', re.DOTALL)


BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class AlertFilter:
    """What an alert must be like to be listed.

    Attributes:
        words: each must occur in a label value, an annotation, the fingerprint or the cluster's name; upper and lower
            case are the same.
        matchers: all must match its labels.
        facets: all must hold; see :mod:`services.alerts.facets`.
        at: ages count until here (UTC).
    """

    words: tuple[str, ...] = ()
    matchers: tuple[Matcher, ...] = ()
    facets: tuple[Facet, ...] = ()
    at: datetime = BEGINNING

    @cached_property
    def _folded(self) -> tuple[str, ...]:
        return tuple(word.casefold() for word in self.words)

    @cached_property
    def _labels(self) -> LabelTest:
        return label_test(self.matchers)

    @cached_property
    def _rest(self) -> AlertTest:
        return facet_test(self.facets, self.at)

    @property
    def empty(self) -> bool:
        """Whether it lets everything pass."""
        return not self.words and not self.matchers and not self.facets

    @property
    def limit(self) -> int | None:
        """The most rows to list; None for all."""
        return min((limit_of(one) for one in self.facets if one.name == "limit"), default=None)

    def also(self, other: AlertFilter) -> AlertFilter:
        """What passes this one and ``other``."""
        return AlertFilter(
            self.words + other.words, self.matchers + other.matchers, self.facets + other.facets, self.at
        )

    def matches(self, alert: Alert) -> bool:
        """Whether ``alert`` is to be listed."""
        if self.matchers and not self._labels(alert.labels):
            return False
        if self.facets and not self._rest(alert):
            return False
        if not self._folded:
            return True
        texts = (*alert.labels.values(), *alert.annotations.values(), alert.fingerprint, alert.cluster)
        hay = "\n".join(texts).casefold()
        return all(word in hay for word in self._folded)


def parse_filter(text: str, at: datetime = BEGINNING) -> AlertFilter:
    """Read what a person typed into a pane: ``checkout severity=critical pod=~"web-.*" @age>1h``.

    A word that looks like a matcher or a facet is one; ``"a b"`` in quotes is one bare word.

    Args:
        text: what was typed.
        at: ages count until here (UTC).

    Raises:
        MatcherError: a matcher or a facet is wrong; its position counts in ``text``.
    """
    pieces = _Pieces()
    for found in _WORD.finditer(text):
        try:
            pieces.take(found[0])
        except MatcherError as error:
            raise error.within(text, found.start()) from None
    words = tuple(bare for word in pieces.words if (bare := word.strip('"')))
    return AlertFilter(words, tuple(pieces.matchers), tuple(pieces.facets), at)


def filter_of_words(words: Iterable[str], at: datetime = BEGINNING) -> AlertFilter:
    """Like :func:`parse_filter` for words that a command line has taken apart (and unquoted) already.

    Raises:
        MatcherError: a matcher or a facet is wrong; its position counts in the word.
    """
    pieces = _Pieces()
    for word in words:
        pieces.take(word)
    return AlertFilter(tuple(pieces.words), tuple(pieces.matchers), tuple(pieces.facets), at)


@dataclass
class _Pieces:
    words: list[str] = field(default_factory=list)
    matchers: list[Matcher] = field(default_factory=list)
    facets: list[Facet] = field(default_factory=list)

    def take(self, word: str) -> None:
        """Put one word where it belongs."""
        if looks_like_facet(word):
            self.facets.append(parse_facet(word))
        elif not looks_like_matcher(word):
            self.words.append(word)
        elif word.startswith("{"):
            self.matchers += parse_matchers(word)
        else:
            self.matchers.append(parse_matcher(word))
