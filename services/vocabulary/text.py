"""Text from outside, made harmless on its way to a screen, a log or a prompt."""

from __future__ import annotations

import unicodedata

# Categories whose characters steer a terminal or hide in it: control, format (bidi, zero width), surrogate,
# private use, unassigned, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Printable for str.isprintable(), yet drawn as nothing or as a plain blank: fillers, the grapheme joiner, and the
# variation selectors, of which hundreds can hide a message after one letter.
_BLANK = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f\U00016fe4\U0001d159"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
# Says that the symbol before it is drawn as text or as a picture, which no two terminals give the same width.
_PRESENTATION = "\ufe0e\ufe0f"
# Hangul vowels and final consonants are letters that are drawn on top of the one before, as marks are.
_CONJOINING = ((0x1160, 0x11FF), (0xD7B0, 0xD7FF))
# A cell holds one base character; a tower of marks on it would run into its neighbours.
_MARKS_A_CHARACTER = 4


def display(text: str, limit: int | None = None) -> str:
    """Make outside text safe and visible: one line, no control, no bidi override, nothing invisible.

    C0 controls become their pictures (``\\n`` is ``␤``, ESC is ``␛``), every other hidden character becomes
    ``‹U+202E›``; non-breaking and exotic spaces become a plain space. A mark with nothing to stand on, and every
    mark after the fourth on one character, is hidden too: it would be drawn over its neighbours. One presentation
    selector after a symbol (the colour of an emoji) is left out. The joiner between two emoji is shown, so that a
    family is its members side by side: terminals do not agree how wide a joined one is. Raw values stay raw
    everywhere else: identity, queries and writes must not use what this returns.

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


def display_each(text: str) -> str:
    """Like :func:`display`, one character for each: for a line that is edited, where the cursor counts them.

    What has no picture of one cell becomes U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = _MARKS_A_CHARACTER
    for character in text:
        category = unicodedata.category(character)
        hidden = character in _BLANK or category in _HIDDEN
        if hidden or not _stacks(character, category):
            marks = 0
        else:
            marks += 1
            hidden = marks > _MARKS_A_CHARACTER
        if hidden:
            picture = _picture(character)
            out.append(picture if len(picture) == 1 else "\N{REPLACEMENT CHARACTER}")
        else:
            out.append(" " if category == "Zs" else character)
    return "".join(out)


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
    marks = _MARKS_A_CHARACTER  # nothing to stand on before the first character
    symbol = False
    for character in text:
        if " " <= character <= "~":
            out.append(character)
            marks, symbol = 0, False
            continue
        category = unicodedata.category(character)
        if symbol and character in _PRESENTATION:
            symbol = False
            continue
        symbol = category[0] in "SP" and character not in _BLANK
        if character in _BLANK or category in _HIDDEN:
            out.append(_picture(character))
            marks = 0
        elif _stacks(character, category):
            marks += 1
            out.append(character if marks <= _MARKS_A_CHARACTER else _picture(character))
        else:
            out.append(" " if category == "Zs" else character)
            marks = 0
    return "".join(out)


def _stacks(character: str, category: str) -> bool:
    code = ord(character)
    return category in ("Mn", "Me") or any(first <= code <= last for first, last in _CONJOINING)


def _picture(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return "␤" if character == "\n" else chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"‹U+{code:04X}›"
