"""Letters that are read from across a room, drawn with block characters.

Every glyph is a picture of at most eight pixels in height; the lowest row belongs to the tails of g, p and y. A pixel
is half a cell high at size 1 (four lines), and two cells wide and one high at size 2 (eight lines).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

PIXELS = 8
"""Height of every glyph."""

_SHEETS = (
    (
        "ABCDEFGHIJKLM",
        """
 ### |#### | ####|#### |#####|#####| ####|#   #|###|    #|#   #|#    |#   #
#   #|#   #|#    |#   #|#    |#    |#    |#   #| # |    #|#  # |#    |## ##
#   #|#   #|#    |#   #|#    |#    |#    |#   #| # |    #|# #  |#    |# # #
#####|#### |#    |#   #|#### |#### |#  ##|#####| # |    #|##   |#    |# # #
#   #|#   #|#    |#   #|#    |#    |#   #|#   #| # |#   #|# #  |#    |#   #
#   #|#   #|#    |#   #|#    |#    |#   #|#   #| # |#   #|#  # |#    |#   #
#   #|#### | ####|#### |#####|#    | ####|#   #|###| ### |#   #|#####|#   #
""",
    ),
    (
        "NOPQRSTUVWXYZ",
        """
#   #| ### |#### | ### |#### | ####|#####|#   #|#   #|#   #|#   #|#   #|#####
##  #|#   #|#   #|#   #|#   #|#    |  #  |#   #|#   #|#   #|#   #|#   #|    #
##  #|#   #|#   #|#   #|#   #|#    |  #  |#   #|#   #|#   #| # # | # # |   #
# # #|#   #|#### |#   #|#### | ### |  #  |#   #|#   #|# # #|  #  |  #  |  #
#  ##|#   #|#    |# # #|# #  |    #|  #  |#   #| # # |# # #| # # |  #  | #
#  ##|#   #|#    |#  # |#  # |    #|  #  |#   #| # # |## ##|#   #|  #  |#
#   #| ### |#    | ## #|#   #|#### |  #  | ### |  #  |#   #|#   #|  #  |#####
""",
    ),
    (
        "abcdefghijklm",
        """
    |#   |    |   #|    |  ##|    |#   |#|  #|#   |# |
    |#   |    |   #|    | #  |    |#   | |   |#   |# |
 ## |### | ###| ###| ## |####| ###|### |#|  #|#  #|# |## #
   #|#  #|#   |#  #|#  #| #  |#  #|#  #|#|  #|# # |# |# # #
 ###|#  #|#   |#  #|####| #  |#  #|#  #|#|  #|##  |# |# # #
#  #|#  #|#   |#  #|#   | #  |#  #|#  #|#|  #|# # |# |# # #
 ###|### | ###| ###| ###| #  | ###|#  #|#|  #|#  #|##|# # #
    |    |    |    |    |    |### |    | |## |    |  |
""",
    ),
    (
        "nopqrstuvwxyz",
        """
    |    |    |    |   |    | #  |    |     |     |     |    |
    |    |    |    |   |    | #  |    |     |     |     |    |
### | ## |### | ###|# #| ###|####|#  #|#   #|# # #|#   #|#  #|####
#  #|#  #|#  #|#  #|## |#   | #  |#  #|#   #|# # #| # # |#  #|   #
#  #|#  #|#  #|#  #|#  | ## | #  |#  #|#   #|# # #|  #  |#  #| ##
#  #|#  #|#  #|#  #|#  |   #| #  |#  #| # # |# # #| # # |#  #|#
#  #| ## |### | ###|#  |### |  ##| ###|  #  | ### |#   #| ###|####
    |    |#   |   #|   |    |    |    |     |     |     |### |
""",
    ),
    (
        "0123456789",
        """
 ### | # | ### |#### |#   #|#####| ### |#####| ### | ###
#   #|## |#   #|    #|#   #|#    |#    |    #|#   #|#   #
#  ##| # |    #|    #|#   #|#    |#    |    #|#   #|#   #
# # #| # |  ## | ### |#####|#### |#### |   # | ### | ####
##  #| # | #   |    #|    #|    #|#   #|  #  |#   #|    #
#   #| # |#    |    #|    #|    #|#   #|  #  |#   #|    #
 ### |###|#####|#### |    #|#### | ### |  #  | ### | ###
