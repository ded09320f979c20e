"""Facets of a filter, and what completion offers of one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.alerts.facets import NAMES, OPERATORS
from services.alerts.filter_offers import FilterOffers
from services.alerts.filtering import filter_of_words, parse_filter
from services.alerts.matcher_text import MatcherError
from services.alerts.model import Alert
from services.alerts.offers import AlertOffers
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert

HOUR = timedelta(hours=1)
FIRING = make_alert("Down", "critical", EPOCH - HOUR, cluster="eu", environment="prod", instance="a")
ACKED = make_alert("Down", "warning", EPOCH - 2 * HOUR, cluster="us", acked_by="op-b", instance="b")
SILENCED = make_alert("Full", "warning", EPOCH - 3 * HOUR, cluster="us", silenced_by="op-c", instance="c")
EVERY = (FIRING, ACKED, SILENCED)


def passing(text: str) -> list[Alert]:
    return [alert for alert in EVERY if parse_filter(text, EPOCH).matches(alert)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@state=firing", [FIRING]),
        ("@state=active", [FIRING]),
        ("@state=suppressed", [ACKED, SILENCED]),
        ("@state=acked", [ACKED]),
        ("@state!=acked", [FIRING, SILENCED]),
        ("@state=~acked|silenced", [ACKED, SILENCED]),
        ("@state!~s.*", [FIRING]),
        ("@cluster=us", [ACKED, SILENCED]),
        ("@cluster!=us Down", [FIRING]),
        ("@environment=prod", [FIRING]),
        ("@receiver=pager", list(EVERY)),
        ("@receiver=~page", []),
        ("@receiver=~page.", list(EVERY)),
        (f"@fingerprint={FIRING.fingerprint[:6]}", [FIRING]),
        (f"@fingerprint!={FIRING.fingerprint}", [ACKED, SILENCED]),
        ("@silenced_by=op-b", [ACKED]),
        ('@silenced_by="op-c"', [SILENCED]),
        ("@inhibited_by=abc", []),
        ("@age>1h", [ACKED, SILENCED]),
        ("@age>=1h", list(EVERY)),
        ("@age<2h", [FIRING]),
        ("@age<=2h", [FIRING, ACKED]),
        ("@age>1h @age<3h", [ACKED]),
        ("instance=a @limit=1", [FIRING]),
        ("@nothing", []),
    ],
)
def test_facets(text: str, expected: list[Alert]) -> None:
    assert passing(text) == expected
    assert [one for one in EVERY if filter_of_words(text.replace('"', "").split(), EPOCH).matches(one)] == expected


@pytest.mark.parametrize(
    ("text", "said", "position"),
    [
        ("x @stat=y", "there is no @stat", 3),
        ("@age=1h", "@age takes < > <= >=", 4),
        ("@state>x", "@state takes = != =~ !~", 6),
        ("@limit=0", "@limit takes a whole number from 1 on", 7),
        ("@limit=x", "@limit takes a whole number from 1 on", 7),
        ("@age>soon", "soon", 5),
        ("a=b @receiver=~(", "this is no regular expression", 15),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str, position: int) -> None:
    with pytest.raises(MatcherError) as caught:
        parse_filter(text)
    assert said in str(caught.value)
    assert caught.value.position == position


def test_the_smallest_limit_counts() -> None:
    assert parse_filter("@limit=5 @limit=3").limit == 3
    assert parse_filter("x").limit is None
    assert not parse_filter("@limit=5").empty


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("sev", ["severity="]),
        ("severity=", ["severity=warning", "severity=critical"]),
        ("severity!~cr", ["severity!~critical"]),
        ("@cl", ["@cluster="]),
        ("@cluster=", ["@cluster=us", "@cluster=eu"]),
        ("@state=a", ["@state=active", "@state=acked"]),
        ("@age>", ["@age>10m", "@age>1h", "@age>6h", "@age>1d"]),
        ("@li", ["@limit="]),
        ("nothing=", []),
    ],
)
def test_what_is_offered(typed: str, expected: list[str]) -> None:
    offers = FilterOffers(AlertOffers(lambda: EVERY, ManualClock()))
    found = offers.matching(typed, 50)
    assert [one.value for one in found][: len(expected)] == expected
    assert bool(found) == bool(expected)


def test_what_goes_on_ends_no_word() -> None:
    offers = FilterOffers(AlertOffers(lambda: EVERY, ManualClock()))
    assert [one.whole for one in offers.matching("severity", 1)] == [False]
    assert [one.whole for one in offers.matching("severity=c", 1)] == [True]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Down sev", "Down severity="),
        ("@state=ac", "@state=active"),
        ("instance=", "instance=a"),
        ("instance=a", ""),
        ('x="a b', ""),
        ("ity", ""),
        ("", ""),
    ],
)
def test_how_a_filter_goes_on(typed: str, expected: str) -> None:
    assert FilterOffers(AlertOffers(lambda: EVERY, ManualClock())).go_on(typed) == expected


def test_every_facet_that_is_offered_can_be_read() -> None:
    values = {"age": "1h", "limit": "5"}
    for name in NAMES:
        for operator in OPERATORS.get(name, ("=", "!=", "=~", "!~")):
            parse_filter(f"@{name}{operator}{values.get(name, 'x')}", EPOCH)
