"""The record table in a small app: what a person sees and what a screen is told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Self

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message

from widgets.record_table import Align, Cell, Column, Cut, Fit, Piece, RecordTable, RowFormat, RowKind, Share

Row = tuple[str, str]


class Rows(RowFormat[Row]):
    """(key, name); keys that begin with # are sections, with + folds. Counts how many cells it is asked for."""

    def __init__(self) -> None:
        self.cells = 0
        self.suffixes: dict[str, str] = {}

    def key(self, row: Row) -> str:
        return row[0]

    def kind(self, row: Row) -> RowKind:
        return {"#": RowKind.SECTION, "+": RowKind.FOLD}.get(row[0][:1], RowKind.RECORD)

    def line(self, row: Row) -> Cell:
        return row[1]

    def cell(self, row: Row, column: str) -> Cell:
        self.cells += 1
        if column == "name":
            return [Piece(row[1], "$text-error")]
        return row[0] + self.suffixes.get(row[0], "") if column == "key" else "7"


COLUMNS = (
    Column("key", "KEY", Fit(maximum=8)),
    Column("name", "NAME", Share(), cut=Cut.MIDDLE),
    Column("count", "N", 4, align=Align.RIGHT, hide_below=32),
)


class Watched(RecordTable[Row]):
    """Notes which regions it asks to be painted again."""

    asked: ClassVar[list[Region]] = []

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        self.asked.extend(regions or [Region(0, 0, 0, 0)])
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class Bench(App[None]):
    def __init__(self, columns: Sequence[Column] = COLUMNS) -> None:
        super().__init__()
        self.rows = Rows()
        self.table = Watched(self.rows, columns, waiting="waiting for prod …", empty="No alerts.")
        self.told: list[tuple[str, object]] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_record_table_opened(self, message: RecordTable.Opened) -> None:
        self.told.append(("opened", message.key))

    def on_record_table_highlighted(self, message: RecordTable.Highlighted) -> None:
        self.told.append(("highlighted", message.key))

    def on_record_table_selection_changed(self, message: RecordTable.SelectionChanged) -> None:
        self.told.append(("selected", set(message.keys)))

    def screen_lines(self) -> list[str]:
        return ["".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()]

    def cursor_line(self) -> int:
        return next(number for number, line in enumerate(self.screen_lines()) if line.startswith("▌"))


def rows(*keys: str) -> tuple[Row, ...]:
    return tuple((key, f"name {key}") for key in keys)


def many(first: int, end: int) -> tuple[Row, ...]:
    return rows(*(f"r{number}" for number in range(first, end)))


async def test_says_what_it_waits_for_then_what_is_empty_then_shows_rows() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        lines = app.screen_lines()
        assert "waiting for prod …" in lines[1]
        assert "┄" in lines[2]
        app.table.set_rows(())
        await pilot.pause()
        assert [line.strip() for line in app.screen_lines()] == ["", "No alerts.", *[""] * 6]
        app.table.set_rows(rows("a", "b"))
        await pilot.pause()
        assert app.screen_lines()[:3] == [
            "  KEY NAME" + " " * 29 + "N",
            "▌ a   name a" + " " * 27 + "7",
            "  b   name b" + " " * 27 + "7",
        ]


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        (["j", "j"], "r2"), (["down", "down", "up"], "r1"), (["G"], "r99"), (["end", "k"], "r98"),
        (["ctrl+d"], "r3"), (["pagedown"], "r7"), (["G", "pageup"], "r92"), (["G", "ctrl+u", "g"], "r0"),
        (["G", "home"], "r0"), (["k"], "r0"), (["G", "j"], "r99"),
    ],
)  # fmt: skip
async def test_keys_move_the_cursor_and_keep_it_in_view(keys: list[str], at: str) -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(many(0, 100))
        await pilot.press(*keys)
        assert app.table.cursor_key == at
        assert f" {at} " in app.screen_lines()[app.cursor_line()]


async def test_a_hundred_thousand_rows_cost_what_is_visible() -> None:
    app = Bench()
    async with app.run_test(size=(40, 20)) as pilot:
        app.table.set_rows(many(0, 100_000))
        await pilot.pause()
        await pilot.press("G")
        assert app.table.cursor_key == "r99999"
        assert app.rows.cells < 1000


async def test_new_rows_above_leave_the_cursor_on_its_row_and_line() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(many(0, 100))
        await pilot.press(*["j"] * 20)
        line = app.cursor_line()
        app.table.set_rows(rows("new1", "new2", "new3") + many(0, 100))
        await pilot.pause()
        assert (app.table.cursor_key, app.cursor_line()) == ("r20", line)
        app.table.set_rows(many(10, 100))
        await pilot.pause()
        assert (app.table.cursor_key, app.cursor_line()) == ("r20", line)
        assert ("highlighted", None) not in app.told


