"""What waits for a second person: the list, exactly what would be done, and the keys that decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from screens.certainty import sure
from screens.confirm import ConfirmScreen, Question
from services.approvals.model import ApprovalState
from services.approvals.view import expires, trust_note
from services.vocabulary.text import display
from widgets.approval_rows import COLUMNS, ApprovalFormat
from widgets.pane import freshness_note
from widgets.record_table import RecordTable

if TYPE_CHECKING:
    from screens.desk import Desk
    from services.approvals.model import Approval

_PREVIEWED = 60


@dataclass(frozen=True, slots=True)
class Choice:
    """The line that the person chose.

    Attributes:
        line: a slash command.
        run: True runs it now; False puts it into the command line, the cursor before its last quote.
    """

    line: str
    run: bool


class ApprovalsScreen(ModalScreen[Choice | None]):
    """Dismissed with what the person chose to do; every key becomes a slash line."""

    DEFAULT_CSS = """
    ApprovalsScreen { align: center middle; }
    ApprovalsScreen > Vertical {
        width: 94%; height: 90%; background: $surface; border: round $rule-focus; padding: 0 1;
        border-title-color: $accent; border-subtitle-color: $text-quiet;
    }
    ApprovalsScreen RecordTable { height: 2fr; }
    ApprovalsScreen #freshness { height: 1; text-align: right; text-wrap: nowrap; text-overflow: ellipsis; }
    ApprovalsScreen VerticalScroll { height: 3fr; border-top: solid $rule-quiet; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "approve", "Approve", id="approvals.approve"),
        Binding("n", "note", "Approve with a note", id="approvals.note"),
        Binding("x", "reject", "Reject", id="approvals.reject"),
        Binding("enter", "run", "Run yours", id="approvals.run", priority=True),
        Binding("c", "cancel", "Take yours back", id="approvals.cancel"),
        Binding("escape,q,p", "leave", "Close", id="approvals.close"),
    ]

    def __init__(self, desk: Desk) -> None:
        """
        Args:
            desk: has a feed of approvals.
        """
        super().__init__()
        self._desk = desk
        self._end: Callable[[], None] | None = None
        self._items: dict[str, Approval] = {}
        self._listed: tuple[tuple[Approval, ...], str] | None = None

    def compose(self) -> ComposeResult:
        """The list above, the whole of one request below."""
        with Vertical() as box:
            box.border_title = " Approvals "
            box.border_subtitle = " y approve  n +note  x reject  enter run yours  c cancel yours  esc closes "
            yield RecordTable(ApprovalFormat(self._desk.clock), COLUMNS)
            yield Static(id="freshness")
            with VerticalScroll(can_focus=False):
                yield Static(id="request")

    def on_mount(self) -> None:
        """Follow the feed."""
        table = self.query_one(RecordTable)
        table.focus()
        if self._desk.approvals is not None:
            self._end = self._desk.approvals.subscribe(lambda _: self._fill())
        self._fill()
        self.set_interval(1.0, self._fill)

    def on_unmount(self) -> None:
        """Let go of the feed."""
        if self._end is not None:
            self._end()

    def _fill(self) -> None:
        if not self.is_attached or self._desk.approvals is None:
            return
        snapshot, now = self._desk.approvals.snapshot, self._desk.clock.now()
        rows = tuple(sorted(snapshot.items, key=lambda one: (not one.state_at(now).is_open, -one.number)))
        freshness = snapshot.freshness
        empty = "Nothing waits for a second person."
        if not freshness.trusted:
            empty = f"UNKNOWN: no fresh answer from {freshness.source}"
        table = self.query_one(RecordTable)
        table.stale = not freshness.trusted
        self.query_one("#freshness", Static).update(freshness_note((freshness,), now, told=True))
        if (rows, empty) != self._listed:
            self._listed = (rows, empty)
            self._items = {one.id: one for one in rows}
            table.set_rows(rows, empty=empty)
        else:
            table.refresh_ages()
        self._draw()

    def on_record_table_highlighted(self, event: RecordTable.Highlighted) -> None:
        """Another row: another request."""
        event.stop()
        self._draw()

    def _draw(self) -> None:
        one = self._chosen()
        self.query_one("#request", Static).update(Content() if one is None else self._text(one))

    def _text(self, one: Approval) -> Content:
        now = self._desk.clock.now()
        state = one.state_at(now)
        left = f", {expires(one, now)} left" if state.is_open else ""
        script = " (a script)" if one.automation else ""
        who = one.requester
        lines = [
            Content.styled(display(one.summary), "bold"),
            Content(
                f"{state.value}{left}; asked by {display(who.operator)}{script}, "
                f"{display(who.os_user)}@{display(who.host)}"
            ),
            Content.styled(display(one.command), "$accent"),
            Content(
                f"{display(one.action)} on {display(one.source)} in {display(one.environment)}, {display(one.risk)}"
            ),
            Content(f"targets: {', '.join(display(name) for _, name in one.targets)}"),
        ]
        lines += [Content(f"  {display(line)}") for line in one.preview[:_PREVIEWED]]
        lines += [Content.styled(f"needs {display(words)}", "$warning") for words in one.missing if state.is_open]
        lines += [
            Content(
                f"{'approved' if vote.agrees else 'rejected'} by {display(vote.person.operator)}"
                + (f": {display(vote.note)}" if vote.note else "")
            )
            for vote in one.votes
        ]
        lines.append(Content.styled(display(trust_note(one)), "$text-quiet"))
        if state is ApprovalState.APPROVED and self._mine(one):
            lines.append(Content.styled(f"enter runs it: /approval run {one.number}", "bold $state-good"))
        return Content("\n").join(lines)

    def _chosen(self) -> Approval | None:
        return self._items.get(self.query_one(RecordTable).cursor_key or "")

    def _mine(self, one: Approval) -> bool:
        return one.requester.operator == self._desk.operator

    def _decidable(self, *, mine: bool) -> Approval | None:
        one = self._chosen()
        if one is None or not sure(self, self.query_one(RecordTable)):
            return None
        if not one.state_at(self._desk.clock.now()).is_open:
            self._say("Nothing can come of that one any more.")
            return None
        if self._mine(one) is not mine:
            self._say("That is yours: somebody else decides it." if self._mine(one) else "That is somebody else's.")
            return None
        return one

    def _say(self, words: str) -> None:
        self.notify(words, severity="warning", markup=False)

    def action_approve(self) -> None:
        """Ask once more, then approve."""
        one = self._decidable(mine=False)
        if one is None:
            return
        question = Question(
            f"Approve that {one.requester.operator} {one.summary}",
            environment=one.environment,
            source=one.source,
            reasons=(trust_note(one),),
            preview=(one.command, f"targets: {', '.join(name for _, name in one.targets)}", *one.preview),
        )

        def agreed(yes: bool | None) -> None:
            if yes:
                self.dismiss(Choice(f"/approval approve {one.number}", run=True))

        self.app.push_screen(ConfirmScreen(question, self._desk.clock), agreed)

    def action_note(self) -> None:
        """Approve with words."""
        if one := self._decidable(mine=False):
            self.dismiss(Choice(f'/approval approve {one.number} --note ""', run=False))

    def action_reject(self) -> None:
        """Reject; the reason is still to be written."""
        if one := self._decidable(mine=False):
            self.dismiss(Choice(f'/approval reject {one.number} --reason ""', run=False))

    def action_run(self) -> None:
        """Run what was approved."""
        if one := self._decidable(mine=True):
            if one.state_at(self._desk.clock.now()) is ApprovalState.APPROVED:
                self.dismiss(Choice(f"/approval run {one.number}", run=True))
            else:
                self._say(f"It still needs {' and '.join(one.missing)}.")

    def action_cancel(self) -> None:
        """Take one's own back."""
        if one := self._decidable(mine=True):
            self.dismiss(Choice(f"/approval cancel {one.number}", run=True))

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
