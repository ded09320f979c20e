"""The virtual table: draws the visible lines of a finished view, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeAlias

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.record_table import look, messages
from widgets.record_table import rows as places
from widgets.record_table.columns import Column
from widgets.record_table.format import RowFormat, RowKind, RowT
from widgets.record_table.painter import Painter
from widgets.record_table.selection import Selection


class RecordTable(ScrollView, Generic[RowT], can_focus=True):
    """Rows of one kind under a fixed heading, with a cursor and a selection that stick to the keys of the rows.

    Hand it a finished view with :meth:`set_rows`; it keeps the sequence and reads only what it draws. The row under
    the cursor stays on its line of the screen when rows come and go above it, once a person has moved the cursor;
    before that the view keeps showing the top.
    """

    DEFAULT_CSS = look.CSS
    COMPONENT_CLASSES: ClassVar[set[str]] = look.COMPONENT_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = look.BINDINGS
    ALLOW_SELECT = False

    stale: reactive[bool] = reactive(False, repaint=False)
    """Whether the rows are older than they should be: everything is drawn dim."""
    untrusted: reactive[frozenset[str]] = reactive(frozenset(), repaint=False)
    """Names of sources among several that are not live: their rows are drawn dim and marked."""

    Opened: TypeAlias = messages.Opened
    Highlighted: TypeAlias = messages.Highlighted
    SelectionChanged: TypeAlias = messages.SelectionChanged

    def __init__(
        self,
        format: RowFormat[RowT],
        columns: Sequence[Column],
        *,
        waiting: str = "waiting for the first answer …",
        empty: str = "nothing here",
        header: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Shows skeleton rows with the sentence ``waiting`` until :meth:`set_rows` is called.

        Args:
            format: turns rows into cells.
            columns: from left to right.
            waiting: a sentence for the time before the first rows.
            empty: a sentence for a view without rows.
            header: whether the titles of the columns stand above the rows.
            id: of the widget.
            classes: of the widget.
        """
        super().__init__(id=id, classes=classes)
        self._format = format
        self._header = 1 if header else 0
        self._rows: Sequence[RowT] = ()
        self._is_waiting = True
        self._waiting = waiting
        self._empty = empty
        self._cursor: int | None = None
        self._cursor_key: str | None = None
        self._stood: str | None = None
        self._selection = Selection()
        self._moved = False
        self._painter = Painter(self, format, columns)
        self._lines: dict[int, Strip] = {}
        self._passed: list[str | None] = []

    # What others ask and tell.

    @property
    def rows(self) -> Sequence[RowT]:
        """The view that is shown."""
        return self._rows

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None where there is none."""
        return self._cursor_key

    @property
    def cursor_row(self) -> RowT | None:
        """The row under the cursor; None where there is none."""
        return None if self._cursor is None else self._rows[self._cursor]

    @property
    def selected_keys(self) -> frozenset[str]:
        """The keys of the selected rows."""
        return self._selection.keys

    @property
    def selection_lost(self) -> int:
        """How many selected rows went away by themselves since the person last chose, or was told."""
        return self._selection.lost

    @property
    def cursor_lost(self) -> bool:
        """Whether the cursor stands where no person put it: the row that it stood on went away."""
        return self._stood is not None and self._cursor_key != self._stood

    def accept(self) -> None:
        """The person was told what is selected now, and where the cursor stands."""
        self._selection.accept()
        self.accept_cursor()

    def accept_cursor(self) -> None:
        """The person moved the cursor by other means than a key of the table, such as a filter."""
        self._stood = self._cursor_key

    def chosen_keys(self) -> list[str]:
        """What an action is about: the selected rows in the order of the view, else the record under the cursor."""
        if self._selection:
            return [found for found in map(self._format.key, self._rows) if found in self._selection]
        row = self.cursor_row
        if row is None or self._cursor_key is None or self._format.kind(row) is not RowKind.RECORD:
            return []
        return [self._cursor_key]

    def set_rows(self, rows: Sequence[RowT], *, empty: str | None = None) -> None:
        """Show another view. Cursor and selection stay with their keys.

        Args:
            rows: the finished view; kept, so it must not change afterwards.
            empty: a new sentence for a view without rows.
        """
        old, old_index, old_key = self._rows, self._cursor, self._cursor_key
        top = self._top
        was_waiting = self._is_waiting
        self._rows = rows
        self._is_waiting = False
        if empty is not None:
            self._empty = empty
        self._cursor = self._relocate(old, rows)
        self._cursor_key = None if self._cursor is None else self._format.key(rows[self._cursor])
        if self._stood is None:
            self._stood = self._cursor_key
        self._prune_selection()
        self._resize_virtual()
        if self._cursor is not None and old_index is not None and self._moved:
            self._scroll_top_to(top + self._cursor - old_index)
        else:
            self._scroll_top_to(top)
        if was_waiting or bool(old) != bool(rows):
            self._redraw()
        else:
            self._redraw_changed()
        if self._cursor_key != old_key:
            self.post_message(self.Highlighted(self, self._cursor_key))

    def set_waiting(self, sentence: str) -> None:
        """Forget the rows and show skeleton rows with ``sentence``."""
        self._is_waiting = True
        self._waiting = sentence
        self._rows = ()
        self._cursor = self._cursor_key = None
        self._moved = False
        self._prune_selection()
        self._resize_virtual()
        self._redraw()

    def refresh_ages(self) -> None:
        """Draw again those visible lines whose text changed since: for ages and clocks. Never a layout."""
        if self._has_passed():
            self._redraw_changed()

    def move_to(self, key: str) -> bool:
        """Put the cursor on the row with this key, and show it.

        Returns:
            Whether there is such a row for the cursor.
        """
        index = places.find(self._rows, self._format.key, key, self._cursor or 0)
        if index is None or not self._allowed(self._rows[index]):
            return False
        self._go(index)
        return True

    def reveal(self, key: str, below: int) -> None:
        """Scroll down as far as it takes to show ``below`` rows under the row with this key, and the row itself."""
        index = places.find(self._rows, self._format.key, key, self._cursor or 0)
        if index is not None:
            self._scroll_top_to(max(self._top, min(index, index + below - self._page + 1)))

    # The cursor.

    def action_move(self, step: int) -> None:
        """Move by records and folds, skipping sections."""
        if self._cursor is None:
            return
        index = self._cursor + step
        while 0 <= index < len(self._rows):
            if self._allowed(self._rows[index]):
                self._go(index)
                return
            index += step
        # At an edge: show the headings beyond the last row that can be reached.
        self._scroll_top_to(0 if step < 0 else len(self._rows))

    def action_move_part(self, part: float) -> None:
        """Move by a part of a page; ``-0.5`` is half a page up."""
        if self._cursor is not None:
            step = max(1, int(self._page * abs(part)))
            self._go_near(self._cursor + (step if part > 0 else -step))

    def action_first(self) -> None:
        """Move to the first row; the view then keeps showing the top again."""
        self._go_near(0)
        self._scroll_top_to(0)
        self._moved = False

    def action_last(self) -> None:
        """Move to the last row."""
        self._go_near(len(self._rows) - 1)

    def action_open(self) -> None:
        """Ask to open the row under the cursor."""
        if self._cursor_key is not None:
            self.post_message(self.Opened(self, self._cursor_key))

    def action_toggle_selection(self) -> None:
        """Select the record under the cursor, or no longer; then move one down."""
        row, key = self.cursor_row, self._cursor_key
        if row is None or key is None or self._format.kind(row) is not RowKind.RECORD:
            return
        self._selection.toggle(key)
        self._redraw_line(self._cursor)
        self.post_message(self.SelectionChanged(self, self._selection.keys))
        self.action_move(1)

    def action_clear_selection(self) -> None:
        """Select nothing."""
        if self._selection:
            self._selection.clear()
            self._redraw()
            self.post_message(self.SelectionChanged(self, self._selection.keys))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape means something here only while rows are selected."""
        if action == "clear_selection":
            return bool(self._selection)
        return super().check_action(action, parameters)

    def _allowed(self, row: RowT) -> bool:
        return self._format.kind(row) is not RowKind.SECTION

    def _go_near(self, index: int) -> None:
        found = places.nearest(self._rows, index, self._allowed)
        if found is not None:
            self._go(found)

    def _go(self, index: int) -> None:
        before = self._cursor
        self._moved = True
        self._cursor = index
        if index < self._top:
            self._scroll_top_to(index)
        elif index >= self._top + self._page:
            self._scroll_top_to(index - self._page + 1)
        self._stood = self._format.key(self._rows[index])
        if index == before:
            return
        self._cursor_key = self._stood
        self._redraw_line(before)
        self._redraw_line(index)
        self.post_message(self.Highlighted(self, self._cursor_key))

    def _relocate(self, old: Sequence[RowT], new: Sequence[RowT]) -> int | None:
        if self._cursor is None or self._cursor_key is None:
            return places.nearest(new, 0, self._allowed)
        found = places.find(new, self._format.key, self._cursor_key, self._cursor)
        if found is not None and self._allowed(new[found]):
            return found
        return places.neighbour(old, new, self._format.key, self._cursor, self._allowed)

    def _prune_selection(self) -> None:
        if self._selection and self._selection.keep(map(self._format.key, self._rows)):
            self.post_message(self.SelectionChanged(self, self._selection.keys))

    # The mouse.

    def on_click(self, event: events.Click) -> None:
        """Move to the row that was clicked; open it on a double click."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self._header:
            return
        index = self._top + offset.y - self._header
        if index < len(self._rows) and self._allowed(self._rows[index]):
            self._go(index)
            if event.chain == 2:
                self.action_open()

    # Where things are.

    @property
    def _top(self) -> int:
        return self.scroll_offset.y

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - self._header)

    def _visible(self) -> range:
        return range(self._top, min(len(self._rows), self._top + self._page))

    def _scroll_top_to(self, top: int) -> None:
        if round(self.scroll_y) != top:
            self.scroll_to(y=top, animate=False, force=True)

    def _resize_virtual(self) -> None:
        size = Size(0, len(self._rows) + self._header)
        if size != self.virtual_size:
            self.virtual_size = size

    def _measure(self) -> bool:
        return self._painter.measure(self._rows[index] for index in self._visible())

    # When to draw.

    def on_mount(self) -> None:
        """Follow the theme."""
        super().on_mount()  # type: ignore[no-untyped-call]
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._restyle())
        # A scrollbar that comes or goes changes the room for the columns, and nothing else tells of it.
        self.watch(self, "show_vertical_scrollbar", self._redraw_later, init=False)

    def _redraw_later(self) -> None:
        self._redraw()
        self.call_after_refresh(self._redraw)

    def on_resize(self) -> None:
        """Share the new width; keep the cursor in view."""
        self._painter.forget_widths()
        self._resize_virtual()
        if self._cursor is not None and self._moved and self._cursor not in self._visible():
            self._scroll_top_to(self._cursor if self._cursor < self._top else self._cursor - self._page + 1)
        self._redraw()

    def notify_style_update(self) -> None:
        """The style sheet changed, or a pseudo-class such as ``:focus``."""
        super().notify_style_update()
        self._restyle()

    def watch_stale(self) -> None:
        """Dim or undim every line."""
        self._redraw()

    def watch_untrusted(self) -> None:
        """Dim or undim the rows of some sources."""
        self._redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Widen columns where the rows that came into view need it."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value) and self._measure():
            self._redraw(measure=False)

    def _restyle(self) -> None:
        self._painter.styles.forget()
        self._lines.clear()
        self.refresh()

    def _redraw(self, *, measure: bool = True) -> None:
        if measure:
            self._measure()
        self._painter.arrange(self.scrollable_content_region.width)
        self._lines.clear()
        self.refresh()

    def _redraw_line(self, index: int | None) -> None:
        if index is not None and index in self._visible():
            self._lines.pop(index, None)
            self._refresh_content_line(index - self._top + self._header)

    def _redraw_changed(self) -> None:
        if self._measure():
            self._redraw(measure=False)
            return
        drawn, self._lines = self._lines, {}
        if not self.is_mounted or not self.size:
            return
        for index in range(self._top, self._top + self._page):
            strip = self._line(index)
            if drawn.get(index) != strip:
                self._refresh_content_line(index - self._top + self._header)

    def _has_passed(self) -> bool:
        """Whether time made another text of what is visible; it may have where the format does not tell."""
        told = [self._format.passing(self._rows[index]) for index in self._visible()]
        if told == self._passed and None not in told:
            return False
        self._passed = told
        return True

    def _refresh_content_line(self, y: int) -> None:
        self.refresh(Region(0, y, self.size.width, 1))

    # Drawing.

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of ``crop``. What a layout gives or takes is shared in its own frame, not in the one after it."""
        if self._painter.width != self.scrollable_content_region.width:
            self._measure()
            self._painter.arrange(self.scrollable_content_region.width)
            self._lines.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of the widget; the heading does not scroll."""
        if y < self._header:
            return self._painter.heading() if self._rows else self._painter.blank()
        return self._line(self._top + y - self._header)

    def _line(self, index: int) -> Strip:
        strip = self._lines.get(index)
        if strip is None:
            if len(self._lines) > 1000:
                self._lines.clear()
            strip = self._lines[index] = self._draw(index)
        return strip

    def _draw(self, index: int) -> Strip:
        if not self._rows:
            if index == 0:
                return self._painter.sentence(self._waiting if self._is_waiting else self._empty)
            return self._painter.skeleton(index) if self._is_waiting else self._painter.blank()
        if index >= len(self._rows):
            return self._painter.blank()
        row = self._rows[index]
        return self._painter.row(
            row,
            cursor=index == self._cursor,
            selected=bool(self._selection) and self._format.key(row) in self._selection,
            stale=self.stale,
            old=bool(self.untrusted) and self._format.source(row) in self.untrusted,
        )
