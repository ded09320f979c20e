"""Matcher text in both grammars, matching, and lines that can be copied."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.amtool import expire_line, shell_word, silence_line
from services.alerts.matcher_text import MatcherError, parse_classic, parse_utf8
from services.alerts.matchers import (
    exact_matchers,
    format_matcher,
    label_test,
    looks_like_matcher,
    parse_matcher,
    parse_matchers,
    pinned_namespaces,
)
from services.alerts.model import Matcher, SilenceDraft
from services.vocabulary.text import display

EQUAL, UNEQUAL, REGEX, NOT_REGEX = (False, True), (False, False), (True, True), (True, False)


def matcher(name: str, kind: tuple[bool, bool], value: str) -> Matcher:
    return Matcher(name, value, *kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", matcher("a", EQUAL, "b")),
        ("a!=b", matcher("a", UNEQUAL, "b")),
        ("a=~b.*", matcher("a", REGEX, "b.*")),
        ("a!~b.*", matcher("a", NOT_REGEX, "b.*")),
        ('a="b"', matcher("a", EQUAL, "b")),
        (' a = "b" ', matcher("a", EQUAL, "b")),
        ("a=", matcher("a", EQUAL, "")),
        ('a=""', matcher("a", EQUAL, "")),
        ("a=b c", matcher("a", EQUAL, "b c")),
        ("a=b,c", matcher("a", EQUAL, "b,c")),
        ("a=b=c", matcher("a", EQUAL, "b=c")),
        ("a=é", matcher("a", EQUAL, "é")),
        ('a="b\nc"', matcher("a", EQUAL, "b\nc")),
        (r'a="b\nc"', matcher("a", EQUAL, "b\nc")),
        (r'a="\"b\\"', matcher("a", EQUAL, '"b\\')),
        # The grammars disagree here, so classic wins: the escape of UTF-8 stays as it is written.
        (r'a="\t"', matcher("a", EQUAL, r"\t")),
        (r'a="é"', matcher("a", EQUAL, r"é")),
        (r'a=~"web-\d+"', matcher("a", REGEX, r"web-\d+")),
        (r"a=b\\c", matcher("a", EQUAL, r"b\c")),
        (r"a=b\c", matcher("a", EQUAL, r"b\c")),
        # Only UTF-8 knows these.
        ("é=b", matcher("é", EQUAL, "b")),
        ('"service.name"=b', matcher("service.name", EQUAL, "b")),
        ("service.name=~b", matcher("service.name", REGEX, "b")),
        (r'"a b"!="\x41é\101\t"', matcher("a b", UNEQUAL, "AéA\t")),
    ],
)
def test_one_matcher(text: str, expected: Matcher) -> None:
    assert parse_matcher(text) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("a", 1),
        ("=b", 0),
        ("a b=c", 2),
        ("1=~(", 3),
        ("a=~(", 3),
        ("a!b", 1),
        ('a="b', 4),
        ('a=b"c', 3),
        ('a="b"c', 5),
        ("{a=b}", 0),
        ("a=b}", 3),
        ("é=", 2),
        (r'é="\q"', 3),
        (r'é="\ud800"', 3),
        (r'é="\xff"', 2),
        ('""=a', 0),
        ("a=~\udcff", 3),
    ],
)
def test_the_error_points_at_the_place(text: str, position: int) -> None:
    with pytest.raises(MatcherError) as caught:
        parse_matcher(text)
    assert caught.value.position == position, str(caught.value)
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("{}", ()),
        ("a=b", (matcher("a", EQUAL, "b"),)),
        ("{a=b}", (matcher("a", EQUAL, "b"),)),
        ('{a="b",c=~"d,e",}', (matcher("a", EQUAL, "b"), matcher("c", REGEX, "d,e"))),
        ("a=b,c!=d", (matcher("a", EQUAL, "b"), matcher("c", UNEQUAL, "d"))),
        ('{a="}"}', (matcher("a", EQUAL, "}"),)),
        ('{a="\\"},{\\""}', (matcher("a", EQUAL, '"},{"'),)),
        ('{"x.y"="b"}', (matcher("x.y", EQUAL, "b"),)),
    ],
)
def test_several_matchers(text: str, expected: tuple[Matcher, ...]) -> None:
    assert parse_matchers(text) == expected


@pytest.mark.parametrize(("text", "position"), [("{a=b", 4), ("a=b,,c=d", 4), ("a=b,c=~(", 7), ("{é=b", 4)])
def test_errors_among_several_point_into_the_whole_text(text: str, position: int) -> None:
    if text == "{a=b":  # classic forgives a missing brace
        assert parse_matchers(text) == (matcher("a", EQUAL, "b"),)
        return
    with pytest.raises(MatcherError) as caught:
        parse_matchers(text)
    assert caught.value.position == position, str(caught.value)


def test_the_two_grammars_by_themselves() -> None:
    assert parse_classic(r'a="\t"') == (matcher("a", EQUAL, r"\t"),)
    assert parse_utf8(r'a="\t"') == (matcher("a", EQUAL, "\t"),)
    with pytest.raises(MatcherError):
        parse_utf8("a=b c")
    with pytest.raises(MatcherError):
        parse_classic("a.b=c")


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "bb"}, False),
        ("a=b", {}, False),
        ("a=", {}, True),
        ('a!=""', {}, False),
        ("a!=b", {}, True),
        ("a=~b", {"a": "bb"}, False),
        ("a=~b.*", {"a": "bb"}, True),
        ("a=~b|c", {"a": "cx"}, False),
        ("a=~.*", {}, True),
        ("a=~.+", {}, False),
        ("a!~.+", {}, True),
        ("a=~b.c", {"a": "b\nc"}, False),
        ("a=~(?s)b.c", {"a": "b\nc"}, True),
        ("a=~b", {"a": "b\n"}, False),
        ("a=~(?i)É", {"a": "é"}, True),
        ("a=b,c=d", {"a": "b", "c": "d"}, True),
        ("a=b,c=d", {"a": "b"}, False),
    ],
)
def test_matching(text: str, labels: dict[str, str], matches: bool) -> None:
    assert label_test(parse_matchers(text))(labels) is matches


def test_a_pattern_that_backtracks_elsewhere_is_quick() -> None:
    assert not label_test(parse_matchers(r"a=~(x+x+)+y"))({"a": "x" * 5000})


def test_a_matcher_from_a_server_may_hold_a_bad_pattern() -> None:
    with pytest.raises(MatcherError):
        label_test([Matcher("a", "(?=look)", is_regex=True)])


def test_words_that_are_no_matchers() -> None:
    assert [looks_like_matcher(text) for text in ("a=b", "{a=b}", '"a b"=c', "é!~x", "a =~ b")] == [True] * 5
    assert [looks_like_matcher(text) for text in ("checkout", "=b", '"a b"', "", "!")] == [False] * 5


names = st.one_of(st.from_regex(r"\A[a-zA-Z_:][a-zA-Z0-9_:]{0,8}\Z"), st.text(min_size=1, max_size=8))
texts = st.one_of(st.text(max_size=30), st.text("\\\"n{},= \n\t'$`!~", max_size=12))


@given(names, texts, st.sampled_from([EQUAL, UNEQUAL]))
def test_what_is_written_is_read_back(name: str, value: str, kind: tuple[bool, bool]) -> None:
    one = matcher(name, kind, value)
    assert parse_matcher(format_matcher(one)) == one
    assert parse_utf8(format_matcher(one)) == (one,)
    assert parse_matchers(f"{{{format_matcher(one)}, {format_matcher(one)}}}") == (one, one)


@given(st.dictionaries(names, texts.filter(bool), min_size=1, max_size=5))
def test_the_exact_matchers_match_their_labels(labels: dict[str, str]) -> None:
    matchers = exact_matchers(labels)
    assert label_test(matchers)(labels)
    assert not label_test(matchers)({**labels, min(labels): labels[min(labels)] + "x"})
    assert [one.name for one in matchers] == sorted(labels)
    assert min(labels) not in [one.name for one in exact_matchers(labels, [min(labels)])]


HOSTILE = [
    "plain",
    "two words",
    "it's",
    "$(id)`id`",
    'say "hi"',
    "\\n",
    "a\nb",
    "\x1b]52;c;x\x07",
    "\u202eabc",
    "é",
    "ㅤ",
    "a" + "\u0301" * 9,
    "-x",
    "",
    "~",
    "#",
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_a_shell_reads_the_words_back() -> None:
    line = "printf '%s\\0' " + " ".join(shell_word(text) for text in HOSTILE)
    assert display(line) == line
    out = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert out.decode().split("\0")[:-1] == HOSTILE


def test_the_line_for_amtool() -> None:
    draft = SilenceDraft(
        matchers=(Matcher("alertname", "Disk full"), Matcher("x", "a'b")),
        starts_at=datetime(2026, 3, 2, 19, 31, tzinfo=UTC),
        ends_at=datetime(2026, 3, 2, 19, 46, tzinfo=UTC),
        created_by="op-a",
        comment="ACK! on it",
    )
    assert silence_line("http://am:9093", draft) == (
        "amtool silence add --alertmanager.url=http://am:9093 --author=op-a '--comment=ACK! on it'"
        " --end=2026-03-02T19:46:00.000Z -- 'alertname=\"Disk full\"' 'x=\"a'\"'\"'b\"'"
    )
    assert expire_line("http://am:9093", "7") == "amtool silence expire --alertmanager.url=http://am:9093 -- 7"


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [
        ('alertname="Down"', None),
        ('namespace=~"shop|pay"', None),
        ('namespace!="shop"', None),
        ('namespace="shop", pod="web-1"', ("shop",)),
    ],
)
def test_what_asks_for_no_namespace_may_mute_alerts_of_any(text: str, namespaces: tuple[str, ...] | None) -> None:
    assert pinned_namespaces(parse_matchers(text)) == namespaces
