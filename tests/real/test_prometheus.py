"""A real Prometheus with rules that fire: read, and plotted for the alerts that a real Alertmanager was told of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from services.alerts.alertmanager import AlertmanagerReader
from services.alerts.model import Alert
from services.http import HttpSettings, ReadClient
from services.metrics.belonging import narrowed
from services.metrics.model import AlertPlot, RangeAnswer, Sample
from services.metrics.plot import plot_of
from services.metrics.prometheus import MOST_POINTS, PrometheusReader
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError
from tests.support.alertmanager_server import AlertmanagerServer, alertmanager_server
from tests.support.prometheus_server import EXTERNAL_URL, PrometheusServer, prometheus_server
from tests.support.waiting import until

pytestmark = pytest.mark.real

CLOCK = SystemClock()
POINTS = 2000  # a point a second over the shortest plot, as the server is only seconds old
RULES = r"""
groups:
- name: real
  rules:
  - record: job:requests:sum
    expr: sum by (job) (prometheus_http_requests_total)
  - record: thing
    expr: label_replace(label_replace(vector(7), "name", "a\\b\"c$$1\n{}", "", ""), "shard", "1", "", "")
  - record: thing
    expr: label_replace(label_replace(vector(9), "name", "other", "", ""), "shard", "2", "", "")
  - alert: ServerUp
    expr: up == 1
    labels: {severity: critical}
  - alert: Requests
    expr: 0.5 * 2 <= prometheus_http_requests_total{handler="/metrics", code=~"2.."} # more than one
    labels: {severity: warning, team: "{{ $labels.job }}"}
  - alert: Both
    expr: process_open_fds > 1 and on (instance) (up == 1)
  - alert: Absent
    expr: sum(up) == 5 or absent(nothing{job="x"})
  - alert: Limit
    expr: process_open_fds < on (instance) group_left () (process_max_fds * 0.9)
  - alert: Renamed
    expr: prometheus_build_info > 0
    labels: {version: "replaced"}
  - alert: Hostile
    expr: thing > 5
    labels: {severity: info}
