"""Help made from what is declared: the keys of the screen below, and every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from services.command import Command

_LEGEND = (
    ("▲ ◆ ! i ?", "critical, error, warning, info, any other severity"),
    ("✗ ◆ ↻ ‖ ✓", "rollout failed, degraded, rolling, paused, complete"),
    ("● ◐ ✗ ○", "a source is live, stale, failing, connecting"),
    ("◐ before a row", "the row is of a source that is not live"),
    ("* before a row", "selected with space"),
    ("• ▸ ×14", "new since you looked, folded (enter unfolds), so many alike"),
)


class HelpScreen(ModalScreen[None]):
    """Keys on top, commands below, the signs last."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical {
        width: 90%; max-width: 110; height: auto; max-height: 92%; background: $surface; border: round $rule-focus;
        padding: 0 1; border-title-color: $accent; border-subtitle-color: $text-quiet;
    }
    HelpScreen VerticalScroll { height: auto; max-height: 100%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Close", id="help.close"),
        Binding("j,down", "scroll(1)", "Down", id="help.down", show=False),
        Binding("k,up", "scroll(-1)", "Up", id="help.up", show=False),
    ]

    def __init__(self, keys: Sequence[tuple[str, str]], commands: Sequence[Command[object, object]]) -> None:  # type: ignore[type-var]
        """
        Args:
            keys: key and what it does, in the order of the declarations.
            commands: every command of the registry.
        """
        super().__init__()
        self._keys = keys
        self._commands = commands

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with Vertical() as box:
            box.border_title = " Help "
            box.border_subtitle = " esc closes  j k scroll "
            with VerticalScroll():
                yield Static(self._text())

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_scroll(self, step: int) -> None:
        """One line."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def _text(self) -> Content:
        lines = [Content.styled("Keys", "bold $accent")]
        width = max((len(key) for key, _ in self._keys), default=0) + 2
        lines += [Content.assemble((f"  {key.ljust(width)}", "bold"), words) for key, words in self._keys]
        if self._commands:
            from services.registry import usage

            lines += [Content(), Content.styled("Commands", "bold $accent")]
            for command in self._commands:
                lines.append(Content.styled(f"  {usage(command)}", "bold"))
                lines.append(Content.styled(f"      {command.summary}", "$text-quiet"))
        lines += [Content(), Content.styled("Signs", "bold $accent")]
        lines += [Content.assemble((f"  {sign.ljust(16)}", "bold"), words) for sign, words in _LEGEND]
        return Content("\n").join(lines)
