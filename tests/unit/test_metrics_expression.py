"""What a rule's expression is found to measure."""

from __future__ import annotations

import math
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.expression import conditions_of, expression_of
from services.metrics.lexer import ExpressionError, number_of, tokens_of
from services.metrics.syntax import parse
from services.metrics.tree import constant
from services.vocabulary.errors import ConsoleError
from services.vocabulary.plot import Unit

RATIO = 'sum by (job) (rate(http_errors_total{code=~"5.."}[5m])) / sum by (job) (rate(http_requests_total[5m]))'

TABLE = [
    # the plain ones
    ("up == 0", "up", "==", 0),
    ("x > 0.02", "x", ">", 0.02),
    ("x>=1e3", "x", ">=", 1000),
    ("x <= -5", "x", "<=", -5),
    ("x != 0x1F", "x", "!=", 31),
    ("x > 1h30m", "x", ">", 5400),
    ("x < .5", "x", "<", 0.5),
    ("x > 1_000", "x", ">", 1000),
    (f"{RATIO} > 0.02", RATIO, ">", 0.02),
    ("  up\n  == # down\n  0  ", "up", "==", 0),
    # a constant on the left
    ("0.02 < x", "x", ">", 0.02),
    ("5 >= x", "x", "<=", 5),
    ("0 == up", "up", "==", 0),
    # calculated constants
    ("x > 5 * 60", "x", ">", 300),
    ("x > 0.9 * 100", "x", ">", 90),
    ("x > (1 + 2) * 3 - 4 / 2 % 3", "x", ">", 7),
    ("x > -2 ^ 2", "x", ">", -4),
    ("x > 2 ^ 3 ^ 2", "x", ">", 512),
    ("x > 2 ^ -1", "x", ">", 0.5),
    ("x > - - 3", "x", ">", 3),
    ("x < -Inf", "x", "<", -math.inf),
    ("x < +inF", "x", "<", math.inf),
    ("x > 1 / 0", "x", ">", math.inf),
    ("x > 017", "x", ">", 15),
    ("x > 018", "x", ">", 18),
    # precedence
    ("a + b > 1", "a + b", ">", 1),
    ("a > b + 1", "a", ">", None),
    ("-a * b > 3", "-a * b", ">", 3),
    ("(a - b) > 3", "a - b", ">", 3),
    ("((x)) > ((3))", "x", ">", 3),
    ("(x > 3)", "x", ">", 3),
    ("0 < x < 5", "x", "<", 5),
    ("x > 0 < 5", "x", "<", 5),
    ("(x > 0) < 5", "x", "<", 5),
    # what only looks like a comparison
    ("sum(x > 5)", "sum(x > 5)", "", None),
    ("count(up == 0) > 2", "count(up == 0)", ">", 2),
    ("sum by (le) (x > 5) > 1", "sum by (le) (x > 5)", ">", 1),
    ("sum(x) by (a, b) > 1", "sum(x) by (a, b)", ">", 1),
    ('x{a="b > 2", c!~"d|e == 1"} > 3', 'x{a="b > 2", c!~"d|e == 1"}', ">", 3),
    ("x{a='b\\' > 2'} > 3", "x{a='b\\' > 2'}", ">", 3),
    ("x{a=`b\\` } > 3", "x{a=`b\\` }", ">", 3),
    ('label_replace(x, "a", "$1 > 2", "b", "(.*)") > 3', 'label_replace(x, "a", "$1 > 2", "b", "(.*)")', ">", 3),
    ("x # > 5\n > 6", "x", ">", 6),
    ("avg_over_time(x[5m]) > 1", "avg_over_time(x[5m])", ">", 1),
    ("max_over_time((x > 2)[1h:5m]) > 3", "max_over_time((x > 2)[1h:5m])", ">", 3),
    ("rate(x[5m:]) > 3", "rate(x[5m:])", ">", 3),
    ("x offset 1d > 3", "x offset 1d", ">", 3),
    ("x offset -5m > 3", "x offset -5m", ">", 3),
    ("x @ 1609746000 > 3", "x @ 1609746000", ">", 3),
    ("x @ end() offset 5m > 3", "x @ end() offset 5m", ">", 3),
    ('{__name__="x", job="y"} > 3', '{__name__="x", job="y"}', ">", 3),
    ('{"a.b", job="y"} > 3', '{"a.b", job="y"}', ">", 3),
    ("job:x:rate5m > 3", "job:x:rate5m", ">", 3),
    ("absent(up{job='x'})", "absent(up{job='x'})", "", None),
    ("absent(up) == 1", "absent(up)", "==", 1),
    ("vector(1)", "vector(1)", "", None),
    ("1 > bool 2", "1 > bool 2", "", None),
    ("on > 3", "on", ">", 3),
    ("by > 3", "by", ">", 3),
    # bool
    ("x > bool 5", "x", ">", 5),
    ("x > BOOL 5 == 1", "x", ">", 5),
    ("(x > bool 5) > 0", "x", ">", 5),
    ("(x > bool 5) == 0", "x > bool 5", "==", 0),
    ("1 == (5 < bool x)", "x", ">", 5),
    ("sum(x > bool 5) > 2", "sum(x > bool 5)", ">", 2),
    # several conditions
    ("a > 1 and b < 2", "a", ">", 1),
    ("a AND b < 2", "b", "<", 2),
    ("a > 1 and on (job) b", "a", ">", 1),
    ("a > b and c > 3", "c", ">", 3),
    ("a > b and c", "a", ">", None),
    ("a and b", "a", "", None),
    ("a > 1 unless b > 2", "a", ">", 1),
    ("a unless b > 2", "a", "", None),
    ("(a > 1 and b < 2) or vector(0) > 3", "a", ">", 1),
    ("a > 1 and (b > 2 or c > 3)", "a", ">", 1),
    ("(a > 1 and b > 2) * 2 > 7", "(a > 1 and b > 2) * 2", ">", 7),
    # a limit that is no constant
    ("a > b", "a", ">", None),
    ("a > on (x) group_left (y) b", "a", ">", None),
    ("a / on(x) group_left() b > 0.9", "a / on(x) group_left() b", ">", 0.9),
    ("a > ignoring(x) group_right b * 0.9", "a", ">", None),
    ("time() > x", "x", "<", None),
    ("time() - x > 60", "time() - x", ">", 60),
    ("scalar(a) + 1 <= b", "b", ">=", None),
    ("a > atan2", "a", ">", None),
    ("a atan2 b > 1", "a atan2 b", ">", 1),
]


