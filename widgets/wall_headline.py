"""The one line of truth, as large as the screen allows."""

from __future__ import annotations

from dataclasses import dataclass

from widgets.record_table import Align, Cut, Piece
from widgets.record_table.cells import fit
from widgets.wall_canvas import Line, Note
from widgets.wall_letters import drawable, height_of, large, width_of

_GAP = 5  # pixels between words and tail: a blank and what stands beside it


@dataclass(frozen=True, slots=True)
class Headline:
    """What the wallboard says before anything else.

    Attributes:
        words: such as ``▲ 3 CRITICAL``, ``ALL CLEAR``, ``BLIND``.
        tail: what belongs behind it: ``2h 10m``, ``since 2m14s``, ``or more``.
        style: of both.
        notes: lines below, the most important first; harmless already.
        told: whether the notes tell the tail too, so that it may be left out where it does not fit.
    """

    words: str
    tail: str = ""
    style: str = ""
    notes: tuple[Note, ...] = ()
    told: bool = False


def headline_lines(headline: Headline, width: int, size: int) -> list[Line]:
    """The words in letters of ``size`` (2, 1, or 0 for plain bold text), or smaller where the width asks for it.

    Returns:
        As many lines as the chosen size takes.
    """
    words, tail, style = headline.words, headline.tail, headline.style
    for words_size, tail_size in ((2, 2), (2, 1), (1, 1), (1, 0)):
        if words_size > size:
            continue
        found = _try(words, tail, style, width, words_size, tail_size)
        if found is not None:
            return found
        if words_size == 1 and not tail_size and headline.told:
            found = _try(words, "", style, width, 1, 0)
            if found is not None:
                return found
        # The number, at least, is large.
        number, _, word = words.rpartition(" ")
        if size and number and not tail_size:
            found = _try(number, f"{word} {tail}".strip(), style, width, 1, 0)
            if found is not None:
                return found
    return [tuple(fit([Piece(f"{words} {tail}".strip(), f"bold {style}")], width, Align.LEFT, Cut.END))]


def large_line(words: str, style: str, width: int, size: int) -> list[Line] | None:
    """``words`` alone in large letters; None where they do not fit or have no picture."""
    return _try(words, "", style, width, size, size)


def large_row(words: str, end: str, style: str, width: int) -> list[Line] | None:
    """``words`` at the left and ``end`` at the right in letters of size 1; None where they do not fit."""
    if not drawable(words) or not drawable(end):
        return None
    gap = width - width_of(words, 1) - width_of(end, 1)
    if gap < 3:
        return None
    pairs = zip(large(words, 1), large(end, 1), strict=True)
    return [(Piece(front, style), Piece(" " * gap), Piece(back, style)) for front, back in pairs]


def _try(words: str, tail: str, style: str, width: int, words_size: int, tail_size: int) -> list[Line] | None:
    if not drawable(words) or (tail_size and not drawable(tail)):
        return None
    head = large(words, words_size)
    gap = " " * (_GAP * words_size)
    height = height_of(words_size)
    if not tail:
        behind = [""] * height
        needed = width_of(words, words_size)
    else:
        # The tail stands on the same line as the words.
        picture = list(large(tail, tail_size)) if tail_size else [tail]
        above = height - len(picture) - (1 if tail_size != words_size else 0)
        behind = [""] * above + [gap + line for line in picture]
        behind += [""] * (height - len(behind))
        needed = width_of(words, words_size) + len(gap) + max(map(len, picture))
    if needed > width:
        return None
    # Large letters are thick enough; bold would brighten them on some terminals only.
    tail_style = style if tail_size else f"bold {style}".strip()
    return [
        (Piece(front, style), *((Piece(back, tail_style),) if back else ()))
        for front, back in zip(head, behind, strict=True)
    ]
