"""Silences of alerts, of matchers, and of what was there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.alerts.filter_offers import SilenceOffers
from services.alerts.matchers import format_matcher, label_test, parse_matcher
from services.alerts.model import Alert
from services.alerts.needs import AlertsNeeds
from services.alerts.silencing import Wanted, common_matchers, plan_silence
from services.safety.plan import Plan
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError
from services.vocabulary.until import parse_until
from tests.support.clock import EPOCH
from tests.support.store import OPERATOR
from tests.unit.test_alerts_commands import needs
from tests.unit.test_alerts_view import alert

HOUR = timedelta(hours=1)
PODS = [alert("Crash", service="cart", pod=f"cart-{index}") for index in range(3)]
MAIL = alert("MailStuck", "warning", service="mail")


def fired(*labels: Mapping[str, str], fails: bool = False):  # type: ignore[no-untyped-def]
    async def ask(cluster: str, span: timedelta) -> Sequence[Mapping[str, str]] | None:
        assert (cluster, span) == ("eu", timedelta(days=1))
        if fails:
            raise SourceError(FailureKind.UNREACHABLE, "prometheus does not answer")
        return labels

    return ask


async def plan(
    *words: str, alerts: Sequence[Alert] = (*PODS, MAIL), needed: AlertsNeeds | None = None, **more: Any
) -> Plan:
    wanted = replace(Wanted(words, "why", HOUR), **more)
    return await plan_silence(needed or needs(alerts), OPERATOR, wanted)


def matchers_of(plan: Plan) -> list[str]:
    end = next(place for place, line in enumerate(plan.preview) if line.startswith("hits "))
    return [line.strip() for line in plan.preview[1:end]]


async def test_several_alerts_are_silenced_by_what_they_have_in_common() -> None:
    found = await plan(PODS[0].fingerprint, PODS[2].fingerprint)
    assert matchers_of(found) == [
        'alertname="Crash"',
        'pod=~"cart-0|cart-2"',
        'service="cart"',
        'severity="critical"',
    ]
    assert found.summary.startswith("silences 2 alerts of eu for 1h as op-a")
    assert [one.name for one in found.targets] == [PODS[0].id, PODS[2].id]


async def test_matchers_alone_and_beside_an_alert() -> None:
    found = await plan("service=mail", 'severity=~"warning|info"')
    assert matchers_of(found) == ['service="mail"', 'severity=~"warning|info"']
    assert [(one.kind, one.environment) for one in found.targets] == [("matchers", "prod")]
    both = await plan(PODS[0].fingerprint, "pod=~cart-.*")
    assert matchers_of(both) == ['alertname="Crash"', 'service="cart"', 'severity="critical"', 'pod=~"cart-.*"']
    assert both.confirmation is not None
    assert both.confirmation.question == "mutes 3 alerts in prod (eu)"


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        ((), {}, "would mute everything"),
        (("pod!=x",), {}, "match alerts without any label"),
        (("service=~.*",), {}, "match alerts without any label"),
        (("service=mail",), {"lasting": None}, "how long"),
        (("service=mail",), {"until": EPOCH + HOUR}, "--for and --until"),
        (("service=mail",), {"lasting": None, "until": EPOCH - HOUR}, "has passed"),
        (("service=mail",), {"comment": ""}, "needs a comment"),
        (("service=mail",), {"cluster": "us"}, "nothing to write to for us"),
        (("nobody",), {}, "no alert has the id"),
    ],
)
async def test_what_cannot_be_silenced_says_why(words: tuple[str, ...], more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConsoleError, match=message):
        await plan(*words, **more)


async def test_most_of_a_cluster_is_asked_for_twice() -> None:
    many = [alert("Crash", service="cart", pod=f"cart-{index}") for index in range(30)]
    with pytest.raises(ConsoleError, match="would mute 30 of the 31 alerts of eu"):
        await plan("alertname=Crash", alerts=[*many, MAIL])
    found = await plan("alertname=Crash", alerts=[*many, MAIL], anyway=True)
    assert "it would mute 30 of the 31 alerts of eu" in found.warnings
    some = [alert("Other", pod=f"p-{index}") for index in range(70)]
    assert not (await plan("alertname=Crash", alerts=[*many, *some])).warnings, "less than half"


async def test_what_mutes_nothing_is_asked_for_twice() -> None:
    quiet = replace(needs([MAIL]), fired=fired({"alertname": "Crash", "service": "cart"}))
    with pytest.raises(ConsoleError, match="nothing now, and would have muted nothing") as refused:
        await plan("servce=cart", needed=quiet)
    assert "did you mean service?" in refused.value.hint
    with pytest.raises(ConsoleError) as refused:
        await plan("service=card", needed=quiet)
    assert "--anyway" in refused.value.hint
    assert "it mutes nothing now" in (await plan("service=card", needed=quiet, anyway=True)).preview[-1]
    before = await plan("service=cart", needed=quiet)
    assert before.warnings == ("it hits no alert that is known",)
    assert before.preview[-1] == "during the last day it would have muted 1 alert"


async def test_the_last_day_is_told_where_prometheus_can_tell() -> None:
    known = replace(needs([MAIL]), fired=fired({"alertname": "MailStuck", "service": "mail"}, {"service": "mail"}))
    # Prometheus does not know the label severity here: it is added on the way.
    assert (
        "during the last day it would have muted 2 alerts"
        in (await plan("service=mail", "severity=warning", needed=known)).preview
    )
    broken = replace(needs([MAIL]), fired=fired(fails=True))
    assert "cannot be read" in (await plan("service=mail", needed=broken)).preview[-1]
    assert "last day" not in "".join((await plan("service=mail", needed=needs([MAIL]))).preview)


VALUES = st.text(alphabet="ab.*+()|[]{}^$\\?é-", min_size=1, max_size=5)
BARE = alert("X")
SETS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, min_size=1), min_size=1, max_size=6)


@given(SETS, st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES))
def test_common_matchers_match_all_of_them_and_only_their_values(
    sets: list[dict[str, str]], other: dict[str, str]
) -> None:
    alerts = [structs.replace(BARE, labels={**BARE.labels, **labels}) for labels in sets]
    matchers = common_matchers(alerts)
    test = label_test(matchers)
    assert all(test(one.labels) for one in alerts)
    labels = {**other, "alertname": "X", "severity": "critical"}
    if test(labels):
        for matcher in matchers:
            assert labels.get(matcher.name, "") in {one.labels[matcher.name] for one in alerts}


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18:00", datetime(2026, 3, 2, 18, tzinfo=UTC)),
        ("11:59", datetime(2026, 3, 3, 11, 59, tzinfo=UTC)),
        ("18:00 Europe/Berlin", datetime(2026, 3, 2, 17, tzinfo=UTC)),
        ("12:30 Europe/Berlin", datetime(2026, 3, 3, 11, 30, tzinfo=UTC)),
        ("2026-07-01 18:00 America/New_York", datetime(2026, 7, 1, 22, tzinfo=UTC)),
        ("2026-07-01T18:00 America/New_York", datetime(2026, 7, 1, 22, tzinfo=UTC)),
        ("2026-07-01 18:00", datetime(2026, 7, 1, 18, tzinfo=UTC)),
        ("2026-07-01T18:00+02:00", datetime(2026, 7, 1, 16, tzinfo=UTC)),
        ("+2h", NOON + 2 * HOUR),
        # Clocks go back on 25 October 2026 at 03:00: the earlier of the two.
        ("2026-10-25 02:30 Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_end_is_read_by_the_clock_of_its_zone(text: str, expected: datetime) -> None:
    assert parse_until(text, NOON) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("25:00", "no time of a day"),
        ("18:00 Europe/Nowhere", "there is no time zone"),
        ("soon", "is not a time"),
        ("soon UTC", "is no time"),
        ("2026-03-29 02:30 Europe/Berlin", "skip"),
        ("2026-07-01T18:00+02:00 Europe/Berlin", "leave one out"),
    ],
)
def test_an_end_that_is_none_says_so(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_until(text, NOON)


def test_completion_offers_alerts_and_matchers_but_no_facets() -> None:
    offers = SilenceOffers(needs([*PODS, MAIL]).offers)
    values = [one.value for one in offers.matching("", 50)]
    assert MAIL.fingerprint[:6] in values
    assert "service=" in values
    assert not [one for one in values if one.startswith("@")]
    assert [one.value for one in offers.matching("service=m", 5)] == ["service=mail"]


def test_what_is_written_reads_back() -> None:
    first, *_ = common_matchers([alert("X", a='q"uote'), alert("X", a="b.c")])
    assert format_matcher(first) == 'a=~"b\\\\.c|q\\"uote"'
    assert parse_matcher(format_matcher(first)) == first
