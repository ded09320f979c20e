"""The text by which a person narrows a list of alerts: bare words and matchers, all of which must hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from services.alerts.matcher_text import MatcherError
from services.alerts.matchers import LabelTest, label_test, looks_like_matcher, parse_matcher, parse_matchers
from services.alerts.model import Alert, Matcher

# Words end at a blank, unless it stands in quotes or braces.
_WORD = re.compile(r'(?:\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\}?|"(?:[^"\\]|\\.)*"?|[^\s"{])+', re.DOTALL)


@dataclass(frozen=True)
class AlertFilter:
    """What an alert must be like to be listed.

    Attributes:
        words: each must occur in a label value, an annotation, the fingerprint or the cluster's name; upper and lower
            case are the same.
        matchers: all must match its labels.
    """

    words: tuple[str, ...] = ()
    matchers: tuple[Matcher, ...] = ()

    @cached_property
    def _folded(self) -> tuple[str, ...]:
        return tuple(word.casefold() for word in self.words)

    @cached_property
    def _labels(self) -> LabelTest:
        return label_test(self.matchers)

    @property
    def empty(self) -> bool:
        """Whether it lets everything pass."""
        return not self.words and not self.matchers

    def matches(self, alert: Alert) -> bool:
        """Whether ``alert`` is to be listed."""
        if self.matchers and not self._labels(alert.labels):
            return False
        if not self._folded:
            return True
        texts = (*alert.labels.values(), *alert.annotations.values(), alert.fingerprint, alert.cluster)
        hay = "\n".join(texts).casefold()
        return all(word in hay for word in self._folded)


def parse_filter(text: str) -> AlertFilter:
    """Read what a person typed into a pane: ``checkout severity=critical pod=~"web-.*"``.

    A word that looks like a matcher is one; ``"a b"`` in quotes is one bare word.

    Raises:
        MatcherError: a matcher is wrong; its position counts in ``text``.
    """
    words: list[str] = []
    matchers: list[Matcher] = []
    for found in _WORD.finditer(text):
        word = found[0]
        if not looks_like_matcher(word):
            words.append(word.strip('"'))
            continue
        try:
            matchers += parse_matchers(word) if word.startswith("{") else (parse_matcher(word),)
        except MatcherError as error:
            raise error.within(text, found.start()) from None
    return AlertFilter(tuple(word for word in words if word), tuple(matchers))


def filter_of_words(words: Iterable[str]) -> AlertFilter:
    """Like :func:`parse_filter` for words that a command line has taken apart (and unquoted) already.

    Raises:
        MatcherError: a matcher is wrong; its position counts in the word.
    """
    bare: list[str] = []
    matchers: list[Matcher] = []
    for word in words:
        if not looks_like_matcher(word):
            bare.append(word)
        elif word.startswith("{"):
            matchers += parse_matchers(word)
        else:
            matchers.append(parse_matcher(word))
    return AlertFilter(tuple(bare), tuple(matchers))
