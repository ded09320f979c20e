"""The ways over every screen and state that shows what others wrote. Each step waits for what it should do."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.hostile import Texts, pasted
from tests.support.hostile_production import GROUP, Production
from tests.support.walker import (
    CLOSES,
    ENTER,
    ESCAPE,
    KEYS,
    PALETTE,
    RIGHT,
    TAB,
    UP,
    Rows,
    Walker,
    command_rows,
    cursor,
    cursor_row,
    detail_title,
    hidden,
    inner_cursor,
    is_filtered,
    last_row,
    palette_line,
    pane_title,
    shown,
    top_row,
)

_LEAVES = "leave it as it is"
_AGAIN = "enter again does it"
_APPROVES = "y approve"
_COMPLETIONS = (
    ("alerts ack ", "acks"),
    ("alerts list label", "List alerts"),
    ("alerts silence x --without l", "--without WITHOUT"),
    ("deploy status ", "Show how rollouts"),
    ("incident show 1", "Show an incident"),
    ("oncall who ", "Show who"),
)
_PAGES = (
    "alerts list",
    "alerts list --by alertname",
    "alerts labels",
    "alerts silences",
    "alerts correlate",
    "deploy status",
    "incident list",
    "incident show 1",
    "oncall who",
    "audit list",
    "undo list",
    "metrics query answered",
    "metrics range answered",
)

_TABS = "1 Alerts"
"""Where there is room for one pane alone, the others are tabs."""


def lists(walker: Walker, texts: Texts) -> None:
    """Every row of every pane and its detail, the group unfolded."""
    _ready(walker)
    first, count = next(iter(texts.each)), len(texts.each)
    walker.until(lambda rows: first in cursor_row(rows), "the cursor is not at the top")
    walker.step(ENTER, lambda rows: _unfolded(rows) and shown("firing since")(rows), "the detail unfolded")
    walker.down(count)
    # The acked one, and the line of the muted.
    walker.down(2)
    walker.turn("g", detail_title)
    walker.turn("j", detail_title)
    walker.step(ENTER, lambda rows: "▾" in cursor_row(rows), "the group unfolded")
    for _ in range(GROUP):
        walker.turn("j", cursor)
    for key in "234":
        walker.turn(key, detail_title)
        walker.down(count - 1)
    walker.step(ENTER, lambda rows: not _unfolded(rows), "the detail folded")
    walker.check()


def glance(walker: Walker, texts: Texts) -> None:
    """Every alert and its detail, every pane, a page, the requests, the wallboard: where any text may stand."""
    _ready(walker)
    walker.step(ENTER, _unfolded, "the detail unfolded")
    for _ in texts.each:
        walker.turn("j", cursor)
    for key in "234":
        walker.turn(key, detail_title)
        walker.turn("G", detail_title)
    walker.turn("1", detail_title)
    walker.filter(pasted(texts.together))
    for line in ("alerts list", "incident show 1"):
        walker.page(line)
        walker.copy()
        walker.leave_page()
    walker.press("p", _APPROVES)
    walker.step(ESCAPE, lambda rows: hidden(_APPROVES)(rows) and shown(KEYS)(rows), "the requests closed")
    walker.press("w", "esc back")
    walker.press("w", KEYS)
    walker.check()


def panes(walker: Walker) -> None:
    """Each pane alone on the screen, at its end and at its begin."""
    wide = _TABS not in walker.terminal.text()
    walker.turn("1", detail_title)
    if wide:
        walker.press("z", _TABS)
    for key in "2341":
        walker.turn(key, pane_title)
        walker.turn("g", cursor)
        walker.copy()
    if wide:
        walker.drop("z", _TABS)
    walker.check()


def filters(walker: Walker, texts: Texts) -> None:
    """Filters that are typed, wrong, pasted."""
    first, second = list(texts.each)[:2]
    walker.filter(second, lambda rows: second in cursor_row(rows) and not any(first in row[:46] for row in rows))
    walker.filter('x=~"(', shown("is missing"))
    walker.filter(pasted(texts.together))
    walker.filter(pasted("\x9b31mPWN=\u202e\x07"))
    walker.check()


def command_line(walker: Walker, texts: Texts) -> None:
    """Completions of everything that has a hostile name, wrong words, what is pasted, titles that others wrote."""
    for line, said in _COMPLETIONS:
        walker.line(line, said)
        walker.turn(TAB, last_row)
        walker.leave_line()
    walker.line("alerts ack x --for 15y", "✗")
    walker.leave_line()
    walker.line("")
    walker.step(pasted(f"alerts ack {texts.together}"), lambda rows: "✗" in command_rows(rows), "it is wrong")
    # It stays for mending.
    walker.terminal.send(ENTER)
    walker.leave_line()
    for _ in range(4):
        walker.turn("j", cursor)
        walker.drop("i", KEYS)
        walker.leave_line()
    walker.check()


def writes(walker: Walker, production: Production) -> None:
    """Acks and silences that are done, asked for, declined, refused by the server and by the breaker."""
    first, _, _, third, *_ = production.texts.each
    walker.top(first)
    walker.press("a", "acknowledged")
    # Then the group is first: three alerts at once, each with more words than fit.
    walker.until(lambda rows: first not in top_row(rows), "the first was not muted")
    walker.top(f"×{GROUP}")
    walker.drop("s", KEYS)
    walker.step("because", lambda rows: 'because"' in last_row(rows), "the comment")
    walker.type(f"{RIGHT} --without pod", " --without pod")
    walker.until(lambda rows: f"silences {GROUP} alerts" in command_rows(rows), "it does not say what enter does")
    walker.step(ENTER, lambda rows: _asks(rows) or shown(_AGAIN)(rows), "a question")
    if not _asks(walker.rows()):
        # What was selected has changed behind the line: it was explained anew.
        walker.step(ENTER, _asks, "a question")
    walker.press("n", CLOSES, "by hand")
    walker.leave_page()
    walker.step("a", _asks, "a question")
    walker.step("y", shown(f"all {GROUP} done"), "all are acked")
    walker.check()
    walker.until(lambda rows: f"×{GROUP}" not in top_row(rows), "the group was not muted")
    walker.top(third)
    production.alertmanager.refuses = True
    walker.press("a", "alertmanager prod answered 400")
    production.alertmanager.refuses = False
    walker.check()


def breaker(walker: Walker, trip: Callable[[], None]) -> None:
    """A breaker that a colleague opened, an ack that it refuses, the line by hand; it is closed."""
    assert not _tripped(walker.rows())
    trip()
    walker.until(_tripped, "the breaker did not open")
    walker.press("a", CLOSES, "by hand")
    walker.copy()
    walker.leave_page()
    walker.drop("b", KEYS)
    walker.step("over", lambda rows: '"over"' in last_row(rows), "the reason")
    walker.step(ENTER, lambda rows: not _tripped(rows), "the breaker closed")
    walker.check()


def pages(walker: Walker) -> None:
    """Commands whose answer is a page."""
    for line in _PAGES:
        walker.page(line)
        walker.copy()
        walker.leave_page()
    walker.line("")
    walker.turn(UP, last_row)
    walker.leave_line()
    walker.check()


def views(walker: Walker) -> None:
    """Alerts by problem and by a label, every group unfolded; the pages to pick a view and a label from."""
    walker.press("c", "by prob")
    walker.step("+", lambda rows: any("▾" in row for row in rows), "the problems unfolded")
    for _ in range(4):
        walker.turn("j", cursor)
    walker.step("-", lambda rows: not any("▾" in row for row in rows), "the problems folded")
    walker.drop("c", "by prob")
    walker.press("o", "Labels: ")
    for _ in range(4):
        walker.turn("j", inner_cursor)
    walker.step(ENTER, lambda rows: is_filtered(rows) and hidden("Labels: ")(rows), "filtered by a label")
    walker.step(ESCAPE, lambda rows: not is_filtered(rows), "no filter")
    walker.press("v", "Views of the alerts")
    walker.turn("j", inner_cursor)
    walker.step(ESCAPE, lambda rows: hidden("Views of the alerts")(rows) and shown(KEYS)(rows), "the views closed")
    walker.check()


def approvals(walker: Walker) -> None:
    """What waits for a second person, every request of it, and the question before a yes."""
    walker.press("p", _APPROVES)
    for _ in range(3):
        walker.turn("j", inner_cursor)
    walker.turn("g", inner_cursor)
    walker.step("y", _asks, "a question")
    walker.drop("n", _LEAVES)
    walker.step(ESCAPE, lambda rows: hidden(_APPROVES)(rows) and shown(KEYS)(rows), "the requests closed")
    walker.check()


def around(walker: Walker, texts: Texts) -> None:
    """The palette, the help, the wallboard."""
    walker.press(PALETTE, "Search for commands")
    walker.step("alerts", lambda rows: "alerts" in palette_line(rows), "the word in the palette")
    walker.turn(pasted(texts.together), palette_line)
    walker.drop(ESCAPE, "🔎")
    walker.press("?", CLOSES)
    walker.leave_page()
    walker.press("w", "esc back")
    wall(walker)
    walker.press("w", KEYS)
    walker.check()


def wall(walker: Walker) -> None:
    """The wallboard and its help, in another theme too."""
    walker.press("t?", CLOSES)
    walker.leave_page("page ")
    walker.check()


def _ready(walker: Walker) -> None:
    """Wait until every source has said something."""
    walker.shows("breaker closed", "crit")
    walker.gone("connecting")
    walker.gone("waiting for")


def _asks(rows: Rows) -> bool:
    """Whether a question stands that takes an answer: dots stand behind it as long as it takes none."""
    return any(_LEAVES in row and f"{_LEAVES}  …" not in row for row in rows)


def _tripped(rows: Rows) -> bool:
    """Whether the frames are heavy, as while the breaker is open: what says so in words may lie below toasts."""
    return any(row.startswith(("┏", "┃", "┗")) for row in rows)


def _unfolded(rows: Rows) -> bool:
    """Whether the detail has most of the screen; folded it is low or not there at all."""
    frames = [place for place, row in enumerate(rows) if row.startswith(("╭", "┏"))]
    return len(frames) > 1 and frames[-1] < len(rows) // 2