"""


@dataclass(frozen=True)
class Production:
    """Both servers, and how the console reads them."""

    server: PrometheusServer
    metrics: PrometheusReader
    alerts: AlertmanagerReader

    async def alert(self, name: str, /, **labels: str) -> Alert:
        """The alert, as soon as Alertmanager has it."""

        async def look() -> Alert | None:
            for alert in await self.alerts.read():
                if alert.name == name and labels.items() <= alert.labels.items():
                    return alert
            return None

        return await until(look)

    async def plot(self, name: str, /, **labels: str) -> AlertPlot:
        """Its plot."""
        return await plot_of(await self.alert(name, **labels), self.metrics, CLOCK, POINTS)

    async def samples(self, expression: str) -> tuple[Sample, ...]:
        """What an expression gives, as soon as it gives something."""

        async def look() -> tuple[Sample, ...] | None:
            return (await self.metrics.query(expression)).samples or None

        return await until(look)


@asynccontextmanager
async def production(directory: Path, rules: str = RULES) -> AsyncIterator[Production]:
    async with AsyncExitStack() as stack:
        manager: AlertmanagerServer = await stack.enter_async_context(alertmanager_server(directory / "alertmanager"))
        server = await stack.enter_async_context(
            prometheus_server(directory / "prometheus", rules=rules, alertmanagers=[manager])
        )
        clients = [ReadClient(HttpSettings("prometheus", server.url)), ReadClient(HttpSettings("prod", manager.url))]
        for client in clients:
            stack.push_async_callback(client.close)
        reader = PrometheusReader(clients[0])
        yield Production(server, reader, AlertmanagerReader("prod", "prod", clients[1:]))


async def test_plots_of_alerts_that_fire(tmp_path: Path) -> None:
    async with production(tmp_path) as prod:
        up = await prod.alert("ServerUp")
        assert up.generator_url.startswith(EXTERNAL_URL)  # a host that does not exist, and is never asked for
        assert up.labels["region"] == "eu"

        plot = await prod.plot("ServerUp")
        (series,) = plot.series
        assert (plot.expression, plot.operator, plot.threshold, plot.note) == ("up", "==", 1.0, "")
        assert dict(series.labels)["instance"] == prod.server.url.removeprefix("http://")
        assert set(series.values) <= {0.0, 1.0}
        assert series.values[-1] == 1.0
        assert plot.onset == up.starts_at
        assert plot.step == 1
        assert plot.start < plot.onset < plot.end
        assert plot.start.timestamp() <= series.times[0] <= series.times[-1] <= plot.end.timestamp() + 0.001

        plot = await prod.plot("Requests")
        (series,) = plot.series
        assert plot.expression == 'prometheus_http_requests_total{code=~"2..",handler="/metrics"}'
        assert (plot.operator, plot.threshold, plot.note) == (">=", 1.0, "")
        assert list(series.values) == sorted(series.values)
        assert series.values[-1] >= 1

        plot = await prod.plot("Both")
        assert (plot.expression, plot.threshold) == ("process_open_fds", 1.0)
        assert len(plot.series) == 1
        assert plot.note == "the rule has further conditions"


async def test_plots_of_rules_that_are_not_so_plain(tmp_path: Path) -> None:
    async with production(tmp_path) as prod:
        plot = await prod.plot("Absent")
        assert (plot.expression, plot.threshold) == ('absent(nothing{job="x"})', None)
        assert [dict(series.labels) for series in plot.series] == [{"job": "x"}]
        assert "the one that fires" in plot.note

        plot = await prod.plot("Limit")
        (limit,) = await prod.samples("process_max_fds * 0.9")
        assert (plot.expression, plot.operator, plot.threshold) == ("process_open_fds", "<", limit.value)
        assert plot.note == "the threshold is what process_max_fds * 0.9 gives now"

        plot = await prod.plot("Renamed")
        (series,) = plot.series
        assert dict(series.labels)["version"] != "replaced"
        assert "no series has all labels of the alert" in plot.note

        hostile = 'a\\b"c$1\n{}'
        plot = await prod.plot("Hostile", name=hostile)
        (series,) = plot.series
        assert dict(series.labels)["name"] == hostile
        assert set(series.values) == {7.0}
        (sample,) = [sample for sample in await prod.samples("thing") if ("name", hostile) in sample.labels]
        (only,) = (await prod.metrics.query(narrowed("thing # both", [sample]))).samples
        assert only.labels == sample.labels
        plot = await prod.plot("Hostile", name="other")
        assert [set(series.values) for series in plot.series] == [{9.0}]


async def test_reading(tmp_path: Path) -> None:
    async with production(tmp_path, "groups: []") as prod:
        reader = prod.metrics
        assert (await reader.buildinfo()).version
        (up,) = await prod.samples("up")
        assert dict(up.labels)["job"] == "prometheus"
        assert (await reader.query("1 + 1")).samples[0].value == 2
        values = {
            sample.value
            for sample in (await reader.query("vector(Inf) or label_replace(vector(-Inf), 'a', 'b', '', '')")).samples
        }
        assert values == {float("inf"), float("-inf")}
        assert (await reader.query("up", CLOCK.now() - timedelta(days=1))).samples == ()

        async def several() -> RangeAnswer | None:
            now = CLOCK.now()
            answer = await reader.query_range("up", now - timedelta(seconds=60), now, 1)
            return answer if answer.series and len(answer.series[0].times) >= 3 else None

        (series,) = (await until(several)).series
        assert {round(later - earlier, 3) for earlier, later in zip(series.times, series.times[1:], strict=False)} == {
            1.0
        }
        assert (
            await reader.query_range(narrowed("up", [up]), CLOCK.now() - timedelta(seconds=5), CLOCK.now(), 1)
        ).series

        end = CLOCK.now()
        await reader.query_range("up", end - timedelta(seconds=MOST_POINTS), end, 1)
        with pytest.raises(ConsoleError, match="at most 11,000"):
            await reader.query_range("up", end - timedelta(seconds=MOST_POINTS + 1), end, 1)


@pytest.mark.parametrize(
    ("expression", "status", "words"),
    [
        ("up[", 400, "parse error"),
        ("up and 1", 400, 'set operator "and" not allowed'),
        ('label_replace(up, "a b", "", "", "")', 422, "invalid"),
        ("up[5m]", None, "ranges of samples"),
        ("'text'", None, "a text"),
    ],
)
async def test_what_it_refuses(tmp_path: Path, expression: str, status: int | None, words: str) -> None:
    async with prometheus_server(tmp_path) as server:
        client = ReadClient(HttpSettings("prometheus", server.url))
        try:
            reader = PrometheusReader(client)
            with pytest.raises(SourceError) as caught:
                await reader.query(expression)
        finally:
            await client.close()
    assert caught.value.kind is FailureKind.REJECTED
    assert caught.value.status == status
    assert words in caught.value.message


async def test_a_server_that_is_gone(tmp_path: Path) -> None:
    async with prometheus_server(tmp_path) as server:
        client = ReadClient(HttpSettings("prometheus", server.url))
    try:
        with pytest.raises(SourceError) as caught:
            await PrometheusReader(client).query("up")
    finally:
        await client.close()
    assert caught.value.kind is FailureKind.UNREACHABLE
