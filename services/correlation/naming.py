"""From label values and free text to the names of things, so that the same thing is known again under another label.

``instance="db-1.eu.example:9100"`` and ``host="db-1"`` are about one machine, ``pod="checkout-7d9f8b6c5-x2x9z"`` is
about checkout. Names are compared by value, not by label: who labels ``service`` and who labels ``app`` differs from
one source of alerts to the next. Masking what varies in a text to find the template behind it follows Drain (He et
al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), of which one level suffices here: the
texts of alerts come from templates with few words.
"""

from __future__ import annotations

import re

LONGEST_TEXT = 400
"""So many characters of a text are looked at."""
_LONGEST_NAME = 120
_WORDS = re.compile(r"[A-Za-z0-9_](?:[\w.\-/:@]*[\w])?")
_MEASURE = re.compile(r"[\d.:,+\-/]+[a-z%µ]{0,4}", re.IGNORECASE)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?")
_PORT = re.compile(r"(.+):\d{1,5}")
_HEX = re.compile(r"(?:0x)?[0-9a-f]{12,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REPLICA = re.compile(r"(.+?)-[0-9a-f]{6,10}-[a-z0-9]{5}")
_POD_END = re.compile(r"(.+?)-(?=[a-z]*[0-9])[a-z0-9]{5}")
_ORDINAL = re.compile(r"(.*?[a-z])[-_.]?\d{1,4}", re.IGNORECASE)
_MASKED = re.compile(r"\d")
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*://")
_EMPTY = frozenset(("true", "false", "none", "null", "unknown", "n/a", "yes", "no", "default"))


def own_names(label: str, value: str) -> tuple[str, ...]:
    """The names that a label's value stands for, the value itself first, then what it is part of.

    Args:
        label: its name; keeps apart values that mean nothing alone, such as ``1`` or ``true``.
        value: raw.
    """
    value = value.strip()
    folded = value.casefold()
    if not folded or folded in ("none", "null", "unknown", "n/a", "-"):
        return ()
    if len(folded) < 3 or folded in _EMPTY or _is_measure(folded):
        return (f"{label}={folded}",)
    if " " in folded or len(folded) > _LONGEST_NAME or "://" in folded:
        return (f"{label}={folded[:_LONGEST_NAME]}", *text_names(value))
    return (folded, *_stems(folded))


def text_names(text: str) -> tuple[str, ...]:
    """Words of ``text`` that look like names of things, and what those are part of."""
    return tuple(dict.fromkeys(name for word in words(text) for name in word_names(word)))


def words(text: str) -> list[str]:
    """The words of the beginning of ``text``, folded."""
    return _WORDS.findall(
        _SCHEME.sub("", text[:LONGEST_TEXT].casefold()) if "://" in text else text[:LONGEST_TEXT].casefold()
    )


def word_names(word: str) -> tuple[str, ...]:
    """The names that a folded word stands for: none, or itself and what it is part of.

    A word names something if it holds a digit and a letter, or has several parts, and is neither a measure nor a hash.
    """
    return (word, *_stems(word)) if len(word) >= 3 and _is_name(word) else ()


def template(text: str) -> str:
    """What is left of the beginning of ``text`` without names of things, measures and numbers."""
    rest = [word for word in words(text) if not _MASKED.search(word) and not word_names(word)]
    return " ".join(rest)[:_LONGEST_NAME]


def _is_measure(word: str) -> bool:
    return _MEASURE.fullmatch(word) is not None and _ADDRESS.fullmatch(word) is None


def _is_name(word: str) -> bool:
    if _ADDRESS.fullmatch(word):
        return True
    if _MEASURE.fullmatch(word) or _HEX.fullmatch(word):
        return False
    lettered = any(character.isalpha() for character in word)
    return lettered and (any(character.isdigit() for character in word) or any(mark in word[1:-1] for mark in "-_./:"))


def _stems(name: str) -> tuple[str, ...]:
    """What ``name`` is part of: without its port, its domain, its replica or its number."""
    found: list[str] = []
    bare = _PORT.fullmatch(name)
    if bare:
        name = bare[1]
        found.append(name)
    if _ADDRESS.fullmatch(name) or _HEX.fullmatch(name):
        return tuple(found)
    head, dot, _ = name.partition(".")
    if dot and len(head) >= 3 and "/" not in name and not head.isdigit():
        found.append(head)
        name = head
    for pattern in (_REPLICA, _POD_END, _ORDINAL):
        match = pattern.fullmatch(name)
        if match and len(match[1]) >= 3:
            found.append(match[1])
            if pattern is _ORDINAL:
                break
            name = match[1]
            break
    return tuple(found)
