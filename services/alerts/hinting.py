"""What was probably meant by a filter that lets nothing pass."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from services.alerts.filtering import AlertFilter
from services.alerts.matchers import format_matcher
from services.alerts.model import Alert, Matcher

_OFFERED = 3


def hint_for(chosen: AlertFilter, alerts: Sequence[Alert]) -> str:
    """One sentence (raw) about the first matcher that no alert could ever satisfy; empty where there is none.

    A label name that no alert has: the nearest names. A value that none has: the nearest values.
    """
    for matcher in chosen.matchers:
        if not matcher.is_equal or matcher.is_regex or not matcher.value:
            continue
        values = {value for alert in alerts if (value := alert.labels.get(matcher.name)) is not None}
        if matcher.value in values:
            continue
        if not values:
            return _unknown_name(matcher, alerts)
        near = _near(matcher.value, values)
        return f"no alert has {_written(matcher)}; {_list([_with(matcher, value=one) for one in near])}"
    return ""


def _unknown_name(matcher: Matcher, alerts: Sequence[Alert]) -> str:
    names = {name for alert in alerts for name in alert.labels}
    near = _near(matcher.name, names)
    meant = []
    for name in near:
        values = {alert.labels[name] for alert in alerts if name in alert.labels}
        value = matcher.value if matcher.value in values else next(iter(_close(matcher.value, values)), matcher.value)
        meant.append(_with(matcher, name=name, value=value))
    return f"no alert has a label {matcher.name}; {_list(meant)}"


def _near(word: str, known: Iterable[str]) -> list[str]:
    """The nearest first; where none is near, the first of them all."""
    names = sorted(known)
    return (_close(word, names) or names)[:_OFFERED]


def _close(word: str, known: Iterable[str]) -> list[str]:
    names = sorted(known)
    wanted = word.casefold()
    begins = [name for name in names if name.casefold().startswith(wanted) or wanted.startswith(name.casefold())]
    # A beginning is an abbreviation; only without one is it a slip of the finger.
    return (begins or difflib.get_close_matches(wanted, names, n=_OFFERED, cutoff=0.6))[:_OFFERED]


def _with(matcher: Matcher, *, name: str | None = None, value: str) -> str:
    return _written(Matcher(name or matcher.name, value))


def _written(matcher: Matcher) -> str:
    quoted = format_matcher(matcher)
    bare = f"{matcher.name}={matcher.value}"
    return bare if bare.replace("=", "", 1).replace("-", "").replace("_", "").isalnum() else quoted


def _list(words: Sequence[str]) -> str:
    return f"did you mean {' or '.join(words)}?" if words else "no alert has any label"
