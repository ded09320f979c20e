"""Reading and writing Alertmanager clusters whose members misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.alerts.alertmanager import AlertmanagerReader, AlertmanagerWriter, Member
from services.alerts.model import ACK, SILENCE, Matcher, SilenceDraft, Standing
from services.alerts.muting import plan_ack
from services.alerts.needs import AlertsNeeds
from services.alerts.now import read_alerts
from services.alerts.wire import fingerprint
from services.feed import Feed, Poller
from services.http import HttpSettings, ReadClient, WriteClient
from services.safety.guard import Guard
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk, Target
from services.vocabulary.errors import FailureKind, Refused, SourceError
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import OPERATOR, agree, temporary_store
from tests.support.waiting import eventually
from tests.support.wire import HttpDouble, http_double, unused_url

DISK = {"alertname": "DiskFull", "instance": "db-2"}
START = "2026-03-02T19:00:00.000Z"
EARLIER = "2026-03-02T18:00:00.000Z"


def alert(labels: dict[str, str], start: str = START, state: str = "active", **status: Any) -> dict[str, Any]:
    return {
        "annotations": {},
        "endsAt": START,
        "fingerprint": fingerprint(labels),
        "receivers": [{"name": "pager"}],
        "startsAt": start,
        "status": {"inhibitedBy": [], "silencedBy": [], "state": state, **status},
        "updatedAt": START,
        "labels": labels,
    }


def silence(silence_id: str, comment: str = "ACK! on it") -> dict[str, Any]:
    return {
        "id": silence_id,
        "matchers": [{"name": "alertname", "value": "DiskFull", "isRegex": False, "isEqual": True}],
        "startsAt": START,
        "endsAt": "2026-03-02T20:00:00.000Z",
        "updatedAt": START,
        "createdBy": "op-b",
        "comment": comment,
        "status": {"state": "active"},
    }


class Answers:
    """What a member says: JSON for each path, or whatever a test puts there instead."""

    def __init__(self, *alerts: dict[str, Any]) -> None:
        self.alerts: Any = list(alerts)
        self.silences: Any = []
        self.status: Any = {"versionInfo": {"version": "0.34.0"}, "cluster": {"status": "ready", "peers": [{}, {}]}}
        self.posted: Any = {"silenceID": "new"}

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        said = {
            ("GET", "/api/v2/alerts"): self.alerts,
            ("GET", "/api/v2/silences"): self.silences,
            ("GET", "/api/v2/status"): self.status,
            ("POST", "/api/v2/silences"): self.posted,
        }.get((request.method, request.path), web.Response(status=404))
        if callable(said):
            said = await said(request)
        if isinstance(said, web.StreamResponse):
            return said
        return web.json_response(said)


@asynccontextmanager
async def reading(
    *urls: str, patience: float = 2.0, timeout: float = 5.0, most: int = 2**20
) -> AsyncIterator[AlertmanagerReader]:
    clients = [ReadClient(HttpSettings("prod", url, timeout=timeout, max_body=most)) for url in urls]
    try:
        yield AlertmanagerReader("prod-eu", "prod", clients, patience=patience)
    finally:
        for client in clients:
            await client.close()


async def hang(request: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


def text(body: str, status: int = 200, kind: str = "application/json", **headers: str) -> web.Response:
    return web.Response(text=body, status=status, content_type=kind, headers=headers)


WHOLE = json.dumps([alert(DISK), alert({"alertname": "Other"})])
FAULTS: dict[str, tuple[Any, FailureKind]] = {
    "hangs": (hang, FailureKind.TIMEOUT),
    "500": (lambda: text('"boom"', 500), FailureKind.SERVER),
    "plain 503": (lambda: text("starting", 503, "text/plain"), FailureKind.SERVER),
    "400": (lambda: text('{"code":400,"message":"bad"}', 400), FailureKind.REJECTED),
    "401": (lambda: text("", 401), FailureKind.DENIED),
    "redirect": (lambda: text("", 302, location="http://elsewhere/"), FailureKind.CONFIGURATION),
    "HTML": (lambda: text("<!doctype html><p>Sign in", 200, "text/html"), FailureKind.MALFORMED),
    "truncated": (lambda: text(WHOLE[:-40]), FailureKind.MALFORMED),
    "wrong types": (
        lambda: text(WHOLE.replace('"labels": {"alertname": "Other"}', '"labels": 7')),
        FailureKind.MALFORMED,
    ),
    "an object": (lambda: text("{}"), FailureKind.MALFORMED),
    "empty": (lambda: text(""), FailureKind.MALFORMED),
    "too large": (lambda: text(json.dumps([alert({**DISK, "x": "y" * 2**20})])), FailureKind.TOO_LARGE),
}


def faulty(name: str) -> Any:
    make = FAULTS[name][0]
    if make is hang:
        return hang

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response: web.StreamResponse = make()
        return response

    return answer


@pytest.mark.parametrize("name", FAULTS)
async def test_every_fault_is_told_and_the_last_data_stays(name: str) -> None:
    clock = ManualClock()
    answers = Answers(alert(DISK))
    async with http_double(answers) as double, reading(double.url, timeout=2.0) as reader:
        feed: Feed[Any] = Feed("alertmanager prod-eu", clock)
        poller = Poller(feed, reader.read, clock, interval=10, partial=lambda: reader.partial)
        task = asyncio.create_task(poller.run())
        await eventually(lambda: feed.snapshot.freshness.trusted)
        known = feed.snapshot.items
        assert [one.name for one in known] == ["DiskFull"]

        answers.alerts = faulty(name)
        with pytest.raises(SourceError) as caught:
            await reader.read()
        assert caught.value.kind is FAULTS[name][1]
        assert caught.value.message
        poller.refresh()
        await eventually(lambda: feed.snapshot.freshness.state is FreshnessState.STALE)
        assert feed.snapshot.items == known
        assert feed.snapshot.freshness.reason == str(caught.value)

        answers.alerts = [alert(DISK), alert({"alertname": "Back"})]
        await eventually(lambda: feed.snapshot.freshness.trusted, clock, 60)
        assert len(feed.snapshot.items) == 2
        assert any(one is known[0] for one in feed.snapshot.items)
        task.cancel()


async def test_a_refusing_cluster_is_unreachable() -> None:
    async with reading(await unused_url()) as reader:
        with pytest.raises(SourceError) as caught:
            await reader.read()
    assert caught.value.kind is FailureKind.UNREACHABLE
    assert not caught.value.sent


@pytest.mark.parametrize("name", FAULTS)
async def test_one_good_member_is_enough(name: str) -> None:
    bad = Answers()
    bad.alerts = faulty(name)
    async with (
        http_double(bad) as first,
        http_double(Answers(alert(DISK))) as second,
        reading(first.url, second.url, patience=0.5, timeout=2.0) as reader,
    ):
        assert [one.name for one in await reader.read()] == ["DiskFull"]
        assert len(reader.partial) == 1
        assert reader.partial[0].startswith(f"{first.url}: ")
        bad.alerts = []
        await reader.read()
        assert not reader.partial


async def test_a_member_that_hangs_holds_nobody_up() -> None:
    bad = Answers()
    bad.alerts = hang
    async with (
        http_double(bad) as first,
        http_double(Answers(alert(DISK))) as second,
        reading(first.url, second.url, patience=0.05, timeout=60) as reader,
    ):
        assert len(await reader.read()) == 1
        assert "no answer 0.05s after another member's" in reader.partial[0]


async def test_members_are_merged() -> None:
    both, only = {"alertname": "Both"}, {"alertname": "Only"}
    here = Answers(alert(both, START, "suppressed", silencedBy=["7"]), alert(DISK, state="unprocessed"))
    there = Answers(alert(both, EARLIER), alert(DISK, state="suppressed", inhibitedBy=["1"]), alert(only))
    async with (
        http_double(here) as first,
        http_double(there) as second,
        reading(first.url, second.url) as reader,
    ):
        merged = await reader.read()
        assert [one.fingerprint for one in merged] == sorted(one.fingerprint for one in merged)
        found = {one.name: one for one in merged}
        assert set(found) == {"Both", "Only", "DiskFull"}
        assert (found["Both"].state, found["Both"].standing) == ("active", Standing.FIRING)
        assert found["Both"].starts_at == EPOCH.replace(hour=18, minute=0, second=0)
        assert (found["DiskFull"].state, found["DiskFull"].standing) == ("suppressed", Standing.INHIBITED)
        again = await reader.read()
        assert all(one is other for one, other in zip(merged, again, strict=True))


async def test_silences_are_joined_and_outlive_a_failure_to_read_them() -> None:
    answers = Answers(alert(DISK, state="suppressed", silencedBy=["7", "8"]))
    answers.silences = [silence("8", "planned"), silence("7"), silence("9")]
    async with http_double(answers) as double, reading(double.url) as reader:
        (one,) = await reader.read()
        assert [each.id for each in one.silences] == ["7", "8"]
        assert one.standing is Standing.ACKED
        assert (await reader.read())[0] is one

        answers.silences = web.Response(status=500)
        (same,) = await reader.read()
        assert same is one
        assert "silences are not up to date" in reader.partial[0]

        answers.silences = [silence("7", "ACK! changed")]
        (changed,) = await reader.read()
        assert [each.comment for each in changed.silences] == ["ACK! changed"]
        assert not reader.partial

        before = len(double.requests)
        answers.alerts = [alert(DISK)]
        assert (await reader.read())[0].standing is Standing.FIRING
        assert [request.path for request, _ in double.requests[before:]] == ["/api/v2/alerts"]


async def test_status_tells_each_member() -> None:
    async with http_double(Answers()) as double, reading(double.url, await unused_url()) as reader:
        good, bad = await reader.status()
    assert (good.version, good.gossip, good.peers, good.error) == ("0.34.0", "ready", 2, None)
    assert bad.error is not None
    assert bad.error.kind is FailureKind.UNREACHABLE


async def test_one_failing_cluster_stops_no_other() -> None:
    async with (
        http_double(Answers(alert(DISK))) as double,
        reading(double.url) as good,
        reading(await unused_url()) as bad,
    ):
        bad.cluster = "prod-us"
        now = await read_alerts([good, bad], ManualClock())
    assert [one.name for one in now.alerts] == ["DiskFull"]
    assert now.freshness["prod-eu"].trusted
    assert now.freshness["prod-us"].state is FreshnessState.FAILING
    assert list(now.untrusted) == ["prod-us"]


DRAFT = SilenceDraft((Matcher("a", "b\n\u202e"),), EPOCH, EPOCH + timedelta(hours=1), "op-a", "why")


async def write(tmp_path: Path, *urls: str, timeout: float = 5.0, clock: ManualClock | None = None) -> Outcome:
    members = [
        Member(
            ReadClient(HttpSettings("prod", url, timeout=timeout)),
            WriteClient(HttpSettings("prod", url, timeout=timeout)),
        )
        for url in urls
    ]
    writer = AlertmanagerWriter("prod-eu", members).one_write()

    async def apply(permit: WritePermit) -> Applied:
        made = await writer.create_silence(permit, DRAFT, action=SILENCE, target="prod-eu/1")
        return Applied("made", {"silence": made})

    plan = Plan(
        SILENCE,
        Risk.WRITE,
        "alertmanager prod-eu",
        "prod",
        (Target("alert", "prod-eu/1", "prod"),),
        "",
        "",
        apply,
        prepare=writer.choose,
        reversible=True,
    )
    try:
        clock = clock or ManualClock()
        async with temporary_store(tmp_path, clock) as store:
            return await Guard(store, clock).execute(plan, command="test", actor=OPERATOR, confirm=agree)
    finally:
        for member in members:
            await member.read.close()
            await member.write.close()


async def ack_plan(url: str, note: str, minutes: int) -> Plan:
    settings = HttpSettings("prod", url)
    read, write = ReadClient(settings), WriteClient(settings)
    reader = AlertmanagerReader("prod-eu", "prod", [read])
    clock = ManualClock()
    needs = AlertsNeeds(
        current=lambda: read_alerts([reader], clock),
        latest=tuple,
        readers={"prod-eu": reader},
        writers={"prod-eu": AlertmanagerWriter("prod-eu", [Member(read, write)])},
        clock=clock,
    )
    try:
        return await plan_ack(needs, OPERATOR, fingerprint(DISK), timedelta(minutes=minutes), note)
    finally:
        await read.close()
        await write.close()


async def test_an_ack_prolongs_the_one_that_is_at_work() -> None:
    answers = Answers(alert(DISK, state="suppressed", silencedBy=["7"]))
    matchers = [
        {"name": name, "value": DISK[name], "isRegex": False, "isEqual": True} for name in ("instance", "alertname")
    ]
    shorter = {**silence("6"), "matchers": matchers, "endsAt": "2026-03-02T19:50:00.000Z"}
    other = {**silence("8", "planned"), "matchers": matchers, "endsAt": "2026-03-02T23:00:00.000Z"}
    ended = {**silence("9"), "matchers": matchers, "status": {"state": "expired"}}
    answers.silences = [silence("5"), shorter, {**silence("7"), "matchers": matchers}, other, ended]
    async with http_double(answers) as double:
        longer = await ack_plan(double.url, "", 60)
        assert longer.summary == "prolongs the ack of DiskFull db-2 for 1h as op-a; expires 20:31 UTC"
        assert longer.confirmation is not None
        assert longer.confirmation.question == "already acked by op-b until 20:00 UTC"
        assert "'--comment=ACK! on it'" in longer.equivalent
        assert longer.equivalent.endswith("""-- 'instance="db-2"' 'alertname="DiskFull"'""")
        assert (longer.action, longer.targets[0].name) == (ACK, f"prod-eu/{fingerprint(DISK)}")
        kept = await ack_plan(double.url, "mine now", 5)
        assert kept.summary.endswith("expires 20:00 UTC")
        assert "'--comment=ACK! mine now'" in kept.equivalent

        answers.silences = [silence("5"), other, ended]
        new = await ack_plan(double.url, "", 15)
        assert new.summary == "acks DiskFull db-2 for 15m as op-a; expires 19:46 UTC"
        assert new.preview[-1] == "Alertmanager stops notifying until 19:46 UTC; the pager is not acknowledged"
        assert new.confirmation is None
        assert not [request for request, _ in double.requests if request.method != "GET"]


def posts(double: HttpDouble) -> list[bytes]:
    return [body for request, body in double.requests if request.method == "POST"]


async def test_a_silence_goes_to_one_member_that_is_there(tmp_path: Path) -> None:
    sleeping = Answers()
    sleeping.status = hang
    async with http_double(sleeping) as first, http_double(Answers()) as second:
        outcome = await write(tmp_path, await unused_url(), first.url, second.url)
        assert outcome.status is OutcomeStatus.DONE
        assert outcome.data == {"silence": "new"}
        assert posts(first) == []
        (body,) = posts(second)
    assert json.loads(body) == {
        "matchers": [{"name": "a", "value": "b\n\u202e", "isRegex": False, "isEqual": True}],
        "startsAt": "2026-03-02T19:31:07.000Z",
        "endsAt": "2026-03-02T20:31:07.000Z",
        "createdBy": "op-a",
        "comment": "why",
    }


async def test_nothing_is_sent_where_nobody_is(tmp_path: Path) -> None:
    outcome = await write(tmp_path, await unused_url(), await unused_url())
    assert outcome.status is OutcomeStatus.NOT_SENT
    assert "no member of prod-eu answers" in outcome.message


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (text('"matchers are wrong"', 400), OutcomeStatus.FAILED),
        (text("", 500), OutcomeStatus.UNKNOWN),
        (text("<html>"), OutcomeStatus.UNKNOWN),
        (hang, OutcomeStatus.UNKNOWN),
    ],
)
async def test_a_write_that_left_is_never_repeated(tmp_path: Path, said: Any, status: OutcomeStatus) -> None:
    refusing = Answers()
    refusing.posted = said
    async with http_double(refusing) as first:
        outcome = await write(tmp_path, first.url, first.url, timeout=2.0)
        assert outcome.status is status
        assert len(posts(first)) == 1


async def test_three_failing_writes_stop_every_console_of_the_store_until_a_probe_heals(tmp_path: Path) -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        return text("broken", 500)

    failing, clock = Answers(), ManualClock()
    failing.posted = broken
    async with http_double(failing) as server:
        for _ in range(3):  # each from a console of its own
            assert (await write(tmp_path, server.url, clock=clock)).status is OutcomeStatus.UNKNOWN
        with pytest.raises(Refused, match="the breaker of alertmanager prod-eu is open"):
            await write(tmp_path, server.url, clock=clock)
        clock.jump(timedelta(hours=-1))
        with pytest.raises(Refused, match="is open"):
            await write(tmp_path, server.url, clock=clock)
        assert len(posts(server)) == 3
        clock.jump(timedelta(hours=1, seconds=60))
        failing.posted = {"silenceID": "new"}
        assert (await write(tmp_path, server.url, clock=clock)).ok
        assert (await write(tmp_path, server.url, clock=clock)).ok
        assert len(posts(server)) == 5
