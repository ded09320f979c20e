"""What is wrong with a configuration, said all at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        key: the key path, such as ``sre.alertmanager[0].urls[1]``; empty for the whole file.
        message: what is wrong.
        hint: what to write instead; empty where the message says it.
        where: ``line 12``, or the name of an environment variable; empty where it is not known.
    """

    key: str
    message: str
    hint: str = ""
    where: str = ""

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        head = f"{self.key}{place}: " if self.key or place else ""
        return display(f"{head}{self.message}" + (f"; {self.hint}" if self.hint else ""))


class ConfigurationError(ConsoleError):
    """The configuration cannot be used; the console does not start.

    Attributes:
        problems: everything that is wrong.
        source: the file, or what else was read.
    """

    def __init__(self, source: str, problems: Iterable[Problem], hint: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        super().__init__(
            f"{source}: {count} {'problem' if count == 1 else 'problems'} in the configuration"
            if count
            else f"{source}: the configuration cannot be used",
            hint,
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """For a person: one line a problem."""
        return [display(self.message), *(f"  {problem}" for problem in self.problems)] + (
            [f"hint: {self.hint}"] if self.hint else []
        )


class NotActivated(ConsoleError):
    """The configuration says that the console is switched off."""


class NoConfiguration(ConsoleError):
    """There is no configuration at all."""


def key_text(path: Path) -> str:
    """Write a path as people write it: ``sre.alertmanager[0].urls[1]``."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def near(word: str, known: Iterable[str]) -> str:
    """``did you mean …?`` where a known word is near, else the known words."""
    names = sorted(known)
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else f"known here: {', '.join(names)}"
