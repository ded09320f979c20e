"""Asks before a write: what, where, on how many, and what it will really do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from services.vocabulary.text import display
from widgets.top_bar import environment_style
from widgets.visible import Visible

if TYPE_CHECKING:
    from services.safety.plan import Plan

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
    """

    summary: str
    environment: str = ""
    source: str = ""
    reasons: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    typed: str = ""

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
        )


class ConfirmScreen(ModalScreen[bool]):
    """Dismissed with True only by ``y`` or, where one is asked for, by the typed word."""

    DEFAULT_CSS = """
    ConfirmScreen { align: center middle; }
    ConfirmScreen > Vertical {
        width: 90%; max-width: 110; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $warning; border-title-color: $warning;
    }
    ConfirmScreen VerticalScroll { height: auto; max-height: 40vh; margin: 1 0; }
    ConfirmScreen .told { max-height: 3; }
    ConfirmScreen .answer { dock: bottom; height: auto; background: $surface; }
    ConfirmScreen #typed { border: round $rule-focus; height: 3; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes, do it", id="confirm.yes"),
        Binding("n,escape,q", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question
        self._word = question.typed

    def compose(self) -> ComposeResult:
        """Environment, summary, reasons, preview, answer."""
        question = self._question
        with Vertical() as box:
            box.border_title = " Confirm "
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
                if self._word:
                    word = (display(self._word), "bold")
                    yield Static(Content.assemble("type ", word, " to do it, escape to leave it"))
                    yield Input(id="typed", placeholder=display(self._word), highlighter=Visible())
                else:
                    keys = (("y", "bold $accent"), " do it     ", ("n", "bold $accent"), " leave it as it is")
                    yield Static(Content.assemble(*keys))

    def on_mount(self) -> None:
        """The keys work at once."""
        self.query_one(Input if self._word else VerticalScroll).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where a word must be typed, ``y`` is only a letter."""
        return not (self._word and action == "answer" and parameters == (True,))

    def action_answer(self, agreed: bool) -> None:
        """Leave with the answer."""
        self.dismiss(agreed)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The exact word is a yes; anything else stays."""
        if event.value == self._word:
            self.dismiss(True)
        else:
            self.notify("That is not the word; nothing was done.", severity="warning", markup=False)