""",
    ),
    (
        " -_.,:+/'()@!?#&=",
        """
   |    |    |  | | |     |    |#| #|# | ### |#| ### | # # | ##  |
   |    |    |  | | |     |   #|#|# | #|#   #|#|#   #| # # |#  # |
   |    |    |  | |#|  #  |   #| |# | #|# ###|#|    #|#####| ##  |####
   |####|    |  | | |#####|  # | |# | #|# # #|#|  ## | # # | ## #|
   |    |    |  | |#|  #  | #  | |# | #|# ###|#|  #  |#####|#  # |####
   |    |    |  | | |     |#   | |# | #|#    | |     | # # |#  # |
   |    |####|# |#| |     |#   | | #|# | ### |#|  #  | # # | ## #|
   |    |    |  |#| |     |    | |  |  |     | |     |     |     |
""",
    ),
    (
        "▲◆◐✓✗⊘…",
        """
   #   |   #   |  ###  |       |       |   #
   #   |  ###  | ## ## |      #| #   # | # # #
  ###  | ##### |###   #|     # |  # #  |#  #  #
  # #  |#######|###   #|#   #  |   #   |#  #  #
 ## ## | ##### |###   #| # #   |  # #  |#     #
 #####  |  ###  | ## ## |  #    | #   # | #   #
#######|   #   |  ###  |       |       |  ###  |# # #
""",
    ),
)


def _glyphs() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for characters, sheet in _SHEETS:
        rows = [line.split("|") for line in sheet.strip("\n").split("\n")]
        for place, character in enumerate(characters):
            picture = [row[place] if place < len(row) else "" for row in rows]
            picture += [""] * (PIXELS - len(picture))
            width = 3 if character == " " else max(len(line.rstrip()) for line in picture)
            found[character] = tuple(line[:width].ljust(width) for line in picture)
    return found


_GLYPHS = _glyphs()
_LOW = frozenset("acemnorsuvwxyz")
_MARKS = {"\u0308": "#  #", "\u0301": "  # ", "\u0300": " #  ", "\u0302": " ## ", "\u030a": " ## ", "\u0303": "### "}


def _picture(character: str) -> tuple[str, ...] | None:
    found = _GLYPHS.get(character)
    if found is not None:
        return found
    # A small letter leaves the two upper rows to its accent.
    base, mark = (*unicodedata.normalize("NFD", character), "", "")[:2]
    if base not in _LOW or mark not in _MARKS or len(unicodedata.normalize("NFD", character)) != 2:
        return None
    body = _GLYPHS[base]
    return (_MARKS[mark].center(len(body[0]))[: len(body[0])], *body[1:])


_HALVES = {"  ": " ", "# ": "▀", " #": "▄", "##": "█"}


def drawable(text: str) -> bool:
    """Whether there is a picture of every character."""
    return all(_picture(character) is not None for character in text)


def height_of(size: int) -> int:
    """Lines that a text takes at ``size``: 4 at 1, 8 at 2."""
    return PIXELS // 2 if size == 1 else PIXELS


def width_of(text: str, size: int) -> int:
    """Cells that a text takes at ``size``."""
    pixels = sum(len(picture[0]) + 1 for picture in _pictures(text)) - 1 if text else 0
    return pixels * size


@lru_cache(maxsize=256)
def large(text: str, size: int) -> tuple[str, ...]:
    """``text`` in large letters, one string a line, all of the same width.

    Args:
        text: characters for which :func:`drawable` holds.
        size: 1 or 2.

    Raises:
        ValueError: there is no picture of a character.
    """
    pictures = _pictures(text)
    rows = [" ".join(picture[row] for picture in pictures) for row in range(PIXELS)]
    if size == 2:
        return tuple("".join("██" if pixel == "#" else "  " for pixel in row) for row in rows)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return tuple("".join(_HALVES[upper + lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs)


def _pictures(text: str) -> list[tuple[str, ...]]:
    pictures = [_picture(character) for character in text]
    if None in pictures:
        raise ValueError(f"not every character of {text!r} can be drawn large")
    return [picture for picture in pictures if picture is not None]
