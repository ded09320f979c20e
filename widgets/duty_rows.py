"""How a rotation's present turn looks in a list."""

from __future__ import annotations

from services.oncall.model import Duty
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from widgets.record_table import Align, Cell, Column, Fit, Piece, RowFormat, Share

COLUMNS = (
    Column("rotation", "rotation", Fit(7, 14)),
    Column("member", "on call", Share(2.0, 8)),
    Column("until", "until", Fit(9, 16), hide_below=40),
    Column("left", "left", 6, align=Align.RIGHT),
    Column("next", "next", Share(1.0, 6), hide_below=34),
)


class DutyFormat(RowFormat[Duty]):
    """Cells of a rotation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def key(self, row: Duty) -> str:
        """The rotation's name."""
        return row.id

    def passing(self, row: Duty) -> str:
        """Until when, and how long that is."""
        return f"{self.cell(row, 'until')} {self.cell(row, 'left')}"

    def cell(self, row: Duty, column: str) -> Cell:
        """One cell."""
        now = self._clock.now()
        match column:
            case "rotation":
                return row.rotation
            case "member":
                return Piece(row.member, "bold") if row.member is not None else Piece("! nobody", "bold $warning")
            case "until":
                if row.until is None:
                    return ""
                same_day = row.until.date() == now.date()
                return row.until.strftime("%H:%M UTC" if same_day else "%a %d %H:%M")
            case "left":
                return format_age(row.until - now) if row.until else ""
            case "next":
                return Piece(row.next_member or "", "$text-quiet")
        return ""
