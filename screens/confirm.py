"""Asks before a write: what, where, on how many, and what it will really do.

A question may open under somebody who is typing something else. So no letter answers it before it stands on the screen
and the keyboard was quiet for a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from services.vocabulary.text import display
from widgets.top_bar import environment_style
from widgets.visible import Field, Visible

if TYPE_CHECKING:
    from services.safety.plan import Plan
    from services.vocabulary.clock import Clock

ARMING = 0.4
"""Seconds without a key before a letter answers."""
_PREVIEWED = 200


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked; every text is raw.

    Attributes:
        summary: what would happen, in one line.
        environment: where; empty where it has none.
        source: on which system.
        reasons: why it is asked at all, and warnings.
        preview: everything else that is known.
        typed: the word that has to be typed; empty where ``y`` is enough.
        explain: takes why the person wants it; None where nobody asks for that.
    """

    summary: str
    environment: str = ""
    source: str = ""
    reasons: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    typed: str = ""
    explain: Callable[[str], None] | None = None

    @classmethod
    def about(cls, plan: Plan) -> Question:
        """The question that a plan puts."""
        asked = (plan.confirmation.question,) if plan.confirmation else ()
        return cls(
            summary=plan.summary,
            environment=plan.environment,
            source=plan.source,
            reasons=(*asked, *plan.warnings),
            preview=plan.preview,
            typed=plan.confirmation.typed if plan.confirmation else "",
            explain=getattr(plan.confirmation, "explain", None),
        )


class ConfirmScreen(ModalScreen[bool]):
    """Dismissed with True only by ``y`` or, where one is asked for, by the typed word.

    Letters answer only once the question was seen: it is drawn, and for :data:`ARMING` nobody pressed a key.
    """

    DEFAULT_CSS = """
    ConfirmScreen { align: center middle; }
    ConfirmScreen > Vertical {
        width: 90%; max-width: 110; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $warning; border-title-color: $warning;
    }
    ConfirmScreen VerticalScroll { height: auto; max-height: 40vh; margin: 1 0; }
    ConfirmScreen .told { max-height: 3; }
    ConfirmScreen .answer { dock: bottom; height: auto; background: $surface; }
    ConfirmScreen #typed, ConfirmScreen #reason { border: round $rule-focus; height: 3; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes, do it", id="confirm.yes"),
        Binding("n,q", "answer(False)", "No", id="confirm.no"),
        Binding("escape", "leave", "No", id="confirm.leave"),
    ]

    def __init__(self, question: Question, clock: Clock) -> None:
        """
        Args:
            question: what is asked.
            clock: measures the moment in which letters do not count yet.
        """
        super().__init__()
        self._question = question
        self._word = question.typed
        self._clock = clock
        self._drawn = False
        self._armed = False

    def compose(self) -> ComposeResult:
        """Environment, summary, reasons, preview, answer."""
        question = self._question
        with Vertical() as box:
            box.border_title = " Confirm " if question.explain is None else " Break glass "
            if question.environment or question.source:
                yield Static(
                    Content.assemble(
                        Content.styled(display(question.environment), environment_style(question.environment)),
                        Content.styled(f"  {display(question.source)}", "$text-quiet"),
                    )
                )
            yield Static(Content.styled(display(question.summary), "bold"), classes="told")
            for reason in question.reasons:
                yield Static(Content.styled(f"! {display(reason)}", "bold $warning"), classes="told")
            with VerticalScroll(can_focus=not self._word):
                lines = [Content(display(line)) for line in question.preview[:_PREVIEWED]]
                more = len(question.preview) - len(lines)
                if more > 0:
                    lines.append(Content.styled(f"and {more} lines more", "$text-quiet"))
                yield Static(Content("\n").join(lines))
            # At the foot whatever stands above it: long words from outside must not push the answer off the screen.
            with Vertical(classes="answer"):
                if self._question.explain is not None:
                    yield Static(Content("the store is lost: say why this cannot wait, and it is kept with your name"))
                    yield Field(id="reason", placeholder="why", highlighter=Visible())
                if self._word:
                    word = (display(self._word), "bold")
                    yield Static(Content.assemble("type ", word, " to do it, escape to leave it"))
                    yield Field(id="typed", placeholder=display(self._word), highlighter=Visible())
                else:
                    yield Static(self._keys(), id="keys")

    def on_mount(self) -> None:
        """Once it is drawn, it waits for the keyboard to be quiet."""
        self.query_one(Input if self._word else VerticalScroll).focus()
        self.call_after_refresh(self._stand)

    def _stand(self) -> None:
        self._drawn = True
        self._arm()

    def _arm(self) -> None:
        if self._drawn and not self._armed and not self._word:
            waiting: Any = self._quiet  # a callable: one that is replaced before it began leaves no coroutine behind
            self.run_worker(waiting, group="arming", exclusive=True)

    async def _quiet(self) -> None:
        await self._clock.sleep(ARMING)
        self._armed = True
        self.query_one("#keys", Static).update(self._keys())

    def _keys(self) -> Content:
        if not self._armed:
            return Content.styled("y do it     n leave it as it is  …", "$text-quiet")
        return Content.assemble(("y", "bold $accent"), " do it     ", ("n", "bold $accent"), " leave it as it is")

    def on_key(self, _: events.Key) -> None:
        """A key that means nothing yet: somebody is typing."""
        self._arm()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Where a word must be typed ``y`` is only a letter; elsewhere it answers what was seen."""
        return self._armed if action == "answer" else self._drawn if action == "leave" else True

    def action_answer(self, agreed: bool) -> None:
        """Leave with the answer."""
        self.dismiss(agreed)

    def action_leave(self) -> None:
        """Leave it as it is."""
        self.dismiss(False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The exact word is a yes, with a reason where one is wanted; anything else stays."""
        explain = self._question.explain
        if event.input.id == "reason":
            self.query_one("#typed", Input).focus()
        elif event.value == self._word:
            if explain is not None:
                reason = self.query_one("#reason", Input).value.strip()
                if not reason:
                    self.notify("Say why first; nothing was done.", severity="warning", markup=False)
                    self.query_one("#reason", Input).focus()
                    return
                explain(reason)
            self.dismiss(True)
        else:
            self.notify("That is not the word; nothing was done.", severity="warning", markup=False)
