"""A key acts on what the person chose, or on nothing: what went away under their hands is told first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen

    from widgets.record_table import RecordTable


def sure(screen: Screen[Any], table: RecordTable[Any]) -> bool:
    """Whether the person chose what ``table`` would act on. Where they did not, they are told, once.

    Args:
        screen: shows the words.
        table: whose selected rows, or row under the cursor, the key is about.
    """
    selected = len(table.selected_keys)
    if table.selection_lost:
        what = "one row" if table.selection_lost == 1 else f"{table.selection_lost} rows"
        left = f"{selected} still selected" if selected else "nothing is selected any more"
        words = f"Of what you selected, {what} went away; {left}. Look, then press again."
    elif table.cursor_lost and not selected:
        words = "The row under the cursor is gone. Look where the cursor stands now, then press again."
    else:
        return True
    table.accept()
    screen.notify(words, severity="warning", markup=False)
    return False
