"""``/theme``: show, switch and remember the theme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated

from pydantic import Field

from console.preferences import Preferences
from services.command import Arguments, Candidate, Command, Invocation, Positional, Result
from services.safety.plan import Risk
from services.vocabulary.errors import NotFound
from themes import DEFAULT, NAMES


@dataclass(frozen=True)
class ThemeNeeds:
    """What the command works with.

    Attributes:
        preferences: where the choice is remembered.
        switch: shows the theme at once; None where there is no screen.
    """

    preferences: Preferences
    switch: Callable[[str], None] | None = None


class ThemeArguments(Arguments):
    """``/theme [name]``."""

    name: Annotated[str | None, Positional(), Field(description="the theme to switch to")] = None


async def _theme(needs: ThemeNeeds, arguments: ThemeArguments, invocation: Invocation) -> Result:
    del invocation
    name = arguments.name
    if name is None:
        current = needs.preferences.theme or DEFAULT
        return Result(f"the theme is {current}; there are {', '.join(NAMES)}", data={"theme": current, "themes": NAMES})
    if name not in NAMES:
        near = get_close_matches(name, NAMES, 1)
        raise NotFound(
            f"there is no theme {name!r}", f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
        )
    if needs.switch is not None:
        needs.switch(name)
    needs.preferences.remember_theme(name)
    return Result(f"the theme is {name}, also at the next start", data={"theme": name, "themes": NAMES})


# Reading, in the sense of the breaker and of read-only consoles: a person's own colours are no record of the team.
COMMANDS = (
    Command[ThemeNeeds, ThemeArguments](
        name="theme",
        summary="Show or switch the theme, and remember it",
        arguments=ThemeArguments,
        risk=Risk.READ,
        run=_theme,
        choices={"name": tuple(Candidate(name) for name in NAMES)},
        examples=("/theme", f"/theme {NAMES[1]}"),
    ),
)
