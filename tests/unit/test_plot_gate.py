"""What is drawn, and that nothing can abort the process."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from services.vocabulary.plot import Unit
from widgets.plot import Line, Mark, Plot
from widgets.plot.gate import LEAST_HEIGHT, LEAST_WIDTH, draw

ROOT = Path(__file__).parents[2]
START = 1_772_479_867.0
TIMES = [START + 15 * index for index in range(241)]
END = TIMES[-1]


def text_of(plot: Plot, width: int = 60, height: int = 8) -> list[str]:
    return ["".join(piece.text for piece in row) for row in draw(plot, width, height)]


def styles_of(plot: Plot, width: int = 60, height: int = 8) -> set[str]:
    return {piece.style for row in draw(plot, width, height) for piece in row}


def step_up(value: float = 0.12) -> Line:
    return Line("checkout", TIMES, [0.01 if index < 150 else value for index in range(241)])


def test_a_plot_has_its_size_axes_threshold_and_marks() -> None:
    plot = Plot([step_up()], START, END, 0.02, [Mark(TIMES[140], "rev 12")], Unit.RATIO, 15)
    for width, height in ((60, 8), (LEAST_WIDTH, LEAST_HEIGHT), (200, 40)):
        rows = text_of(plot, width, height)
        assert len(rows) == height
        assert {len(row) for row in rows} == {width}
    rows = text_of(plot)
    assert "rev 12" in rows[0]
    assert any("10%" in row for row in rows)
    assert any("┄┄┄" in row for row in rows)
    assert "20:00" in rows[-1]
    assert {".time-plot--axis", ".time-plot--threshold", ".time-plot--mark", ".time-plot--line-1"} <= styles_of(plot)


def test_the_right_edge_is_used_however_small_the_real_terminal() -> None:
    rows = text_of(Plot([step_up()], START, END), 300, 60)
    assert any(row[-1] not in " │" for row in rows)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_leaves_a_gap(broken: float) -> None:
    values = [5.0 if not 100 <= index <= 140 else broken for index in range(241)]
    drawn = "".join(text_of(Plot([Line("x", TIMES, values)], START, END), 80))
    dots = "".join(character if 0x2800 < ord(character) < 0x2900 else " " for character in drawn).strip()
    left, right = dots.split(maxsplit=1)
    assert min(len(left), len(right)) > 20
    assert len(dots) - len(left) - len(right) > 8


def test_a_missing_step_leaves_a_gap_too() -> None:
    kept = [index for index in range(241) if not 100 <= index <= 140]
    line = Line("x", [TIMES[index] for index in kept], [5.0] * len(kept))
    with_step = "".join(text_of(Plot([line], START, END, step=15), 80))
    without = "".join(text_of(Plot([line], START, END), 80))
    dots = sum(0x2800 < ord(character) < 0x2900 for character in without)
    assert sum(0x2800 < ord(character) < 0x2900 for character in with_step) < dots - 5


@pytest.mark.parametrize(
    "plot",
    [
        Plot([], START, END),
        Plot([Line("x", [], [])], START, END),
        Plot([Line("x", TIMES, [math.nan] * 241)], START, END),
        Plot([step_up()], START, START),
        Plot([step_up()], math.nan, END),
        Plot([Line("x", TIMES, [1.0] * 241)], START + 10_000, END + 10_000),
    ],
)
def test_nothing_finite_is_not_drawn(plot: Plot) -> None:
    assert draw(plot, 60, 8) == ()


def test_too_little_room_is_not_drawn() -> None:
    assert draw(Plot([step_up()], START, END), LEAST_WIDTH - 1, 8) == ()
    assert draw(Plot([step_up()], START, END), 60, LEAST_HEIGHT - 1) == ()


def test_one_point_is_drawn() -> None:
    assert ".time-plot--line-1" in styles_of(Plot([Line("x", [START + 60], [3.0])], START, END))


def test_a_spike_of_one_sample_survives_thinning() -> None:
    times = [START + index * 0.36 for index in range(10_000)]
    values = [1.0] * 10_000
    values[5003] = 100.0
    rows = draw(Plot([Line("x", times, values)], START, END), 60, 10)
    assert any(piece.style == ".time-plot--line-1" for piece in rows[0] + rows[1])


def test_the_legend_names_lines_and_counts_the_rest() -> None:
    lines = [Line(f"pod-{index}", TIMES, [float(index)] * 241) for index in range(8)]
    rows = text_of(Plot(lines, START, END, caption="requests"), 120)
    assert rows[0].startswith("requests")
    assert "• pod-1" in rows[0]
    assert "and 2 more" in rows[0]


def test_outside_text_is_harmless() -> None:
    evil = "a\x1b[31m\u202e\n[b]"
    lines = [Line(evil, TIMES, [1.0] * 241), Line("日本", TIMES, [2.0] * 241)]
    marks = [Mark(TIMES[100], evil), Mark(TIMES[239], "日本語")]
    rows = text_of(Plot(lines, START, END, marks=marks, caption=evil), 120)
    assert all(row.isprintable() for row in rows)
    assert "[b]" in rows[0]
    assert "日本語" in rows[1]


def test_any_numbers_are_drawn_without_harm() -> None:
    command = [sys.executable, "-m", "tests.support.plot_fuzz", "300"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-3000:]
