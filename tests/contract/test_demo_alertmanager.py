"""The demo's Alertmanager, read through the console's own reader and asked what the real one is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.alerts.alertmanager import AlertmanagerReader
from services.alerts.model import Alert, Standing
from services.http import ReadClient
from services.http_settings import HttpSettings
from services.vocabulary.severity import Severity
from tests.support.demo import Demo, serve_demo

SILENCE = {
    "matchers": [{"name": "alertname", "value": "HighLatencyP99", "isRegex": False}],
    "startsAt": "2026-03-02T19:00:00Z",
    "endsAt": "2026-03-02T22:00:00.123456789Z",
    "createdBy": "op-a",
    "comment": "ACK! on it",
}


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo(300.0) as demo:
        yield demo


@pytest.fixture
async def reader(demo: Demo) -> AsyncIterator[AlertmanagerReader]:
    client = ReadClient(HttpSettings("demo", demo.servers.alertmanager_url))
    yield AlertmanagerReader("demo", "demo", [client])
    await client.close()


def named(alerts: tuple[Alert, ...], name: str, service: str = "") -> Alert:
    return next(one for one in alerts if one.name == name and one.labels.get("service", "") == service)


async def test_the_reader_sees_the_story(demo: Demo, reader: AlertmanagerReader) -> None:
    alerts = await reader.read()
    assert reader.partial == ()
    errors = named(alerts, "HighErrorRate", "checkout")
    assert errors.severity is Severity.CRITICAL
    assert errors.standing is Standing.FIRING
    assert errors.receivers == ("pager",)
    assert errors.generator_url.startswith("https://prometheus.demo.example/graph?g0.expr=sum+by+")
    assert errors.annotations["runbook_url"] == "https://runbooks.example/HighErrorRate"
    assert errors.starts_at < demo.now
    assert sum(one.name == "PodCrashLooping" for one in alerts) == 12
    assert named(alerts, "HighLatencyP99", "checkout").standing is Standing.INHIBITED
    disk = named(alerts, "DiskFull")
    assert disk.standing is Standing.SILENCED
    assert disk.silences[0].created_by == "op-c"
    (status,) = await reader.status()
    assert status.error is None
    assert status.gossip == "ready"


async def test_an_unchanged_world_gives_the_same_bytes(demo: Demo) -> None:
    first = await demo.alertmanager("GET", "/api/v2/alerts")
    assert first == await demo.alertmanager("GET", "/api/v2/alerts")
    async with serve_demo(300.0) as other:
        assert first == await other.alertmanager("GET", "/api/v2/alerts")
    async with serve_demo(300.0, seed=8) as other:
        assert first != await other.alertmanager("GET", "/api/v2/alerts")


async def test_alerts_resolve_as_the_story_goes_on(demo: Demo, reader: AlertmanagerReader) -> None:
    demo.clock.turn(310)
    assert {one.name for one in await reader.read()} == {
        "Watchdog",
        "DiskFull",
        "ConsumerLag",
        "CertificateExpiresSoon",
    }


async def test_a_silence_mutes_until_it_ends(demo: Demo, reader: AlertmanagerReader) -> None:
    status, body = await demo.alertmanager("POST", "/api/v2/silences", json=SILENCE)
    assert status == 200
    assert isinstance(body, dict)
    cart = named(await reader.read(), "HighLatencyP99", "cart")
    assert cart.standing is Standing.ACKED
    assert cart.silenced_by == (body["silenceID"],)
    found = await reader.silence(body["silenceID"])
    assert found is not None
    assert found.starts_at == demo.now
    assert (await demo.alertmanager("DELETE", f"/api/v2/silence/{body['silenceID']}"))[0] == 200
    assert (await demo.alertmanager("DELETE", f"/api/v2/silence/{body['silenceID']}"))[0] == 200
    assert named(await reader.read(), "HighLatencyP99", "cart").standing is Standing.FIRING


async def test_a_silence_ends_by_itself(demo: Demo, reader: AlertmanagerReader) -> None:
    ends = (demo.now + timedelta(seconds=60)).isoformat()
    await demo.alertmanager("POST", "/api/v2/silences", json={**SILENCE, "endsAt": ends})
    demo.clock.turn(59)
    assert named(await reader.read(), "HighLatencyP99", "cart").standing is Standing.ACKED
    demo.clock.turn(2)
    assert named(await reader.read(), "HighLatencyP99", "cart").standing is Standing.FIRING


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("filter=severity%3D%22info%22", {"CertificateExpiresSoon"}),
        ("filter=severity%3D%22critical%22&filter=service%3D%22%22", {"TargetDown"}),
        ("filter=alertname%3D~%22Disk.*%22", {"DiskFull"}),
        ("filter=alertname%3D~%22Disk.*%22&silenced=false", set()),
        ("filter=service%3Dcheckout&filter=severity%3Dwarning&inhibited=false", set()),
        ("active=false&inhibited=false", {"DiskFull"}),
        ("receiver=deadman", {"Watchdog"}),
    ],
)
async def test_filters(demo: Demo, query: str, names: set[str]) -> None:
    status, body = await demo.alertmanager("GET", f"/api/v2/alerts?{query}")
    assert status == 200
    assert isinstance(body, list)
    assert {one["labels"]["alertname"] for one in body} == names


async def test_groups_and_receivers(demo: Demo) -> None:
    _, alerts = await demo.alertmanager("GET", "/api/v2/alerts")
    _, groups = await demo.alertmanager("GET", "/api/v2/alerts/groups")
    assert isinstance(groups, list)
    assert isinstance(alerts, list)
    assert sum(len(group["alerts"]) for group in groups) == len(alerts)
    looping = next(group for group in groups if group["labels"].get("alertname") == "PodCrashLooping")
    assert looping["labels"] == {"alertname": "PodCrashLooping", "namespace": "shop", "service": "checkout"}
    assert looping["receiver"] == {"name": "pager"}
    _, receivers = await demo.alertmanager("GET", "/api/v2/receivers")
    assert receivers == [{"name": "chat"}, {"name": "deadman"}, {"name": "pager"}]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/api/v2/alerts?filter=nonsense", None, 400, "bad matcher format"),
        ("GET", "/api/v2/alerts?active=perhaps", None, 422, 601),
        ("GET", "/api/v2/silence/not-a-uuid", None, 422, 601),
        ("GET", "/api/v2/silence/00000000-0000-4000-8000-000000000000", None, 404, None),
        ("DELETE", "/api/v2/silence/00000000-0000-4000-8000-000000000000", None, 404, None),
        ("POST", "/api/v2/silences", {**SILENCE, "endsAt": "2026-03-02T18:59:00Z"}, 400, "start time"),
        ("POST", "/api/v2/silences", {**SILENCE, "endsAt": "2026-03-02T19:01:00Z"}, 400, "in the past"),
        ("POST", "/api/v2/silences", {**SILENCE, "comment": None}, 422, 602),
        ("POST", "/api/v2/silences", {**SILENCE, "matchers": []}, 422, 612),
        ("POST", "/api/v2/silences", {**SILENCE, "endsAt": "soon"}, 400, 400),
        ("POST", "/api/v2/silences", {**SILENCE, "id": "00000000-0000-4000-8000-000000000000"}, 404, "not found"),
        ("POST", "/api/v2/silences", [], 400, 400),
    ],
)
async def test_refusals(demo: Demo, method: str, path: str, body: object, status: int, said: object) -> None:
    got, answer = await demo.alertmanager(method, path, **({} if body is None else {"json": body}))
    assert got == status
    if isinstance(said, int):
        assert isinstance(answer, dict)
        assert answer["code"] == said
    elif isinstance(said, str):
        assert isinstance(answer, str)
        assert said in answer
    else:
        assert answer is None


async def test_an_empty_comment_is_accepted(demo: Demo) -> None:
    assert (await demo.alertmanager("POST", "/api/v2/silences", json={**SILENCE, "comment": ""}))[0] == 200


async def test_a_flood_of_alerts_is_read(demo: Demo) -> None:
    async with serve_demo(0.0, flood=3000) as flooded:
        client = ReadClient(HttpSettings("demo", flooded.servers.alertmanager_url))
        try:
            assert len(await AlertmanagerReader("demo", "demo", [client]).read()) == 3004
        finally:
            await client.close()


async def test_health_and_date(demo: Demo) -> None:
    assert (await demo.alertmanager("GET", "/-/healthy"))[0] == 200
    assert (await demo.alertmanager("GET", "/-/ready"))[0] == 200
    async with demo.session.get(f"{demo.servers.alertmanager_url}/-/ready") as response:
        assert response.headers["Date"] == "Mon, 02 Mar 2026 19:31:07 GMT"


async def test_an_alert_that_is_posted_fires_until_its_end(demo: Demo, reader: AlertmanagerReader) -> None:
    hour = timedelta(hours=1)
    posted = {
        "labels": {"alertname": "MailStuck", "severity": "warning", "empty": ""},
        "annotations": {"summary": "queue grows"},
        "startsAt": (demo.now - hour).isoformat(),
        "endsAt": (demo.now + hour).isoformat(),
    }
    assert (await demo.alertmanager("POST", "/api/v2/alerts", json=[posted]))[0] == 200
    alert = named(await reader.read(), "MailStuck")
    assert (alert.labels, alert.annotations) == (
        {"alertname": "MailStuck", "severity": "warning"},
        {"summary": "queue grows"},
    )
    assert alert.starts_at == demo.now - hour
    # Posted again it goes on from its first beginning; posted with an end that has passed it is resolved.
    assert (await demo.alertmanager("POST", "/api/v2/alerts", json=[{**posted, "startsAt": demo.now.isoformat()}]))[
        0
    ] == 200
    assert named(await reader.read(), "MailStuck").starts_at == demo.now - hour
    assert (await demo.alertmanager("POST", "/api/v2/alerts", json=[{**posted, "endsAt": demo.now.isoformat()}]))[
        0
    ] == 200
    assert not [one for one in await reader.read() if one.name == "MailStuck"]


@pytest.mark.parametrize(
    ("posted", "status"),
    [
        ({}, 400),
        ([1], 400),
        ([{}], 422),
        ([{"labels": {}}], 400),
        ([{"labels": {"a-b": "c"}}], 400),
        ([{"labels": {"a": "b"}, "startsAt": "soon"}], 400),
        ([{"labels": {"a": "b"}, "startsAt": "2026-03-02T22:00:00Z", "endsAt": "2026-03-02T21:00:00Z"}], 400),
    ],
)
async def test_an_alert_that_makes_no_sense_is_not_taken(demo: Demo, posted: object, status: int) -> None:
    assert (await demo.alertmanager("POST", "/api/v2/alerts", json=posted))[0] == status
