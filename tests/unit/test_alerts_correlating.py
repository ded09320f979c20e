"""``/alerts correlate``: what it prints, what it gives a program, and what it says where it does not know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.alerts.correlating import COMMANDS, CorrelatingNeeds
from services.alerts.model import Alert
from services.alerts.now import AlertsNow
from services.alerts.offers import AlertOffers
from services.command import Invocation, Result
from services.deployments.model import Deployment
from services.registry import Registry
from services.vocabulary.errors import NotFound
from services.vocabulary.snapshot import Freshness, FreshnessState
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import OPERATOR, agree
from tests.unit.test_correlation import alert, crashing, quiet, rollout

FRESH = Freshness("alertmanager eu", FreshnessState.FRESH, checked_at=EPOCH - timedelta(seconds=4))
FAILING = Freshness("alertmanager us", FreshnessState.FAILING, failing_since=EPOCH, reason="us: no connection")


async def do(
    line: str, alerts: Sequence[Alert], deployments: Sequence[Deployment] = (), **clusters: Freshness
) -> Result:
    async def current() -> AlertsNow:
        return AlertsNow(tuple(alerts), clusters or {"eu": FRESH})

    async def workloads() -> Sequence[Deployment]:
        return deployments

    clock = ManualClock()
    registry = Registry(None)
    registry.add(COMMANDS, CorrelatingNeeds(current, AlertOffers(lambda: alerts, clock), clock, workloads))
    return await registry.run(registry.parse(line), Invocation(OPERATOR, agree))


async def test_a_storm_is_told_as_problems() -> None:
    alerts = [*crashing(), *quiet(3)]
    result = await do("/alerts correlate", alerts, [rollout("checkout", 240)])
    assert result.ok
    assert result.message.startswith("1 problem of several alerts (5 in all), 3 standing alone; 8 firing")
    assert result.table is not None
    first = result.table.rows[0]
    assert first[1:3] == ("5", "began 4m after revision 12 of checkout")
    assert "alerts began within 1m" in first[-1]
    data = json.loads(json.dumps(result.data))
    (problem,) = [one for one in data if one["count"] > 1]
    assert problem["cause"]["kind"] == "rollout"
    assert problem["cause"]["subject"] == "shop/checkout"
    assert {one["fingerprint"] for one in problem["members"]} == {one.fingerprint for one in crashing()}
    assert problem["shared"] == {"namespace": "shop"}
    assert problem["evidence"][0] == {
        "kind": "change",
        "text": "began 4m after revision 12 of checkout",
        "weight": 10.0,
    }
    assert sum(one["count"] for one in data) == len(alerts)


async def test_one_alert_is_explained() -> None:
    chosen = crashing()[-1]
    result = await do(
        f"/alerts correlate {chosen.fingerprint[:10]}", [*crashing(), *quiet(3)], [rollout("checkout", 240)]
    )
    expected = (
        "HighErrorRate checkout is one problem with 4 other alerts, as its symptom: began 4m after revision 12 of"
    )
    assert result.message.startswith(expected)
    assert any(line.startswith("for ") and "service checkout" in line for line in result.lines)
    assert any(line.startswith("not with ") for line in result.lines)
    assert result.data["role"] == "symptom"
    assert result.data["problem"]["count"] == 5
    assert result.data["nearest"]["against"]


async def test_an_alert_alone_is_told_so() -> None:
    chosen = quiet(3)[0]
    result = await do(f"/alerts correlate {chosen.fingerprint}", [*crashing(), *quiet(3)])
    assert "stands alone: nothing that fires belongs with it" in result.message


async def test_an_alert_that_is_not_there_is_not_explained() -> None:
    with pytest.raises(NotFound):
        await do("/alerts correlate ffff", crashing())


async def test_what_is_not_known_is_said() -> None:
    result = await do("/alerts correlate", crashing(), eu=FRESH, us=FAILING)
    assert not result.ok
    assert "UNKNOWN: us gave no fresh answer" in result.message


async def test_nothing_firing_is_no_problem() -> None:
    result = await do("/alerts correlate", [])
    assert result.message == "0 problems of several alerts (0 in all), 0 standing alone; 0 firing, checked 4s ago"
    assert result.data == []


async def test_inhibited_alerts_are_told_as_such() -> None:
    source = alert(0, alertname="SiteDown", site="eu-1")
    target = alert(30, alertname="Slow", service="far", inhibited_by=(source.fingerprint,))
    result = await do(f"/alerts correlate {target.fingerprint}", [source, target])
    assert result.data["role"] == "inhibited"
