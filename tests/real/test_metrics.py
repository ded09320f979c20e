"""``/metrics`` against a real Prometheus and the Alertmanager that it tells."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from console.execute import run_line
from services.alerts.alertmanager import AlertmanagerReader
from services.http import HttpSettings, ReadClient
from services.metrics.prometheus import PrometheusReader
from tests.support.alertmanager_server import alertmanager_server
from tests.support.prometheus_server import prometheus_server
from tests.support.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

RULES = r"""
groups:
- name: real
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - record: slo:sli_error:ratio_rate5m
    expr: vector(0.5)
    labels: {sloth_id: "recorded", sloth_service: "shop"}
  - record: slo:sli_error:ratio_rate1h
    expr: vector(0.5)
    labels: {sloth_id: "recorded", sloth_service: "shop"}
  - record: slo:objective:ratio
    expr: vector(0.99)
    labels: {sloth_id: "recorded", sloth_service: "shop"}
  - alert: ServerUp
    expr: up == 1
    labels: {severity: critical}
    annotations: {summary: "it runs"}
  - alert: Waiting
    expr: up == 1
    for: 1h
  - alert: Ambiguous
    expr: label_replace(vector(1), "shard", "a", "", "") or label_replace(vector(2), "shard", "b", "", "")
  - alert: OneOfThree
    expr: >-
      (label_replace(vector(9), "version", "v2", "", "") or label_replace(vector(1), "version", "v1", "", "")
      or label_replace(vector(2), "version", "v0", "", "")) > 5
  - alert: Broken
    expr: label_replace(up, "job", "$1", "job", "(")
"""


@dataclass(frozen=True)
class Servers:
    """Where they are, and the configuration that names them."""

    alertmanager: str
    config: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Both servers, once their rules were evaluated and Alertmanager has heard of them."""
    directory = tmp_path_factory.mktemp("metrics")
    async with AsyncExitStack() as stack:
        manager = await stack.enter_async_context(alertmanager_server(directory / "alertmanager"))
        server = await stack.enter_async_context(
            prometheus_server(directory / "prometheus", rules=RULES, alertmanagers=[manager])
        )
        config = directory / "config.toml"
        config.write_text(
            f"""
[sre]
operator = "op-a"
[sre.prometheus]
url = "{server.url}"
[[sre.alertmanager]]
name = "prod"
urls = ["{manager.url}"]
[[sre.slo]]
name = "api"
target = 0.99
errors = 'sum(rate(prometheus_http_requests_total{{code=~"5.."}}[{{{{.window}}}}]))'
total = 'sum(rate(prometheus_http_requests_total[{{{{.window}}}}]))'
[[sre.slo]]
name = "wrong"
target = 0.99
errors = 'rate(prometheus_http_requests_total[{{{{.window}}}}]) by'
total = 'sum(rate(prometheus_http_requests_total[{{{{.window}}}}]))'
[sre.store]
url = "sqlite:///{directory}/store.db"
"""
        )
        alerts, metrics = ReadClient(HttpSettings("prod", manager.url)), ReadClient(HttpSettings("p", server.url))
        stack.push_async_callback(alerts.close)
        stack.push_async_callback(metrics.close)
        reader = AlertmanagerReader("prod", "prod", (alerts,))

        async def told() -> bool | None:
            names = {alert.name for alert in await reader.read()}
            samples = (await PrometheusReader(metrics).query("job:up:sum")).samples
            return True if {"ServerUp", "Ambiguous"} <= names and samples else None

        await until(told)
        yield Servers(manager.url, config)


async def run(capsys: pytest.CaptureFixture[str], servers: Servers, line: str, *, yes: bool = False) -> dict[str, Any]:
    """What ``exec --json`` prints, with its exit code as ``code``."""
    code = await run_line(line, config=servers.config, demo=False, as_json=True, yes=yes)
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {**answer, "code": code}


