"""Where a row is, and where the cursor goes when its row is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeVar

RowT = TypeVar("RowT")


def find(rows: Sequence[RowT], key: Callable[[RowT], str], wanted: str, near: int = 0) -> int | None:
    """The index of the row with the key ``wanted``; looks around ``near`` first, so a row that moved little is
    found without touching the others. None where there is no such row."""
    length = len(rows)
    if not length:
        return None
    near = min(max(0, near), length - 1)
    for distance in count():
        below, above = near + distance, near - distance
        if below >= length and above < 0:
            return None
        if below < length and key(rows[below]) == wanted:
            return below
        if above >= 0 and distance and key(rows[above]) == wanted:
            return above
    return None


def neighbour(
    old: Sequence[RowT], new: Sequence[RowT], key: Callable[[RowT], str], index: int, allowed: Callable[[RowT], bool]
) -> int | None:
    """The index in ``new`` of the row that stood nearest to ``index`` in ``old``, the one below before the one above.

    Where none of the old rows is left: the allowed row nearest to ``index`` itself. None where no row is allowed.
    """
    places = {key(row): place for place, row in enumerate(new)}
    for distance in range(1, len(old) + 1):
        for candidate in (index + distance, index - distance):
            if 0 <= candidate < len(old):
                place = places.get(key(old[candidate]))
                if place is not None and allowed(new[place]):
                    return place
    return nearest(new, index, allowed)


def nearest(rows: Sequence[RowT], index: int, allowed: Callable[[RowT], bool]) -> int | None:
    """The allowed row nearest to ``index``, the one below before the one above; None where no row is allowed."""
    if not rows:
        return None
    index = min(max(0, index), len(rows) - 1)
    return next(
        (
            candidate
            for distance in range(len(rows))
            for candidate in (index + distance, index - distance)
            if 0 <= candidate < len(rows) and allowed(rows[candidate])
        ),
        None,
    )
