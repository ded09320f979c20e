"""The tables that benchmarks print."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import found, main
from tests.bench.harness import Limit, Table, percentile


def test_a_table_shows_whether_its_limits_are_kept() -> None:
    table = Table("T", ("a", "bb"), [("1", "2")], limits=(Limit("x, ms", 7, 8), Limit("y, ms", 9, 8)), notes=("how",))
    assert table.markdown().split("\n") == [
        "### T",
        "",
        "| a | bb |",
        "|---|----|",
        "| 1 | 2  |",
        "",
        "- x, ms: 7, at most 8: kept",
        "- y, ms: 9, at most 8: BROKEN",
        "",
        "how",
    ]


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2
    assert percentile([4, 1, 3, 2], 95) == 4
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_the_benchmarks_are_found_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"table", "decode"} <= set(found())
    assert main(["nothing-like-it"]) == 2
    assert "table" in capsys.readouterr().err