@pytest.mark.parametrize(("expression", "measured", "operator", "threshold"), TABLE)
def test_the_first_condition(expression: str, measured: str, operator: str, threshold: float | None) -> None:
    found = conditions_of(expression)[0]
    assert (found.measured, found.operator, found.threshold) == (measured, operator, threshold)


def test_a_number_that_is_none() -> None:
    found = conditions_of("x == NaN")[0]
    assert found.threshold is not None
    assert math.isnan(found.threshold)


@pytest.mark.parametrize(
    ("expression", "limit"),
    [
        ("a > b", "b"),
        ("a > on (x) group_left (y) (b * 0.9)", "b * 0.9"),
        ("time() > a", "time()"),
        ("a > 5", ""),
        ("a", ""),
    ],
)
def test_the_limit(expression: str, limit: str) -> None:
    assert conditions_of(expression)[0].limit == limit


def test_alternatives_are_conditions_of_their_own() -> None:
    found = conditions_of("(up == 0 or absent(up)) or 3 < b and c")
    assert [(one.text, one.measured, one.threshold, one.more) for one in found] == [
        ("up == 0", "up", 0, False),
        ("absent(up)", "absent(up)", None, False),
        ("3 < b and c", "b", 3, True),
    ]


def test_one_condition_keeps_the_whole_text() -> None:
    found = conditions_of(" (a > 1) and b ")
    assert [one.text for one in found] == [" (a > 1) and b "]


def test_many_alternatives_are_measured_whole() -> None:
    expression = " or ".join(f"a{number} > 1" for number in range(9))
    assert [(one.measured, one.threshold) for one in conditions_of(expression)] == [(expression, None)]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "x >",
        "> 5",
        "x{ > 5",
        "x} > 5",
        'x{a="b > 5',
        "(x > 5",
        "x) > 5",
        "x > 5 5",
        "sum(x]) > 1",
        "sum(a b) > 1",
        "x ? 5",
        "x > 5x",
        "x > 5m1h",
        "x > 0x",
        "(" * 3000 + "x" + ")" * 3000 + " > 5",
        "-" * 3000 + "x > 5",
        "x" + " + x" * 1000 + " > 5",
        "x" + " ^ 2" * 1000 + " > 5",
        "x" + " + x" * 100_000 + " > 5",
        "ünïcode > 5",
        "\x00",
    ],
    ids=lambda expression: repr(expression[:12]),
)
def test_what_is_not_understood_is_measured_whole(expression: str) -> None:
    found = conditions_of(expression)
    assert [(one.text, one.measured, one.threshold) for one in found] == [(expression, expression, None)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5 % 0", math.nan),
        ("0 / 0", math.nan),
        ("-1 / 0", -math.inf),
        ("1 / -0", -math.inf),
        ("-8 % 3", -2),
        ("2 ^ 5000", math.inf),
        ("(-2) ^ 5001", -math.inf),
        ("0 ^ -1", math.inf),
        ("(-1) ^ 0.5", math.nan),
        ("1 atan2 1", math.pi / 4),
    ],
)
def test_arithmetic_of_go(text: str, value: float) -> None:
    assert constant(parse(text)) == pytest.approx(value, nan_ok=True)


