"""The slash-command line: completes, explains before enter, marks the word that is wrong.

Knows no command. It asks whoever holds it (:class:`CommandLine.Edited`) and is told what to show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from services.vocabulary.text import display
from widgets.visible import Field, Visible

_SHOWN = 8
_REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """One completion: the line and the cursor after it was taken, and how it is shown (raw)."""

    line: str
    cursor: int
    value: str
    hint: str


class _WrongWord(Visible):
    """Underlines one stretch of the line; a sign that does not need colour."""

    span: tuple[int, int] | None = None

    def highlight(self, text: Text) -> None:
        super().highlight(text)
        if self.span is not None:
            text.stylize("bold underline red", *self.span)


class CommandLine(Vertical):
    """Opens over the last lines of a screen."""

    DEFAULT_CSS = """
    CommandLine {
        layer: overlay; dock: bottom; height: auto; max-height: 16; display: none;
        background: $panel; border-top: solid $rule-focus;
    }
    CommandLine.-open { display: block; }
    CommandLine OptionList {
        height: auto; max-height: 8; border: none; padding: 0 1; background: transparent; scrollbar-size-vertical: 1;
    }
    CommandLine OptionList.-textual-compact { padding: 0 1; }
    CommandLine OptionList:focus { border: none; }
    CommandLine #said { height: auto; max-height: 6; padding: 0 1; color: $text-quiet; }
    CommandLine Horizontal { height: 1; }
    CommandLine #prompt { width: 2; padding: 0 0 0 1; color: $accent; text-style: bold; }
    CommandLine Input { height: 1; border: none; padding: 0; background: transparent; width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="command.close"),
        Binding("tab", "take", "Complete", id="command.complete", priority=True),
        Binding("down,ctrl+n", "choose(1)", "Next", id="command.next", show=False, priority=True),
        Binding("up,ctrl+k", "choose(-1)", "Previous", id="command.previous", show=False, priority=True),
    ]

    class Edited(Message):
        """The line or the cursor changed; whoever knows the commands answers with offers and an explanation."""

        def __init__(self, line: str, cursor: int) -> None:
            super().__init__()
            self.line = line
            self.cursor = cursor

    class Submitted(Message):
        """Run this line."""

        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    class Closed(Message):
        """The person went away without running anything."""

    def __init__(self, *, id: str = "command-line") -> None:
        super().__init__(id=id)
        self._wrong = _WrongWord()
        self._offers: tuple[Offer, ...] = ()
        self._chosen = False
        self._history: list[str] = []
        self._place = 0
        self._standing = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Offers above, what will happen below them, the line last."""
        offers = OptionList(id="offers", markup=False, compact=True)
        offers.can_focus = False
        yield offers
        yield Static(id="said", markup=False)
        with Horizontal():
            yield Static("/", id="prompt")
            yield Field(highlighter=self._wrong, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """The parts are there now."""
        self._standing.set()

    async def stands(self) -> None:
        """Wait until it can be opened and typed into; it has to be mounted by somebody."""
        await self._standing.wait()

    @property
    def is_open(self) -> bool:
        """Whether the person is typing here."""
        return self.has_class("-open")

    @property
    def line(self) -> str:
        """What stands in it, with the slash."""
        return f"/{self._input.value}"

    def open(self, line: str = "/", cursor: int | None = None) -> None:
        """Open with ``line``, the cursor at ``cursor`` (counted with the slash; the end by default).

        Only once it :meth:`stands`.
        """
        self.add_class("-open")
        self.screen.add_class("-commanding")
        self._place = len(self._history)
        self._write(line, len(line) if cursor is None else cursor)
        self.screen.set_focus(self._input)
        self._tell()

    def close(self) -> None:
        """Put it away."""
        self.remove_class("-open")
        self.screen.remove_class("-commanding")
        self._input.value = ""

    def remember(self, line: str) -> None:
        """Add a line to what the up key brings back, however it was run."""
        if not self._history or self._history[-1] != line:
            self._history.append(line)
            del self._history[:-_REMEMBERED]
        self._place = len(self._history)

    def show(self, offers: Sequence[Offer], said: Content, wrong: tuple[int, int] | None = None) -> None:
        """Show what belongs to the present line.

        Args:
            offers: completions, the likeliest first.
            said: what the line would do, or what is wrong with it.
            wrong: the stretch of the line, counted with the slash, that is wrong.
        """
        self._offers = tuple(offers)
        self._chosen = False
        listed = self.query_one("#offers", OptionList)
        listed.clear_options()
        width = max((len(display(offer.value, 48)) for offer in self._offers[:_SHOWN]), default=0)
        listed.add_options(
            Option(
                Content.assemble(
                    Content.styled(display(offer.value, 48).ljust(width + 2), "bold"),
                    Content.styled(display(offer.hint, 110), "$text-quiet"),
                )
            )
            for offer in self._offers
        )
        listed.display = bool(self._offers)
        listed.highlighted = 0 if self._offers else None
        self.say(said)
        self._wrong.span = None if wrong is None else (max(0, wrong[0] - 1), max(1, wrong[1] - 1))
        self._input.refresh()

    def say(self, said: Content) -> None:
        """Say something else of the present line; the offers stay."""
        self.query_one("#said", Static).update(said)

    def action_close(self) -> None:
        """Go back to where the person was."""
        self.close()
        self.post_message(self.Closed())

    def action_take(self) -> None:
        """Take the highlighted offer."""
        index = self.query_one("#offers", OptionList).highlighted
        if index is not None and index < len(self._offers):
            offer = self._offers[index]
            self._write(offer.line, offer.cursor)
            self._tell()

    def action_choose(self, step: int) -> None:
        """Move in the offers; on a line that was not touched yet, in what was run before."""
        if self._history and (not self._input.value or self._place < len(self._history)) and not self._chosen:
            self._recall(step)
            return
        listed = self.query_one("#offers", OptionList)
        if self._offers:
            listed.highlighted = ((listed.highlighted or 0) + step) % len(self._offers)
            self._chosen = True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Ask anew what could stand here."""
        event.stop()
        if event.value.startswith("/"):
            self._write(event.value, self._input.cursor_position)
            return
        if self.is_open:
            if not (self._place < len(self._history) and self._history[self._place] == self.line):
                self._place = len(self._history)
            self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run the line; where an offer was chosen with the arrow keys, take it instead."""
        event.stop()
        if self._chosen:
            self.action_take()
        elif self._input.value.strip():
            self.post_message(self.Submitted(self.line))
        else:
            self.action_close()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click takes an offer."""
        event.stop()
        self.query_one("#offers", OptionList).highlighted = event.option_index
        self.action_take()
        self.screen.set_focus(self._input)

    def on_descendant_blur(self, _: events.DescendantBlur) -> None:
        """Focus that leaves for another widget closes the line without running it."""
        self.call_after_refresh(self._close_if_left)

    def _close_if_left(self) -> None:
        focused = self.screen.focused
        if self.is_open and self.screen.is_current and focused is not None and focused is not self._input:
            self.close()

    @property
    def _input(self) -> Input:
        return self.query_one(Input)

    def _write(self, line: str, cursor: int) -> None:
        bare = line.removeprefix("/")
        self._input.value = bare
        self._input.cursor_position = max(0, min(len(bare), cursor - (len(line) - len(bare))))

    def _recall(self, step: int) -> None:
        self._place = max(0, min(len(self._history), self._place + step))
        line = self._history[self._place] if self._place < len(self._history) else "/"
        self._write(line, len(line))

    def _tell(self) -> None:
        self.post_message(self.Edited(self.line, self._input.cursor_position + 1))
