"""The only importer of plotext, and everything that must be true before it is called.

plotext 6 draws in C++. A NaN in a connected line aborts the process and an infinity raises, so it is handed nothing
but places between 0 and 1, a new signal after each gap, and at most two points a column. Labels never reach it: ticks
are the program's own figures, and outside text is laid over the finished drawing. Its public figure is one for the
whole process, so each drawing makes its own.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from services.vocabulary.plot import Plot
from services.vocabulary.text import display
from widgets.plot.axis import scale_of, time_ticks, value_ticks
from widgets.record_table.cells import Piece, exactly, head_of

LEAST_WIDTH, LEAST_HEIGHT = 16, 5
MOST_LINES = 6

_WIDEST, _HIGHEST = 500, 200
_AXIS, _THRESHOLD, _MARK, _FIRST_LINE = 17, 18, 19, 20
_NAMES = {_AXIS: "axis", _THRESHOLD: "threshold", _MARK: "mark"} | {
    _FIRST_LINE + index: f"line-{index + 1}" for index in range(MOST_LINES)
}
# Told apart by their shape too, for screens without colour.
_GLYPHS = ("braille", "•", "×", "+", "o", "*")
_LEGEND = ("━", "•", "×", "+", "o", "*")
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
# plotext keeps colours and terminal state for the whole process.
_ONE_AT_A_TIME = threading.Lock()

Row = tuple[Piece, ...]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    colour: int = 0


def draw(plot: Plot, width: int, height: int) -> tuple[Row, ...]:
    """Draw ``plot`` into ``height`` rows of ``width`` cells, the legend first.

    Meant for a thread: it imports plotext (about 0.3 s the first time) and takes tens of milliseconds for many points.

    Returns:
        Rows of pieces in the styles ``.time-plot--axis``, ``--threshold``, ``--mark``, ``--line-1`` and so on. None at
        all where there is nothing finite to draw, or less room than :data:`LEAST_WIDTH` by :data:`LEAST_HEIGHT`.
    """
    width, height = min(width, _WIDEST), min(height, _HIGHEST)
    if width < LEAST_WIDTH or height < LEAST_HEIGHT or not _drawable(plot):
        return ()
    legend = _legend(plot, width)
    canvas_height = height - (1 if legend else 0)
    grid = _canvas(plot, width, canvas_height)
    rows = [tuple(_pieces(row)) for row in grid]
    return ((legend, *rows) if legend else tuple(rows))[:height]


def _drawable(plot: Plot) -> bool:
    if not (math.isfinite(plot.start) and math.isfinite(plot.end)) or plot.end - plot.start <= 0:
        return False
    return any(_segments(line.times, line.values, plot) for line in plot.lines[:MOST_LINES])


def _segments(times: Sequence[float], values: Sequence[float], plot: Plot) -> list[list[Point]]:
    # Stretches of finite points inside the plot; a missing step ends one.
    longest = math.inf if plot.step is None or not plot.step > 0 else 1.5 * plot.step
    out: list[list[Point]] = []
    previous = math.nan
    for at, value in zip(times, values, strict=False):
        if not (math.isfinite(at) and math.isfinite(value)) or not plot.start <= at <= plot.end:
            previous = math.nan
            continue
        # False for the NaN that stands for "no point before".
        if previous <= at <= previous + longest:
            out[-1].append((at, value))
        else:
            out.append([(at, value)])
        previous = at
    return out


def _thin(points: Sequence[Point], columns: int) -> Iterator[Point]:
    """At most two points a column: its lowest and its highest, in their order."""
    column, kept = -1, list[Point]()
    for point in points:
        here = int(point[0] * columns)
        if here != column:
            yield from _extremes(kept)
            column, kept = here, []
        kept.append(point)
    yield from _extremes(kept)


def _extremes(points: Sequence[Point]) -> Iterable[Point]:
    if len(points) <= 2:
        return points
    return sorted({min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])})


def _canvas(plot: Plot, width: int, height: int) -> list[list[_Cell]]:
    lines = [_segments(line.times, line.values, plot) for line in plot.lines[:MOST_LINES]]
    values = [value for segments in lines for points in segments for _, value in points]
    threshold = plot.threshold if plot.threshold is not None and math.isfinite(plot.threshold) else None
    scale = scale_of(values if threshold is None else [*values, threshold])
    span = plot.end - plot.start

    def across(at: float) -> float:
        return min(1.0, max(0.0, (at - plot.start) / span))

    upright = [(scale.place(value), text) for value, text in value_ticks(scale, plot.unit, max(2, (height - 1) // 2))]
    along = [(across(at), text) for at, text in time_ticks(plot.start, plot.end, max(1, width // 14))]
    marks = [(across(mark.at), mark.label) for mark in plot.marks if plot.start <= mark.at <= plot.end]
    places = [
        [list(_thin([(across(at), scale.place(value)) for at, value in points], width)) for points in segments]
        for segments in lines
    ]
    text = _build(
        places,
        None if threshold is None else scale.place(threshold),
        [at for at, _ in marks],
        upright,
        along,
        width,
        height,
    )
    grid = _parse(text, width, height)
    left = max((len(label) for _, label in upright), default=0) + 1
    taken: set[int] = set(range(left))
    for at, label in marks:
        _overlay(grid[0], left + round(at * (width - left - 1)), label, taken)
    return grid


def _build(
    lines: Sequence[Sequence[Sequence[Point]]],
    threshold: float | None,
    marks: Sequence[float],
    upright: Sequence[tuple[float, str]],
    along: Sequence[tuple[float, str]],
    width: int,
    height: int,
) -> str:
    with _ONE_AT_A_TIME:
        import plotext

        # Its classes make another terminal, which does not limit sizes to the real one, and another figure beside the
        # global one; plotext has no documented way.
        terminal = type(plotext.terminal)().limit(False, False)
        figure = type(plotext.figure)(terminal)
        figure.plot_size(width, height)
        figure.canvas("default")
        figure.axes(False, axis="x", side="upper")
        figure.axes(False, axis="y", side="right")
        for axis in ("x", "y"):
            figure.axes(True, axis=axis, side=0, pixel=_AXIS)
            ruler = figure.ruler(axis)
            ruler.lim(0, 1)
            ruler.pixel(_AXIS)
        figure.axes(False, axis="x", side="lower")
        figure.ruler("y").ticks([place for place, _ in upright], [label for _, label in upright])
        figure.ruler("x").ticks([place for place, _ in along], [label for _, label in along])

        def add(points: Sequence[Point], glyph: str, colour: int) -> None:
            signal = figure.signal(
                [x for x, _ in points], [y for _, y in points], marker=plotext.marker(glyph, pixel=colour)
            )
            figure.draw(signal.lines() if len(points) > 1 else signal)

        for place in marks:
            add([(place, 0.0), (place, 1.0)], "┊", _MARK)
        if threshold is not None:
            add([(0.0, threshold), (1.0, threshold)], "┄", _THRESHOLD)
        # The first line is what it is about: it is drawn last, on top.
        for index in reversed(range(len(lines))):
            for points in lines[index]:
                add(points, _GLYPHS[index], _FIRST_LINE + index)
        return str(figure.build().string())


def _parse(text: str, width: int, height: int) -> list[list[_Cell]]:
    """The coloured drawing as a grid; whatever its size, exactly ``height`` rows of ``width`` cells."""
    grid: list[list[_Cell]] = []
    for line in text.split("\n")[:height]:
        colour, row = 0, list[_Cell]()
        for index, part in enumerate(_SGR.split(line)):
            if index % 2 == 0:
                row += [_Cell(character, colour) for character in part if character.isprintable()]
            elif part.startswith("38;5;"):
                colour = int(part[5:]) if part[5:].isdigit() else 0
            elif part in ("", "0"):
                colour = 0
        grid.append((row + [_Cell(" ")] * width)[:width])
    while len(grid) < height:
        grid.append([_Cell(" ")] * width)
    return grid


def _overlay(row: list[_Cell], column: int, label: str, taken: set[int]) -> None:
    """Write a mark's label beside its line, on the side that has room; not over what is ``taken``."""
    text = display(label, 40)
    length = cell_len(text)
    if not length:
        return
    for begin in (column + 1, column - length):
        wanted = range(begin, begin + length)
        if wanted.stop <= len(row) and taken.isdisjoint(wanted):
            # One cell holds the whole label; those that it covers are empty.
            row[wanted.start : wanted.stop] = [_Cell(text, _MARK), *[_Cell("", _MARK)] * (length - 1)]
            taken.update(wanted)
            return


