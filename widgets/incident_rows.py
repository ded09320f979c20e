"""How an incident looks in a list."""

from __future__ import annotations

from services.incidents.model import Incident
from services.incidents.view import age, severity_label, updated
from services.vocabulary.clock import Clock
from widgets.record_table import Align, Cell, Column, Piece, RowFormat, Share

COLUMNS = (
    Column("severity", "sev", 4),
    Column("number", "#", 4, align=Align.RIGHT),
    Column("title", "incident", Share(3.0, 10)),
    Column("state", "state", 13, hide_below=60),
    Column("commander", "commander", 9, hide_below=44),
    Column("age", "age", 5, align=Align.RIGHT),
    Column("updated", "update", 6, align=Align.RIGHT, hide_below=52),
)


def severity_style(severity: int) -> str:
    """Red for major incidents, amber for the next, quiet for the rest."""
    if severity <= 2:
        return "bold $severity-critical"
    return "bold $severity-warning" if severity == 3 else "$severity-info"


class IncidentFormat(RowFormat[Incident]):
    """Cells of an incident."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def key(self, row: Incident) -> str:
        """Its number."""
        return row.id

    def style(self, row: Incident) -> str:
        """Ended ones are quiet."""
        return "" if row.state.is_open else "$text-quiet"

    def passing(self, row: Incident) -> str:
        """How old it is, and how long ago it changed."""
        return f"{self.cell(row, 'age')} {self.cell(row, 'updated')}"

    def cell(self, row: Incident, column: str) -> Cell:
        """One cell."""
        now = self._clock.now()
        match column:
            case "severity":
                return Piece(severity_label(row), severity_style(row.severity) if row.state.is_open else "")
            case "number":
                return f"#{row.number}"
            case "title":
                return Piece(row.title, "bold" if row.state.is_open else "")
            case "state":
                return row.state.value
            case "commander":
                return f"IC {row.commander}" if row.commander else Piece("IC nobody", "bold $warning")
            case "age":
                return age(row, now)
            case "updated":
                return Piece(updated(row, now), "$text-quiet")
        return ""
