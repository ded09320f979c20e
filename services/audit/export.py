"""Writes entries of the audit to a file or a stream, some at a time, with secrets taken out once more."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from services.audit.view import NAMES, as_object
from services.safety.audit_entry import AuditEntry
from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display

FORMATS = ("jsonl", "csv")

Batches = AsyncIterator[Sequence[AuditEntry]]


class ExportError(ConsoleError):
    """The export cannot be written."""


class Format:
    """Turns entries into text: JSON lines, or CSV (RFC 4180) with a line of titles."""

    def __init__(self, name: str, redact: Callable[[str], str]) -> None:
        """
        Args:
            name: one of :data:`FORMATS`.
            redact: takes secrets out that became known after an entry was written.
        """
        self._csv = name == "csv"
        self._redact = redact

    @property
    def head(self) -> str:
        """What stands before the first entry."""
        return _csv_line(NAMES) if self._csv else ""

    def text(self, entries: Sequence[AuditEntry]) -> str:
        """The lines of ``entries``, each with its end."""
        return "".join([self._line(as_object(entry)) for entry in entries])

    def _line(self, one: dict[str, Any]) -> str:
        clean = {name: self._clean(value) for name, value in one.items()}
        if not self._csv:
            # ASCII escapes: no byte of outside text reaches a terminal raw, and a program reads it exactly.
            return json.dumps(clean) + "\n"
        return _csv_line([_cell(clean[name]) for name in NAMES])

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, list):
            return [{name: self._clean(text) for name, text in one.items()} for one in value]
        return value


async def write_stream(batches: Batches, form: Format, write: Callable[[str], None]) -> int:
    """Hand every entry to ``write``.

    Returns:
        How many there were.
    """
    count = 0
    write(form.head)
    async for entries in batches:
        write(form.text(entries))
        count += len(entries)
    return count


async def write_file(batches: Batches, form: Format, path: Path, *, replace: bool) -> int:
    """Write every entry to a new file (0600), which stands there whole or not at all.

    Args:
        batches: the entries.
        form: how.
        path: of the file.
        replace: whether a file that is there may be replaced.

    Returns:
        How many there were.

    Raises:
        ExportError: it is there already, or cannot be written.
    """
    if not replace and await asyncio.to_thread(os.path.lexists, path):
        raise _taken(path)
    try:
        descriptor, part = await asyncio.to_thread(tempfile.mkstemp, prefix=f".{path.name[:100]}-", dir=path.parent)
    except OSError as error:
        raise _failed(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:

            def write(text: str) -> None:
                file.write(text)

            count = 0
            await asyncio.to_thread(write, form.head)
            async for entries in batches:
                # Neither the formatting nor a slow disk holds the screen.
                await asyncio.to_thread(lambda some: write(form.text(some)), entries)
                count += len(entries)
            await asyncio.to_thread(_settle, file)
        if replace:
            await asyncio.to_thread(os.replace, part, path)
        else:
            # Unlike a rename this fails where somebody made the file meanwhile.
            await asyncio.to_thread(os.link, part, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise _failed(path, error) from None
    finally:
        await asyncio.to_thread(_drop, part)
    return count


def _settle(file: io.TextIOWrapper) -> None:
    file.flush()
    os.fsync(file.fileno())


def _drop(part: str) -> None:
    Path(part).unlink(missing_ok=True)


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> str:
    """One cell: made harmless for a terminal, and for a spreadsheet, which takes some texts for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value) if isinstance(value, int) else json.dumps(value)
    text = display(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _taken(path: Path) -> ExportError:
    return ExportError(f"{path} is there already, nothing was written", "name another file, or add --replace")


def _failed(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} cannot be written: {error.strerror}", "name a file in a directory of yours")
