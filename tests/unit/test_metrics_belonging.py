"""Which series belong to an alert, how the server is asked for them alone, and what time is drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.belonging import MOST_SERIES, narrowed, own
from services.metrics.model import Sample
from services.metrics.plot import window_of
from services.metrics.syntax import parse
from tests.support.clock import EPOCH

ALERT = {"alertname": "Errors", "severity": "page", "job": "api", "instance": "a:80", "region": "eu", "empty": ""}


def sample(value: float = 1.0, **labels: str) -> Sample:
    return Sample(tuple(sorted(labels.items())), 1.0, value)


def test_those_that_agree() -> None:
    mine = sample(__name__="up", job="api", instance="a:80")
    others = [sample(job="api", instance="b:80"), sample(job="web", instance="a:80")]
    found = own([others[0], mine, others[1]], ALERT)
    assert found.items == (mine,)
    assert found.exact


def test_the_names_of_rule_and_metric_say_nothing() -> None:
    mine = sample(__name__="ALERTS", alertname="Other", job="api")
    found = own([mine], ALERT)
    assert (found.items, found.exact) == ((mine,), True)


def test_an_alert_has_every_label_of_its_series() -> None:
    mine, more = sample(job="api"), sample(job="api", device="sda", empty="x")
    assert own([more, mine], ALERT).items == (mine,)
    # Relabelling dropped one.
    assert own([more], ALERT).items == (more,)


def test_a_label_that_the_rule_replaced() -> None:
    mine, other = sample(job="api", severity="7"), sample(job="web", severity="7")
    found = own([other, mine], ALERT)
    assert found.items == (mine,)
    assert not found.exact


def test_nothing_to_choose_from() -> None:
    found = own([], ALERT)
    assert found.items == ()
    assert not found.exact


def test_a_sum_belongs_to_its_alert() -> None:
    assert own([sample()], ALERT).exact


def test_the_narrowed_question() -> None:
    assert narrowed("up", [sample(__name__="up", job="api", instance="a:80")]) == (
        "(\nup\n) and on (instance, job) "
        '(label_replace(label_replace(vector(1), "instance", "a:80", "", ""), "job", "api", "", ""))'
    )


def test_names_that_not_all_have_are_left_out() -> None:
    text = narrowed("x", [sample(job="api", pod="p"), sample(job="web")])
    assert text == (
        '(\nx\n) and on (job) (label_replace(vector(1), "job", "api", "", "") or '
        'label_replace(vector(1), "job", "web", "", ""))'
    )


@pytest.mark.parametrize("samples", [[], [sample()], [sample(__name__="up")], [Sample((("a.b", "c"),), 1.0, 1.0)]])
def test_nothing_to_narrow_by(samples: list[Sample]) -> None:
    assert narrowed("up > 1", samples) == "up > 1"


def test_no_more_than_are_drawn() -> None:
    text = narrowed("x", [sample(pod=f"p{number}") for number in range(50)])
    assert text.count("vector(1)") == MOST_SERIES


def test_a_comment_does_not_swallow_the_rest() -> None:
    assert narrowed("x # y", [sample(a="b")]).startswith("(\nx # y\n) and")


@given(st.text())
def test_no_value_breaks_out_of_its_string(value: str) -> None:
    text = narrowed("x", [sample(job=value)])
    parse(text)
    quoted = text.split('"job", ', 1)[1].removesuffix(', "", ""))')
    unescaped = quoted[1:-1].replace("$$", "$").replace("\\n", "\n") if "\\\\" not in quoted else None
    if unescaped is not None:
        assert unescaped.replace('\\"', '"') == value


MOMENTS = st.floats(min_value=-7200, max_value=30 * 86_400)


@given(MOMENTS, st.integers(min_value=-5, max_value=20_000))
def test_every_window(age: float, points: int) -> None:
    onset = EPOCH - timedelta(seconds=age)
    window = window_of(onset, EPOCH, points)
    length = window.end - window.start
    count = length / timedelta(seconds=window.step)
    assert window.end == EPOCH
    assert count == int(count)
    assert 1 <= count <= max(points, 2) - 1 or points > 11_000
    assert count <= 11_000
    assert length >= timedelta(minutes=30)
    if age < 18 * 3600:
        assert window.start < onset
    if points > 10:
        assert length < timedelta(hours=27)


@pytest.mark.parametrize(
    ("age", "points", "length", "step"),
    [
        (timedelta(0), 61, timedelta(minutes=30), 30),
        (-timedelta(hours=1), 61, timedelta(minutes=30), 30),
        (timedelta(minutes=45), 121, timedelta(hours=1), 30),
        (timedelta(hours=9), 101, timedelta(hours=12), 432),
        (timedelta(days=3), 101, timedelta(hours=24), 864),
        (timedelta(0), 100_000, timedelta(minutes=30), 1),
    ],
)
def test_windows(age: timedelta, points: int, length: timedelta, step: int) -> None:
    window = window_of(EPOCH - age, EPOCH, points)
    assert (window.end - window.start, window.step) == (length, step)
