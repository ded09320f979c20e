"""Series as tables, selectors and comma-separated values."""

from __future__ import annotations

import csv
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.command import Column
from services.metrics.tabling import csv_lines, figure, labels_table, selector, shared

A = (("__name__", "up"), ("instance", "a"), ("job", "node"))
B = (("__name__", "up"), ("instance", "b"), ("job", "node"))


def test_only_labels_that_differ_are_columns() -> None:
    table = labels_table([A, B], (Column("value", numeric=True),), [["1"], ["0"]])
    assert [column.title for column in table.columns] == ["instance", "value"]
    assert table.rows == (("a", "1"), ("b", "0"))
    assert selector(shared([A, B])) == 'up{job="node"}'


def test_one_series_tells_all_its_labels() -> None:
    table = labels_table([A], (), [[]])
    assert [column.title for column in table.columns] == ["name", "job", "instance"]
    assert shared([A]) == ()


def test_more_labels_than_columns_become_one() -> None:
    many = [tuple((f"label{index}", f"{row}{index}") for index in range(9)) for row in "ab"]
    table = labels_table(many, (Column("value"),), [["1"], ["2"]])
    assert [column.title for column in table.columns] == ["series", "value"]
    assert table.rows[0][0].startswith('{label0="a0", ')


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1234567, "0.123457"), (1e15, "1e+15"), (-3.0, "-3"), (math.nan, "NaN"), (-math.inf, "-Inf")],
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_selector_quotes_values() -> None:
    assert selector((("a", 'x"\\\n'),)) == '{a="x\\"\\\\\\n"}'


@given(st.lists(st.lists(st.text(alphabet=st.characters(exclude_categories=["C", "Z"])), min_size=2, max_size=2)))
def test_csv_reads_back(rows: list[list[str]]) -> None:
    assert list(csv.reader(csv_lines(("a", "b"), rows))) == [["a", "b"], *rows]
