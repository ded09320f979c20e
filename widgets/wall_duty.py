"""Who is on call, the name as large as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.oncall.model import Duty
from services.vocabulary.durations import format_age
from services.vocabulary.text import display
from widgets.alert_rows import clock_time
from widgets.record_table import Align, Cut, Piece
from widgets.record_table.cells import fit
from widgets.wall_canvas import Line, joined, length, said
from widgets.wall_headline import large_line
from widgets.wall_letters import drawable, width_of

_QUIET = "$text-quiet"
_NARROWEST = 38
_MARK = 12  # room for "page 1/4" behind the rotations
LARGE_HEIGHT = 5


def duty_large(duties: Sequence[Duty], now: datetime, width: int, turn: int, *, known: bool) -> list[Line]:
    """Rotations side by side, each with its name in large letters: five lines.

    Args:
        duties: one a rotation.
        now: UTC.
        width: cells.
        turn: which rotations stand there where they do not all fit.
        known: whether this is a fresh answer; the rest is told as last known.
    """
    beside = _beside(duties, width, known=known)
    shown, pages = list(duties), 1
    if len(duties) > beside:
        # The first rotation stays where there is room for a second: it is the one to call.
        beside = _beside(duties, width - _MARK, known=known)
        kept = 1 if beside > 1 else 0
        each = beside - kept
        pages = -(-(len(duties) - kept) // each)
        start = kept + (turn % pages) * each
        shown = [*duties[:kept], *duties[start : start + each]]
    mark = f"page {turn % pages + 1}/{pages}" if pages > 1 else ""
    cell = (width - (len(mark) + 2 if mark else 0)) // beside
    blocks = [_block(duty, now, cell - 2, known=known) for duty in shown]
    lines: list[Line] = []
    for number in range(LARGE_HEIGHT):
        line: list[Piece] = []
        for block in blocks:
            line += fit(block[number], cell, Align.LEFT, Cut.END)
        if mark and number == 0:
            line = [*fit(line, width - len(mark), Align.LEFT, Cut.END), Piece(mark, _QUIET)]
        lines.append(tuple(line))
    return lines


def duty_line(duties: Sequence[Duty], now: datetime, width: int, turn: int, *, known: bool) -> Line:
    """All rotations on one line; where they do not fit, one after the other."""
    lead: Line = (Piece("On call  ", "bold"),)
    parts: list[Line] = []
    # Until when goes first where it is narrow; then they take turns.
    for full in (True, False):
        parts = [_one(duty, now, full=full, known=known) for duty in duties]
        if length(lead) + sum(map(length, parts)) + 3 * (len(parts) - 1) <= width:
            return (*lead, *joined(parts, width, "   "))
    number = turn % len(parts)
    several = (Piece(f"  {number + 1}/{len(parts)}", _QUIET),) if len(parts) > 1 else ()
    return tuple(fit((*lead, *parts[number], *several), width, Align.LEFT, Cut.END))


def _beside(duties: Sequence[Duty], width: int, *, known: bool) -> int:
    """How many rotations stand beside each other: as many as leave every name its large letters."""
    most = max(1, min(len(duties), width // _NARROWEST))
    names = [_name(duty, known=known)[0] for duty in duties]
    widest = max((width_of(name, 1) for name in names if drawable(name)), default=0)
    return next((count for count in range(most, 1, -1) if widest <= width // count - 2), min(most, 2))


def _block(duty: Duty, now: datetime, width: int, *, known: bool) -> list[Line]:
    title: list[Piece] = [said(duty.rotation, "bold", 40), Piece(_until(duty, now), _QUIET)]
    if duty.next_member:
        title.append(Piece(f"  then {display(duty.next_member, 24)}", _QUIET))
    if not known:
        title.append(Piece("  as last known", "bold $warning"))
    name, style = _name(duty, known=known)
    picture = large_line(name, style, width, 1)
    if picture is None:
        picture = [(), tuple(fit([Piece(name, f"bold {style}".strip())], width, Align.LEFT, Cut.MIDDLE)), (), ()]
    return [tuple(fit(title, width, Align.LEFT, Cut.END)), *picture]


def _one(duty: Duty, now: datetime, *, full: bool, known: bool) -> Line:
    name, style = _name(duty, known=known)
    return (
        said(duty.rotation, _QUIET, 24),
        Piece(" "),
        Piece(name, f"bold {style}".strip()),
        Piece(_until(duty, now) if full else "", _QUIET),
        *(() if known else (Piece(" as last known", "$warning"),)),
    )


def _name(duty: Duty, *, known: bool) -> tuple[str, str]:
    if duty.member is None:
        return "! NOBODY", "$warning"
    return display(duty.member, 40), "" if known else _QUIET


def _until(duty: Duty, now: datetime) -> str:
    if duty.until is None:
        return ""
    at = clock_time(duty.until, now)
    if ":" not in at:
        # A day without its hour is no handoff.
        at = f"{duty.until:%Y-%m-%d %H:%M}"
    return f"  until {at} UTC ({format_age(duty.until - now)})"
