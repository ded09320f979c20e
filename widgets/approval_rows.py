"""How a request for an approval looks in a list."""

from __future__ import annotations

from services.approvals.model import Approval, ApprovalState
from services.approvals.view import expires
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from widgets.record_table import Align, Cell, Column, Fit, Piece, RowFormat, Share

COLUMNS = (
    Column("number", "id", 5, align=Align.RIGHT),
    Column("state", "state", 10),
    Column("who", "who", Fit(6, 16)),
    Column("environment", "where", Fit(5, 14), hide_below=60),
    Column("what", "what", Share(3.0, 12)),
    Column("age", "age", 5, align=Align.RIGHT, hide_below=50),
    Column("left", "left", 5, align=Align.RIGHT),
)

_STYLES = {
    ApprovalState.PENDING: "bold $warning",
    ApprovalState.APPROVED: "bold $state-good",
    ApprovalState.REJECTED: "bold $error",
}


class ApprovalFormat(RowFormat[Approval]):
    """Cells of a request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def key(self, row: Approval) -> str:
        """Its number."""
        return row.id

    def style(self, row: Approval) -> str:
        """Ended ones are quiet."""
        return "" if row.state_at(self._clock.now()).is_open else "$text-quiet"

    def cell(self, row: Approval, column: str) -> Cell:
        """One cell."""
        now = self._clock.now()
        state = row.state_at(now)
        match column:
            case "number":
                return row.id
            case "state":
                return Piece(state.value, _STYLES.get(state, ""))
            case "who":
                return row.requester.operator
            case "environment":
                return row.environment
            case "what":
                return Piece(row.summary, "bold" if state.is_open else "")
            case "age":
                return format_age(now - row.requested_at)
            case "left":
                return expires(row, now) if state.is_open else ""
        return ""
