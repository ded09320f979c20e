"""What the running gateway makes of requests: hosts, formats, sizes and words. Nothing of it depends on the store."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.model import Scope
from services.incidents.model import IncidentState
from tests.support.clock import EPOCH
from tests.support.desk import make_alert, make_incident
from tests.support.gateway import Gateway, problem, running_gateway

READS = ("/api/sre/status", "/api/sre/trust", "/api/sre/circuit", "/metrics")
OPEN = {"action": "open", "reason": "storm"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path) as running:
        yield running
        assert not running.broken


async def test_a_read_needs_a_valid_token_of_the_right_scope(gateway: Gateway) -> None:
    for path in READS:
        assert (await gateway.get(path)).status_code == 200
        without = await gateway.client.get(path)
        problem(without, 401)
        assert without.headers["www-authenticate"].startswith("Bearer ")
        read = await gateway.new_token(Scope.READ)
        assert (await gateway.get(path, read)).status_code == 200
        write = await gateway.new_token(Scope.CIRCUIT_WRITE)
        refused = await gateway.get(path, write)
        assert "scope read" in problem(refused, 403)["detail"]
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


async def test_what_is_no_token_lets_nobody_in(gateway: Gateway) -> None:
    for header in [
        b"",
        b"Bearer",
        b"Bearer x",
        b"Bearer sre_" + b"A" * 43,
        b"Bearer " + b"A" * 5000,
        b"Bearer \xff\xfe\x80" + b"A" * 40,
        "Bearer пароль-из-тридцати-двух-букв-и-ещё".encode(),
        b"Basic dXNlcjpwYXNzd29yZA==",
        b"bearer",
        b"Digest " + b"A" * 47,
    ]:
        answer = await gateway.client.get("/api/sre/status", headers=[(b"authorization", header)])
        problem(answer, 401)


async def test_nearly_a_token_is_none(gateway: Gateway) -> None:
    secret = gateway.secret
    for wrong in (secret[:-1], secret + "A", secret.swapcase(), secret[1:], f"{secret} {secret}", f'"{secret}"'):
        problem(await gateway.get("/api/sre/status", wrong), 401)
    twice = [("Authorization", f"Bearer {secret}")] * 2
    problem(await gateway.client.get("/api/sre/status", headers=twice), 401)
    answer = await gateway.client.get("/api/sre/status", headers={"Authorization": f"bEARER  {secret}"})
    assert answer.status_code == 200  # the scheme has no case (RFC 9110, 11.1)


async def test_only_known_hosts_are_answered_for(gateway: Gateway) -> None:
    for host, status in [
        ("127.0.0.1", 200),
        ("127.0.0.1:8770", 200),
        ("LOCALHOST:1", 200),
        ("localhost.", 200),
        ("[::1]:8770", 200),
        ("Console.Example.com", 200),
        ("evil.example", 421),
        ("evil.example:8770", 421),
        ("127.0.0.1.evil.example", 421),
        ("console.example.com.evil.example", 421),
        ("user@127.0.0.1", 421),
        ("[::1", 421),
        ("127.0.0.1:x", 421),
        ("127.0.0.1:8770:1", 421),
        ("2130706433", 421),
        ("0", 421),
    ]:
        for path in ["/healthz", "/api/sre/status", "/nowhere"]:
            answer = await gateway.get(path, Host=host)
            if status == 421:
                problem(answer, 421)
            else:
                assert answer.status_code == (404 if path == "/nowhere" else 200)


async def test_a_rebound_page_moves_nothing_and_is_on_no_record_that_it_could_fill(gateway: Gateway) -> None:
    problem(await gateway.move(OPEN, Host="evil.example"), 421)
    assert not (await gateway.breaker.read()).is_open


async def test_what_is_not_there_is_not_found(gateway: Gateway) -> None:
    for path in ["/", "/api", "/api/sre/status/", "/api/sre/../sre/nothing", "//healthz", "/%00", "/é"]:
        problem(await gateway.get(path), 404)


async def test_a_method_that_is_not_taken_names_those_that_are(gateway: Gateway) -> None:
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"]:
        answer = await gateway.client.request(method, "/api/sre/circuit")
        problem(answer, 405)
        assert set(re.split(", *", answer.headers["allow"])) == {"GET", "HEAD", "POST"}
        other = await gateway.client.post("/api/sre/status")
        problem(other, 405)
        assert set(re.split(", *", other.headers["allow"])) == {"GET", "HEAD"}


async def test_head_answers_like_get_without_a_body(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {gateway.secret}"}
    answer = await gateway.client.head("/api/sre/circuit", headers=headers)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["etag"] == await gateway.tag()


async def test_there_is_nothing_but_json(gateway: Gateway) -> None:
    for accept, status in [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*;q=0.1", 200),
        ("text/html, application/json;q=0.5", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("application/json;q=much", 406),
        (",", 406),
    ]:
        for path in ("/api/sre/status", "/api/sre/circuit", "/api/sre/trust", "/openapi.json", "/healthz"):
            answer = await gateway.get(path, Accept=accept)
            assert answer.status_code == status, (path, answer.text)
        assert (await gateway.move(OPEN, Accept=accept)).status_code == status


async def test_metrics_are_text(gateway: Gateway) -> None:
    answer = await gateway.get("/metrics", Accept="application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.3")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'sre_console_circuit_state{scope="global",state="closed"} 1.0' in answer.text
    assert 'sre_console_source_up{source="alertmanager prod"} 1.0' in answer.text
    await gateway.get("/nowhere")
    again = await gateway.get("/metrics")
    assert 'sre_console_gateway_requests_total{method="GET",route="other",status="404"} 1.0' in again.text
    assert "python_info" not in again.text  # a registry of its own
    problem(await gateway.get("/metrics", Accept="application/json"), 406)


async def test_a_body_has_to_be_json(gateway: Gateway) -> None:
    for kind, status in [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
    ]:
        answer = await gateway.move(json.dumps(OPEN).encode(), Content_Type=kind)
        assert answer.status_code == status, answer.text
        assert (await gateway.record()).decision == ("allowed" if status == 200 else "refused")


async def test_a_post_without_any_content_type_is_refused(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {gateway.secret}", "If-Match": "*"}
    problem(await gateway.client.post("/api/sre/circuit", headers=headers), 415)


async def test_what_is_no_json_is_refused(gateway: Gateway) -> None:
    for body in [
        b"",
        b" ",
        b"{",
        b'{"action":"open"',
        b'{"action":"open"}}',
        b"\xff\xfe\x00",
        b'{"action":"open","reason":"\xff"}',
        b'{"action":"open","reason":"\\ud800"}',
        b"[" * 4000,
        b'{"action":' * 350,
        b"NaN;",
    ]:
        problem(await gateway.move(body), 400)
        assert not (await gateway.breaker.read()).is_open


async def test_what_cannot_be_asked_for_is_refused_and_on_record(gateway: Gateway) -> None:
    bodies: list[Any] = [
        None,
        [],
        "open",
        1,
        {},
        {"action": "Open"},
        {"action": "reset", "reason": "x"},
        {"action": ["open"]},
        {"action": "open", "reason": None},
        {"action": "open", "reason": 1},
        {"action": "open", "reason": "x" * 501},
        {"action": "open", "force": True},
        {"action": "close"},
        {"action": "close", "reason": ""},
        {"action": "close", "reason": " \t\n"},
    ]
    for body in bodies:
        problem(await gateway.move(body, await gateway.tag()), 422)
        assert (await gateway.record()).decision == "refused"
        assert not (await gateway.breaker.read()).is_open


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_huge_body_is_not_read(gateway: Gateway, chunked: bool) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    headers = {"Authorization": f"Bearer {gateway.secret}", "If-Match": "*", "Content-Type": "application/json"}
    content: Any = endless() if chunked else b" " * 100_000
    try:
        answer = await gateway.client.post("/api/sre/circuit", content=content, headers=headers)
    except httpx.TransportError:
        pass  # it answered and hung up while the rest was still being sent
    else:
        problem(answer, 413)
    entry = await gateway.record()
    assert entry.message.startswith("413: ")


async def test_a_declared_length_is_believed_before_anything_is_sent(gateway: Gateway) -> None:
    for length in ["99999999999999999999", "9" * 400, "4097"]:
        head = (
            f"POST /api/sre/circuit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.secret}\r\n"
            f"Content-Type: application/json\r\nIf-Match: *\r\nContent-Length: {length}\r\n\r\n"
        )
        answer = await gateway.exchange(head.encode())
        assert answer.split()[1] in (b"413", b"400"), answer  # h11 knows no length of more than twenty digits


async def test_an_if_match_that_is_none_is_refused(gateway: Gateway) -> None:
    for header in ["x", "x, y", '"a', "**", '"a" "b"', ", ,", '"a", x']:
        problem(await gateway.move(OPEN, header), 400)


async def test_a_weak_tag_never_matches(gateway: Gateway) -> None:
    problem(await gateway.move(OPEN, f"W/{await gateway.tag()}"), 412)


async def test_unchanged_is_said_without_a_body(gateway: Gateway) -> None:
    tag = await gateway.tag()
    same = await gateway.get("/api/sre/circuit", If_None_Match=tag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await gateway.move(OPEN)
    assert (await gateway.get("/api/sre/circuit", If_None_Match=tag)).status_code == 200


async def test_the_status_tells_what_is_known(tmp_path: Path) -> None:
    alerts = [
        make_alert("Down", "critical", EPOCH),
        make_alert("Slow", "critical", EPOCH, acked_by="op-a"),
        make_alert("Full", "warning", EPOCH, silenced_by="op-a"),
    ]
    incidents = [
        make_incident(1, "a", EPOCH, severity=1),
        make_incident(2, "b", EPOCH, severity=3),
        make_incident(3, "c", EPOCH, state=IncidentState.RESOLVED),
    ]
    async with running_gateway(tmp_path, alerts=alerts, incidents=incidents) as gateway:
        told = (await gateway.get("/api/sre/status")).json()
        assert (told["version"], told["demo"], told["at"]) == ("1.2.3", False, "2026-03-02T19:31:07Z")
        assert told["circuit"]["state"] == "closed"
        assert told["alerts"]["total"] == 3
        assert told["alerts"]["by_severity"]["critical"] == {"firing": 1, "acked": 1, "silenced": 0, "inhibited": 0}
        assert told["alerts"]["by_state"] == {"firing": 1, "acked": 1, "silenced": 1, "inhibited": 0}
        assert told["alerts"]["trusted"] is True
        assert told["incidents"] == {"trusted": True, "open": 2, "major": 1}
        assert [one["name"] for one in told["sources"]] == ["alertmanager prod", "incidents", "circuit"]
        text = (await gateway.get("/metrics")).text
        assert 'sre_console_alerts{severity="critical",state="acked"} 1.0' in text
        assert "sre_console_incidents_open 2.0" in text


async def test_very_many_alerts_are_counted_as_well(tmp_path: Path) -> None:
    alerts = [make_alert(f"Alert{number}", "warning", EPOCH) for number in range(5000)]
    async with running_gateway(tmp_path, alerts=alerts) as gateway:
        answers = await asyncio.gather(*(gateway.get("/api/sre/status") for _ in range(5)))
        assert {answer.json()["alerts"]["by_severity"]["warning"]["firing"] for answer in answers} == {5000}
        assert 'sre_console_alerts{severity="warning",state="firing"} 5000.0' in (await gateway.get("/metrics")).text


async def test_what_is_not_known_is_null_and_never_zero(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, alerts=None, incidents=None) as gateway:
        told = (await gateway.get("/api/sre/status")).json()
        assert told["alerts"] == {"trusted": False, "total": None, "by_severity": None, "by_state": None}
        assert told["incidents"] == {"trusted": False, "open": None, "major": None}
        text = (await gateway.get("/metrics")).text
        assert "sre_console_alerts{" not in text
        assert "sre_console_incidents_open" not in text


async def test_answers_hold_no_byte_that_steers_a_terminal(gateway: Gateway) -> None:
    hostile = "\x1b]0;owned\x07\x9b31m\u202eevil\u2028"
    opened = await gateway.move({"action": "open", "reason": hostile})
    assert opened.json()["circuit"]["reason"] == hostile.strip()
    missing = await gateway.move({"action": "open", "source": hostile})
    for answer in (opened, missing, await gateway.get("/api/sre/circuit"), await gateway.get("/metrics")):
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\xff]", answer.content)


async def test_every_answer_may_be_kept_by_nobody(gateway: Gateway) -> None:
    for path in (*READS, "/healthz", "/openapi.json"):
        answer = await gateway.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
