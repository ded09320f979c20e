"""The demo's alerts follow from its rules and metrics, and tell the story."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.demo import story
from services.demo.evaluator import Evaluator
from services.demo.firing import Firings
from services.demo.promql import parse
from services.demo.routing import AlertBook, fingerprint
from services.demo.rules import GROUPS, expand, go_exponent, go_float
from services.demo.silences import Silences
from services.demo.vectors import Vector
from services.demo.world import World
from tests.support.clock import ManualClock

EPOCH = datetime(2026, 3, 2, 19, 31, 7, tzinfo=UTC)
STANDING = {"Watchdog", "DiskFull", "ConsumerLag", "CertificateExpiresSoon"}


@pytest.fixture(scope="module")
def firings() -> Firings:
    return Firings(World(7, EPOCH))


def firing(firings: Firings, at: float) -> set[tuple[str, str]]:
    found = [one for one in firings.at(at) if one.state(at) == "firing"]
    return {(one.labels["alertname"], one.labels.get("service", "")) for one in found} - {
        (one.labels["alertname"], one.labels.get("service", "")) for one in found if one.labels["alertname"] in STANDING
    }


@pytest.mark.parametrize("turn", [0, 3])
@pytest.mark.parametrize("seed", [7, 11, 1234])
def test_calm_then_a_pile_of_alerts_then_calm(seed: int, turn: int) -> None:
    firings, start = Firings(World(seed, EPOCH)), turn * story.TURN
    assert firing(firings, start + 50) == set()
    assert firing(firings, start + 100) == set()
    assert ("HighErrorRate", "checkout") in firing(firings, start + 180)
    assert firing(firings, start + 300) == {
        ("HighErrorRate", "checkout"),
        ("HighLatencyP99", "checkout"),
        ("HighLatencyP99", "cart"),
        ("HighLatencyP99", "frontend"),
        ("PodCrashLooping", "checkout"),
        ("DeploymentReplicasMissing", "checkout"),
        ("DeploymentRolloutStuck", "checkout"),
        ("TargetDown", ""),
        ("NodeOverloaded", ""),
    }
    looping = [one for one in firings.at(start + 300) if one.rule.name == "PodCrashLooping"]
    assert len(looping) == 12
    assert firing(firings, start + 599) == set()
    assert firing(firings, start + 850) == set()


def test_what_stands_is_old_and_stays(firings: Firings) -> None:
    for at in (0.0, 500.0, 5000.0):
        names = {one.rule.name: one for one in firings.at(at) if one.rule.name in STANDING}
        assert names.keys() == STANDING
        assert names["DiskFull"].fires == pytest.approx(-7200, abs=600)
        assert names["DiskFull"].labels["persistentvolumeclaim"] == "data-orders-db-2"


def test_an_alert_fires_exactly_while_its_expression_holds(firings: Firings) -> None:
    world = World(7, EPOCH)
    for at in (45.0, 150.0, 240.0, 300.0, 455.0, 520.0):
        for group in GROUPS:
            last = at // group.interval * group.interval
            for rule in group.rules:
                result = Evaluator(firings, [last], world.epoch_seconds).evaluate(parse(rule.expression))
                assert isinstance(result, Vector)
                true = {tuple(sorted(expanded(labels, rule.labels).items())) for labels, _ in result.columns}
                active = {
                    tuple(sorted((name, text) for name, text in one.labels.items() if name != "alertname"))
                    for one in firings.at(at, group)
                    if one.rule is rule
                }
                assert active == true, (rule.name, at)


def expanded(labels: dict[str, str], extra: object) -> dict[str, str]:
    assert isinstance(extra, dict)
    kept = {name: text for name, text in labels.items() if name != "__name__"}
    return {**kept, **{name: expand(text, kept, 0.0) for name, text in extra.items()}}


def test_critical_alerts_inhibit_lesser_ones_of_the_same_service() -> None:
    clock = ManualClock(EPOCH)
    world = World(7, EPOCH)
    book = AlertBook(world, Firings(world), Silences(world, clock))
    standing = {
        (one.alert.labels["alertname"], one.alert.labels.get("service", "")): one for one in book.standing(300.0)
    }
    assert standing["HighLatencyP99", "checkout"].inhibited_by
    assert not standing["HighLatencyP99", "cart"].suppressed
    assert standing["DiskFull", ""].silenced_by
    assert not standing["HighErrorRate", "checkout"].suppressed


def test_a_flood_is_seeded_and_mostly_active() -> None:
    def flooded(seed: int) -> list[str]:
        world = World(seed, EPOCH, flood=2000)
        book = AlertBook(world, Firings(world), Silences(world, ManualClock(EPOCH)))
        standing = book.standing(0.0)
        assert len(standing) == 2000 + len(STANDING)
        assert sum(not one.suppressed for one in standing) >= 2000
        return [one.alert.fingerprint for one in standing]

    assert flooded(7) == flooded(7)
    assert len(set(flooded(7))) == 2000 + len(STANDING)
    assert flooded(7) != flooded(8)


def test_fingerprint_is_that_of_alertmanager() -> None:
    # FNV-1a of nothing is the offset basis; of one label the bytes "a" FF "b" FF.
    assert fingerprint({}) == "cbf29ce484222325"
    assert fingerprint({"a": "b"}) == fnv(b"a\xffb\xff")
    assert fingerprint({"b": "1", "a": "2"}) == fnv(b"a\xff2\xffb\xff1\xff")


def fnv(data: bytes) -> str:
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"


@pytest.mark.parametrize(
    ("value", "plain", "exponent"),
    [
        (0.0, "0", "0e+00"),
        (1.0, "1", "1e+00"),
        (0.125, "0.125", "1.25e-01"),
        (1234.5, "1234.5", "1.2345e+03"),
        (0.00001, "0.00001", "1e-05"),
        (1e-7, "1e-07", "1e-07"),
        (1e21, "1e+21", "1e+21"),
        (123456789012.0, "123456789012", "1.23456789012e+11"),
        (float("inf"), "+Inf", "+Inf"),
        (float("-inf"), "-Inf", "-Inf"),
        (float("nan"), "NaN", "NaN"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, plain: str, exponent: str) -> None:
    assert go_float(value) == plain
    assert go_exponent(value) == exponent


def test_templates() -> None:
    text = "{{ $labels.service }} fails {{ $value | humanizePercentage }}; {{$labels.missing}}{{ $value | humanize }}"
    assert expand(text, {"service": "cart"}, 0.1234) == "cart fails 12.34%; 0.1234"
    assert expand("{{ $value | humanizeDuration }}", {}, 0.25) == "250ms"
    assert expand("{{ $value | humanize }}", {}, 26_000.0) == "26k"
