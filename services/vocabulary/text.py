"""Text from outside, made harmless on its way to a screen, a log or a prompt."""

from __future__ import annotations

import unicodedata

# Categories whose characters steer a terminal or hide in it: control, format (bidi, zero width), surrogate,
# private use, unassigned, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Printable for str.isprintable(), yet drawn as nothing or as a plain blank.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
# A cell holds one base character; a tower of marks on it would run into its neighbours.
_MARKS_A_CHARACTER = 4


def display(text: str, limit: int | None = None) -> str:
    """Make outside text safe and visible: one line, no control, no bidi override, nothing invisible.

    C0 controls become their pictures (``\\n`` is ``␤``, ESC is ``␛``), every other hidden character becomes
    ``‹U+202E›``; non-breaking and exotic spaces become a plain space. Raw values stay raw everywhere else:
    identity, queries and writes must not use what this returns.

    Args:
        text: anything.
        limit: the most characters to return; a longer text is cut in the middle, where names differ least.
    """
    if limit is not None and len(text) > 4 * limit + 64:
        text = text[: 2 * limit + 32] + text[-2 * limit - 32 :]
    if not text.isascii() or not text.isprintable():
        text = _reveal(text)
    return text if limit is None else shorten(text, limit)


def display_lines(text: str) -> list[str]:
    """Like :func:`display` for a text whose line breaks are meant: one harmless string a line."""
    return [display(line) for line in text.replace("\r\n", "\n").split("\n")]


def shorten(text: str, limit: int) -> str:
    """Cut ``text`` in the middle to at most ``limit`` characters, keeping the distinguishing ends."""
    if len(text) <= limit:
        return text
    if limit <= 1:
        return "…"[:limit]
    tail = limit // 2
    return text[: limit - 1 - tail] + "…" + text[len(text) - tail :]


def _reveal(text: str) -> str:
    out: list[str] = []
    marks = 0
    for character in text:
        if " " <= character <= "~":
            out.append(character)
            marks = 0
            continue
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            if marks <= _MARKS_A_CHARACTER and character not in _BLANK:
                out.append(character)
            continue
        marks = 0
        if category in _HIDDEN or character in _BLANK:
            out.append(_picture(character))
        elif category == "Zs":
            out.append(" ")
        else:
            out.append(character)
    return "".join(out)


def _picture(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return "␤" if character == "\n" else chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"‹U+{code:04X}›"
