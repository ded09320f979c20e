"""The alerts pane by problem: what is a row, in which order, and what stays where it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from screens.studying import study_again
from services.alerts.filtering import parse_filter
from services.alerts.model import Alert
from services.alerts.problems import arrange_problems
from services.alerts.view import MUTED_KEY, AlertsView, RowKind, arrange
from services.correlation.correlate import correlate
from services.vocabulary.severity import Severity
from tests.support.clock import EPOCH
from tests.support.desk import make_alert


def at(minutes: float, name: str, severity: str = "warning", **labels: Any) -> Alert:
    """An alert that began so many minutes after the epoch."""
    return make_alert(name, severity, EPOCH + timedelta(minutes=minutes), **labels)


def node(name: str, begun: float, count: int = 4) -> list[Alert]:
    """A node is lost, with pods on it."""
    pods = [at(begun + 0.1 * index, "PodNotReady", node=name, pod=f"web-{name}-{index}") for index in range(count)]
    return [at(begun, "NodeNotReady", "critical", node=name), *pods]


ALONE = [at(-600 * index, f"Odd{index}", box=f"odd-{index}") for index in range(1, 8)]


def page(alerts: list[Alert], *expanded: str, filter: str = "") -> AlertsView:
    chosen = parse_filter(filter) if filter else None
    return arrange_problems(alerts, correlate(alerts), filter=chosen, seen={}, expanded=frozenset(expanded))


def test_a_problem_is_one_row_and_what_stands_alone_is_itself() -> None:
    view = page([*ALONE, *node("worker-7", 0)])
    head = view.rows[0]
    assert (head.kind, head.count, head.severity) == (RowKind.PROBLEM, 5, Severity.CRITICAL)
    assert head.problem is not None
    assert head.problem.cause.subject == "worker-7"
    assert head.alert is not None
    assert head.alert.name == "NodeNotReady"
    assert head.since == EPOCH
    assert [row.kind for row in view.rows[1:]] == [RowKind.ALERT] * len(ALONE)


def test_it_counts_as_the_plain_list_does() -> None:
    alerts = [*ALONE, *node("worker-7", 0), at(3, "Mine", acked_by="op-b"), at(4, "Quiet", silenced_by="op-b")]
    view, plain = page(alerts), arrange(alerts)
    assert (view.counts, view.total, view.shown, view.ids) == (plain.counts, plain.total, plain.shown, plain.ids)
    assert sorted(one for row in view.rows for one in row.ids) == sorted(alert.id for alert in alerts)


def test_enter_lists_its_alerts_worst_first() -> None:
    alerts = [*ALONE, *node("worker-7", 0)]
    key = page(alerts).rows[0].key
    rows = page(alerts, key).rows
    assert rows[0].expanded
    assert [row.depth for row in rows[1:6]] == [1] * 5
    assert [row.severity for row in rows[1:3]] == [Severity.CRITICAL, Severity.WARNING]
    assert rows[2].apart == ("pod",)


def test_a_filter_keeps_the_problem_with_what_passes() -> None:
    view = page([*ALONE, *node("worker-7", 0)], filter="alertname=PodNotReady")
    assert [(row.kind, row.count) for row in view.rows] == [(RowKind.PROBLEM, 4)]
    assert view.shown == 4
    one = page([*ALONE, *node("worker-7", 0)], filter="alertname=NodeNotReady")
    assert [row.kind for row in one.rows] == [RowKind.ALERT]


def test_what_is_muted_altogether_is_one_line_at_the_end() -> None:
    muted = [at(index - 900, "Muted", node="worker-9", pod=f"p-{index}", silenced_by="op-b") for index in range(3)]
    view = page([*muted, *node("worker-7", 0)])
    assert [row.kind for row in view.rows] == [RowKind.PROBLEM, RowKind.MUTED]
    assert view.rows[-1].count == 3
    assert len(page([*muted, *node("worker-7", 0)], MUTED_KEY).rows) == 5


def test_a_problem_keeps_its_row_when_alerts_come_and_go() -> None:
    alerts = [*ALONE, *node("worker-7", 0)]
    first = study_again(None, (), alerts)
    key = arrange_problems(alerts, first.study.correlation, seen={}).rows[0].key
    more = [*alerts[:7], *alerts[8:], at(2, "PodNotReady", node="worker-7", pod="web-worker-7-9")]
    second = study_again(first, (), more)
    head = arrange_problems(more, second.study.correlation, seen={}).rows[0]
    assert (head.key, head.count) == (key, 5)


def test_what_does_not_count_is_not_correlated_again() -> None:
    alerts = [*ALONE, *node("worker-7", 0)]
    first = study_again(None, (), alerts)
    assert study_again(first, (), list(reversed(alerts))) is first
    assert study_again(first, (), alerts[1:]) is not first


def test_an_alert_that_the_correlation_does_not_know_stands_alone() -> None:
    alerts = [*ALONE, *node("worker-7", 0)]
    found = correlate(alerts[1:])
    view = arrange_problems(alerts, found, seen={})
    assert alerts[0].id in {row.key for row in view.rows}