async def test_an_instant_question(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    answer = await run(capsys, servers, '/metrics query up{job=~"prom.*"} * 2')
    (sample,) = answer["data"]
    assert (sample["value"], sample["labels"]["job"], answer["code"]) == (2.0, "prometheus", 0)
    assert (await run(capsys, servers, "/metrics query vector(1) / 0"))["data"][0]["value"] == "+Inf"
    assert (await run(capsys, servers, "/metrics query --at -2d up"))["data"] == []


async def test_a_wrong_expression_is_shown_at_its_place(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    answer = await run(capsys, servers, "/metrics query sum(up) by by")
    assert answer["code"] == 1
    assert "parse error" in answer["message"]
    assert answer["message"].endswith("at character 12: sum(up) by ▸by")


async def test_a_stretch_of_time(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    answer = await run(capsys, servers, "/metrics range --since 30s --step 1s sum by (job) (up)")
    (series,) = answer["data"]
    assert series["labels"] == {"job": "prometheus"}
    times = [at for at, _ in series["samples"]]
    assert times == sorted(times)
    assert {value for _, value in series["samples"]} == {1.0}
    too_many = await run(capsys, servers, "/metrics range --since 30d --step 1s up")
    assert too_many["code"] == 1
    assert "11,000" in too_many["message"]


async def test_series_and_labels(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    found = (await run(capsys, servers, "/metrics series up"))["data"]
    assert [labels["__name__"] for labels in found] == ["up"]
    assert {"__name__", "job", "instance"} <= set((await run(capsys, servers, "/metrics labels"))["data"])
    assert (await run(capsys, servers, "/metrics labels job"))["data"] == ["prometheus"]
    assert (await run(capsys, servers, "/metrics labels job --match nothing_such"))["data"] == []


async def test_targets(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    answer = await run(capsys, servers, "/metrics targets")
    (target,) = answer["data"]
    assert (target["health"], target["labels"]["job"]) == ("up", "prometheus")
    assert answer["message"].startswith("1 of 1 targets are up")
    assert (await run(capsys, servers, "/metrics targets --unhealthy"))["data"] == []


async def test_rules_and_what_they_hold(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    rules = {rule["name"]: rule for rule in (await run(capsys, servers, "/metrics rules"))["data"]}
    failing = await run(capsys, servers, "/metrics rules --unhealthy")
    assert [rule["name"] for rule in failing["data"]] == ["Broken"]
    assert "regular expression" in failing["data"][0]["last_error"]
    assert rules["job:up:sum"]["type"] == "recording"
    assert (rules["Waiting"]["state"], rules["Waiting"]["for_seconds"]) == ("pending", 3600)
    assert rules["ServerUp"]["alerts"][0]["annotations"] == {"summary": "it runs"}
    alerts = (await run(capsys, servers, "/metrics alerts"))["data"]
    assert {(one["name"], one["state"]) for one in alerts} >= {("ServerUp", "firing"), ("Waiting", "pending")}
    pending = (await run(capsys, servers, "/metrics alerts --pending"))["data"]
    assert {one["name"] for one in pending} == {"Waiting"}
    assert (await run(capsys, servers, "/metrics rules NoSuch"))["code"] == 1


async def test_the_rules_that_alert_and_one_of_them_with_its_threshold(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await run(capsys, servers, "/alerts rules")
    states = {one["name"]: (one["state"], one["health"], one["source"]) for one in answer["data"]}
    assert states["OneOfThree"] == ("firing", "ok", "prometheus")
    assert states["Waiting"][0] == "pending"
    assert states["Broken"][1] == "err"
    assert "job:up:sum" not in states
    assert [one["name"] for one in (await run(capsys, servers, "/alerts rules --unhealthy"))["data"]] == ["Broken"]
    (one,) = (await run(capsys, servers, "/alerts rules OneOfThree"))["data"]
    assert [alert["labels"]["version"] for alert in one["alerts"]] == ["v2"]


async def test_why_an_alert_fires(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    async def heard() -> str | None:
        found = (await run(capsys, servers, "/alerts list OneOfThree"))["data"]
        return found[0]["fingerprint"] if found else None

    id = await until(heard)
    answer = await run(capsys, servers, f"/alerts why {id}")
    assert answer["message"].startswith("OneOfThree fires: 9 > 5, since ")
    assert answer["data"]["apart"] == {"version": ["v2"]}
    assert (answer["data"]["healthy"], answer["data"]["value"], answer["data"]["threshold"]) == (2, "9", "5")


async def test_what_prometheus_remembers_of_an_alert(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    async def remembered() -> dict[str, Any] | None:
        found = (await run(capsys, servers, "/alerts list OneOfThree"))["data"]
        if not found:
            return None
        told = (await run(capsys, servers, f"/alerts history {found[0]['fingerprint']} --since 5m"))["data"]
        return told if told["times"] else None

    told = await until(remembered)
    assert (told["times"], told["firing"], told["episodes"][0]["observed"]) == (1, 1, False)


async def test_silence_by_the_name_that_prometheus_gives(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    pending = await run(capsys, servers, '/metrics silence Waiting --for 1h --comment "x"')
    assert (pending["code"], pending["message"]) == (1, "no Alertmanager has this alert now")
    several = await run(capsys, servers, '/metrics silence Ambiguous --for 1h --comment "x"')
    assert several["code"] == 1
    assert 'Ambiguous", shard="a"' in several["message"]
    done = await run(capsys, servers, '/metrics silence ServerUp --for 1h --comment "disk is changed"', yes=True)
    assert (done["ok"], done["status"]) == (True, "done")
    async with AsyncExitStack() as stack:
        client = ReadClient(HttpSettings("prod", servers.alertmanager))
        stack.push_async_callback(client.close)
        silences = json.loads(await client.get("/api/v2/silences"))
    (silence,) = silences
    assert silence["comment"] == "disk is changed"
    assert {"name": "alertname", "value": "ServerUp", "isRegex": False, "isEqual": True} in silence["matchers"]


async def test_objectives(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    async def kept() -> dict[str, Any] | None:
        found = {one["name"]: one for one in (await run(capsys, servers, "/slo list"))["data"]}
        return found if found["api"]["urgency"] == "ok" and "recorded" in found else None

    found = await until(kept)  # a rate needs two scrapes
    assert found["api"]["budget_left"] == 1.0
    assert found["api"]["burn_rates"]["5m"] == 0.0
    assert found["wrong"]["urgency"] == "unknown"
    assert "parse error" in found["wrong"]["notes"][0]
    assert (found["recorded"]["urgency"], found["recorded"]["origin"]) == ("page", "sloth")
    burning = await run(capsys, servers, "/slo list --burning")
    assert [one["name"] for one in burning["data"]] == ["recorded"]
    shown = await run(capsys, servers, "/slo show recorded")
    assert (shown["code"], shown["ok"]) == (1, False)
    assert [one["holds"] for one in shown["data"]["conditions"]] == [True, None, None, None]
    assert (await run(capsys, servers, "/slo show nothing"))["code"] == 1


async def test_alerts_without_an_alertmanager(
    servers: Servers, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url = next(line for line in servers.config.read_text().splitlines() if line.startswith("url"))
    config = tmp_path / "config.toml"
    config.write_text(f'[sre.prometheus]\n{url}\n[sre.store]\nurl = "sqlite:///{tmp_path}/store.db"\n')
    alone = Servers("", config)
    answer = await run(capsys, alone, "/alerts list")
    found = {one["name"]: one for one in answer["data"]}
    assert answer["code"] == 0
    assert {"ServerUp", "Ambiguous"} <= found.keys()
    assert "Waiting" not in found  # it only pends
    up = found["ServerUp"]
    assert (up["cluster"], up["severity"], up["state"]) == ("prometheus", "critical", "active")
    assert up["annotations"] == {"summary": "it runs"}
    assert "up%20%3D%3D%201" in up["generator_url"]
    assert [one["name"] for one in (await run(capsys, alone, "/alerts list Ambiguous shard=b"))["data"]] == [
        "Ambiguous"
    ]
    refused = await run(capsys, alone, f"/alerts ack {up['fingerprint']}")
    assert (refused["code"], refused["message"]) == (1, "Prometheus knows neither acks nor silences")
    assert (await run(capsys, alone, "/alerts silences"))["data"] == []
