"""What frames the wallboard: the open breaker, the demo band, where this is, how fresh, what time it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.safety.circuit import Circuit
from services.vocabulary.durations import format_age
from services.vocabulary.snapshot import Freshness, FreshnessState
from widgets.record_table import Align, Cut, Piece
from widgets.record_table.cells import fit
from widgets.top_bar import environment_style
from widgets.wall_canvas import Line, length, said
from widgets.wall_headline import large_line

_QUIET = "$text-quiet"
_OPEN = "$band-open-text on $band-open"
_DEMO = "$band-demo-text on $band-demo"


def breaker_lines(circuit: Circuit, now: datetime, width: int, size: int, *, known: bool) -> list[Line]:
    """The open breaker across the whole width.

    Args:
        circuit: as last seen.
        now: UTC.
        width: cells.
        size: 1 for large letters, 0 for two plain lines.
        known: whether this is a fresh answer.
    """
    who = [circuit.since(now) or "nobody knows since when"]
    if not known:
        who.append("as last known: the store gives no fresh answer")
    below = said("   ".join(who), f"bold {_OPEN}")
    what = "every write to an outside system is refused"
    picture = large_line("⊘ BREAKER OPEN", _OPEN, width - 4, 1) if size else None
    if picture is None:
        head = [(Piece(f"⊘ BREAKER OPEN: {what}", f"bold {_OPEN}"),), (below,)]
        return [_band(line, _OPEN, width) for line in head]
    rest = (Piece(f"{what}   ", f"bold {_OPEN}"), below)
    return [_band(line, _OPEN, width) for line in ((), *picture, rest, ())]


def demo_line(width: int) -> Line:
    """Nothing here is real."""
    return _band((Piece("DEMO  a simulated production; nothing here is real", f"bold {_DEMO}"),), _DEMO, width)


def header_line(
    environments: Sequence[str],
    circuit: Circuit | None,
    hint: str,
    width: int,
    *,
    known: bool,
    waiting: bool,
    open_sources: int = 0,
) -> Line:
    """Which environments, the state of the breaker, how to leave.

    Args:
        environments: as configured.
        circuit: as last seen; None before the store answered.
        hint: how to leave.
        width: cells.
        known: whether the breaker's state is a fresh answer.
        waiting: whether nothing was ever heard of it, and not for long.
        open_sources: how many sources have an open breaker of their own.
    """
    left: list[Piece] = []
    for name in environments:
        if left:
            left.append(Piece(", ", _QUIET))
        left.append(said(name, environment_style(name), 24))
    if not left:
        left.append(Piece("sre-console", "bold"))
    left.append(Piece("  wallboard, read-only", _QUIET))
    if circuit is None:
        right = Piece("" if waiting else "⊘ breaker unknown", "bold $warning")
    elif circuit.is_open:
        right = Piece("⊘ OPEN", "bold $error")
    elif open_sources:
        right = Piece(f"⊘ {open_sources} source breaker{'s' if open_sources > 1 else ''} open", "bold $error")
    elif known:
        right = Piece("⊘ breaker closed", _QUIET)
    else:
        right = Piece("⊘ breaker closed as last known", "bold $warning")
    behind = [right, Piece(f"   {hint}" if right.text else hint, _QUIET)]
    return spread(left, behind, width)


def foot_line(sources: Sequence[Freshness], now: datetime, width: int) -> Line:
    """How fresh each source is, of when the data is, the time. The names of sources go first where it is narrow."""
    right: list[Piece] = [Piece(data_as_of(sources), _QUIET), Piece(f"  {now:%H:%M:%S} UTC", "bold")]
    local = now.astimezone()
    if local.utcoffset() and width >= 100:
        right.append(said(f"  {local:%H:%M} {local.tzname() or ''}".rstrip(), _QUIET, 16))
    for left in (_sources(sources, now, brief=False), _sources(sources, now, brief=True)):
        if length(left) + length(right) + 2 <= width:
            return spread(left, right, width)
    return spread(_sources(sources, now, brief=True), right, width)


def data_as_of(sources: Sequence[Freshness]) -> str:
    """The oldest of the last answers of all sources: nothing on the wall is older, stale or not."""
    last = [source.checked_at for source in sources if source.checked_at is not None]
    return f"data as of {min(last):%H:%M:%S}" if last else "no data yet"


def spread(left: Sequence[Piece], right: Sequence[Piece], width: int) -> Line:
    """Two ends of one line; the left end is cut where they meet."""
    room = max(0, width - length(right))
    return (*fit(left, max(0, room - 1), Align.LEFT, Cut.END), *((Piece(" "),) if room else ()), *right)


def _sources(sources: Sequence[Freshness], now: datetime, *, brief: bool) -> list[Piece]:
    live = sum(source.trusted for source in sources)
    bad = [source for source in sources if source.state in (FreshnessState.STALE, FreshnessState.FAILING)]
    waiting = sum(source.state is FreshnessState.WAITING for source in sources)
    parts = [Piece(f"{FreshnessState.FRESH.glyph} {live} live", "$state-good" if live and not bad else _QUIET)]
    if waiting:
        parts.append(Piece(f"  {FreshnessState.WAITING.glyph} {waiting} connecting", _QUIET))
    if brief and bad:
        parts.append(Piece(f"  {FreshnessState.STALE.glyph} {len(bad)} not live", "bold $warning"))
        return parts
    for source in bad:
        stale = source.state is FreshnessState.STALE
        since = source.checked_at if stale else source.failing_since
        age = f" {format_age(now - since)}" if since else ""
        words = f"  {source.state.glyph} {source.source} {source.state.value}{age}"
        parts.append(said(words, "bold $warning" if stale else "bold $error", 60))
    return parts


def _band(line: Sequence[Piece], style: str, width: int) -> Line:
    used = length(line) + 2
    if used > width:
        line = fit(line, max(1, width - 2), Align.LEFT, Cut.END)
        used = width
    return (Piece("  ", style), *line, Piece(" " * (width - used), style))
