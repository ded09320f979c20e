"""What completion offers of the alerts, and how little a key costs where there are many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.alerts.commands import COMMANDS
from services.alerts.model import Alert
from services.alerts.needs import AlertsNeeds
from services.alerts.offers import AT_ONCE, AlertOffers
from services.registry import Registry
from services.safety.plan import Plan
from tests.support.clock import EPOCH, ManualClock
from tests.unit.test_alerts_commands import needs
from tests.unit.test_alerts_view import alert


class Nobody:
    """Stands where writes go; none is made here."""

    async def execute(self, plan: Plan, **_: object) -> None:
        raise AssertionError


def registry_of(needed: AlertsNeeds) -> Registry:
    registry = Registry(Nobody())  # type: ignore[arg-type]
    registry.add(COMMANDS, needed)
    return registry


def values(offers: AlertOffers, typed: str, limit: int = 50) -> list[str]:
    return [one.value for one in offers.matching(typed, limit)]


def twin(cluster: str, digits: str, name: str = "A", **labels: str) -> Alert:
    return Alert(cluster, "prod", digits, {"alertname": name, "severity": "critical", **labels}, {}, EPOCH)


def flood(count: int) -> list[Alert]:
    return [
        alert(f"Flood{number % 97}", ("critical", "warning", "info")[number % 3], number % 500, instance=f"n-{number}")
        for number in range(count)
    ]


def test_what_needs_a_person_is_offered_first() -> None:
    acked, warning, old, young = (
        alert("Acked", "critical", 1, "acked"),
        alert("Warning", "warning", 1),
        alert("Old", "critical", 60),
        alert("Young", "critical", 2),
    )
    offers = AlertOffers(lambda: [acked, warning, old, young], ManualClock())
    assert values(offers, "") == [one.fingerprint[:6] for one in (young, old, warning, acked)]
    assert offers.matching("", 1)[0].hint == "Young, crit, 2m, prod"


def test_an_id_is_found_by_its_beginning_then_by_what_the_alert_is_about() -> None:
    first = twin("eu", "aabbcc0000000001", "Disk", instance="db-2")
    second = twin("eu", "ddaabb0000000001", "Queue\naabb", service="Orders")
    offers = AlertOffers(lambda: [second, first], ManualClock())
    assert values(offers, "aabb") == ["aabbcc", "ddaabb"]
    assert values(offers, "AABBCC0000000001") == ["aabbcc"]
    assert values(offers, "orders") == ["ddaabb"]
    assert values(offers, "db-2") == ["aabbcc"]
    assert values(offers, "eu/dd") == ["eu/ddaabb"]
    assert values(offers, "us/dd") == []
    assert values(offers, "nothing") == []
    assert values(offers, "aabb", limit=1) == ["aabbcc"]


def test_a_fingerprint_of_two_clusters_names_the_cluster() -> None:
    offers = AlertOffers(lambda: [twin("eu", "aabbcc0000000001"), twin("us", "aabbcc0000000001")], ManualClock())
    assert values(offers, "aa") == ["eu/aabbcc", "us/aabbcc"]


@pytest.mark.parametrize("line", ["/alerts ack ", "/alerts ack 3f", "/alerts ack node", "/alerts list sev"])
async def test_a_key_costs_less_than_five_milliseconds_with_ten_thousand_alerts(line: str) -> None:
    alerts = flood(10_000)
    registry = registry_of(replace(needs(alerts), latest=lambda: list(alerts)))
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        assert registry.complete(line, len(line)).candidates or "node" in line
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(0)
    assert min(took) < 0.005


async def test_many_new_alerts_are_taken_in_beside_the_loop() -> None:
    known: Sequence[Alert] = flood(AT_ONCE + 2)
    offers = AlertOffers(lambda: known, ManualClock())
    last = min(known, key=lambda one: (one.severity.rank, -one.starts_at.timestamp()))
    assert len(values(offers, "", limit=10_000)) < len(known)
    async with asyncio.timeout(120):
        while len(values(offers, "", limit=10_000)) < len(known):
            await asyncio.sleep(0.001)
    assert last.fingerprint.startswith(values(offers, "")[0])
    known = known[1:]
    # Until the thread is done, what was known before is offered.
    assert len(values(offers, "", limit=10_000)) == len(known) + 1
    async with asyncio.timeout(120):
        while len(values(offers, "", limit=10_000)) > len(known):
            await asyncio.sleep(0.001)


def test_offers_that_look_alike_tell_what_differs() -> None:
    two = [twin("eu", digits * 8, "Disk", service="db", instance=f"db-{digits}") for digits in ("aa", "bb")]
    hints = [one.hint for one in AlertOffers(lambda: two, ManualClock()).matching("", 5)]
    assert hints == [f"Disk db instance=db-{digits}, crit, 0s, prod" for digits in ("aa", "bb")]
