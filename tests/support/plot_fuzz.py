"""Draws plots of arbitrary numbers until one breaks; run as a process of its own, because a plot may abort it.

``python -m tests.support.plot_fuzz EXAMPLES`` exits 0 when all went well.
"""

from __future__ import annotations

import sys

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from services.vocabulary.plot import Line, Mark, Plot, Unit
from widgets.plot.gate import draw

_NUMBER = st.floats(allow_nan=True, allow_infinity=True)
_NEAR = st.floats(min_value=-100, max_value=200)
_TIME = st.one_of(_NUMBER, _NEAR, st.integers(0, 100).map(float))
_LINE = st.builds(
    Line,
    st.text(max_size=20),
    st.one_of(st.lists(_TIME, max_size=40).map(sorted), st.just([float(at) for at in range(100)])),
    st.one_of(st.lists(_NUMBER, max_size=100), st.lists(_NEAR, max_size=100)),
)
_PLOT = st.builds(
    Plot,
    lines=st.lists(_LINE, max_size=8),
    start=st.one_of(st.just(0.0), _TIME),
    end=st.one_of(st.just(100.0), _TIME),
    threshold=st.one_of(st.none(), _NUMBER, _NEAR),
    marks=st.lists(st.builds(Mark, _TIME, st.text(max_size=60)), max_size=4),
    unit=st.sampled_from(Unit),
    step=st.one_of(st.none(), _NUMBER, st.just(1.0)),
    caption=st.text(max_size=30),
)


def check(plot: Plot, width: int, height: int) -> None:
    """Draw ``plot`` and look at the size and the characters of what comes back."""
    rows = draw(plot, width, height)
    if rows and len(rows) != height:
        raise AssertionError(f"{len(rows)} rows, wanted {height}")
    for row in rows:
        text = "".join(piece.text for piece in row)
        if cell_len(text) != width:
            raise AssertionError(f"{text!r} has {cell_len(text)} cells, wanted {width}")
        if not text.isprintable():
            raise AssertionError(f"{text!r} steers the terminal")


def main(examples: int) -> None:
    """Draw ``examples`` plots."""

    @seed(20260302)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(_PLOT, st.integers(0, 130), st.integers(0, 40))
    def run(plot: Plot, width: int, height: int) -> None:
        check(plot, width, height)

    run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
