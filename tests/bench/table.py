"""The record table: does a key cost more with many rows, and what does filling it cost beside ``DataTable``."""

from __future__ import annotations

import asyncio
import gc
import time

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable

from tests.bench.harness import Limit, Table, percentile
from widgets.record_table import Align, Cell, Column, Cut, Fit, Piece, RecordTable, RowFormat, Share

NAME = "table"

_FEW, _MANY = 100, 100_000
_RUNS, _KEYS = 5, 100
_FILL = 10_000
_SIZE = (120, 40)
# Lines, half pages and pages; ends where it began, so that few rows suffice, and every key moves the cursor.
_PATTERN = ("j", "j", "ctrl+d", "k", "pagedown", "j", "pageup", "k", "ctrl+u", "k")

Row = tuple[str, str, str, str, str]


class _Rows(RowFormat[Row]):
    def key(self, row: Row) -> str:
        return row[0]

    def cell(self, row: Row, column: str) -> Cell:
        return [Piece("▲ ", "$text-error"), Piece(row[1])] if column == "1" else row[int(column)]


_COLUMNS = (
    Column("1", "SEVERITY", 8),
    Column("2", "NAME", Share(2), cut=Cut.MIDDLE),
    Column("3", "WHERE", Fit()),
    Column("4", "AGE", 6, align=Align.RIGHT),
)


def rows(count: int) -> tuple[Row, ...]:
    """Rows like those of the alerts pane."""
    return tuple(
        (
            f"prod/{index:016x}",
            "crit",
            f"HighErrorRate{index % 50}",
            f"checkout-7d9f8b6c5-{index:05d}",
            f"{index % 60}m",
        )
        for index in range(count)
    )


class _Shell(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget
        self._displayed = asyncio.Event()

    def post_display_hook(self) -> None:
        """Textual calls this when a change is on the screen."""
        self._displayed.set()

    async def key(self, key: str) -> tuple[float, float]:
        """Milliseconds from the key to the changed screen, the wait for the next frame (16.7 ms) included, and of
        processor time."""
        self._displayed.clear()
        begun, worked = time.perf_counter(), time.thread_time()
        self.simulate_key(key)
        async with asyncio.timeout(5):
            await self._displayed.wait()
        return (time.perf_counter() - begun) * 1000, (time.thread_time() - worked) * 1000

    def compose(self) -> ComposeResult:
        yield self._widget


async def _press(views: dict[int, tuple[Row, ...]]) -> dict[int, list[tuple[float, float]]]:
    took: dict[int, list[tuple[float, float]]] = {count: [] for count in views}
    keys = _PATTERN * (_KEYS // len(_PATTERN))
    for turn in range(_RUNS):
        # Interleaved, and each side goes first in turn.
        for count in sorted(views, reverse=bool(turn % 2)):
            table = RecordTable(_Rows(), _COLUMNS)
            shell = _Shell(table)
            async with shell.run_test(size=_SIZE) as pilot:
                table.set_rows(views[count])
                table.move_to(views[count][count // 5][0])
                await pilot.pause()
                for key in _PATTERN:
                    await shell.key(key)
                    await pilot.pause()
                gc.collect()
                gc.freeze()
                for key in keys:
                    took[count].append(await shell.key(key))
                    await pilot.pause()
    return took


async def _fill_record_table(view: tuple[Row, ...]) -> float:
    table = RecordTable(_Rows(), _COLUMNS)
    async with _Shell(table).run_test(size=_SIZE) as pilot:
        begun = time.perf_counter()
        table.set_rows(view)
        await pilot.pause()
        return (time.perf_counter() - begun) * 1000


async def _fill_data_table(view: tuple[Row, ...]) -> float:
    table: DataTable[str] = DataTable(cursor_type="row")
    async with _Shell(table).run_test(size=_SIZE) as pilot:
        table.add_columns("SEVERITY", "NAME", "WHERE", "AGE")
        begun = time.perf_counter()
        for row in view:
            table.add_row(*row[1:], key=row[0])
        await pilot.pause()
        return (time.perf_counter() - begun) * 1000


def run() -> Table:
    """Measure keys and fills."""
    views = {count: rows(count) for count in (_FEW, _MANY)}
    pressed = asyncio.run(_press(views))
    took = {count: [wall for wall, _ in values] for count, values in pressed.items()}
    view = rows(_FILL)
    ours, theirs = [], []
    for _ in range(3):
        ours.append(asyncio.run(_fill_record_table(view)))
        theirs.append(asyncio.run(_fill_data_table(view)))
    fill_many = min(asyncio.run(_fill_record_table(views[_MANY])) for _ in range(3))
    difference = percentile(took[_MANY], 95) - percentile(took[_FEW], 95)
    cells = [
        [
            f"a cursor key, {count:,} rows",
            f"{percentile(values, 50):.1f}",
            f"{percentile(values, 95):.1f}",
            f"{max(values):.1f}",
            f"{max(worked for _, worked in pressed[count]):.1f}",
        ]
        for count, values in took.items()
    ]
    cells.append([f"fill, {_FILL:,} rows", f"{min(ours):.1f}", "", f"{max(ours):.1f}", ""])
    cells.append([f"fill, {_MANY:,} rows", f"{fill_many:.1f}", "", "", ""])
    cells.append([f"fill Textual's DataTable, {_FILL:,} rows", f"{min(theirs):.1f}", "", f"{max(theirs):.1f}", ""])
    return Table(
        "Record table",
        ("what", "ms, median", "ms, p95", "ms, worst", "CPU ms, worst"),
        cells,
        limits=(
            Limit(f"p95 of a key with {_MANY:,} rows over one with {_FEW}, ms", difference, 8),
            Limit(f"worst key with {_MANY:,} rows, ms", max(took[_MANY]), 60),
            Limit(f"filling {_FILL:,} rows against DataTable, ratio", min(ours) / min(theirs), 0.5),
        ),
        notes=(
            f"{_RUNS * _KEYS} keys a side in {_RUNS} interleaved runs at {_SIZE[0]}x{_SIZE[1]}, from the key to the "
            "changed screen, the wait for the next frame included. "
            "For fills the median column holds the best of three.",
        ),
    )
