"""On which line of a TOML file a key stands. ``tomllib`` reads values and forgets places."""

from __future__ import annotations

import re
import tomllib

from console.configuration.problems import Path

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_PAIR = re.compile(rf"\s*({_DOTTED})\s*=\s*(.*)$")


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of each table and key of a valid TOML document.

    Keys inside an inline table or an array share the line of the key that holds them.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    pending = ""
    for number, line in enumerate(text.splitlines(), 1):
        if pending:
            pending += line + "\n"
            pending = "" if _complete(pending) else pending
            continue
        if header := _HEADER.match(line):
            names = _names(header[2])
            parent = _inside(names[:-1], counts)
            table = (*parent, names[-1])
            if header[1] == "[[":
                index = counts.get(table, -1) + 1
                counts[table] = index
                table = (*table, index)
            elif table in counts:
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif pair := _PAIR.match(line):
            found[(*table, *_names(pair[1]))] = number
            value = f"value = {pair[2]}\n"
            pending = "" if _complete(value) else value
    return found


def line_of(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of ``path``, or of the nearest table or key around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _names(dotted: str) -> Path:
    names = re.findall(_KEY, dotted)
    return tuple(tomllib.loads(f"value = {name}")["value"] if name[0] in "\"'" else name for name in names)


def _inside(names: Path, counts: dict[Path, int]) -> Path:
    path: Path = ()
    for name in names:
        path = (*path, name)
        if path in counts:
            path = (*path, counts[path])
    return path


def _complete(value: str) -> bool:
    try:
        tomllib.loads(value)
    except tomllib.TOMLDecodeError:
        return False
    return True
