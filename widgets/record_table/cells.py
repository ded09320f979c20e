"""The content of a cell, and how it is made to fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len, set_cell_size

from services.vocabulary.text import display
from widgets.record_table.columns import Align, Cut

ELLIPSIS = "…"
# A cell is never wider than a screen: more than this of one text is not looked at.
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a cell in one style.

    Attributes:
        text: raw; the table passes it through ``display()``.
        style: empty, a component class with a leading dot (``.alerts--acked``), or a Textual style such as
            ``bold $severity-critical``. Resolved once a theme.
    """

    text: str
    style: str = ""


Cell = str | Piece | Sequence[Piece]
"""What a cell holds: a raw text, or pieces of raw text with styles. Never markup."""


def pieces_of(cell: Cell) -> list[Piece]:
    """The cell as pieces whose texts are harmless."""
    if isinstance(cell, str):
        return [Piece(display(cell, _LONGEST))]
    if isinstance(cell, Piece):
        return [Piece(display(cell.text, _LONGEST), cell.style)]
    return [Piece(display(piece.text, _LONGEST), piece.style) for piece in cell]


def width_of(pieces: Sequence[Piece]) -> int:
    """Width in cells of a terminal."""
    return sum(cell_len(piece.text) for piece in pieces)


def fit(pieces: Sequence[Piece], width: int, align: Align, cut: Cut) -> list[Piece]:
    """Pieces that take exactly ``width`` cells: padded, or cut with an ellipsis.

    The padding has no style, so that an underline or a background ends with the text.
    """
    if width <= 0:
        return []
    natural = width_of(pieces)
    if natural > width:
        pieces = _cut_middle(pieces, width) if cut is Cut.MIDDLE else _cut_end(pieces, width)
        natural = width_of(pieces)
    padding = Piece(" " * (width - natural))
    if not padding.text:
        return list(pieces)
    return [padding, *pieces] if align is Align.RIGHT else [*pieces, padding]


def _cut_end(pieces: Sequence[Piece], width: int) -> list[Piece]:
    kept = _head(pieces, width - 1)
    return [*kept, Piece(ELLIPSIS, kept[-1].style if kept else "")]


def _cut_middle(pieces: Sequence[Piece], width: int) -> list[Piece]:
    # The end gets the larger half: names of pods, hosts and versions differ there.
    tail = width // 2
    head = _head(pieces, width - 1 - tail)
    return [*head, Piece(ELLIPSIS, head[-1].style if head else ""), *_tail(pieces, tail)]


def _head(pieces: Sequence[Piece], width: int) -> list[Piece]:
    kept: list[Piece] = []
    for piece in pieces:
        length = cell_len(piece.text)
        if length > width:
            text = head_of(piece.text, width)
            if text:
                kept.append(Piece(text, piece.style))
            break
        kept.append(piece)
        width -= length
    return kept


def _tail(pieces: Sequence[Piece], width: int) -> list[Piece]:
    kept: list[Piece] = []
    for piece in reversed(pieces):
        length = cell_len(piece.text)
        if length > width:
            text = tail_of(piece.text, width)
            if text:
                kept.append(Piece(text, piece.style))
            break
        kept.append(piece)
        width -= length
    return kept[::-1]


def head_of(text: str, width: int) -> str:
    """The longest beginning that takes at most ``width`` cells and splits no character."""
    if text.isascii():
        return text[: max(0, width)]
    kept = ""
    for start, end in pairwise(_boundaries(text)):
        longer = text[:end]
        if cell_len(longer) > width:
            break
        kept = longer
        if end - start > width + 64:
            break
    return kept


def tail_of(text: str, width: int) -> str:
    """The longest end that takes at most ``width`` cells and splits no character."""
    if width <= 0:
        return ""
    if text.isascii():
        return text[-width:]
    kept = ""
    for start in reversed(_boundaries(text)[:-1]):
        longer = text[start:]
        if cell_len(longer) > width:
            break
        kept = longer
    return kept


def exactly(text: str, width: int) -> str:
    """``text`` cut or padded to ``width`` cells."""
    return set_cell_size(text, width)


def _boundaries(text: str) -> list[int]:
    """Where characters begin, marks kept with what they sit on; ends with the length."""
    out = [0]
    for index, character in enumerate(text):
        joins = unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Sk")
        if index and not joins:
            out.append(index)
    out.append(len(text))
    return out
