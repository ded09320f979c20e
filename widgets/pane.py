"""A framed list with a title that counts, a line of freshness and a filter of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from services.vocabulary.durations import format_age
from services.vocabulary.snapshot import Freshness, FreshnessState
from services.vocabulary.text import display

if TYPE_CHECKING:
    from textual.widgets import Input

    from widgets.filter_field import Continue
    from widgets.record_table import RecordTable


def _nothing(_: str) -> str:
    return ""


class PaneNote(Widget):
    """The last line of a pane: how fresh it is. A widget of its own, since a border's text redraws all inside it."""

    DEFAULT_CSS = """
    PaneNote { height: 1; width: 1fr; padding: 0 1; text-align: right; text-wrap: nowrap; display: none; }
    PaneNote.-said { display: block; }
    """

    words: reactive[Content] = reactive(Content())

    def render(self) -> Content:
        """The words; cut at the end where they do not fit."""
        return self.words.truncate(max(1, self.content_size.width), ellipsis=True)


class Pane(Vertical):
    """Holds one record table, once it is hung. Knows nothing of what its rows are."""

    DEFAULT_CSS = """
    Pane {
        border: round $rule-quiet;
        border-title-color: $foreground;
        border-title-style: none;
        padding: 0;
        background: transparent;
    }
    Pane:focus-within { border: round $rule-focus; }
    Pane > Input { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    Pane.-filtering > Input { display: block; }
    Pane > .waiting { padding: 0 2; color: $text-quiet; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Clear filter", id="pane.clear-filter", show=False),
    ]

    class Filtered(Message):
        """The person typed another filter into the pane.

        Attributes:
            pane: which.
            text: the filter (raw); empty for none.
        """

        def __init__(self, pane: Pane, text: str) -> None:
            super().__init__()
            self.pane = pane
            self.text = text

    def __init__(self, title: str, *, id: str, example: str = "") -> None:
        """
        Args:
            title: one word; the counts stand behind it.
            id: of the widget.
            example: what a filter may look like.
        """
        super().__init__(id=id)
        self.heading = title
        self._table: RecordTable[Any] | None = None
        self._example = example
        self._field: Input | None = None
        self._note = PaneNote()
        self._judged: tuple[Content, frozenset[str], int] | None = None
        self._counts = Content()
        self.go_on: Continue = _nothing
        self._describe()

    def compose(self) -> ComposeResult:
        """A sentence; the list comes with :meth:`hang`, the filter line when it is first wanted."""
        yield Static("connecting …", classes="waiting")
        yield self._note

    @property
    def table(self) -> RecordTable[Any]:
        """The list.

        Raises:
            RuntimeError: none was hung.
        """
        if self._table is None:
            raise RuntimeError(f"the pane {self.id} has no list yet")
        return self._table

    def hang(self, table: RecordTable[Any]) -> None:
        """Put the list in the place of the sentence."""
        self._table = table
        self.query(".waiting").remove()
        self.mount(table, before=self._note)

    @property
    def filter(self) -> str:
        """The filter in force (raw)."""
        return self._field.value.strip() if self._field is not None and self.has_class("-filtering") else ""

    def open_filter(self) -> None:
        """Let the person type a filter."""
        field = self._hung_field()
        self.add_class("-filtering")
        self.screen.set_focus(field)

    def put_filter(self, text: str) -> None:
        """Filter by ``text`` (raw) from now on, as if a person had typed it; by nothing where it is empty."""
        if text == self.filter:
            return
        if not text and self._field is None:
            return
        self._hung_field().value = text
        self.set_class(bool(text), "-filtering")
        self.post_message(self.Filtered(self, text))

    def _hung_field(self) -> Input:
        if self._field is None:
            from widgets.filter_field import FilterField

            words = f"filter: {self._example}" if self._example else "filter"
            self._field = FilterField(words, self.go_on)
            self.mount(self._field, before=self.table)
        return self._field

    def action_clear_filter(self) -> None:
        """Drop the filter and go back to the list."""
        if self._field is None or not self.has_class("-filtering"):
            return
        self._field.value = ""
        self.remove_class("-filtering")
        self.screen.set_focus(self.table)
        self.post_message(self.Filtered(self, ""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Escape means something here only while there is a filter."""
        return self.has_class("-filtering") if action == "clear_filter" else True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the person types."""
        event.stop()
        self.post_message(self.Filtered(self, event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the filtered list; an empty filter closes its line."""
        event.stop()
        if not event.value.strip():
            self.remove_class("-filtering")
        self.screen.set_focus(self.table)

    def count(self, counts: Content) -> None:
        """Show ``counts`` behind the title."""
        if counts != self._counts:
            self._counts = counts
            self._describe()

    def judge(self, sources: Mapping[str, Freshness], now: datetime, *, told: bool = False) -> None:
        """Say how fresh the list is, and dim what is not.

        Args:
            sources: everything that feeds the list, by the name that its rows tell, judged at ``now``.
            now: UTC.
            told: the person should see when it was checked even if all is well.
        """
        words = freshness_note(tuple(sources.values()), now, told=told)
        untrusted = frozenset(name for name, source in sources.items() if not source.trusted)
        judged = (words, untrusted, len(sources))
        if judged == self._judged:
            return
        self._judged = judged
        self._note.words = words
        self._note.set_class(bool(words), "-said")
        self.table.stale = bool(sources) and len(untrusted) == len(sources)
        self.table.untrusted = frozenset() if self.table.stale else untrusted

    def _describe(self) -> None:
        title = Content.styled(f" {self.heading} ", "bold")
        counted = Content.assemble(title, " ", self._counts, " ") if self._counts else title
        self.border_title = counted


def freshness_note(sources: Sequence[Freshness], now: datetime, *, told: bool = False) -> Content:
    """The worst that can be said of ``sources``, in one line: who is not fresh, since when and why."""
    bad = [source for source in sources if source.state in (FreshnessState.STALE, FreshnessState.FAILING)]
    parts: list[Content] = []
    for source in bad:
        since = source.checked_at if source.state is FreshnessState.STALE else source.failing_since
        age = f" for {format_age(now - since)}" if since else ""
        style = "bold $warning" if source.state is FreshnessState.STALE else "bold $error"
        # The reason usually begins with the name of the source.
        reason = source.reason.removeprefix(f"{source.source}: ").removeprefix(f"{source.source} ")
        name = f"{display(source.source, 24)} " if len(sources) > 1 else ""
        words = f"{source.state.glyph} {name}{source.state.value}{age}: {display(reason, 120)}"
        parts.append(Content.styled(words, style))
    for source in sources:
        parts.extend(Content.styled(f"partial: {display(words, 60)}", "$warning") for words in source.partial)
    if not parts and told:
        checked = [source.checked_at for source in sources if source.checked_at is not None]
        if checked:
            parts.append(Content.styled(f"checked {format_age(now - min(checked))} ago", "$text-quiet"))
    return Content("  ").join(parts)
