"""A page to pick one thing from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from services.vocabulary.text import display
from widgets.record_table import Align, Cell, Column, Cut, Fit, Piece, RecordTable, RowFormat, RowKind, Share

_COLUMNS = (
    Column("name", "", Fit(8, 44), cut=Cut.MIDDLE),
    Column("words", "", Share(1.0, 10)),
    Column("note", "", Fit(0, 12), align=Align.RIGHT),
)


@dataclass(frozen=True)
class Pick:
    """One row.

    Attributes:
        value: what picking it answers with (raw); empty for a heading.
        name: what it is called (raw).
        words: what stands beside it (raw).
        note: what stands at the end of the line (raw).
        other: what ``x`` answers with instead (raw); empty where there is no opposite.
    """

    value: str
    name: str
    words: str = ""
    note: str = ""
    other: str = ""


class _PickFormat(RowFormat[tuple[int, Pick]]):
    def key(self, row: tuple[int, Pick]) -> str:
        return str(row[0])

    def kind(self, row: tuple[int, Pick]) -> RowKind:
        return RowKind.RECORD if row[1].value else RowKind.SECTION

    def line(self, row: tuple[int, Pick]) -> Cell:
        pick = row[1]
        return (Piece(f"{pick.name}  " if pick.name else "  ", "bold"), Piece(pick.words, "$text-quiet"))

    def cell(self, row: tuple[int, Pick], column: str) -> Cell:
        pick = row[1]
        match column:
            case "name":
                return Piece(f"  {pick.name}", "bold")
            case "words":
                return Piece(pick.words, "$text-quiet")
        return Piece(pick.note, "$text-quiet")


class PickScreen(ModalScreen[str | None]):
    """Dismissed with the value that was picked; None where nothing was."""

    DEFAULT_CSS = """
    PickScreen { align: center middle; }
    PickScreen > Vertical {
        width: 90%; max-width: 110; height: 80%; background: $surface; border: round $rule-focus; padding: 0 1;
        border-title-color: $accent; border-subtitle-color: $text-quiet;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="pick.close"),
        Binding("enter", "pick", "Pick", id="pick.take", priority=True),
        Binding("x", "pick_others", "All but these", id="pick.others"),
    ]

    def __init__(self, title: str, picks: Sequence[Pick], *, at: str = "") -> None:
        """
        Args:
            title: of the page.
            picks: the rows, headings among them.
            at: the value that the cursor begins on.
        """
        super().__init__()
        self._title = title
        self._picks = tuple(enumerate(picks))
        self._at = at
        self._others = any(pick.other for pick in picks)

    def compose(self) -> ComposeResult:
        """A framed list."""
        with Vertical() as box:
            box.border_title = Content(f" {display(self._title, 90)} ")
            others = "  x all but these" if self._others else ""
            box.border_subtitle = f" enter picks{others}  esc closes "
            yield RecordTable(_PickFormat(), _COLUMNS, header=False)

    def on_mount(self) -> None:
        """Keys move in the list at once."""
        table = self._table
        table.set_rows(self._picks, empty="there is nothing to pick from")
        table.focus()
        start = next((key for key, pick in self._picks if pick.value and pick.value == self._at), None)
        if start is not None:
            table.move_to(str(start))

    @property
    def _table(self) -> RecordTable[tuple[int, Pick]]:
        return self.query_one(RecordTable)

    @property
    def _chosen(self) -> Pick | None:
        key = self._table.cursor_key
        return self._picks[int(key)][1] if key is not None else None

    def action_leave(self) -> None:
        """Back, nothing picked."""
        self.dismiss(None)

    def action_pick(self) -> None:
        """Answer with the row under the cursor."""
        if self._chosen is not None and self._chosen.value:
            self.dismiss(self._chosen.value)

    def action_pick_others(self) -> None:
        """Answer with the opposite of the row under the cursor."""
        if self._chosen is not None and self._chosen.other:
            self.dismiss(self._chosen.other)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What is not offered here is not listed."""
        return self._others if action == "pick_others" else True
