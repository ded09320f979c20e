"""The ways over every screen and state that shows what others wrote. Each step waits for what it should do."""

from __future__ import annotations

from tests.support.hostile import Texts, pasted
from tests.support.hostile_production import GROUP
from tests.support.walker import (
    CLOSES,
    ENTER,
    Rows,
    Walker,
    cursor_row,
    detail_title,
)


def lists(walker: Walker, texts: Texts) -> None:
    """Every row of every pane and its detail, the group unfolded."""
    walker.shows("breaker closed", "crit")
    walker.gone("connecting")
    walker.gone("waiting for")
    first, count = next(iter(texts.each)), len(texts.each)
    walker.until(lambda rows: first in cursor_row(rows), "the cursor is not at the top")
    walker.terminal.send(ENTER)
    walker.until(lambda rows: _unfolded(rows) and any("firing since" in row for row in rows), "no detail")
    walker.down(count)
    # The acked one, and the line of the muted.
    walker.down(2)
    walker.turn("g", detail_title)
    walker.turn("j", detail_title)
    walker.turn(ENTER, cursor_row)
    for _ in range(GROUP):
        walker.turn("j", cursor_row)
    for key in "234":
        walker.turn(key, detail_title)
        walker.down(count - 1)
    walker.terminal.send(ENTER)
    walker.until(lambda rows: not _unfolded(rows), "the detail stayed")
    walker.check()


def panes(walker: Walker) -> None:
    """Each pane alone on the screen, at its end and at its begin."""
    walker.terminal.send("1")
    wide = "1 Alerts" not in walker.terminal.text()
    if wide:
        walker.turn("z", _second_row)
    for key in "2341":
        walker.turn(key, _third_row)
        walker.turn("g", cursor_row)
        walker.copy()
    if wide:
        walker.turn("z", _second_row)
    walker.check()


def filters(walker: Walker, texts: Texts) -> None:
    """Filters that are typed, wrong, pasted."""
    second = list(texts.each)[1]
    walker.filter(second, second)
    walker.filter('x=~"(', "is missing")
    walker.filter(pasted(texts.together))
    walker.filter(pasted("\x9b31mPWN=\u202e\x07"))
    walker.check()


def wall(walker: Walker) -> None:
    """The wallboard and its help, in another theme too."""
    walker.press("t?", CLOSES)
    walker.leave_page()
    walker.check()


def _unfolded(rows: Rows) -> bool:
    """Whether the detail has most of the screen; folded it is low or not there at all."""
    return 2 < rows.index(detail_title(rows)) < len(rows) // 2


def _second_row(rows: Rows) -> str:
    return rows[1]


def _third_row(rows: Rows) -> str:
    return rows[2]
