"""A person at the program's terminal: presses keys, waits for what they do, and keeps an eye on what is written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from tests.support.leaks import leaks
from tests.support.terminal import Terminal

ESCAPE = "\x1b[27u"
"""The key, in the form that cannot be the beginning of anything else: a lone escape is waited for."""
ENTER = "\r"
RIGHT = "\x1b[C"
UP = "\x1b[A"
PALETTE = "\x10"

KEYS = "? Help"
"""Ends the last line of the operations screen, unless the command line lies over it."""
CLOSES = "esc closes"

Rows = Sequence[str]
_COPY = b"\x1b]52;c;"
_PATIENCE = 20.0
_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = (sys.executable, "-P", "-c", "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))")


def start(config: Path, *arguments: str, columns: int, lines: int) -> Terminal:
    """The program on a terminal, with its state beside the configuration."""
    return Terminal(
        (*_PROGRAM, "--config", str(config), *arguments),
        columns=columns,
        lines=lines,
        environment={"PYTHONPATH": str(_ROOT), "XDG_STATE_HOME": str(config.parent / "xdg")},
    )


def cursor_row(rows: Rows) -> str:
    """The row that has the cursor, of the first list that shows one."""
    return next((row[: row.find("│", 2)] for row in rows if row.startswith(("│▌", "┃▌"))), "")


def detail_title(rows: Rows) -> str:
    """What the detail strip is about: it has the last frame of the screen."""
    return next((row for row in reversed(rows) if row.startswith(("╭", "┏"))), "")


def last_row(rows: Rows) -> str:
    """Where the command line is edited."""
    return rows[-1]


def command_rows(rows: Rows) -> str:
    """The command line and what it says, below the last rule that begins at the edge."""
    rules = [place for place, row in enumerate(rows) if row.startswith(("────", "━━━━"))]
    return "\n".join(rows[rules[-1] :]) if rules else ""


def below_the_bar(rows: Rows) -> str:
    """All but the first row, in which the clock ticks."""
    return "\n".join(rows[1:])


class Walker:
    """Waits for what a key does, never for a time.

    Attributes:
        seen: every screen that was waited for.
    """

    def __init__(self, terminal: Terminal, texts: Collection[str]) -> None:
        """
        Args:
            terminal: the program.
            texts: what must never be written as it is.
        """
        self.terminal = terminal
        self.seen: set[str] = set()
        self._texts = texts
        self._checked = 0

    def until(self, condition: Callable[[Rows], bool], reproach: str) -> None:
        """Wait until ``condition`` holds for the rows of the screen."""

        def looked(rows: Rows) -> bool:
            held = condition(rows)
            if held:
                self.seen.update(rows)
            return held

        self.terminal.wait_until(looked, reproach, _PATIENCE)

    def shows(self, *words: str) -> None:
        """Wait until each of ``words`` stands somewhere on the screen."""
        self.until(lambda rows: all(any(word in row for row in rows) for word in words), f"{words} never came")

    def gone(self, words: str) -> None:
        """Wait until ``words`` stand nowhere any more."""
        self.until(lambda rows: not any(words in row for row in rows), f"{words!r} stayed")

    def press(self, key: str, *words: str) -> None:
        """Press a key that brings ``words``."""
        self.terminal.send(key)
        self.shows(*words)

    def turn(self, key: str, part: Callable[[Rows], str] = below_the_bar) -> None:
        """Press a key that changes a part of the screen."""
        before = part(self.terminal.text().split("\n"))
        self.terminal.send(key)
        self.until(lambda rows: part(rows) not in (before, ""), f"{key!r} did not change {before!r}")

    def copy(self) -> None:
        """Press the key that copies, and wait until the terminal was told."""
        before = self.terminal.output.count(_COPY)
        self.terminal.send("y")
        self.until(lambda _: self.terminal.output.count(_COPY) > before, "nothing was copied")

    def down(self, count: int) -> None:
        """Look at the next ``count`` items of the list, and at the detail of each."""
        for _ in range(count):
            self.turn("j", detail_title)

    # What the operations screen opens ------------------------------------------------------------------------

    def line(self, text: str, *words: str) -> None:
        """Open the command line, which lies over the keys, write ``text`` and wait for ``words`` in it."""
        self.terminal.send("/")
        self.gone(KEYS)
        self.terminal.send(text)
        self.until(lambda rows: all(word in command_rows(rows) for word in words), f"{words} never came")

    def leave_line(self) -> None:
        """Put the command line away."""
        self.press(ESCAPE, KEYS)

    def page(self, line: str, *words: str) -> None:
        """Run a line whose answer is a page with ``words``."""
        self.line(line)
        self.press(ENTER, CLOSES, *words)

    def leave_page(self) -> None:
        """Close the page."""
        self.terminal.send(ESCAPE)
        self.gone(CLOSES)

    def filter(self, text: str, *words: str) -> None:
        """Type a filter into the pane, wait for ``words``, and drop it."""
        self.press("f", "filter: ")
        self.turn(text)
        self.shows(*words)
        self.press(ESCAPE, "1-4")

    # What is proved ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Nothing of what outside systems said steers the terminal, so far; and the program runs."""
        end = self.terminal.output.rfind(b"\x1b")  # behind it may be half a sequence
        begin = max(0, self._checked - max((len(text.encode()) for text in self._texts), default=0))
        begin = max(0, self.terminal.output.find(b"\x1b", begin))
        found = leaks(bytes(self.terminal.output[begin:end]), self._texts)
        assert not found, "\n".join(found[:20])
        self._checked = end
        assert self.terminal.process.poll() is None, "the program ended"

    def alive(self) -> None:
        """The clock ticks, and a key still does what it should."""
        self.turn("", lambda rows: rows[0] + rows[-1])
        self.press("?", CLOSES)
        self.leave_page()
