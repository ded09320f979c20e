"""Ranges, ticks and numbers of plots."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vocabulary.plot import Unit
from widgets.plot import sparkline
from widgets.plot.axis import Scale, number, scale_of, ticks, time_ticks, value_ticks

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.02, Unit.RATIO, "2%"), (0.1234, Unit.RATIO, "12.3%"), (2, Unit.PERCENT, "2%"), (0, Unit.RATIO, "0"),
        (0.25, Unit.SECONDS, "250ms"), (1.5, Unit.SECONDS, "1.5s"), (600, Unit.SECONDS, "10m"),
        (10_800, Unit.SECONDS, "3h"), (864_000, Unit.SECONDS, "10d"), (0.0002, Unit.SECONDS, "200µs"),
        (1536, Unit.BYTES, "1.5Ki"), (2**31, Unit.BYTES, "2Gi"), (12, Unit.BYTES, "12B"),
        (1234, Unit.NONE, "1234"), (12_345, Unit.NONE, "12.3k"), (2.5e9, Unit.NONE, "2.5G"), (-3, Unit.NONE, "-3"),
        (20_000, Unit.PER_SECOND, "20k/s"), (1e300, Unit.NONE, "1e300"), (1e-9, Unit.NONE, "1e-9"),
        (NAN, Unit.BYTES, "NaN"), (INF, Unit.BYTES, "+Inf"), (-INF, Unit.BYTES, "-Inf"),
    ],
)  # fmt: skip
def test_numbers_are_short_and_have_their_unit(value: float, unit: Unit, text: str) -> None:
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.01, 0.12], 0.0, 0.126),  # zero is near: it is shown
        ([100.0, 101.0], 99.95, 101.05),  # zero is far
        ([-5.0, -1.0], -5.25, 0.0),
        ([0.0, 0.0], 0.0, 1.05),
        ([NAN, INF], 0.0, 1.0),
        ([], 0.0, 1.0),
        ([50.0], 44.5, 55.5),
    ],
)
def test_a_scale_shows_all_values_with_air(values: list[float], low: float, high: float) -> None:
    scale = scale_of(values)
    assert [scale.low, scale.high] == pytest.approx([low, high])


@given(st.lists(st.floats()), st.integers(1, 60), st.sampled_from(Unit))
def test_any_numbers_give_a_usable_scale(values: list[float], most: int, unit: Unit) -> None:
    scale = scale_of(values)
    assert scale.low < scale.high
    assert math.isfinite(scale.high - scale.low)
    for value in values:
        if math.isfinite(value):
            assert 0 <= scale.place(value) <= 1
    found = value_ticks(scale, unit, most)
    assert len(found) <= most
    assert all(math.isfinite(value) and len(text) <= 12 for value, text in found)


def test_ticks_are_round() -> None:
    assert ticks(Scale(0, 10.5), 3) == [0, 5, 10]
    assert ticks(Scale(-1, 1), 5) == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert [text for _, text in value_ticks(Scale(0, 0.126), Unit.RATIO, 4)] == ["0", "5%", "10%"]
    assert [text for _, text in value_ticks(Scale(0, 900), Unit.SECONDS, 4)] == ["0", "5m", "10m", "15m"]
    assert [text for _, text in value_ticks(Scale(0, 2**30), Unit.BYTES, 4)] == ["0", "0.5Gi", "1Gi"]


def test_time_ticks_are_round_in_utc() -> None:
    start = 1_772_479_867  # 2026-03-02T19:31:07Z
    assert [text for _, text in time_ticks(start, start + 3600, 4)] == ["19:45", "20:00", "20:15", "20:30"]
    assert [text for _, text in time_ticks(start, start + 20, 2)] == ["19:31:10", "19:31:20"]
    assert [text for _, text in time_ticks(start, start + 3 * 86400, 4)] == ["03 Mar", "04 Mar", "05 Mar"]
    assert time_ticks(start, start, 4) == []
    assert time_ticks(NAN, 5, 4) == []


@given(st.floats(), st.floats(), st.integers(0, 30))
def test_any_times_give_few_ticks(start: float, end: float, most: int) -> None:
    found = time_ticks(start, end, most)
    assert len(found) <= most
    assert all(start <= at <= end for at, _ in found)


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([1, 2, 3], 5, "  ▁▅█"),
        ([5, 5], 2, "▁▁"),
        ([1, NAN, 8, INF], 4, "▁ █ "),
        ([], 3, "   "),
        ([1, 9, 1, 1], 2, "█▁"),
        ([1], 0, ""),
    ],
)
def test_a_sparkline_fills_its_cells(values: list[float], width: int, text: str) -> None:
    assert sparkline(values, width) == text


@given(st.lists(st.floats()), st.integers(0, 50))
def test_any_numbers_make_a_sparkline(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == width
