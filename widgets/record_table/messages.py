"""What a record table tells its screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from widgets.record_table.table import RecordTable


class _TableMessage(Message):
    def __init__(self, table: RecordTable[Any]) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> RecordTable[Any]:
        """The table it is about."""
        return self.table


class Opened(_TableMessage, namespace="record_table"):
    """Enter or a double click on a record or a fold.

    Attributes:
        key: of the row.
    """

    def __init__(self, table: RecordTable[Any], key: str) -> None:
        super().__init__(table)
        self.key = key


class Highlighted(_TableMessage, namespace="record_table"):
    """The cursor came to another row.

    Attributes:
        key: of the row; None where the table has no row left to stand on.
    """

    def __init__(self, table: RecordTable[Any], key: str | None) -> None:
        super().__init__(table)
        self.key = key


class SelectionChanged(_TableMessage, namespace="record_table"):
    """Other rows are selected than before.

    Attributes:
        keys: of all selected rows.
    """

    def __init__(self, table: RecordTable[Any], keys: frozenset[str]) -> None:
        super().__init__(table)
        self.keys = keys
