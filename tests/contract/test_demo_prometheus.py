"""The demo's Prometheus, read through the console's own reader and asked what the real one is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from math import isfinite

import pytest

from services.demo.rules import GROUPS
from services.http import ReadClient
from services.http_settings import HttpSettings
from services.metrics.prometheus import PrometheusReader
from services.vocabulary.errors import FailureKind, SourceError
from tests.support.demo import Demo, serve_demo

RATIO = (
    'sum by (namespace, service) (rate(http_requests_total{code=~"5..",service="checkout"}[1m])) '
    '/ sum by (namespace, service) (rate(http_requests_total{service="checkout"}[1m]))'
)


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo(300.0) as demo:
        yield demo


@pytest.fixture
async def reader(demo: Demo) -> AsyncIterator[PrometheusReader]:
    client = ReadClient(HttpSettings("prometheus demo", demo.servers.prometheus_url))
    yield PrometheusReader(client)
    await client.close()


async def test_the_plot_of_the_story(demo: Demo, reader: PrometheusReader) -> None:
    answer = await reader.query_range(RATIO, demo.now - timedelta(seconds=600), demo.now, 10)
    (series,) = answer.series
    assert dict(series.labels) == {"namespace": "shop", "service": "checkout"}
    assert len(series.values) == 61
    assert all(isfinite(value) for value in series.values)
    assert max(series.values[:35]) < 0.01
    assert series.values[-1] > 0.05


async def test_every_rule_can_be_plotted_without_its_comparison(demo: Demo, reader: PrometheusReader) -> None:
    for group in GROUPS:
        for rule in group.rules:
            expression = rule.expression.rsplit(" ", 2)[0] if rule.name != "Watchdog" else rule.expression
            answer = await reader.query_range(expression, demo.now - timedelta(hours=1), demo.now, 30)
            assert answer.series, rule.name
            assert all(isfinite(value) for series in answer.series for value in series.values)


async def test_instant_queries(demo: Demo, reader: PrometheusReader) -> None:
    firing = await reader.query('count by (alertname) (ALERTS{alertstate="firing"})')
    counts = {dict(sample.labels)["alertname"]: sample.value for sample in firing.samples}
    assert counts["PodCrashLooping"] == 12
    assert counts["Watchdog"] == 1
    (down,) = (await reader.query("up == 0")).samples
    assert dict(down.labels)["instance"] == "node-17:9100"
    assert down.time == pytest.approx(demo.now.timestamp())
    (scalar,) = (await reader.query("1 + 1")).samples
    assert (scalar.labels, scalar.value) == ((), 2.0)
    assert (await reader.buildinfo()).version


async def test_nobody_sees_the_future(demo: Demo, reader: PrometheusReader) -> None:
    answer = await reader.query_range("sum(up)", demo.now, demo.now + timedelta(minutes=10), 60)
    assert [len(series.values) for series in answer.series] == [1]
    assert (await reader.query("up", demo.now + timedelta(days=40_000))).samples == ()


async def test_the_reader_hears_what_the_demo_does_not_know(reader: PrometheusReader) -> None:
    with pytest.raises(SourceError, match="the demo does not know the function 'deriv'") as caught:
        await reader.query("deriv(up[5m])")
    assert caught.value.kind is FailureKind.REJECTED


@pytest.mark.parametrize(
    ("path", "status", "kind", "said"),
    [
        ("query?query=", 400, "bad_data", "no expression"),
        ("query?query=up&time=soon", 400, "bad_data", 'invalid parameter "time"'),
        ("query?query=up-on(job)up", 422, "execution", "duplicate series"),
        ("query_range?query=up&start=0&end=11001&step=1", 400, "bad_data", "11,000 points"),
        ("query_range?query=up&start=10&end=5&step=1", 400, "bad_data", "before start"),
        ("query_range?query=up&start=1&end=5&step=0", 400, "bad_data", "zero or negative"),
        ("query_range?query=up&start=1&end=5&step=x", 400, "bad_data", 'invalid parameter "step"'),
        ("query_range?query=up[5m]&start=1&end=5&step=1", 400, "bad_data", "range vector"),
        ("series", 400, "bad_data", "match[]"),
        ("series?match[]=1%2B1", 400, "bad_data", "not a series selector"),
        ("label/no-label/values", 400, "bad_data", "invalid label name"),
        ("rules?type=other", 400, "bad_data", "not supported"),
    ],
)
async def test_refusals(demo: Demo, path: str, status: int, kind: str, said: str) -> None:
    got, body = await demo.prometheus("GET", f"/api/v1/{path}")
    assert got == status
    assert isinstance(body, dict)
    assert (body["status"], body["errorType"]) == ("error", kind)
    assert said in body["error"]


async def test_forms_and_rfc3339_and_durations(demo: Demo) -> None:
    start, end = "2026-03-02T19:30:07Z", "2026-03-02T19:31:07.000Z"
    form = {"query": "up{node='node-17'}", "start": start, "end": end, "step": "30s"}
    status, body = await demo.prometheus("POST", "/api/v1/query_range", data=form)
    assert status == 200
    assert isinstance(body, dict)
    ((series,), kind) = (body["data"]["result"], body["data"]["resultType"])
    assert kind == "matrix"
    assert [value for _, value in series["values"]] == ["0", "0", "0"]
    assert (await demo.prometheus("GET", "/api/v1/query_range", params=form)) == (status, body)


async def test_rules_and_alerts(demo: Demo) -> None:
    _, body = await demo.prometheus("GET", "/api/v1/rules?type=alert")
    assert isinstance(body, dict)
    rules = {rule["name"]: rule for group in body["data"]["groups"] for rule in group["rules"]}
    assert rules["HighErrorRate"]["state"] == "firing"
    assert rules["HighErrorRate"]["query"].endswith("> 0.02")
    assert rules["HighErrorRate"]["alerts"][0]["value"].endswith(("e-01", "e-02"))
    _, body = await demo.prometheus("GET", "/api/v1/alerts")
    assert isinstance(body, dict)
    assert all("cluster" not in alert["labels"] for alert in body["data"]["alerts"])
    demo.clock.turn(-170)
    _, body = await demo.prometheus("GET", "/api/v1/alerts")
    assert isinstance(body, dict)
    assert "pending" in {alert["state"] for alert in body["data"]["alerts"]}


async def test_labels_series_targets_metadata(demo: Demo) -> None:
    _, names = await demo.prometheus("GET", "/api/v1/labels")
    assert isinstance(names, dict)
    assert {"__name__", "service", "le", "pod", "alertstate"} <= set(names["data"])
    _, services = await demo.prometheus("GET", "/api/v1/label/service/values?match[]=http_requests_total")
    assert isinstance(services, dict)
    assert len(services["data"]) == 14
    _, series = await demo.prometheus("GET", "/api/v1/series", params={"match[]": '{job="node-agent",__name__="up"}'})
    assert isinstance(series, dict)
    assert len(series["data"]) == 8
    _, targets = await demo.prometheus("GET", "/api/v1/targets")
    assert isinstance(targets, dict)
    down = [one["labels"]["instance"] for one in targets["data"]["activeTargets"] if one["health"] == "down"]
    assert down == ["node-17:9100"]
    _, metadata = await demo.prometheus("GET", "/api/v1/metadata?metric=http_request_duration_seconds")
    assert isinstance(metadata, dict)
    assert metadata["data"]["http_request_duration_seconds"][0]["type"] == "histogram"
    _, runtime = await demo.prometheus("GET", "/api/v1/status/runtimeinfo")
    assert isinstance(runtime, dict)
    assert runtime["data"]["serverTime"].startswith("2026-03-02T19:31:07")
