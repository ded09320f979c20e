"""Reads what a program wrote to a terminal, and tells what an honest screen has no reason to write."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Collection

from tests.support.hostile import CLIPPED

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset(
    "\u00a0\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_MARKS_A_CHARACTER = 4
_SEQUENCE = re.compile(
    rb"\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    rb"|\x1b\](?P<command>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    rb"|\x1b(?P<other>.|$)",
    re.DOTALL,
)
# A style that the program itself composes: only what Textual's styles are made of.
_STYLE = re.compile(
    rb"(?:(?:0|1|2|3|4|5|7|9|3[0-7]|4[0-7]|9[0-7]|10[0-7]|39|49|38;5;\d+|48;5;\d+|[34]8;2(?:;\d+){3})(?:;|$))*"
)
_CURSOR = re.compile(rb"[\d;]*")
_POINTER = re.compile(rb"22;[a-z-]*")
_CLIPBOARD = re.compile(rb"52;c;([A-Za-z0-9+/=]*)")
# Asked and set once when the program begins or ends: modes, the keyboard, what the terminal can do.
_FRAMING = frozenset(
    rb"""?1049h ?1049l ?25h ?25l ?1000h ?1000l ?1003h ?1003l ?1004h ?1004l ?1006h ?1006l ?1015h ?1015l ?1016h ?1016l
    ?2004h ?2004l ?2026$p ?2048$p ?2048h ?2048l ?2026h ?2026l ?1016$p ?7h ?7l >1u >25u <u""".split()
)


def leaks(output: bytes, texts: Collection[str] = (), *, screen: bool = True) -> list[str]:
    """Everything in ``output`` that should not be there, each with what stands around it.

    Allowed are visible text and line ends; of a program that draws a screen also moves of the cursor, styles, the
    shape of the pointer, the modes in which it begins and ends, and what a person copied to the clipboard.

    Args:
        output: whole sequences.
        texts: raw texts that must not stand in it as they were sent.
        screen: whether the program draws a screen, or prints lines.
    """
    found = []
    position = 0
    for match in _SEQUENCE.finditer(output):
        found += _hidden(output, position, match.start())
        position = match.end()
        if not (screen and _honest(match)):
            found.append(f"{match.group()!r} in {_around(output, match.start())}")
    found += _hidden(output, position, len(output))
    for text in texts:
        place = output.find(text.encode("utf-8", "surrogatepass"))
        if place >= 0:
            found.append(f"as it was sent: {text!r} in {_around(output, place)}")
    return found


def _honest(match: re.Match[bytes]) -> bool:
    command = match["command"]
    if command is not None:
        return _POINTER.fullmatch(command) is not None or _copied(command)
    final = match["final"]
    if final is None:
        return False
    parameters = match["parameters"]
    if parameters + match["between"] + final in _FRAMING:
        return True
    if match["between"]:
        return False
    if final == b"m":
        return _STYLE.fullmatch(parameters) is not None and parameters != b"31;5;7"
    return final in b"HABCD" and _CURSOR.fullmatch(parameters) is not None


def _copied(command: bytes) -> bool:
    clip = _CLIPBOARD.fullmatch(command)
    if clip is None:
        return False
    try:
        text = base64.b64decode(clip[1], validate=True)
    except binascii.Error:
        return False
    # What is copied is pasted into a terminal next.
    return text != CLIPPED and not _hidden(text, 0, len(text))


def _hidden(output: bytes, start: int, end: int) -> list[str]:
    marks = 0
    for character in output[start:end].decode("utf-8", "surrogateescape"):
        if " " <= character <= "~" or character in "\r\n":
            marks = 0
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category in _HIDDEN or character in _BLANK or marks > _MARKS_A_CHARACTER:
            return [f"U+{ord(character):04X} in {_around(output, start)}"]
    return []


def _around(output: bytes, place: int) -> str:
    return repr(bytes(output[max(0, place - 60) : place + 80]))
