"""A person at the program's terminal: presses keys, waits for what they do, and keeps an eye on what is written."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from tests.support.leaks import leaks
from tests.support.terminal import Terminal

ESCAPE = "\x1b[27u"
"""The key, in the form that cannot be the beginning of anything else: a lone escape is waited for."""
ENTER = "\r"
RIGHT = "\x1b[C"
TAB = "\t"
UP = "\x1b[A"
PALETTE = "\x10"

KEYS = "? Help"
"""Ends the last line of the operations screen, unless the command line lies over it."""
CLOSES = "esc closes"

Rows = Sequence[str]
Condition = Callable[[Rows], bool]
_COPY = b"\x1b]52;c;"
_PATIENCE = 60.0
"""Seconds; a walk that works never waits for long, and a machine that is busy must not fail it."""
_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = (sys.executable, "-P", "-c", "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))")
ALL_PRINTED = "that was all of it"
_PRINTING = f"""
import contextlib, io, json, sys
from console.cli import main
*config, lines = sys.argv[1:]
def run(*arguments):
    with contextlib.suppress(SystemExit):
        main([*config, *arguments])
with contextlib.redirect_stdout(io.StringIO()) as said:
    run("exec", "--json", "/help")
for one in json.loads(said.getvalue())["data"]:
    if one["risk"] == "read" and not any(argument["required"] for argument in one["arguments"]):
        run("exec", "/" + one["name"])
        run("exec", "--json", "/" + one["name"])
for line in json.loads(lines):
    run("exec", line)
for arguments in (("config", "check"), ("config", "show"), ("doctor",)):
    run(*arguments)
