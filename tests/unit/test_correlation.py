"""Alerts become problems: what belongs together is, whatever the labels are called, and it stays so."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2s
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.alerts.model import Alert
from services.correlation.correlate import correlate, study
from services.correlation.model import CauseKind, Correlation, EvidenceKind
from services.deployments.model import Deployment, Revision, RolloutState
from tests.bench.correlation.measures import pairwise
from tests.bench.correlation.storms import SCHEMAS, storm
from tests.support.clock import EPOCH

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def alert(at: float, text: str = "", *, inhibited_by: tuple[str, ...] = (), **labels: str) -> Alert:
    """An alert that began ``at`` seconds after the epoch of tests; labels and text make its fingerprint."""
    seed = repr((sorted(labels.items()), text, at)).encode("utf-8", "surrogatepass")
    fingerprint = blake2s(seed, digest_size=8).hexdigest()
    annotations = {"summary": text} if text else {}
    begun = EPOCH + timedelta(seconds=at)
    return Alert("eu", "prod", fingerprint, labels, annotations, begun, inhibited_by=inhibited_by)


def groups(found: Correlation) -> set[frozenset[str]]:
    """The partition alone."""
    return {frozenset(problem.members) for problem in found.problems}


def together(found: Correlation, *alerts: Alert) -> bool:
    """Whether all of ``alerts`` are in one problem."""
    return len({found.places[one.id] for one in alerts}) == 1


def quiet(count: int = 12) -> list[Alert]:
    """Alerts that have nothing to do with each other, hours apart."""
    return [alert(-7200.0 * (index + 1), check=f"Odd{index}", box=f"odd-box-{index}") for index in range(count)]


def rollout(name: str, before: float, *, namespace: str = "shop", number: int = 12) -> Deployment:
    """A Deployment that came to a revision so many seconds before the epoch of tests."""
    made = EPOCH - timedelta(seconds=before)
    revision = Revision(number, made, ("image:12",), current=True)
    return Deployment(
        "prod",
        "prod",
        namespace,
        name,
        "Deployment",
        1,
        3,
        1,
        number,
        made,
        RolloutState.ROLLING,
        revisions=(revision,),
    )


# Any alerts --------------------------------------------------------------------------------------------------------

_values = st.sampled_from(
    ["db-1", "db-2", "10.0.0.7:9100", "web", "checkout-7d9f8b6c5-x2x9z", "eu", "1", "", "true", "ü"]
)
_labels = st.dictionaries(
    st.sampled_from(["alertname", "host", "service", "zone", "severity", "Ж"]), _values, max_size=5
)
_any_alerts = st.lists(
    st.builds(
        lambda labels, text, at, number: Alert(
            "eu", "prod", f"{number:016x}", labels, {"summary": text} if text else {}, EPOCH + timedelta(seconds=at)
        ),
        _labels,
        st.sampled_from(["", "db-1 is down", "timeout calling db-2", "\x00\ud83d", "95.2% of 10.0.0.7"]),
        st.integers(-100_000, 100_000),
        st.integers(0, 40),
    ),
    max_size=30,
)


@SLOW
@given(_any_alerts, st.randoms(use_true_random=False))
def test_each_alert_is_in_exactly_one_problem_and_the_order_changes_nothing(
    alerts: list[Alert], random: Random
) -> None:
    alerts = list({one.id: one for one in alerts}.values())
    found = correlate(alerts)
    members = [member for problem in found.problems for member in problem.members]
    assert sorted(members) == sorted(one.id for one in alerts)
    assert all(found.problems[place].members.count(member) == 1 for member, place in found.places.items())
    assert len({problem.id for problem in found.problems}) == len(found.problems)
    random.shuffle(alerts)
    assert correlate(alerts) == found


@pytest.mark.parametrize("schema", list(SCHEMAS))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_correlating_again_with_what_is_known_changes_nothing(schema: str, seed: int) -> None:
    one = storm(seed, schema)
    first = correlate(one.alerts, one.deployments)
    held = {member: problem.id for problem in first.problems for member in problem.members}
    again = correlate(one.alerts, one.deployments, held)
    assert groups(again) == groups(first)
    assert {problem.id for problem in again.problems} == {problem.id for problem in first.problems}


@pytest.mark.parametrize("schema", list(SCHEMAS))
def test_one_alert_that_comes_or_goes_moves_no_other(schema: str) -> None:
    one = storm(7, schema, causes=2)
    first = correlate(one.alerts, one.deployments)
    held = {member: problem.id for problem in first.problems for member in problem.members}
    moved = 0
    for gone in Random(1).sample(one.alerts, 20):
        rest = [other for other in one.alerts if other is not gone]
        after = correlate(rest, one.deployments, held)
        now = {member: problem.id for problem in after.problems for member in problem.members}
        moved += sum(now[other.id] != held[other.id] for other in rest)
    assert moved <= 0.01 * 20 * len(one.alerts)


@pytest.mark.parametrize("schema", list(SCHEMAS))
def test_simulated_storms_are_taken_apart(schema: str) -> None:
    qualities = []
    for seed in range(8):
        one = storm(seed, schema, causes=4, within=7200)
        found = correlate(one.alerts, one.deployments)
        qualities.append(pairwise(found.places, one.truth).f1)
    assert sum(qualities) / len(qualities) > 0.65


# What belongs together ---------------------------------------------------------------------------------------------


def test_nothing_is_no_problem() -> None:
    assert correlate([]) == Correlation()
    assert study([]).explain("eu/0") is None


def test_labels_of_any_name_identify_things() -> None:
    rack = [alert(index * 20.0, alarm=f"PSU{index}", gestell="rack-17", einschub=f"e{index}") for index in range(5)]
    other = [
        alert(40 + index * 20.0, alarm=f"Fan{index}", gestell="rack-03", einschub=f"f{index}") for index in range(5)
    ]
    noise = [alert(-3600.0 * index, alarm=f"x{index}", gestell=f"rack-{40 + index}") for index in range(1, 20)]
    found = correlate([*rack, *other, *noise])
    assert together(found, *rack)
    assert together(found, *other)
    assert not together(found, rack[0], noise[0])


def test_the_same_machine_is_known_under_other_labels_and_in_texts() -> None:
    node = alert(0, alertname="NodeNotReady", node="worker-7")
    scrape = alert(60, alertname="TargetDown", instance="worker-7.eu.example.net:9100", job="node")
    told = alert(90, "replica of orders on worker-7 is gone", alertname="ReplicaLost", service="orders")
    found = correlate([node, scrape, told, *quiet()])
    assert together(found, node, scrape, told)
    cause = found.problem_of(node.id).cause  # type: ignore[union-attr]
    assert (cause.kind, cause.label, cause.subject) == (CauseKind.THING, "node", "worker-7")


def test_a_caller_that_blames_another_is_a_symptom_of_it() -> None:
    store = alert(0, alertname="PostgresDown", service="orders-db")
    caller = alert(40, "errors calling orders-db", alertname="HighErrorRate", service="orders")
    edge = alert(80, "upstream orders answers 503", alertname="HighErrorRate", service="gateway")
    found = correlate([edge, caller, store, *quiet()])
    assert together(found, store, caller, edge)
    assert found.problem_of(edge.id).cause.subject == "orders-db"  # type: ignore[union-attr]


def test_both_ends_of_a_call_in_labels_are_caller_and_called() -> None:
    calls = [
        alert(index * 15.0, alertname="HighLatency", source_workload=caller, destination_workload="ledger")
        for index, caller in enumerate(("orders", "billing", "refunds"))
    ]
    found = correlate([*calls, *quiet()])
    assert together(found, *calls)
    assert found.problem_of(calls[0].id).cause.subject == "ledger"  # type: ignore[union-attr]


def test_old_alerts_of_the_same_place_stay_out() -> None:
    old = [alert(-86400.0 * index, alertname=f"Old{index}", node="worker-7") for index in (3, 5)]
    new = [alert(index * 20.0, alertname=f"New{index}", node="worker-7") for index in range(4)]
    found = correlate([*old, *new, *quiet()])
    assert together(found, *new)
    assert not together(found, old[0], new[0])


def test_steady_noise_is_not_drawn_into_a_storm() -> None:
    flapping = [
        alert(300.0 * index, alertname="CPUThrottling", pod=f"batch-{index}", namespace=f"ns-{index % 7}")
        for index in range(-30, 30)
    ]
    storm = [alert(index * 3.0, alertname="PodNotReady", pod=f"web-{index}", node="worker-7") for index in range(20)]
    found = correlate([*flapping, *storm])
    assert together(found, *storm)
    inside = Counter(found.places[one.id] for one in flapping)[found.places[storm[0].id]]
    assert inside <= 3


def test_what_is_on_everything_joins_nothing() -> None:
    spread = [
        alert(index * 1800.0, alertname=f"Rule{index}", service=f"service-{index}", cluster="prod", team="sre")
        for index in range(30)
    ]
    assert all(problem.count <= 2 for problem in correlate(spread).problems)


def test_two_broken_things_at_one_time_are_two_problems() -> None:
    node = [
        alert(5.0 * index, alertname="PodNotReady", pod=f"web-{index}", node="worker-7", zone="eu")
        for index in range(6)
    ]
    node.append(alert(0, alertname="NodeNotReady", node="worker-7", zone="eu"))
    store = [alert(4 + 5.0 * index, "calling orders-db failed", alertname="HighErrorRate", service=name, zone="eu")
             for index, name in enumerate(("orders", "billing", "refunds", "carts"))]  # fmt: skip
    store.append(alert(2, alertname="PostgresDown", service="orders-db", zone="eu"))
    found = correlate([*node, *store, *quiet()])
    assert together(found, *node)
    assert together(found, *store)
    assert not together(found, node[0], store[0])
    causes = {problem.cause.subject for problem in found.problems if problem.count > 3}
    assert causes == {"worker-7", "orders-db"}


def test_inhibition_is_believed() -> None:
    source = alert(0, alertname="SiteDown", site="eu-1")
    target = alert(-30000, alertname="Slow", service="far-away", inhibited_by=(source.fingerprint,))
    made = study([source, target, *quiet()])
    assert together(made.correlation, source, target)
    problem = made.correlation.problem_of(target.id)
    assert problem is not None
    assert EvidenceKind.INHIBITION in {one.kind for one in problem.evidence}
    assert problem.cause.alert == source.id
    explanation = made.explain(target.id)
    assert explanation is not None
    assert explanation.role == "inhibited"
    assert explanation.reasons[0].text == "Alertmanager inhibits it while SiteDown fires"


# Causes ------------------------------------------------------------------------------------------------------------


def crashing() -> list[Alert]:
    """What a bad version of checkout makes."""
    pods = [
        alert(10.0 * index, alertname="PodCrashLooping", namespace="shop", pod=f"checkout-7d9f8b6c5-x2x{index}z")
        for index in range(4)
    ]
    return [*pods, alert(60, alertname="HighErrorRate", namespace="shop", service="checkout")]


def test_a_rollout_just_before_is_the_cause() -> None:
    found = correlate(
        [*crashing(), *quiet()], [rollout("checkout", 240), rollout("cart", 30), rollout("checkout", 90_000)]
    )
    problem = found.problems[found.places[crashing()[0].id]]
    assert problem.cause.kind is CauseKind.ROLLOUT
    assert problem.cause.subject == "shop/checkout"
    assert problem.cause.text == "began 4m after revision 12 of checkout"
    assert problem.evidence[0].kind is EvidenceKind.CHANGE


@pytest.mark.parametrize(
    "deployment",
    [
        rollout("checkout", 7200),
        rollout("checkout", -600),
        rollout("checkout", 240, namespace="staging"),
        rollout("catalog", 240),
    ],
    ids=["long before", "afterwards", "elsewhere", "another"],
)
def test_no_other_rollout_is(deployment: Deployment) -> None:
    found = correlate([*crashing(), *quiet()], [deployment])
    assert all(problem.cause.kind is not CauseKind.ROLLOUT for problem in found.problems)


def test_ids_are_the_same_wherever_the_same_alerts_are_seen() -> None:
    one = storm(3, "kubernetes")
    ids = {problem.id for problem in correlate(one.alerts).problems}
    assert ids == {problem.id for problem in correlate(tuple(reversed(one.alerts))).problems}


def test_a_problem_keeps_its_id_when_its_first_alert_ends() -> None:
    alerts = crashing()
    first = correlate([*alerts, *quiet()])
    held = {member: problem.id for problem in first.problems for member in problem.members}
    after = correlate([*alerts[1:], *quiet()], (), held)
    assert after.problems[after.places[alerts[2].id]].id == held[alerts[0].id]


def test_an_explanation_tells_for_and_against() -> None:
    made = study([*crashing(), *quiet()])
    explanation = made.explain(crashing()[-1].id)
    assert explanation is not None
    assert explanation.role == "symptom"
    texts = [one.text for one in explanation.reasons]
    assert "it is about service checkout, which 4 of 4 others name too" in texts
    assert any(text.startswith("it began") for text in texts)
    assert explanation.nearest is not None
    assert explanation.against
    alone = made.explain(quiet()[0].id)
    assert alone is not None
    assert alone.role == "alone"


def test_hostile_values_do_no_harm() -> None:
    values = ("\x1b[31m", "\u202e", "a" * 100_000, "-" * 5000 + "1", "a." * 3000, "://" * 900, "\ud800")
    alerts = [alert(index, text=value, alertname=value, host=value) for index, value in enumerate(values)]
    assert sum(problem.count for problem in correlate(alerts).problems) == len(values)


def test_a_correlation_is_frozen() -> None:
    found = correlate(crashing())
    with pytest.raises(AttributeError):
        found.problems[0].id = "x"  # type: ignore[misc]
    assert msgspec.structs.replace(found.problems[0]) == found.problems[0]
    assert replace(rollout("x", 1)).name == "x"
