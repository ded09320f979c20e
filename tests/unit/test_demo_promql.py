"""The demo's PromQL: what it knows it answers, what it does not know it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import inf, isfinite, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demo.evaluator import Evaluator, matches
from services.demo.promql import Binary, LabelMatcher, Number, Selector, parse
from services.demo.promql_tokens import QueryError
from services.demo.series import Series
from services.demo.signals import Constant, Elapsed, Episode, EpisodeIntegral, Traffic
from services.demo.vectors import Scalar, Vector, bucket_quantile


def constant(name: str, value: float, begin: float = -1e6, end: float = inf, **labels: str) -> Series:
    return Series(name, labels, ((value, Constant()),), begin=begin, end=end)


def counter(name: str, rate: float, begin: float = -1e6, **labels: str) -> Series:
    return Series(name, labels, ((rate, Elapsed()),), begin=begin)


HALL = "__name__=temp,floor=1,room=hall"
ATTIC = "__name__=temp,floor=2,room=attic"
ROOF = "__name__=temp,floor=2,room=roof"
LIMIT = "__name__=limit,room="
SERIES = (
    constant("temp", 10, room="hall", floor="1"),
    constant("temp", 20, room="attic", floor="2"),
    constant("temp", 30, room="roof", floor="2"),
    constant("limit", 15, room="hall"),
    constant("limit", 15, room="attic"),
    counter("hits", 4, code="200", job="a"),
    counter("hits", 1, code="500", job="a"),
    counter("hits", 2, code="200", job="b"),
    counter("young", 5, begin=990.0),
    counter("lat_bucket", 50, le="0.1"),
    counter("lat_bucket", 90, le="0.5"),
    counter("lat_bucket", 100, le="+Inf"),
    Series("saw", {}, step=lambda time: float(time % 60 < 30)),
)


class Source:
    def select(self, matchers: Sequence[LabelMatcher], since: float, until: float) -> Iterator[Series]:
        for series in SERIES:
            if all(matches(matcher, {"__name__": series.name, **series.labels}) for matcher in matchers):
                yield series


def at(query: str, *times: float) -> dict[str, list[float | None]] | list[float]:
    result = Evaluator(Source(), times or (1000.0,), 5000.0).evaluate(parse(query))
    if isinstance(result, Scalar):
        return result.values
    assert isinstance(result, Vector)
    return {",".join(f"{n}={v}" for n, v in sorted(labels.items())): values for labels, values in result.columns}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("1 + 2 * 3", [7.0]),
        ("(1 + 2) * 3", [9.0]),
        ("2 ^ 3 ^ 2", [512.0]),
        ("-2 ^ 2", [-4.0]),
        ("10 % 4", [2.0]),
        ("1 / 0", [inf]),
        ("-1 / 0", [-inf]),
        ("1 >= bool 1", [1.0]),
        ("0x10", [16.0]),
        ("1e3", [1000.0]),
        (".5", [0.5]),
        ("time()", [6000.0]),
        ('temp{room="hall"}', {HALL: [10.0]}),
        ('temp{room!="hall", floor=~"2|3"} > 25', {ROOF: [30.0]}),
        ('temp{room!~"h.*|r.*"} * 2', {"floor=2,room=attic": [40.0]}),
        ('{__name__="limit", room="hall"}', {"__name__=limit,room=hall": [15.0]}),
        ('temp{nothing=""} == 10', {HALL: [10.0]}),
        ('temp > bool 15 == 1 and temp{floor="2"}', {"floor=2,room=attic": [1.0], "floor=2,room=roof": [1.0]}),
        ("sum(temp)", {"": [60.0]}),
        ("sum by (floor) (temp)", {"floor=1": [10.0], "floor=2": [50.0]}),
        ("sum(temp) by (floor)", {"floor=1": [10.0], "floor=2": [50.0]}),
        ("avg without (room) (temp)", {"floor=1": [10.0], "floor=2": [25.0]}),
        ("max(temp) - min(temp)", {"": [20.0]}),
        ("count(temp > 10)", {"": [2.0]}),
        ("topk(1, temp)", {ROOF: [30.0]}),
        ("temp > on (room) limit", {ATTIC: [20.0]}),
        ("temp - ignoring (floor) limit", {"room=hall": [-5.0], "room=attic": [5.0]}),
        ("temp unless on (room) limit", {ROOF: [30.0]}),
        ("temp and on (room) limit > 10", {HALL: [10.0], ATTIC: [20.0]}),
        ("limit or temp{floor='1'}", {LIMIT + "hall": [15.0], LIMIT + "attic": [15.0], HALL: [10.0]}),
        ("rate(hits[1m])", {"code=200,job=a": [4.0], "code=500,job=a": [1.0], "code=200,job=b": [2.0]}),
        ('increase(hits{code="500"}[5m])', {"code=500,job=a": [300.0]}),
        ('sum(rate(hits{code=~"5.."}[1m])) / sum(rate(hits[1m]))', {"": [1 / 7]}),
        ("rate(hits{job='b'}[1m] offset 5m)", {"code=200,job=b": [2.0]}),
        ("increase(young[1m])", {"": [50.0]}),
        ("histogram_quantile(0.5, rate(lat_bucket[1m]))", {"": [0.1]}),
        ("histogram_quantile(0.7, rate(lat_bucket[1m]))", {"": [0.3]}),
        ("histogram_quantile(0.99, rate(lat_bucket[1m]))", {"": [0.5]}),
        ("max_over_time(saw[1m])", {"": [1.0]}),
        ("avg_over_time(saw[1m])", {"": [0.5]}),
        ("abs(temp{room='hall'} - 50)", {"floor=1,room=hall": [40.0]}),
        ("clamp_max(temp{room='roof'}, 25)", {"floor=2,room=roof": [25.0]}),
        ("vector(1)", {"": [1.0]}),
        ('label_replace(vector(1), "room", "hall", "", "")', {"room=hall": [1.0]}),
        (
            'label_replace(temp{room="hall"}, "place", "$1-${1}", "room", "h(.*)")',
            {"__name__=temp,floor=1,place=all-all,room=hall": [10.0]},
        ),
        ('label_replace(temp{room="hall"}, "room", "x", "floor", "2")', {HALL: [10.0]}),
        ('label_replace(temp{room="hall"}, "floor", "", "", "")', {"__name__=temp,room=hall": [10.0]}),
        (
            '(temp) and on (room) (label_replace(vector(1), "room", "hall", "", "") '
            'or label_replace(vector(1), "room", "roof", "", ""))',
            {HALL: [10.0], ROOF: [30.0]},
        ),
        ("scalar(temp{room='hall'}) + 1", [11.0]),
        ("absent(nothing_here)", {"": [1.0]}),
        ("nothing_here", {}),
        ("temp # a comment", {HALL: [10.0], ATTIC: [20.0], ROOF: [30.0]}),
    ],
)  # fmt: skip
def test_answers(query: str, wanted: object) -> None:
    got = at(query)
    if isinstance(wanted, dict):
        assert isinstance(got, dict)
        assert got.keys() == wanted.keys()
        for name, values in wanted.items():
            assert got[name] == pytest.approx(values)
    else:
        assert got == pytest.approx(wanted)


def test_a_range_has_gaps_where_there_are_no_samples() -> None:
    got = at("young", 980.0, 990.0, 1000.0)
    assert got == {"__name__=young": [None, 4950.0, 5000.0]}
    assert at("temp > 10 and saw", 0.0) == {}


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        ("", "bad_data", "no expression"),
        ("sum(", "bad_data", "unexpected"),
        ("temp{", "bad_data", "label matching"),
        ("temp{room=hall}", "bad_data", "expected string"),
        ("{}", "bad_data", "non-empty matcher"),
        ("{room=''}", "bad_data", "non-empty matcher"),
        ("temp[5m]", "bad_data", "range vector"),
        ("rate(temp)", "bad_data", "expected type range vector"),
        ("abs(temp[5m])", "bad_data", "expected type instant vector"),
        ("rate(hits[5x])", "bad_data", "duration"),
        ("rate(hits[0s])", "bad_data", "greater than 0"),
        ("predict_linear(temp[1h], 60)", "bad_data", "does not know the function 'predict_linear'"),
        ("max_over_time(rate(hits[1m])[5m:])", "bad_data", "subqueries"),
        ("temp @ 5", "bad_data", "@ modifier"),
        ("temp * on (room) group_left limit", "bad_data", "group_left"),
        ("temp temp", "bad_data", "unexpected"),
        ("1 > 2", "bad_data", "BOOL"),
        ("temp and 1", "bad_data", "set operator"),
        ("histogram_quantile(0.9)", "bad_data", "2 argument"),
        ("temp{room=~'('}", "bad_data", "regexp"),
        ("temp - on (floor) temp", "execution", "duplicate series"),
        ("temp \u00e9", "bad_data", "unexpected character"),
        ("(" * 300 + "1" + ")" * 300, "bad_data", "too deep"),
    ],
)
def test_refusals(query: str, kind: str, said: str) -> None:
    with pytest.raises(QueryError, match=said.replace("(", r"\(")) as caught:
        at(query)
    assert caught.value.kind == kind


def test_a_refusal_says_where() -> None:
    with pytest.raises(QueryError, match=r'invalid parameter "query": 2:3: parse error'):
        parse("1 +\n  )")


@given(st.text(alphabet='temp{}()[]",=~!<>+-*/^% 15mbyonsuratehi\n\\', max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(QueryError):
        parse(text)


def test_the_tree() -> None:
    assert parse("a / 2 > 1") == Binary(
        ">",
        Binary("/", Selector((LabelMatcher("__name__", "=", "a"),)), Number(2.0)),
        Number(1.0),
    )
    assert parse('a{b="x\\"\\n"}') == Selector((LabelMatcher("__name__", "=", "a"), LabelMatcher("b", "=", 'x"\n')))


@pytest.mark.parametrize(
    ("quantile", "row", "wanted"),
    [
        (0.5, (10.0, 20.0, 20.0), 0.1),
        (1.0, (10.0, 20.0, 20.0), 0.5),
        (0.0, (10.0, 20.0, 20.0), 0.0),
        (0.9, (0.0, 0.0, 10.0), 0.5),
        (2.0, (1.0, 1.0, 1.0), inf),
    ],
)
def test_quantiles(quantile: float, row: tuple[float, ...], wanted: float) -> None:
    assert bucket_quantile(quantile, (0.1, 0.5, inf), row) == pytest.approx(wanted)


def test_a_histogram_without_traffic_has_no_quantile() -> None:
    got = bucket_quantile(0.9, (0.1, inf), (0.0, 0.0))
    assert got is not None
    assert isnan(got)
    assert bucket_quantile(0.9, (0.1, inf), (None, None)) is None


@given(st.floats(-1e6, 1e7), st.floats(0.5, 4000.0))
def test_the_integral_of_an_episode_is_its_area(time: float, width: float) -> None:
    episode = Episode(95.0, 150.0, 425.0, 458.0)
    first, second = EpisodeIntegral(episode).values([time, time + width])
    steps = 400
    middle = sum(episode.value(time + (number + 0.5) * width / steps) for number in range(steps)) * width / steps
    assert second - first >= -1e-6
    assert second - first == pytest.approx(middle, abs=0.02 * width + 0.5)


@given(st.integers(0, 1000), st.floats(-1e6, 1e6), st.floats(0.001, 1e5))
def test_traffic_never_shrinks(seed: int, time: float, width: float) -> None:
    first, second = Traffic(seed, "cart", 40_000.0).values([time, time + width])
    assert isfinite(first)
    assert 0.4 * width <= second - first + 1e-6
    assert second - first <= 1.6 * width + 1e-6