print({ALL_PRINTED!r}, flush=True)
"""
_AGE = re.compile(r"\b\d+(?:s|m|h|d|min)\b")
_INNER = re.compile("^ +[│┃] *▌")
_COLUMNS = "sev "
"""Begins the heads of the columns of the alerts."""


def start(config: Path, *arguments: str, columns: int, lines: int) -> Terminal:
    """The program on a terminal, with its state beside the configuration."""
    return Terminal(
        (*_PROGRAM, "--config", str(config), *arguments),
        columns=columns,
        lines=lines,
        environment=_environment(config),
        frames=True,
    )


def start_printing(config: Path, lines: Iterable[str]) -> Terminal:
    """The commands that need no screen on a terminal, one after another in one process: every command that only reads,
    ``lines``, and what looks at the configuration. At the end it says :data:`ALL_PRINTED`.
    """
    command = (sys.executable, "-P", "-c", _PRINTING, "--config", str(config))
    return Terminal((*command, json.dumps(list(lines))), columns=120, lines=40, environment=_environment(config))


def _environment(config: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(_ROOT), "XDG_STATE_HOME": str(config.parent / "xdg")}


def shown(*words: str) -> Condition:
    """Whether each of ``words`` stands somewhere."""
    return lambda rows: all(any(word in row for row in rows) for word in words)


def hidden(words: str) -> Condition:
    """Whether ``words`` stand nowhere."""
    return lambda rows: not any(words in row for row in rows)


def cursor_row(rows: Rows) -> str:
    """The row that has the cursor, of the first list that shows one."""
    return next((row[: row.find("│", 2)] for row in rows if row.startswith(("│▌", "┃▌"))), "")


def cursor(rows: Rows) -> str:
    """Where the cursor stands and on what; the ages, which change by themselves, are left out."""
    row = cursor_row(rows)
    place = next((place for place, one in enumerate(rows) if row and one.startswith(row)), 0)
    return f"{place} {_AGE.sub('', row)}" if row else ""


def inner_cursor(rows: Rows) -> str:
    """Where the cursor stands in a list that lies over the others."""
    return next((f"{place} {_AGE.sub('', row)}" for place, row in enumerate(rows) if _INNER.search(row)), "")


def palette_line(rows: Rows) -> str:
    """What is written into the palette."""
    return next((row for row in rows if "🔎" in row), "")


def detail_title(rows: Rows) -> str:
    """What the detail strip is about: it has the last frame of the screen."""
    return next((_AGE.sub("", row) for row in reversed(rows) if row.startswith(("╭", "┏"))), "")


def pane_title(rows: Rows) -> str:
    """What the first pane is called."""
    return next((" ".join(row.split()[1:2]) for row in rows if row.startswith(("╭", "┏"))), "")


def is_filtered(rows: Rows) -> bool:
    """Whether the field of a filter stands above the titles of the columns of the alerts."""
    return _COLUMNS not in first_line(rows)


def first_line(rows: Rows) -> str:
    """The first line inside the first pane: the heads of its columns, or the filter above them."""
    places = [place for place, row in enumerate(rows) if row.startswith(("╭", "┏"))]
    row = rows[places[0] + 1] if places else ""
    return row[: row.find("│", 2)]


def top_row(rows: Rows) -> str:
    """The first item of the first pane, below the heads of its columns."""
    place = next((place for place, row in enumerate(rows) if _COLUMNS in row), len(rows))
    row = rows[place + 1] if place + 1 < len(rows) else ""
    return row[: row.find("│", 2)]


def last_row(rows: Rows) -> str:
    """Where the command line is edited."""
    return rows[-1]


def command_rows(rows: Rows) -> str:
    """The command line and what it says, below the last rule that begins at the edge."""
    rules = [place for place, row in enumerate(rows) if row.startswith(("────", "━━━━"))]
    return "\n".join(rows[rules[-1] :]) if rules else ""


class Walker:
    """Waits for what a key does: for something that was not so before, and never for a time.

    Attributes:
        seen: every row of every screen that was waited for.
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

    def until(self, condition: Condition, reproach: str) -> None:
        """Wait until ``condition`` holds for the rows of the screen."""

        def looked(rows: Rows) -> bool:
            held = condition(rows)
            if held:
                self.seen.update(rows)
            return held

        self.terminal.wait_until(looked, reproach, _PATIENCE)

    def shows(self, *words: str) -> None:
        """Wait until each of ``words`` stands somewhere on the screen."""
        self.until(shown(*words), f"{words} never came")

    def gone(self, words: str) -> None:
        """Wait until ``words`` stand nowhere any more."""
        self.until(hidden(words), f"{words!r} stayed")

    def step(self, keys: str, condition: Condition, wanted: str) -> None:
        """Send keys and wait for what only they bring.

        Args:
            keys: one, or several.
            condition: what they bring; not so before.
            wanted: the same in words.
        """
        rows = self.rows()
        assert not condition(rows), f"{wanted} before {keys!r}:\n" + "\n".join(rows)
        self.terminal.send(keys)
        self.until(condition, f"after {keys!r} never: {wanted}")

    def press(self, keys: str, *words: str) -> None:
        """Press what brings ``words``."""
        self.step(keys, shown(*words), f"{words} shown")

    def drop(self, keys: str, words: str) -> None:
        """Press what takes ``words`` away."""
        self.step(keys, hidden(words), f"{words!r} gone")

    def turn(self, keys: str, part: Callable[[Rows], str]) -> None:
        """Press what changes a part of the screen, one that does not change by itself."""
        before = part(self.rows())
        self.step(keys, lambda rows: part(rows) not in (before, ""), f"other than {before!r}")

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
        self.drop("/", KEYS)
        if text:
            self.type(text)
        self.until(lambda rows: all(word in command_rows(rows) for word in words), f"{words} never came")

    def type(self, keys: str, end: str = "") -> None:
        """Type into the command line, which then ends with ``end``, or else with what was typed."""
        end = (end or keys).rstrip()
        self.step(keys, lambda rows: last_row(rows).rstrip().endswith(end), f"{end!r} in the line")

    def leave_line(self) -> None:
        """Put the command line away."""
        self.press(ESCAPE, KEYS)

    def page(self, line: str, *words: str) -> None:
        """Run a line whose answer is a page with ``words``."""
        self.line(line)
        self.step(ENTER, shown(CLOSES, *words), f"the page of /{line}")

    def leave_page(self, back: str = KEYS) -> None:
        """Close the page, back to where ``back`` is shown."""
        self.step(ESCAPE, lambda rows: hidden(CLOSES)(rows) and shown(back)(rows), "the page closed")

    def top(self, word: str) -> None:
        """Go to the top of the list, where ``word`` stands."""
        if word not in cursor_row(self.rows()):
            self.step("g", lambda rows: word in cursor_row(rows), f"the cursor at {word}")

    def filter(self, text: str, condition: Condition = lambda _: True) -> None:
        """Type a filter into the pane of the alerts, wait for ``condition`` too, and drop it."""
        self.step("f", lambda rows: "filter: " in first_line(rows), "an empty filter")

        def filtered(rows: Rows) -> bool:
            line = first_line(rows)
            return "filter: " not in line and _COLUMNS not in line and condition(rows)

        self.step(text, filtered, "filtered")
        self.step(ESCAPE, lambda rows: _COLUMNS in first_line(rows), "no filter")

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

    def alive(self, back: str = KEYS) -> None:
        """The clock ticks, and a key still does what it should; ``back`` is on the screen that is shown."""
        self.turn("", lambda rows: rows[0])
        self.press("?", CLOSES)
        self.leave_page(back)

    def rows(self) -> Rows:
        """The screen now."""
        rows = self.terminal.text().split("\n")
        self.seen.update(rows)
        return rows
