"""Lists of alerts by labels, by likeness and ungrouped: what heads a group, in which order, and what all share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.filtering import parse_filter
from services.alerts.grouping import Grouping, GroupingKind, Sort, parse_grouping
from services.alerts.groups import arrange_groups, shared_labels
from services.alerts.model import Alert
from services.alerts.overview import overview
from services.alerts.view import MUTED_KEY, AlertsView, RowKind, arrange
from services.vocabulary.severity import Severity
from tests.support.clock import EPOCH
from tests.support.desk import make_alert


def at(minutes: float, name: str, severity: str = "warning", **labels: Any) -> Alert:
    """An alert that began so many minutes after the epoch."""
    return make_alert(name, severity, EPOCH + timedelta(minutes=minutes), **labels)


ALERTS = [
    at(0, "Slow", team="shop", pod="a"),
    at(1, "Slow", team="shop", pod="b"),
    at(5, "Down", "critical", team="shop", pod="c"),
    at(2, "Full", team="data", disk="x"),
    at(3, "Full", team="data", disk="y"),
    at(9, "Odd"),
    at(4, "Quiet", team="data", silenced_by="op-b"),
]


def page(
    by: str, *expanded: str, sort: Sort = Sort.WORST, filter: str = "", alerts: list[Alert] = ALERTS
) -> AlertsView:
    chosen = parse_filter(filter) if filter else None
    grouping = parse_grouping(by)
    return arrange_groups(alerts, grouping, filter=chosen, seen={}, expanded=frozenset(expanded), sort=sort)


@pytest.mark.parametrize(
    ("text", "grouping"),
    [
        ("alike", Grouping()),
        ("problem", Grouping(GroupingKind.PROBLEM)),
        ("alertmanager", Grouping(GroupingKind.ROUTE)),
        ("none", Grouping(GroupingKind.NONE)),
        ("team, namespace,team", Grouping(GroupingKind.LABELS, ("team", "namespace"))),
        ("@cluster", Grouping(GroupingKind.LABELS, ("@cluster",))),
    ],
)
def test_what_a_grouping_is(text: str, grouping: Grouping) -> None:
    assert parse_grouping(text) == grouping
    assert parse_grouping(str(grouping)) == grouping


@pytest.mark.parametrize(("text", "words"), [("", "namespace,service"), ("a,,b", "namespace,service"), ("@x", "no @x")])
def test_what_is_none(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_grouping(text)


def test_a_group_tells_its_worst_its_oldest_what_it_holds_and_what_all_share() -> None:
    first, alone, second = page("team").rows
    assert (first.kind, first.title, first.severity, first.since) == (RowKind.GROUP, "shop", Severity.CRITICAL, EPOCH)
    assert (first.count, first.told) == (3, "Slow ×2, Down")
    assert first.shared == (("team", "shop"),)
    assert (second.title, second.told) == ("data", "Full ×2, Quiet")
    assert dict(second.shared) == {"team": "data", "severity": "warning"}
    assert (alone.kind, alone.count) == (RowKind.ALERT, 1)


def test_what_is_muted_altogether_is_one_line_at_the_end() -> None:
    rows = page("team,alertname").rows
    assert rows[-1].key == MUTED_KEY
    assert rows[-1].count == 1
    assert [row.title for row in rows if row.title] == ["data / Full", "shop / Slow"]


def test_a_label_that_is_missing_is_said() -> None:
    alerts = [at(0, "One", pod="a"), at(0, "Two", pod="b")]
    assert [row.title for row in page("team", alerts=alerts).rows] == ["no team"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.WORST, ["shop", "Odd", "data"]),
        (Sort.NEWEST, ["Odd", "shop", "data"]),
        (Sort.OLDEST, ["shop", "data", "Odd"]),
        (Sort.LARGEST, ["shop", "data", "Odd"]),
        (Sort.NAME, ["data", "Odd", "shop"]),
    ],
)
def test_what_comes_first(sort: Sort, order: list[str]) -> None:
    rows = page("team", sort=sort).rows
    assert [row.title or (row.alert.name if row.alert else "") for row in rows] == order


def test_an_unfolded_group_lists_its_alerts_by_what_tells_them_apart() -> None:
    key = page("team").rows[0].key
    rows = page("team", key).rows
    assert rows[0].expanded
    assert [(row.depth, row.alert.labels["pod"] if row.alert else "") for row in rows[1:4]] == [
        (1, "c"),
        (1, "a"),
        (1, "b"),
    ]
    assert all(row.apart == ("pod",) for row in rows[1:4])


def test_a_group_of_several_environments_says_so() -> None:
    alerts = [at(0, "Slow", team="shop", cluster="eu"), at(0, "Slow", team="shop", cluster="us")]
    assert page("team", alerts=alerts).rows[0].mixed
    assert not page("@cluster", alerts=[*alerts, *ALERTS]).rows[0].mixed


def test_ungrouped_lists_each_by_itself_and_alike_as_the_plain_list_does() -> None:
    assert [row.kind for row in page("none").rows[:-1]] == [RowKind.ALERT] * 6
    many = [*ALERTS, at(2, "Slow", team="shop", pod="z")]
    kinds = {row.kind: row.ids for row in page("alike", alerts=many, sort=Sort.NEWEST).rows}
    assert set(kinds[RowKind.GROUP]) == {alert.id for alert in many if alert.name == "Slow"}
    assert set(kinds) == {row.kind for row in arrange(many).rows}


LABELS = st.dictionaries(st.sampled_from(["team", "pod", "zone"]), st.sampled_from(["a", "b", "c"]), max_size=3)


@given(st.lists(LABELS, max_size=25), st.sampled_from(["team", "team,zone", "none", "alike"]), st.sampled_from(Sort))
def test_every_alert_is_listed_once_and_counted_as_in_the_plain_list(
    found: list[dict[str, str]], by: str, sort: Sort
) -> None:
    alerts = [at(number, "Some", number=str(number), **labels) for number, labels in enumerate(found)]
    view, plain = page(by, sort=sort, alerts=alerts), arrange(alerts)
    assert sorted(one for row in view.rows for one in row.ids) == sorted(alert.id for alert in alerts)
    assert (view.counts, view.total, view.shown, view.ids) == (plain.counts, plain.total, plain.shown, plain.ids)
    for row in view.rows:
        members = [alert.labels for alert in alerts if alert.id in row.ids]
        assert all(set(row.shared) <= labels.items() for labels in members)


def test_labels_that_all_share() -> None:
    assert shared_labels([]) == ()
    assert dict(shared_labels(ALERTS[:2])) == {
        name: value for name, value in ALERTS[0].labels.items() if name not in ("pod",)
    }


def test_an_overview_of_labels_begins_with_what_narrows_most() -> None:
    found = {one.name: one for one in overview(ALERTS, 2)}
    assert found["team"].top == (("data", 3), ("shop", 3))
    assert (found["team"].alerts, found["team"].distinct) == (6, 2)
    assert (found["alertname"].distinct, len(found["alertname"].top)) == (5, 2)
    names = list(found)
    assert names[:2] == ["severity", "team"]
    assert [one.name for one in overview([at(0, "A", team="x", zone="y"), at(0, "B", zone="y")])][-2:] == [
        "severity",
        "zone",
    ], "what all share comes last"
    assert set(names[2:]) == {"alertname", "pod", "disk"}, "what nearly every alert has for itself narrows least"
    assert overview([]) == ()
