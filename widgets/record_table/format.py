"""How rows of one kind are shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import Generic, TypeVar

from widgets.record_table.cells import Cell

RowT = TypeVar("RowT")


class RowKind(Enum):
    """What the cursor may do with a row.

    A RECORD can be opened and selected. A FOLD stands for rows that are folded away: it can be opened but not
    selected, and is one line across all columns. A SECTION is a heading: the cursor skips it.
    """

    RECORD = "record"
    FOLD = "fold"
    SECTION = "section"


class RowFormat(ABC, Generic[RowT]):
    """Turns a row into cells; asked for visible rows only, so it may be as slow as a few microseconds."""

    @abstractmethod
    def key(self, row: RowT) -> str:
        """What the row is, across refreshes. Unique in the table. Called for many rows: keep it cheap."""

    @abstractmethod
    def cell(self, row: RowT, column: str) -> Cell:
        """The cell of a record.

        Args:
            row: the row.
            column: the id of the column.
        """

    def kind(self, row: RowT) -> RowKind:  # noqa: ARG002
        """What the cursor may do with the row; a record unless told otherwise."""
        return RowKind.RECORD

    def line(self, row: RowT) -> Cell:
        """The one line of a fold or a section."""
        return self.key(row)

    def source(self, row: RowT) -> str:  # noqa: ARG002
        """The name of the source that told the row; empty where the table has but one, or the row has several."""
        return ""

    def style(self, row: RowT) -> str:  # noqa: ARG002
        """The style of the whole line, under the styles of its pieces; see :class:`Piece`."""
        return ""

    def passing(self, row: RowT) -> str | None:  # noqa: ARG002
        """What of the row's cells becomes another while only time passes; None where that is not known.

        Asked for the visible rows every few seconds: whatever it says the same of is not drawn again.
        """
        return None
