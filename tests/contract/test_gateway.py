"""The running gateway: who is let in, what is answered, and what is on record, on both engines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.gateway.model import Scope
from services.gateway.rates import Rate
from services.safety.actor import Surface
from services.safety.circuit import CircuitState
from tests.support.clock import ManualClock
from tests.support.gateway import Gateway, problem, running_gateway, with_rates
from tests.support.store import OPERATOR

pytestmark = pytest.mark.usefixtures("engine")

OPEN = {"action": "open", "reason": "storm"}
CLOSE = {"action": "close", "reason": "calm again"}
ONE_A_SECOND = Rate(1, 2)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path) as running:
        yield running
        assert not running.broken


async def test_a_revoked_token_is_worth_nothing_even_where_the_gateway_does_not_know_yet(gateway: Gateway) -> None:
    await gateway.tokens.revoke(OPERATOR, gateway.token.number)
    problem(await gateway.move(OPEN), 401)
    assert not (await gateway.breaker.read()).is_open
    await gateway.learn()
    problem(await gateway.get("/api/sre/status"), 401)


async def test_a_token_expires(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running_gateway(tmp_path, clock) as gateway:
        secret = await gateway.new_token(Scope.READ, lifetime=timedelta(hours=1))
        clock.turn(3599)
        assert (await gateway.get("/api/sre/status", secret)).status_code == 200
        clock.turn(1)
        problem(await gateway.get("/api/sre/status", secret), 401)


async def test_too_many_wrong_tokens_are_refused_and_a_valid_one_is_not(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running_gateway(tmp_path, clock, rates=with_rates(unknown=ONE_A_SECOND)) as gateway:
        for _ in range(2):
            problem(await gateway.get("/api/sre/status", "wrong"), 401)
        refused = await gateway.get("/api/sre/status", "wrong")
        problem(refused, 429)
        assert refused.headers["retry-after"] == "1"
        problem(await gateway.client.get("/healthz"), 429)
        assert (await gateway.get("/api/sre/status")).status_code == 200
        clock.turn(1)
        problem(await gateway.get("/api/sre/status", "wrong"), 401)


async def test_strangers_do_not_fill_the_audit(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, rates=with_rates(attempts=ONE_A_SECOND)) as gateway:
        for _ in range(2):
            problem(await gateway.move(OPEN, secret="wrong"), 401)
            assert (await gateway.record()).message.startswith("401: ")
        before = len(await gateway.audit.list())
        problem(await gateway.move(OPEN, secret="wrong"), 429)
        assert len(await gateway.audit.list()) == before
        assert (await gateway.move(OPEN)).status_code == 200


async def test_strangers_keep_nobody_out(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, rates=with_rates(all=ONE_A_SECOND, unknown=ONE_A_SECOND)) as gateway:
        refused = [(await gateway.client.get(path)).status_code for path in ("/healthz", "/nowhere", "/metrics", "/")]
        assert refused == [200, 404, 429, 429]
        assert (await gateway.get("/api/sre/status")).status_code == 200


async def test_too_many_requests_of_all_are_refused(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running_gateway(tmp_path, clock, rates=with_rates(all=ONE_A_SECOND)) as gateway:
        for _ in range(2):
            assert (await gateway.get("/api/sre/status")).status_code == 200
        refused = await gateway.get("/api/sre/status")
        problem(refused, 429)
        assert int(refused.headers["retry-after"]) >= 1
        clock.turn(1)
        assert (await gateway.get("/api/sre/status")).status_code == 200


async def test_too_many_writes_of_one_token_are_refused_and_anothers_are_not(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, rates=with_rates(writes=ONE_A_SECOND)) as gateway:
        for _ in range(2):
            assert (await gateway.move(OPEN)).status_code == 200
        before = len(await gateway.audit.list())
        refused = await gateway.move(OPEN)
        problem(refused, 429)
        assert refused.headers["retry-after"] == "1"
        assert len(await gateway.audit.list()) == before  # a flood does not fill the audit
        other = await gateway.new_token(Scope.CIRCUIT_WRITE)
        assert (await gateway.move(OPEN, secret=other)).status_code == 200


async def test_without_if_match_nothing_is_moved(gateway: Gateway) -> None:
    told = problem(await gateway.move(OPEN, None), 428)
    assert "ETag" in told["hint"]
    assert (await gateway.record()).rule == "gateway precondition"


async def test_it_opens_and_closes_by_the_tag_that_was_seen(gateway: Gateway) -> None:
    seen = await gateway.tag()
    opened = await gateway.move(OPEN, f'"other", {seen}')
    assert opened.status_code == 200
    circuit = opened.json()["circuit"]
    assert (circuit["state"], circuit["changed_by"], circuit["reason"]) == ("open", "robot", "storm")
    assert (circuit["revision"], circuit["manual"]) == (1, True)
    assert opened.headers["etag"] == await gateway.tag() != seen
    closed = await gateway.move(CLOSE, opened.headers["etag"])
    assert closed.json()["circuit"]["state"] == "closed"
    assert closed.headers["etag"] == await gateway.tag()


async def test_each_move_is_on_record_with_who_and_from_where(gateway: Gateway) -> None:
    await gateway.move({"action": "open", "reason": 'it\'s "bad"'})
    entry = await gateway.record()
    assert entry.operator == "robot"
    assert entry.os_user == f"token-{gateway.token.number}"
    assert entry.host == "127.0.0.1"
    assert entry.surface == Surface.GATEWAY.value
    assert entry.decision == "allowed"
    assert entry.action == "circuit.open"
    assert entry.command == "/circuit open --reason 'it'\"'\"'s \"bad\"'"
    assert (await gateway.audit.verify()).whole


async def test_what_changes_nothing_is_on_record_too(gateway: Gateway) -> None:
    await gateway.move(OPEN)
    again = await gateway.move({"action": "open"})
    assert again.status_code == 200
    entry = await gateway.record()
    assert (entry.decision, entry.outcome) == ("allowed", "unchanged")
    assert entry.message == "the circuit was open already"
    assert again.json()["circuit"]["reason"] == "storm"


async def test_whoever_did_not_see_the_state_moves_nothing(gateway: Gateway) -> None:
    seen = await gateway.tag()
    await gateway.breaker.open(OPERATOR, "seen by nobody else")
    conflict = await gateway.move(CLOSE, seen)
    told = problem(conflict, 409)
    assert "is open since" in told["detail"]
    assert "op-a: seen by nobody else" in told["detail"]
    assert conflict.headers["etag"] == await gateway.tag()
    assert (await gateway.breaker.read()).is_open
    entry = await gateway.record()
    assert (entry.decision, entry.rule, entry.action) == ("refused", "gateway conflict", "circuit.close")
    problem(await gateway.move(OPEN, seen), 409)


async def test_opening_blindly_is_allowed_and_closing_is_not(gateway: Gateway) -> None:
    assert (await gateway.move({"action": "open"}, "*")).status_code == 200
    problem(await gateway.move(CLOSE, "*"), 428)
    assert (await gateway.breaker.read()).is_open


async def test_one_source_has_a_breaker_of_its_own(gateway: Gateway) -> None:
    told = problem(await gateway.move({"action": "open", "source": "alertmanager nowhere"}), 404)
    assert "alertmanager prod" in told["hint"]
    opened = await gateway.move({"action": "open", "source": "alertmanager prod"}, await gateway.tag())
    assert opened.json()["circuit"]["state"] == "closed"
    assert [(one["scope"], one["state"]) for one in opened.json()["sources"]] == [("alertmanager prod", "open")]
    assert (await gateway.breaker.read("alertmanager prod")).state is CircuitState.OPEN
    # The tag covers the sources, too.
    problem(await gateway.move(OPEN, '"' + "0" * 32 + '"'), 409)
    closed = await gateway.move({**CLOSE, "source": "alertmanager prod"}, opened.headers["etag"])
    assert closed.json()["sources"][0]["state"] == "closed"


async def test_every_refusal_of_a_move_is_on_record(gateway: Gateway) -> None:
    read = await gateway.new_token(Scope.READ)
    body = json.dumps(OPEN).encode()
    asked = [
        (await gateway.move(body, secret="wrong"), "unknown", "401"),
        (await gateway.move(body, secret=read), "token-2", "403"),
        (await gateway.move(body, Accept="text/html"), "robot", "406"),
        (await gateway.move(body, Content_Type="text/plain"), "robot", "415"),
        (await gateway.move(b"{"), "robot", "400"),
        (await gateway.move(body, None), "robot", "428"),
        (await gateway.move(body, '"x"'), "robot", "409"),
    ]
    entries = list(reversed(await gateway.audit.list(len(asked))))
    for (answer, operator, status), entry in zip(asked, entries, strict=True):
        assert str(answer.status_code) == status
        assert (entry.operator, entry.decision) == (operator, "refused")
        assert entry.message.startswith(f"{status}: ")
        assert entry.surface == "gateway"


async def test_a_wallboard_moves_nothing(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, writable=False) as gateway:
        assert "read-only" in problem(await gateway.move(OPEN), 403)["detail"]
        assert (await gateway.get("/api/sre/status")).json()["read_only"] is True
        assert not (await gateway.breaker.read()).is_open
        # It cannot even put that on record; the token's making is the last entry.
        assert (await gateway.record()).action == "gateway.token.create"


async def test_secrets_in_a_reason_are_not_told(gateway: Gateway) -> None:
    opened = await gateway.move({"action": "open", "reason": "curl -H 'Authorization: Bearer abcdefghijklmnop'"})
    assert "abcdefghijklmnop" not in opened.text
