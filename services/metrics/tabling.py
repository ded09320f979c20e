"""Series as tables: the labels that tell them apart as columns, what they share said once."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from services.command import Column, Table
from services.metrics.model import Labels

_MOST_COLUMNS = 6


def selector(labels: Labels) -> str:
    """Labels as a PromQL selector: ``up{job="node"}``."""
    name = dict(labels).get("__name__", "")
    rest = ", ".join(f"{key}={_quoted(value)}" for key, value in labels if key != "__name__")
    return f"{name}{{{rest}}}" if rest or not name else name


def shared(every: Sequence[Labels]) -> Labels:
    """What two or more series have in common; nothing for one alone, whose labels all tell what it is."""
    if len(every) < 2:
        return ()
    common = set(every[0]).intersection(*map(set, every[1:]))
    return tuple(sorted(common))


def labels_table(every: Sequence[Labels], columns: Sequence[Column], rest: Iterable[Sequence[str]]) -> Table:
    """One row a series: a column for each label in which they differ, then ``columns`` with the cells of ``rest``.

    More labels than a screen has room for go into one column.
    """
    common = set(shared(every))
    differing = sorted({key for labels in every for key, value in labels if (key, value) not in common})
    first = [key for key in ("__name__", "job", "instance") if key in differing]
    keys = [*first, *(key for key in differing if key not in first)]
    if len(keys) > _MOST_COLUMNS:
        rows = tuple(
            (selector(tuple(one for one in labels if one not in common)), *cells)
            for labels, cells in zip(every, rest, strict=True)
        )
        return Table((Column("series"), *columns), rows)
    rows = tuple(
        (*(dict(labels).get(key, "") for key in keys), *cells) for labels, cells in zip(every, rest, strict=True)
    )
    titles = [Column("name" if key == "__name__" else key) for key in keys]
    return Table((*titles, *columns), rows)


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Comma-separated values (RFC 4180), a line each; a line break within a cell is a blank."""
    out: list[str] = []
    for row in (header, *rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow([" ".join(cell.splitlines()) for cell in row])
        out.append(text.getvalue())
    return tuple(out)


def figure(value: float) -> str:
    """A value as people read it: six digits, whole numbers whole."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
