"""The line in which a list is narrowed, with a suggestion of how it could go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester

from services.vocabulary.text import display_each
from widgets.visible import Field, Visible

Continue = Callable[[str], str]
"""What was typed -> the whole text as it could go on; empty for nothing."""


class FilterField(Field):
    """Shows the likeliest continuation dimmed; ``tab`` or the right arrow takes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "take_suggestion", "Complete", id="filter.complete", show=False),
    ]

    def __init__(self, placeholder: str, go_on: Continue) -> None:
        """
        Args:
            placeholder: what could be typed.
            go_on: knows continuations.
        """
        super().__init__(placeholder=placeholder, compact=True, highlighter=Visible(), suggester=_Suggesting(go_on))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Without a suggestion, ``tab`` means what it means elsewhere."""
        if action == "take_suggestion":
            return len(self._suggestion) > len(self.value) and self.cursor_position == len(self.value)
        return True

    def action_take_suggestion(self) -> None:
        """Go on as suggested."""
        self.action_cursor_right()


class _Suggesting(Suggester):
    def __init__(self, go_on: Continue) -> None:
        # What is there changes from second to second, and so does what continues it.
        super().__init__(use_cache=False, case_sensitive=True)
        self._go_on = go_on

    async def get_suggestion(self, value: str) -> str | None:
        """The continuation, unless it holds what would not be drawn as it is."""
        found = self._go_on(value) if value else ""
        return found if found.startswith(value) and len(found) > len(value) and display_each(found) == found else None
