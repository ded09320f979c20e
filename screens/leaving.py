"""The person leaves, and a write is on its way: what is waited for, how long, and how not to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from services.safety.guard import PATIENCE
from services.vocabulary.text import display

if TYPE_CHECKING:
    from services.vocabulary.clock import Clock

_LISTED = 8


class LeavingScreen(ModalScreen[None]):
    """Shown while the writes on their way are waited for; dismissed where the person stays after all."""

    DEFAULT_CSS = """
    LeavingScreen { align: center middle; }
    LeavingScreen > Vertical {
        width: 90%; max-width: 110; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $warning; border-title-color: $warning;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "hurry", "Leave now", id="leaving.now", priority=True),
        Binding("escape", "stay", "Stay", id="leaving.stay"),
    ]

    def __init__(self, writes: Callable[[], Sequence[str]], clock: Clock, *, code: int = 0) -> None:
        """
        Args:
            writes: the commands whose writes are on their way now (raw).
            clock: measures how long they are waited for.
            code: what the program ends with; other than 0 where that was ordered from outside, so that nobody can stay.
        """
        super().__init__()
        self._writes = writes
        self._clock = clock
        self._ends = clock.monotonic() + PATIENCE
        self.code = code
        self.hurry = asyncio.Event()
        """Set where the person does not want to wait."""

    def compose(self) -> ComposeResult:
        """What is waited for, and the keys."""
        with Vertical() as box:
            box.border_title = " Leaving "
            yield Static(id="waiting", markup=False)

    def on_mount(self) -> None:
        """Count down."""
        self._draw()
        self.set_interval(1.0, self._draw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whoever was sent away cannot stay."""
        return not (action == "stay" and self.code)

    def order(self, code: int) -> None:
        """The end was ordered from outside meanwhile."""
        self.code = code
        self.refresh_bindings()
        if self.is_mounted:
            self._draw()

    def action_hurry(self) -> None:
        """Leave now; what is on its way has no outcome then."""
        self.hurry.set()
        self._draw()

    def action_stay(self) -> None:
        """Back to where the person was; the writes go on."""
        self.dismiss(None)

    def _draw(self) -> None:
        writes = list(self._writes())
        left = max(0, round(self._ends - self._clock.monotonic()))
        many = "1 write is" if len(writes) == 1 else f"{len(writes)} writes are"
        lines = [Content.styled(f"{many} still on the way; waiting for the answer, {left} s at most:", "bold")]
        lines += [Content(f"  {display(line, 200)}") for line in writes[:_LISTED]]
        if len(writes) > _LISTED:
            lines.append(Content.styled(f"  and {len(writes) - _LISTED} more", "$text-quiet"))
        lines.append(Content())
        if self.hurry.is_set():
            lines.append(Content.styled("Leaving now; what has no answer is put down as unknown.", "bold $warning"))
        else:
            key = "bold $accent"
            words = " leaves now: the outcome is then put down as unknown"
            lines.append(Content.assemble(("q", key), " or ", ("ctrl+c", key), words))
            if not self.code:
                lines.append(Content.assemble(("escape", key), " stays"))
        self.query_one("#waiting", Static).update(Content("\n").join(lines))