def _pieces(row: Sequence[_Cell]) -> Iterator[Piece]:
    text, colour = "", 0
    for cell in row:
        if cell.colour != colour:
            if text:
                yield Piece(text, _style(colour))
            text, colour = "", cell.colour
        text += cell.text
    if text:
        yield Piece(text, _style(colour))


def _style(colour: int) -> str:
    name = _NAMES.get(colour)
    return f".time-plot--{name}" if name else ""


def _legend(plot: Plot, width: int) -> Row:
    pieces: list[Piece] = []
    if plot.caption:
        pieces.append(Piece(display(plot.caption, 2 * width)))
    if len(plot.lines) > 1:
        for index, line in enumerate(plot.lines[:MOST_LINES]):
            pieces += [
                Piece(f"  {_LEGEND[index]} ", f".time-plot--line-{index + 1}"),
                Piece(display(line.name, 24), ".time-plot--axis"),
            ]
        rest = len(plot.lines) - MOST_LINES
        if rest > 0:
            pieces.append(Piece(f"  and {rest} more", ".time-plot--axis"))
    if not pieces:
        return ()
    kept: list[Piece] = []
    room = width
    for piece in pieces:
        text = head_of(piece.text, room)
        kept.append(Piece(text, piece.style))
        room -= cell_len(text)
        if text != piece.text:
            break
    kept.append(Piece(exactly("", room)))
    return tuple(piece for piece in kept if piece.text)