async def test_an_untouched_table_keeps_showing_the_top_and_its_cursor_keeps_its_row() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(many(0, 100))
        await pilot.pause()
        app.table.set_rows(rows("worse") + many(0, 100))
        await pilot.pause()
        assert "worse" in app.screen_lines()[1]
        assert app.table.cursor_key == "r0"


@pytest.mark.parametrize(
    ("before", "steps", "after", "at"),
    [
        ("abcde", 2, "abde", "d"),  # the one below takes its place
        ("abcde", 4, "abcd", "d"),  # the last: the one above
        ("abcde", 2, "ae", "e"),
        ("abcde", 1, "xyz", "y"),  # all are new: the same place
        ("abcde", 3, "", None),
        ("a#bc", 0, "#bc", "c"),
    ],
)
async def test_when_the_row_under_the_cursor_goes_the_nearest_takes_it(
    before: str, steps: int, after: str, at: str | None
) -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        keys = [key + "!" if key == "b" and "#" in before else key for key in before]
        app.table.set_rows(rows(*keys))
        await pilot.press(*["j"] * steps)
        app.table.set_rows(rows(*after))
        await pilot.pause()
        assert app.table.cursor_key == at
        assert app.told[-1] == ("highlighted", at)


async def test_selection_is_of_keys_and_forgets_what_is_gone() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b", "c", "d"))
        await pilot.press("space", "space")
        assert app.table.selected_keys == {"a", "b"}
        assert app.table.cursor_key == "c"
        assert [line[1] for line in app.screen_lines()[1:5]] == ["*", "*", " ", " "]
        app.table.set_rows(rows("d", "b", "c"))
        await pilot.pause()
        assert app.table.selected_keys == {"b"}
        assert app.told[-1] == ("selected", {"b"})
        assert app.table.chosen_keys() == ["b"]
        await pilot.press("escape")
        assert app.told[-1] == ("selected", set())
        assert app.table.chosen_keys() == ["c"]


async def test_sections_are_skipped_and_folds_open_but_are_not_selected() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("#one", "a", "#two", "b", "+more"))
        await pilot.pause()
        assert app.table.cursor_key == "a"
        await pilot.press("j")
        assert app.table.cursor_key == "b"
        await pilot.press("j", "space", "enter")
        assert app.table.selected_keys == frozenset()
        assert app.told[-1] == ("opened", "+more")
        assert app.table.chosen_keys() == []


async def test_the_mouse_moves_and_opens() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(many(0, 100))
        await pilot.click(app.table, offset=(5, 3))
        assert app.table.cursor_key == "r2"
        await pilot.click(app.table, offset=(5, 4), times=2)
        assert app.told[-1] == ("opened", "r3")
        await pilot.click(app.table, offset=(5, 0))
        assert app.table.cursor_key == "r3"


