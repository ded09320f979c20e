"""Burn rates, conditions, and objectives that others have recorded."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.burn import DAY, HOUR, Urgency, budget_left, burn_rate, conditions, judge, urgency
from services.metrics.discovering import pyrra_standings, sloth_standings
from services.metrics.model import Sample
from services.metrics.objective import Standing, configured, prometheus_duration

MONTH = 30 * DAY


def test_thirty_days_have_the_factors_of_the_workbook() -> None:
    found = [(one.urgency, one.long, one.short, round(one.factor, 9)) for one in conditions(MONTH)]
    assert found == [
        (Urgency.PAGE, HOUR, 300, 14.4),
        (Urgency.PAGE, 6 * HOUR, 1800, 6.0),
        (Urgency.TICKET, DAY, 2 * HOUR, 3.0),
        (Urgency.TICKET, 3 * DAY, 6 * HOUR, 1.0),
    ]


@given(st.floats(min_value=DAY, max_value=366 * DAY))
def test_a_condition_that_lasts_spends_its_share(period: float) -> None:
    shares = [one.factor * one.long / period for one in conditions(period)]
    assert shares == pytest.approx([0.02, 0.05, 0.1, 0.1])


@given(st.floats(0, 1), st.floats(min_value=0.001, max_value=0.9999))
def test_burn_and_budget(ratio: float, target: float) -> None:
    assert budget_left(ratio, target) == pytest.approx(1 - ratio / (1 - target))
    assert burn_rate(1 - target, target) == 1


@pytest.mark.parametrize("held", list(product([False, True], repeat=4)))
def test_the_most_urgent_condition_that_holds_counts(held: tuple[bool, ...]) -> None:
    every = conditions(MONTH)
    burns: dict[int, float] = {}
    for condition, holds in zip(every, held, strict=True):
        for window in (condition.long, condition.short):
            # A window that two conditions share must satisfy the stricter one; here only what holds is raised.
            burns[window] = max(burns.get(window, 0.0), condition.factor + 1 if holds else 0.0)
    found = judge(burns, every, {}, 0)
    expected = Urgency.PAGE if any(held[:2]) else Urgency.TICKET if any(held[2:]) else Urgency.NONE
    assert urgency(found) is expected


def test_both_windows_must_exceed_and_not_equal() -> None:
    (first, *_) = conditions(MONTH)
    exactly = judge({first.long: first.factor, first.short: 99}, (first,), {}, 0)
    only_long = judge({first.long: 99, first.short: 1}, (first,), {}, 0)
    both = judge({first.long: 99, first.short: 99}, (first,), {}, 0)
    assert [one[0].holds for one in (exactly, only_long, both)] == [False, False, True]


def test_what_is_not_known_is_not_ok() -> None:
    every = conditions(MONTH)
    assert urgency(judge({}, every, {}, 0)) is Urgency.UNKNOWN
    assert urgency(judge(dict.fromkeys((300, HOUR), math.nan), every, {}, 0)) is Urgency.UNKNOWN
    assert urgency(judge({300: 99, HOUR: 99}, every, {}, 0)) is Urgency.PAGE
    assert urgency(()) is Urgency.UNKNOWN


def test_few_events_ask_for_nobody() -> None:
    every = conditions(MONTH)
    burns = {window: 99.0 for one in every for window in (one.long, one.short)}
    quiet = {one.long: 3.0 for one in every}
    assert urgency(judge(burns, every, quiet, 10)) is Urgency.NONE
    assert urgency(judge(burns, every, quiet, 3)) is Urgency.PAGE


def test_a_configured_objective_asks_over_each_window() -> None:
    one = configured("x", "", 0.99, MONTH, "sum(rate(bad[{{.window}}]))", "sum(rate(all[{{.window}}]))", 0)
    assert one.ratio_over(300) == ("((sum(rate(bad[5m]))) or 0 * (sum(rate(all[5m])))) / (sum(rate(all[5m])))")
    assert one.windows == (300, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY, MONTH)


@pytest.mark.parametrize(
    ("seconds", "text"), [(300, "5m"), (3600, "1h"), (5400, "90m"), (86_400, "1d"), (45, "45s"), (2_592_000, "30d")]
)
def test_windows_are_written_as_rules_write_them(seconds: int, text: str) -> None:
    assert prometheus_duration(seconds) == text


def sample(name: str, value: float, **labels: str) -> Sample:
    return Sample(tuple(sorted({"__name__": name, **labels}.items())), 0.0, value)


def test_sloth() -> None:
    labels = {"sloth_id": "shop-requests", "sloth_service": "shop"}
    samples = [sample(f"slo:sli_error:ratio_rate{window}", 0.02, **labels) for window in ("5m", "1h", "30m", "6h")]
    samples += [sample("slo:objective:ratio", 0.999, **labels), sample("slo:time_period:days", 30, **labels)]
    samples += [sample("slo:sli_error:ratio_rate30d", 0.0004, **labels)]
    samples += [sample("slo:sli_error:ratio_rate5m", 1, sloth_id="without-objective")]
    (standing,) = sloth_standings(samples)
    assert (standing.objective.name, standing.objective.service) == ("shop-requests", "shop")
    assert standing.urgency is Urgency.PAGE
    assert standing.budget == pytest.approx(0.6)
    assert standing.objective.ratio_over(HOUR) == 'slo:sli_error:ratio_rate1h{sloth_id="shop-requests"}'


def test_pyrra() -> None:
    labels = {"slo": "shop", "namespace": "monitoring"}
    samples = [sample(f"http_requests:burnrate{window}", 0.03, **labels) for window in ("5m", "1h", "2h", "1d")]
    samples += [sample("pyrra_objective", 0.99, **labels), sample("pyrra_window", 28 * DAY, **labels)]
    samples += [sample("pyrra_availability", 0.985, **labels)]
    (standing,) = pyrra_standings(samples)
    assert standing.objective.name == "monitoring/shop"
    assert standing.urgency is Urgency.TICKET
    assert standing.budget == pytest.approx(-0.5)
    assert standing.objective.ratio_over(HOUR) == 'http_requests:burnrate1h{namespace="monitoring", slo="shop"}'


def test_nothing_recorded_is_nothing_found() -> None:
    found: tuple[Standing, ...] = (*sloth_standings([]), *pyrra_standings([]))
    assert found == ()
