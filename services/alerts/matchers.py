"""Matchers: read as Alertmanager reads them, held against labels as it does, written so that it reads them back.

Matcher text has two grammars, ``classic`` (``pkg/labels/parse.go`` of Alertmanager) and ``UTF-8`` (``matcher/parse``,
since 0.27). As in the server's default mode, UTF-8 is tried first, and where the two disagree, classic wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import re2

from services.alerts.matcher_text import (
    MatcherError,
    is_classic_name,
    parse_classic,
    parse_classic_one,
    parse_utf8,
    quote,
)
from services.alerts.model import Matcher

T = TypeVar("T")
LabelTest = Callable[[Mapping[str, str]], bool]

_LOOKS_LIKE_MATCHER = re.compile(r'\s*(?:[{]|(?:[^\s{}!=~,\\"\'`]+|"(?:[^"\\]|\\.)*")\s*(?:=~|=|!=|!~))', re.DOTALL)


def parse_matcher(text: str) -> Matcher:
    """Read one matcher, such as ``severity=critical``.

    Raises:
        MatcherError: it is none, or its regular expression is none; tells the position.
    """
    for at in (0, len(text) - 1):
        if text and text[at] == "{}"[at > 0]:
            raise MatcherError("one matcher without braces is expected", text, at)
    return _tested(text, (_either(text, parse_classic_one, _one_utf8),))[0]


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read matchers with commas between them, in braces or without; none at all is fine.

    Raises:
        MatcherError: the text is not of that form, or a regular expression is none; tells the position.
    """
    return _tested(text, _either(text, parse_classic, parse_utf8))


def looks_like_matcher(text: str) -> bool:
    """Whether ``text`` begins like a matcher (or with the brace of several), as opposed to a bare word."""
    return _LOOKS_LIKE_MATCHER.match(text) is not None


def label_test(matchers: Iterable[Matcher]) -> LabelTest:
    """What tells whether all of ``matchers`` match a label set. A missing label counts as the empty text.

    Raises:
        MatcherError: a regular expression is none.
    """
    tests = [_test(matcher) for matcher in matchers]

    def matches(labels: Mapping[str, str]) -> bool:
        return all(test(labels) for test in tests)

    return tests[0] if len(tests) == 1 else matches


def format_matcher(matcher: Matcher) -> str:
    """Write a matcher so that both grammars read it back; a name that only UTF-8 knows stands in quotes."""
    name = matcher.name if is_classic_name(matcher.name) else quote(matcher.name)
    return f"{name}{matcher.operator}{quote(matcher.value)}"


def exact_matchers(labels: Mapping[str, str], without: Sequence[str] = ()) -> tuple[Matcher, ...]:
    """One equality for each label, raw and sorted by name, but for the names in ``without``."""
    return tuple(Matcher(name, labels[name]) for name in sorted(labels) if name not in without)


def pinned_namespaces(matchers: Iterable[Matcher]) -> tuple[str, ...] | None:
    """The namespace that ``matchers`` ask for; None where they ask for none: then what comes may be of any."""
    pinned = [one.value for one in matchers if one.name == "namespace" and one.is_equal and not one.is_regex]
    return tuple(pinned) or None


def _either(text: str, classic: Callable[[str], T], utf8: Callable[[str], T]) -> T:
    try:
        new = utf8(text)
    except MatcherError as error:
        try:
            return classic(text)
        except MatcherError as other:
            raise max(other, error, key=lambda one: one.position) from None
    try:
        return classic(text)  # equal, or they disagree and it wins
    except MatcherError:
        return new


def _one_utf8(text: str) -> Matcher:
    found = parse_utf8(text)
    if len(found) != 1:
        raise MatcherError("one matcher is expected", text, len(text) if not found else text.index(","))
    return found[0]


def _tested(text: str, matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    for matcher in matchers:
        if matcher.is_regex:
            try:
                _regex(matcher.value)
            except (re2.error, UnicodeEncodeError) as error:
                at = max(0, text.find(matcher.value))
                raise MatcherError(f"this is no regular expression ({_said(error)})", text, at) from None
    return matchers


def _test(matcher: Matcher) -> LabelTest:
    name, value, equal = matcher.name, matcher.value, matcher.is_equal
    if not matcher.is_regex:
        if equal:
            return lambda labels: labels.get(name, "") == value
        return lambda labels: labels.get(name, "") != value
    try:
        fullmatch = _regex(value).fullmatch
    except (re2.error, UnicodeEncodeError) as error:
        raise MatcherError(f"this is no regular expression ({_said(error)})", value, 0) from None
    return lambda labels: (fullmatch(labels.get(name, "")) is not None) == equal


def compiled(pattern: str) -> re2._Regexp:
    """A regular expression as Alertmanager reads it (RE2).

    Raises:
        ValueError: it is none.
    """
    try:
        return _regex(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"this is no regular expression ({_said(error)})") from None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False  # it would write to the terminal
    return re2.compile(pattern, options)


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