HOSTILE = [
    "[bold red]x[/]", "pod[/] x", "\x1b[31mred\x1b[0m", "line\nbreak\ttab", "a\u202eb", "日本語のとても長い名前です",
    "👍🏽👩\u200d👩 ❤️", "e\u0301" * 40, "x" * 10_000, "\u0301\u0301", "", "a\u0000b", "🇩🇪" * 30, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("width", [3, 10, 29, 41, 80])
async def test_no_text_leaves_its_cell_or_steers_the_terminal(width: int) -> None:
    app = Bench()
    async with app.run_test(size=(width, 20)) as pilot:
        app.table.set_rows(tuple((f"{number}", text) for number, text in enumerate(HOSTILE)))
        await pilot.pause()
        for line in app.screen_lines():
            assert cell_len(line) == width
            assert not any(ord(character) < 32 or character in "\u202e\u200d\x7f" for character in line)


async def test_markup_is_shown_as_written() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows((("a", "[bold]x[/] [/] $y"),))
        await pilot.pause()
        assert "[bold]x[/] [/] $y" in app.screen_lines()[1]


async def test_a_long_name_keeps_its_end_and_a_narrow_table_hides_columns() -> None:
    app = Bench()
    async with app.run_test(size=(31, 8)) as pilot:
        app.table.set_rows((("k", "checkout-frontend-7d9f8b6c5-x2x9z"),))
        await pilot.pause()
        assert app.screen_lines()[1] == "▌ k   checkout-fro…f8b6c5-x2x9z"
        assert "N" not in app.screen_lines()[0].replace("NAME", "")
        await pilot.resize_terminal(60, 8)
        assert app.screen_lines()[1].endswith("7")
        assert "checkout-frontend-7d9f8b6c5-x2x9z" in app.screen_lines()[1]


async def test_a_fitted_column_grows_with_what_is_seen_and_stops_at_its_maximum() -> None:
    app = Bench()
    async with app.run_test(size=(40, 5)) as pilot:
        app.table.set_rows(rows("a", "b", "c", "d", "e", "long-long-long"))
        await pilot.pause()
        assert app.screen_lines()[1].startswith("▌ a   name")
        await pilot.press("G")
        assert app.screen_lines()[-1].startswith("▌ long-lo… name")


async def test_ticking_texts_repaint_only_the_lines_that_changed() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b", "c"))
        await pilot.pause()
        app.table.asked.clear()
        app.table.refresh_ages()
        assert app.table.asked == []
        app.rows.suffixes["b"] = "+"
        app.table.refresh_ages()
        assert app.table.asked == [Region(0, 2, 40, 1)]
        await pilot.pause()
        assert " b+ " in app.screen_lines()[2]


async def test_an_equal_view_repaints_nothing_and_a_changed_row_only_its_line() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b", "c"))
        await pilot.pause()
        app.table.asked.clear()
        app.table.set_rows(rows("a", "b", "c"))
        assert app.table.asked == []
        app.table.set_rows((("a", "name a"), ("b", "other"), ("c", "name c")))
        assert app.table.asked == [Region(0, 2, 40, 1)]
        await pilot.pause()
        assert "other" in app.screen_lines()[2]


@contextmanager
def no_color() -> Iterator[None]:
    os.environ["NO_COLOR"] = "1"
    try:
        yield
    finally:
        os.environ.pop("NO_COLOR", None)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_the_cursor_is_seen_in_every_theme_and_weaker_without_focus(theme: str) -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b", "c"))
        app.theme = theme
        await pilot.pause()
        focused, plain = app.table.render_line(1), app.table.render_line(2)
        assert focused.text.startswith("▌")
        assert focused._segments[0].style != plain._segments[0].style
        app.screen.set_focus(None)
        await pilot.pause()
        assert app.table.render_line(1)._segments[0].style != focused._segments[0].style


async def test_without_colour_the_cursor_is_reversed() -> None:
    with no_color():
        app = Bench()
        async with app.run_test(size=(40, 8)) as pilot:
            app.table.set_rows(rows("a", "b"))
            app.theme = "ansi-dark"
            await pilot.pause()
            style = app.table.render_line(1)._segments[0].style
            assert style is not None
            assert style.reverse


async def test_a_theme_change_drops_what_was_drawn() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b"))
        await pilot.pause()
        before = app.table.render_line(2)
        app.theme = "textual-light"
        await pilot.pause()
        assert app.table.render_line(2)._segments[0].style != before._segments[0].style


async def test_stale_rows_stay_and_are_dim() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b"))
        app.table.stale = True
        await pilot.pause()
        style = app.table.render_line(2)._segments[2].style
        assert style is not None
        assert style.dim
        assert " b " in app.screen_lines()[2]


async def test_a_resize_under_the_cursor_keeps_it_in_view() -> None:
    app = Bench()
    async with app.run_test(size=(40, 20)) as pilot:
        app.table.set_rows(many(0, 100))
        await pilot.press(*["j"] * 15)
        await pilot.resize_terminal(40, 6)
        await pilot.pause()
        assert " r15 " in app.screen_lines()[app.cursor_line()]


async def test_move_to_a_key() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(many(0, 1000))
        assert app.table.move_to("r777")
        await pilot.pause()
        assert " r777 " in app.screen_lines()[app.cursor_line()]
        assert not app.table.move_to("nobody")
        assert app.table.cursor_key == "r777"


def test_every_binding_can_be_remapped() -> None:
    from textual.binding import Binding

    for binding in RecordTable.BINDINGS:
        assert isinstance(binding, Binding)
        assert (binding.id or "").startswith("table.")


def test_messages_name_their_table() -> None:
    table = RecordTable(Rows(), COLUMNS)
    message: Message = RecordTable.Opened(table, "a")
    assert message.control is table


async def test_a_scrollbar_that_comes_and_goes_takes_and_gives_back_its_column() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(many(0, 3))
        await pilot.pause()
        assert app.table.render_line(1).text == "▌ r0  name r0" + " " * 26 + "7"
        app.table.set_rows(many(0, 100))
        await pilot.pause()
        assert app.table.render_line(1).text == "▌ r0  name r0" + " " * 25 + "7"
        app.table.set_rows(many(0, 3))
        await pilot.pause()
        assert app.table.render_line(1).text == "▌ r0  name r0" + " " * 26 + "7"


async def test_what_a_cursor_style_does_not_name_stays() -> None:
    app = Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows(rows("a", "b"))
        app.screen.set_focus(None)
        await pilot.pause()
        name = [segment for segment in app.table.render_line(1)._segments if segment.text == "name a"]
        other = [segment for segment in app.table.render_line(2)._segments if segment.text == "name b"]
        assert name[0].style is not None
        assert other[0].style is not None
        assert name[0].style.color == other[0].style.color


async def test_rows_may_come_before_the_table_is_mounted() -> None:
    app = Bench()
    app.table.set_rows(many(0, 100))
    app.table.refresh_ages()
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.press("j")
        assert " r1 " in app.screen_lines()[2]
        assert app.table.cursor_key == "r1"
