"""How a policy names what it covers: the word itself, ``*`` and ``?`` in it, or ``~`` and a regular expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import re2

Test = Callable[[str], bool]


class PatternError(ValueError):
    """The text is no pattern. ``str()`` says why."""


@lru_cache(maxsize=1024)
def pattern_test(pattern: str) -> Test:
    """What tells whether a text, all of it, is what ``pattern`` names. Case counts.

    ``*`` stands for any characters, ``?`` for one. Behind ``~`` stands a regular expression (RE2).

    Raises:
        PatternError: it is empty, or no regular expression.
    """
    if not pattern or pattern == "~":
        raise PatternError("a pattern is empty")
    options = re2.Options()
    options.log_errors = False  # it would write to the terminal
    options.dot_nl = True
    try:
        compiled = re2.compile(pattern[1:] if pattern[0] == "~" else _of_glob(pattern), options)
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(f"{pattern!r} is no regular expression ({_said(error)})") from None
    fullmatch = compiled.fullmatch

    def test(text: str) -> bool:
        return fullmatch(text) is not None

    return test


def any_matches(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether any of ``texts`` is what any of ``patterns`` names.

    Raises:
        PatternError: a pattern is none.
    """
    tests = [pattern_test(pattern) for pattern in patterns]
    return any(test(text) for text in texts for test in tests)


def _of_glob(pattern: str) -> str:
    special = {"*": ".*", "?": "."}
    return "".join(special.get(character) or str(re2.escape(character)) for character in pattern)


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
