"""What a command answered, as plain lines or as JSON."""

from __future__ import annotations

import unicodedata
from typing import Any

from services.command import Result, Table
from services.registry.words import CommandError
from services.vocabulary.errors import ConsoleError, Refused
from services.vocabulary.text import display


def cells(text: str) -> int:
    """How many terminal cells ``text`` takes (East Asian wide characters take two, combining marks none)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


LONGEST_CELL = 80
"""Characters of a cell that a person reads; the last of a row may have :data:`LONGEST_LAST`. A longer one is cut in the
middle, and none is padded to more."""
LONGEST_LAST = 200


def table_lines(table: Table, *, whole: bool = False) -> list[str]:
    """The table with aligned columns, titles first; outside text made harmless.

    Args:
        table: raw.
        whole: for whoever searches it: cells are not cut, however long they are.
    """
    last = len(table.columns) - 1
    limits = [None if whole else LONGEST_LAST if index == last else LONGEST_CELL for index in range(last + 1)]
    rows = [tuple(column.title for column in table.columns)]
    rows += [tuple(display(cell, limit) for cell, limit in zip(row, limits, strict=True)) for row in table.rows]
    widths = [min(LONGEST_CELL, max(cells(row[index]) for row in rows)) for index in range(last + 1)]
    lines = []
    for row in rows:
        parts = []
        for cell, width, column in zip(row, widths, table.columns, strict=True):
            pad = " " * (width - cells(cell))
            parts.append(pad + cell if column.numeric else cell + pad)
        lines.append("  ".join(parts).rstrip())
    return lines


def result_lines(result: Result, *, whole: bool = False) -> list[str]:
    """The answer for a person: message, table, further lines, how to undo; ``whole`` as in :func:`table_lines`."""
    lines = [display(result.message)] if result.message else []
    if result.table is not None and result.table.rows:
        lines += table_lines(result.table, whole=whole)
    lines += [display(line) for line in result.lines]
    if result.undo:
        lines.append(f"undo: {display(result.undo)}")
    return lines


def result_json(command: str, result: Result) -> dict[str, Any]:
    """The answer for a program; ``message`` is raw."""
    answer: dict[str, Any] = {"ok": result.ok, "command": command, "data": result.data, "message": result.message}
    if result.status:
        answer["status"] = result.status
    if result.undo:
        answer["undo"] = result.undo
    return answer


def error_json(command: str, error: ConsoleError) -> dict[str, Any]:
    """A failure for a program: ``ok`` is false, ``data`` is null or says where the line is wrong."""
    data: dict[str, Any] | None = None
    if isinstance(error, CommandError):
        data = {"start": error.start, "end": error.end, "suggestion": error.suggestion or None}
    elif isinstance(error, Refused) and error.equivalent:
        data = {"equivalent": error.equivalent}
    answer: dict[str, Any] = {"ok": False, "command": command, "data": data, "message": error.message}
    if error.hint:
        answer["hint"] = error.hint
    return answer


def error_lines(line: str, error: ConsoleError) -> list[str]:
    """A failure for a person; a wrong word is marked under the line it stands in."""
    lines = []
    if isinstance(error, CommandError):
        shown = display(line)
        before, marked = cells(display(line[: error.start])), cells(display(line[error.start : error.end]))
        lines = [shown, " " * before + "^" * max(1, marked)]
    lines.append(display(error.message))
    if error.hint:
        lines.append(f"hint: {display(error.hint)}")
    if isinstance(error, Refused) and error.equivalent:
        lines.append(f"by hand: {display(error.equivalent)}")
    return lines
