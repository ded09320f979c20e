"""How a record table looks, and which keys it knows."""

from __future__ import annotations

from textual.binding import Binding, BindingType

CSS = """
RecordTable {
    height: 1fr;
    background: transparent;
    overflow-x: hidden;
    overflow-y: auto;
    scrollbar-size-vertical: 1;
}
RecordTable > .record-table--header { color: $text-muted; text-style: bold; }
RecordTable > .record-table--section { color: $text-muted; text-style: bold; }
RecordTable > .record-table--fold { color: $text-muted; }
RecordTable > .record-table--message { color: $text-muted; }
RecordTable > .record-table--skeleton { color: $text-muted; text-style: dim; }
RecordTable > .record-table--stale { text-style: dim; }
RecordTable > .record-table--mark { color: $text-muted; }
RecordTable:focus > .record-table--mark { color: $accent; }
RecordTable > .record-table--selected { text-style: bold; }
RecordTable > .record-table--cursor { background: $surface-lighten-1; }
RecordTable:focus > .record-table--cursor {
    background: $surface-lighten-2;
    text-style: bold;
}
RecordTable:ansi > .record-table--header, RecordTable:ansi > .record-table--section,
RecordTable:ansi > .record-table--fold, RecordTable:ansi > .record-table--message {
    color: ansi_default;
    text-style: dim;
}
RecordTable:ansi > .record-table--cursor { background: ansi_default; text-style: bold; }
RecordTable:ansi:focus > .record-table--cursor {
    background: ansi_default;
    color: ansi_default;
    text-style: bold reverse;
}
RecordTable:nocolor:focus > .record-table--cursor { text-style: bold reverse; }
"""

COMPONENT_CLASSES = {
    "record-table--header",
    "record-table--section",
    "record-table--fold",
    "record-table--message",
    "record-table--skeleton",
    "record-table--stale",
    "record-table--selected",
    "record-table--cursor",
    "record-table--mark",
}

BINDINGS: list[BindingType] = [
    Binding("j,down", "move(1)", "Down", id="table.down", show=False),
    Binding("k,up", "move(-1)", "Up", id="table.up", show=False),
    Binding("ctrl+d", "move_part(0.5)", "Half a page down", id="table.half-down", show=False),
    Binding("ctrl+u", "move_part(-0.5)", "Half a page up", id="table.half-up", show=False),
    Binding("pagedown", "move_part(1.0)", "Page down", id="table.page-down", show=False),
    Binding("pageup", "move_part(-1.0)", "Page up", id="table.page-up", show=False),
    Binding("g,home", "first", "First row", id="table.first", show=False),
    Binding("G,end", "last", "Last row", id="table.last", show=False),
    Binding("enter", "open", "Open", id="table.open", show=False),
    Binding("space", "toggle_selection", "Select", id="table.select", show=False),
    Binding("escape", "clear_selection", "Clear selection", id="table.clear", show=False),
]
