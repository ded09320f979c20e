"""Where everything stands on the wallboard, from 80x24 to 200x60. What matters least goes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.oncall.model import Duty
from services.safety.circuit import Circuit
from services.vocabulary.snapshot import Freshness
from widgets.record_table import Align, Cut, Piece
from widgets.record_table.cells import fit
from widgets.wall_canvas import Line, joined, length
from widgets.wall_duty import LARGE_HEIGHT, duty_large, duty_line
from widgets.wall_frame import breaker_lines, demo_line, foot_line, header_line, spread
from widgets.wall_headline import Headline, headline_lines
from widgets.wall_letters import large as large_letters
from widgets.wall_letters import width_of
from widgets.wall_section import Section, section_lines

_TWO_COLUMNS = 110
_BETWEEN = 3


@dataclass(frozen=True, slots=True)
class WallState:
    """Everything that the wallboard shows at one moment.

    Attributes:
        now: UTC.
        headline: the one line of truth.
        sections: the most important first.
        duties: one a rotation; None where no schedule is configured.
        duties_known: whether they are a fresh answer.
        circuit: the breaker as last seen; None before the store answered.
        circuit_known: whether that is a fresh answer.
        open_sources: how many sources have an open breaker of their own.
        starting: whether silence is still no news.
        sources: the freshness of every source, judged now.
        environments: as configured.
        demo: whether everything is simulated.
        hint: how to leave.
        turn: grows by one with every turn of a page.
        shift: grows by one with every move against burning in.
    """

    now: datetime
    headline: Headline
    sections: tuple[Section[Any], ...] = ()
    duties: tuple[Duty, ...] | None = None
    duties_known: bool = True
    circuit: Circuit | None = None
    circuit_known: bool = True
    open_sources: int = 0
    starting: bool = False
    sources: tuple[Freshness, ...] = ()
    environments: tuple[str, ...] = field(default=())
    demo: bool = False
    hint: str = ""
    turn: int = 0
    shift: int = 0


def draw_wall(state: WallState, width: int, height: int) -> list[Line]:
    """The whole screen in exactly ``height`` lines."""
    # A small screen has no line to spare for moving up and down.
    down = (state.shift // 3) % 2 if height >= 30 else 0
    across = state.shift % 3 if width >= 60 else 0
    room = height - (1 if height >= 30 else 0)
    inner = width - 4 if width >= 60 else width - 2
    margin = Piece(" " * (1 + across))

    top: list[Line] = [()] * down
    if state.circuit is not None and state.circuit.is_open:
        size = 1 if height >= 34 else 0
        top += breaker_lines(state.circuit, state.now, width, size, known=state.circuit_known)
    if state.demo:
        top.append(demo_line(width))
    above, below = _above(state, inner, height), _below(state, inner, height)
    body = room - (len(top) - down) - len(above) - len(below)
    middle = _body(state, inner, body, large=height >= 46) if body > 0 else []
    lines = top + [(margin, *line) for line in (*above, *middle, *below)]
    # The foot is what must not be lost where the screen is too small for all.
    lines += [()] * (height - len(lines))
    return lines if len(lines) <= height else [*lines[: height - 1], lines[-1]]


def _above(state: WallState, width: int, height: int) -> list[Line]:
    lines: list[Line] = []
    airy = height >= 36
    if height >= 16:
        lines.append(
            header_line(
                state.environments,
                state.circuit,
                state.hint,
                width,
                known=state.circuit_known,
                waiting=state.starting,
                open_sources=state.open_sources,
            )
        )
    if airy:
        lines.append(())
    size = 2 if height >= 46 else 1 if height >= 20 else 0
    lines += headline_lines(state.headline, width, size)
    notes = state.headline.notes[: 3 if height >= 46 else 2 if height >= 20 else 1]
    lines += [joined(note, width) for note in notes]
    if airy:
        lines.append(())
    return lines


def _below(state: WallState, width: int, height: int) -> list[Line]:
    lines: list[Line] = []
    if state.duties is not None and height >= 10:
        if not state.duties:
            words = "connecting …" if state.starting else "UNKNOWN: the schedule gives no answer"
            lines.append(
                (Piece("On call  ", "bold"), Piece(words, "$text-quiet" if state.starting else "bold $warning"))
            )
        elif height >= 36:
            lines += _duty_strip(state, state.duties, width)
        else:
            lines.append(duty_line(state.duties, state.now, width, state.turn, known=state.duties_known))
    if height >= 36:
        lines.append(())
    lines.append(foot_line(state.sources, state.now, width))
    return lines


def _duty_strip(state: WallState, duties: Sequence[Duty], width: int) -> list[Line]:
    clock = f"{state.now:%H:%M:%S}"
    taken = width_of("00:00:00", 1) + 3 if width >= 150 else 0
    names = duty_large(duties, state.now, width - taken, state.turn, known=state.duties_known)
    if not taken:
        return [(), *names]
    time = [Piece("UTC", "$text-quiet"), *(Piece(line) for line in large_letters(clock, 1))]
    pad = width_of("00:00:00", 1)
    strip = [
        spread(name, fit([piece], pad, Align.RIGHT, Cut.END), width)
        for name, piece in zip(names, time[:LARGE_HEIGHT], strict=True)
    ]
    return [(), *strip]


def _body(state: WallState, width: int, height: int, *, large: bool) -> list[Line]:
    sections = state.sections
    if width < _TWO_COLUMNS or len(sections) < 2:
        return _stacked(sections, width, height, state.turn, large=large)
    left = (width - _BETWEEN) * 58 // 100
    right = width - _BETWEEN - left
    first = _stacked(sections[:1], left, height, state.turn, large=large)
    second = _stacked(sections[1:], right, height, state.turn, large=large)
    return [(*one, Piece(" " * (left - length(one) + _BETWEEN)), *two) for one, two in zip(first, second, strict=True)]


def _stacked(sections: Sequence[Section[Any]], width: int, height: int, turn: int, *, large: bool) -> list[Line]:
    gaps = len(sections) - 1 if height >= 6 * len(sections) else 0
    heights = share(tuple(section.need for section in sections), height - gaps)
    lines: list[Line] = []
    for section, part in zip(sections, heights, strict=True):
        if lines and gaps:
            lines.append(())
        lines += section_lines(section, width, part, turn, large=large)
    return lines + [()] * (height - len(lines))


def share(needs: Sequence[int], height: int) -> list[int]:
    """Lines for sections that stand below each other, the most important first.

    Args:
        needs: lines that would show everything of each section.
        height: lines there are.

    Returns:
        Lines of each, in all at most ``height``. Two lines are the least; the last ones get none where there is no
        room for that. The first gets half of what there is before the others get more than the least.
    """
    kept = min(len(needs), max(1, height // 2))
    heights = [2] * kept if height >= 2 else [height] * kept
    rest = height - sum(heights)

    def grow(index: int, upto: int) -> None:
        nonlocal rest
        more = max(0, min(rest, upto - heights[index]))
        heights[index] += more
        rest -= more

    if kept:
        grow(0, min(needs[0], (height + 1) // 2))
    fair = rest // max(1, kept - 1)
    for index in range(1, kept):
        grow(index, min(needs[index], 2 + fair))
    for index in range(kept):
        grow(index, needs[index])
    # What nobody needs is air, first below each section, then in the first.
    for index in range(kept):
        grow(index, needs[index] + 1)
    if kept:
        even = rest // kept
        for index in range(1, kept):
            grow(index, heights[index] + even)
        grow(0, height)
    return heights + [0] * (len(needs) - kept)
