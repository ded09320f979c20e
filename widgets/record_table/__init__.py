"""The one table of the console: any number of rows, formats only what is visible."""

from __future__ import annotations

from widgets.record_table.cells import Cell, Piece
from widgets.record_table.columns import Align, Column, Cut, Fit, Share
from widgets.record_table.format import RowFormat, RowKind
from widgets.record_table.table import RecordTable

__all__ = ["Align", "Cell", "Column", "Cut", "Fit", "Piece", "RecordTable", "RowFormat", "RowKind", "Share"]