UNITS = [
    (RATIO, Unit.RATIO),
    ("1 - a_bytes / b_bytes", Unit.RATIO),
    ("disk_usage_ratio", Unit.RATIO),
    ("job:errors:ratio_rate5m", Unit.RATIO),
    ("a_bytes / b_bytes * 100", Unit.PERCENT),
    ("100 * (1 - avg by (i) (rate(node_cpu_seconds_total{mode='idle'}[5m])))", Unit.PERCENT),
    ("1 - avg(rate(node_cpu_seconds_total[5m]))", Unit.RATIO),
    ("rate(process_cpu_seconds_total[5m])", Unit.NONE),
    ("histogram_quantile(0.99, sum by (le) (rate(x_seconds_bucket[5m])))", Unit.SECONDS),
    ("rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])", Unit.SECONDS),
    ("time() - backup_timestamp_seconds", Unit.SECONDS),
    ("max(x_seconds) * 1000", Unit.NONE),
    ("container_memory_working_set_bytes", Unit.BYTES),
    ("topk(5, sum by (pod) (x_bytes))", Unit.BYTES),
    ("x_bytes * 0.9", Unit.BYTES),
    ("x_bytes / 1024", Unit.NONE),
    ("increase(x_bytes_total[1h])", Unit.BYTES),
    ("rate(http_requests_total[5m])", Unit.PER_SECOND),
    ("rate(x_bytes_total[5m])", Unit.PER_SECOND),
    ("job:http_requests:rate5m", Unit.PER_SECOND),
    ("rate(x_total[5m]) * 60", Unit.NONE),
    ("increase(http_requests_total[5m])", Unit.NONE),
    ("count(x_bytes)", Unit.NONE),
    ("up", Unit.NONE),
    ("absent(x_seconds)", Unit.NONE),
    ("x_seconds > 3 and y", Unit.SECONDS),
]


@pytest.mark.parametrize(("expression", "unit"), UNITS)
def test_units(expression: str, unit: Unit) -> None:
    assert conditions_of(f"({expression}) > 5")[0].unit is unit


SELECTORS = st.sampled_from(
    ["up", "a:b", 'x{a="1 > 2"}', "rate(x[5m])", "x offset 1h", "sum by (a) (x > 1)", '{a=~"b"}', "absent(x{a='b'})"]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
MEASURED = st.recursive(
    SELECTORS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%^"), inner).map(" ".join),
        inner.map("-{}".format),
        inner.map("abs({} + 1)".format),
    ),
    max_leaves=8,
)
OPERATORS = st.sampled_from([">", "<", ">=", "<=", "==", "!="])


@given(MEASURED, OPERATORS, NUMBERS, st.sampled_from(["", "bool "]))
def test_what_is_put_together_is_taken_apart(measured: str, operator: str, number: str, flag: str) -> None:
    (found,) = conditions_of(f"{measured} {operator} {flag}{number}")
    assert (found.measured, found.operator, found.threshold) == (measured, operator, float(number))
    (turned,) = conditions_of(f"{number} {operator} {flag}{measured}")
    flipped = operator.translate(str.maketrans("<>", "><"))
    assert (turned.measured, turned.operator, turned.threshold) == (measured, flipped, float(number))


@given(st.text(alphabet="ax1.50eE#\"'`\\(){}[],<>=!~+-*/%^@: \nboolandrt", max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    found = conditions_of(text)
    assert found
    for condition in found:
        assert condition.measured in text
        assert condition.text in text
        assert condition.limit in text


@given(st.text())
def test_tokens_cover_the_text(text: str) -> None:
    try:
        tokens = tokens_of(text)
    except ExpressionError:
        return
    assert all(text[token.start : token.end] == token.text for token in tokens)


def test_a_number_too_large_is_none() -> None:
    with pytest.raises(ExpressionError, match="no number"):
        number_of("0x" + "f" * 400)


@given(st.text(min_size=1).filter(lambda text: bool(text.strip()) and text.isprintable()))
def test_the_expression_of_a_generator_url(text: str) -> None:
    assert expression_of(f"http://nowhere.invalid/graph?g0.expr={quote_plus(text)}&g0.tab=1") == text.strip()


@pytest.mark.parametrize(
    "url",
    [
        "http://host/graph",
        "http://host/graph?g0.expr=&g0.tab=1",
        "http://host/graph?g0.expr=+&g0.tab=1",
        "http://host/vmalert/alert?group_id=1",
        "http://[broken/graph?g0.expr=up",
        "not a url",
    ],
)
def test_a_generator_url_without_expression(url: str) -> None:
    with pytest.raises(ConsoleError, match=r"no g0\.expr"):
        expression_of(url)


def test_no_generator_url() -> None:
    with pytest.raises(ConsoleError, match="without a generatorURL"):
        expression_of("")
