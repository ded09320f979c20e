"""What the alert commands find, say and plan; no byte leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.alerts.alertmanager import AlertmanagerReader, AlertmanagerWriter, Member
from services.alerts.commands import COMMANDS
from services.alerts.lookup import find_alert
from services.alerts.matchers import exact_matchers
from services.alerts.model import Alert, Matcher
from services.alerts.naming import short_ids
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow, alerts_of_snapshots
from services.alerts.silencing import Wanted, plan_silence
from services.command import Confirmer, Invocation, Result
from services.http import HttpSettings, ReadClient, WriteClient
from services.registry import Registry
from services.registry.words import CommandError
from services.safety.actor import Actor
from services.safety.outcome import Outcome
from services.safety.plan import Plan
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.snapshot import Freshness, FreshnessState, Snapshot
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import OPERATOR, agree
from tests.unit.test_alerts_view import alert

FRESH = Freshness("alertmanager eu", FreshnessState.FRESH, checked_at=EPOCH - timedelta(seconds=4))
FAILING = Freshness("alertmanager us", FreshnessState.FAILING, failing_since=EPOCH, reason="us: no connection")
STALE = replace(FAILING, state=FreshnessState.STALE, checked_at=EPOCH - timedelta(minutes=31))
WAITING = Freshness("alertmanager us")


def needs(alerts: Sequence[Alert], **clusters: Freshness) -> AlertsNeeds:
    now = AlertsNow(tuple(alerts), clusters or {"eu": FRESH})

    async def current() -> AlertsNow:
        return now

    settings = HttpSettings("eu", "http://127.0.0.1:1")
    client = ReadClient(settings)
    return AlertsNeeds(
        current,
        lambda: alerts,
        {"eu": AlertmanagerReader("eu", "prod", [client])},
        {"eu": AlertmanagerWriter("eu", [Member(client, WriteClient(settings))])},
        ManualClock(),
    )


async def do(line: str, needed: AlertsNeeds) -> Result:
    registry = Registry(None)
    registry.add(COMMANDS, needed)
    return await registry.run(registry.parse(line), Invocation(OPERATOR, agree))


async def silence_of(
    alerts: Sequence[Alert],
    text: str,
    *,
    hours: float = 1,
    comment: str = "why",
    without: Sequence[str] = (),
    **clusters: Any,
) -> Plan:
    wanted = Wanted((text,), comment, timedelta(hours=hours), without=tuple(without))
    return await plan_silence(needs(alerts, **clusters), OPERATOR, wanted)


DISK = alert("DiskFull", age=12, instance="db-2")
MINE = alert("Mine", "warning", standing="acked")


@pytest.mark.parametrize(
    ("alerts", "clusters", "message", "ok"),
    [
        ([], {"eu": FRESH}, "0 firing, checked 4s ago", True),
        (
            [DISK, MINE, alert("x", standing="silenced"), alert("y", standing="inhibited")],
            {"eu": FRESH},
            "1 firing (1 critical), 1 acked, 1 silenced, 1 inhibited, checked 4s ago",
            True,
        ),
        ([], {"us": FAILING}, "UNKNOWN: us gave no fresh answer: us: no connection", False),
        ([], {"us": WAITING}, "UNKNOWN: us has not answered yet", False),
        (
            [DISK],
            {"us": STALE},
            "UNKNOWN: us gave no fresh answer since 19:00 UTC: us: no connection; last seen: 1 firing (1 critical)",
            False,
        ),
        (
            [],
            {"eu": FRESH, "us": FAILING},
            "UNKNOWN: us gave no fresh answer: us: no connection; all that is known: 0 firing, checked 4s ago",
            False,
        ),
    ],
)
async def test_a_number_is_said_where_it_is_known(
    alerts: list[Alert], clusters: dict[str, Freshness], message: str, ok: bool
) -> None:
    result = await do("/alerts list", needs(alerts, **clusters))
    assert (result.message, result.ok) == (message, ok)


async def test_no_cluster_at_all_is_unknown() -> None:
    now = AlertsNow((), {})
    result = await do("/alerts list", replace(needs([]), current=lambda: _soon(now)))
    assert (result.message, result.ok) == ("UNKNOWN: no Alertmanager is configured", False)


async def _soon(now: AlertsNow) -> AlertsNow:
    return now


async def test_the_list_for_people_and_programs() -> None:
    result = await do("/alerts list", needs([MINE, DISK, alert("Low", "info", standing="silenced")]))
    assert result.table is not None
    assert [column.title for column in result.table.columns][:4] == ["severity", "alert", "standing", "age"]
    assert result.table.rows[0][:5] == ("▲ crit", "DiskFull db-2", "firing", "12m", DISK.fingerprint[:6])
    assert [row[2] for row in result.table.rows[1:]] == ["ack op-a 1h left", "silenced until 20:31 UTC"]
    assert json.loads(json.dumps(result.data)) == result.data
    first, second, _ = result.data
    assert first == {
        "fingerprint": DISK.fingerprint,
        "name": "DiskFull",
        "severity": "critical",
        "state": "active",
        "standing": "firing",
        "labels": {"alertname": "DiskFull", "severity": "critical", "instance": "db-2"},
        "annotations": {"summary": "DiskFull is wrong"},
        "starts_at": "2026-03-02T19:19:07.000Z",
        "cluster": "eu",
        "environment": "prod",
        "receivers": [],
        "generator_url": "",
        "silenced_by": [],
        "inhibited_by": [],
        "muted_by": [],
        "ack": None,
    }
    assert second["ack"] == {
        "owner": "op-a",
        "expires_at": "2026-03-02T20:31:07.000Z",
        "comment": "ACK! mine",
        "silence": "7",
    }


async def test_the_list_narrows_and_points_at_a_wrong_matcher() -> None:
    result = await do("/alerts list severity=warning", needs([DISK, MINE]))
    assert [one["name"] for one in result.data] == ["Mine"]
    assert result.message.startswith("1 of 2 alerts match; 1 firing")
    line = "/alerts list disk pod=~("
    with pytest.raises(CommandError) as caught:
        await do(line, needs([DISK]))
    assert line[caught.value.start : caught.value.end] == "pod=~("


async def test_what_is_missing_from_a_fresh_answer_is_said() -> None:
    partial = replace(FRESH, partial=("http://am-2: no connection",))
    assert (await do("/alerts list", needs([], eu=partial))).lines == ("eu: http://am-2: no connection",)


def twin(cluster: str, digits: str) -> Alert:
    return Alert(cluster, "prod", digits, {"alertname": f"A-{cluster}"}, {}, EPOCH)


def test_an_id_is_found_by_a_unique_beginning() -> None:
    alerts = (twin("eu", "aabb000000000001"), twin("eu", "aacc000000000001"), twin("us", "aabb000000000001"))
    now = AlertsNow(alerts, {"eu": FRESH, "us": FRESH})
    assert find_alert(now, "aac") is alerts[1]
    assert find_alert(now, "AAC") is alerts[1]
    assert find_alert(now, "us/aa") is alerts[2]
    assert find_alert(now, "us/aabb000000000001") is alerts[2]
    assert find_alert(now, "eu/aabb") is alerts[0]
    for text, count in (("aab", 2), ("aabb000000000001", 2), ("eu/aa", 2), ("aa", 3)):
        with pytest.raises(ConsoleError, match=f"means {count} alerts: .*A-eu") as caught:
            find_alert(now, text)
        assert "write more" in caught.value.hint
    for text in ("b", "", "eu/", "de/aabb", "us/aac", "aabb0000000000011"):
        with pytest.raises(NotFound, match="no alert has the id"):
            find_alert(now, text)
    with pytest.raises(NotFound) as missing:
        find_alert(now, "A-us")
    assert "aabb000000000001" in missing.value.hint
    with pytest.raises(NotFound) as unsure:
        find_alert(AlertsNow(alerts, {"eu": FRESH, "us": STALE}), "dd")
    assert "us gave no fresh answer" in unsure.value.hint


def test_short_ids_are_found_again() -> None:
    alerts = (
        twin("eu", "aabbcc0000000001"),
        twin("eu", "aabbcc1000000001"),
        twin("us", "aabbcc1000000001"),
        twin("us", "ffffff0000000001"),
    )
    ids = short_ids(alerts)
    assert ids == {
        "eu/aabbcc0000000001": "aabbcc0",
        "eu/aabbcc1000000001": "eu/aabbcc1",
        "us/aabbcc1000000001": "us/aabbcc1",
        "us/ffffff0000000001": "ffffff0",
    }
    now = AlertsNow(alerts, {})
    assert all(find_alert(now, ids[one.id]) is one for one in alerts)


async def test_a_silence_shows_what_it_hits() -> None:
    pods = [alert("Crash", service="cart", pod=f"cart-{index}") for index in range(12)]
    elsewhere = alert("Crash", service="cart", pod="cart-0", cluster_name="us")
    one = await silence_of([*pods, elsewhere], f"eu/{pods[0].fingerprint}", eu=FRESH, us=FRESH)
    assert one.confirmation is None
    assert one.warnings == ()
    assert one.targets[0].name == pods[0].id
    assert one.preview == (
        "matchers:",
        '  alertname="Crash"',
        '  pod="cart-0"',
        '  service="cart"',
        '  severity="critical"',
        "hits 1 alert of eu (prod) now:",
        f"  Crash cart pod=cart-0 ({pods[0].fingerprint})",
    )
    assert one.summary == "silences 1 alert of eu for 1h as op-a; expires 20:31 UTC"
    many = await silence_of([*pods, elsewhere], f"eu/{pods[0].fingerprint}", without=["pod"], eu=FRESH, us=FRESH)
    assert many.confirmation is not None
    assert many.confirmation.question == "mutes 12 alerts in prod (eu)"
    assert "hits 12 alerts of eu (prod) now:" in many.preview
    assert many.preview[-1] == "  and 2 more"
    assert 'pod="' not in many.equivalent
    assert many.equivalent.startswith("amtool silence add --alertmanager.url=http://127.0.0.1:1 --author=op-a")


async def test_a_long_silence_asks() -> None:
    assert (await silence_of([DISK], DISK.fingerprint, hours=24)).confirmation is None
    long = await silence_of([DISK], DISK.fingerprint, hours=25)
    assert long.confirmation is not None
    assert long.confirmation.question == "lasts 1d1h in prod (eu)"
    assert long.summary.endswith("expires 2026-03-03 20:31 UTC")


async def test_what_a_silence_cannot_be() -> None:
    for wrong, words in (
        ({"comment": " "}, "needs a comment"),
        ({"hours": 0}, "--for must be longer"),
        ({"hours": 24 * 400}, "longer than a year"),
        ({"without": ["pod"]}, "--without pod: the alert has no such label"),
        ({"without": ["alertname", "severity", "instance"]}, "would mute everything"),
    ):
        with pytest.raises(ConsoleError, match=words):
            await silence_of([DISK], DISK.fingerprint, **wrong)


async def test_a_silence_warns() -> None:
    stale = await silence_of([DISK], DISK.fingerprint, eu=STALE)
    assert "may hit others by now" in stale.warnings[0]
    acking = await silence_of([DISK], DISK.fingerprint, comment="ACK! no")
    assert "makes it an acknowledgement" in acking.warnings[0]
    twice = alert("x", standing="silenced")
    assert (
        "already silenced by op-a until 20:31 UTC: planned"
        in (await silence_of([twice], twice.fingerprint)).warnings[0]
    )


async def test_a_cluster_that_is_only_read_takes_no_silence() -> None:
    other = alert("x", cluster_name="us")
    with pytest.raises(NotFound, match="nothing to write to for us"):
        await silence_of([other], other.fingerprint, us=FRESH)


class Nobody:
    """Stands where the guard would; nothing here comes so far."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        raise AssertionError(command)


def test_completion_offers_ids_with_names_and_labels() -> None:
    registry = Registry(Nobody())
    registry.add(COMMANDS, needs([MINE, DISK]))
    offered = registry.complete("/alerts ack ", 12)
    assert [candidate.value for candidate in offered.candidates][:2] == [DISK.fingerprint[:6], MINE.fingerprint[:6]]
    assert offered.candidates[0].hint == "DiskFull db-2, crit, 12m, prod"
    line = "/alerts silence x --without "
    assert "instance" in [candidate.value for candidate in registry.complete(line, len(line)).candidates]


def test_snapshots_of_feeds_are_brought_together() -> None:
    now = alerts_of_snapshots({"eu": Snapshot(FRESH, 3, (DISK,)), "us": Snapshot(STALE, 1, (MINE,))})
    assert now.alerts == (DISK, MINE)
    assert list(now.untrusted) == ["us"]


async def test_what_a_mute_hits_is_told_apart() -> None:
    two = [alert("DiskFull", service="db", instance=name) for name in ("db-1", "db-2")]
    plan = await silence_of(two, two[0].fingerprint, without=("instance",))
    assert [line for line in plan.preview if "DiskFull db instance=db-1" in line]
    assert [line for line in plan.preview if "DiskFull db instance=db-2" in line]
    table = (await do("/alerts list", needs(two))).table
    assert table is not None
    assert {row[1] for row in table.rows} == {"DiskFull db instance=db-1", "DiskFull db instance=db-2"}


async def test_a_second_silence_of_the_same_matchers_is_asked() -> None:
    one = alert("DiskFull", standing="silenced")
    same = replace_silence(one, exact_matchers(one.labels))
    plan = await silence_of([same], same.fingerprint)
    assert plan.confirmation is not None
    assert plan.confirmation.question == "already silenced by op-a until 20:31 UTC, with the same matchers"
    other = replace_silence(one, exact_matchers(one.labels, ("severity",)))
    plan = await silence_of([other], other.fingerprint)
    assert plan.confirmation is None
    assert plan.warnings == ("already silenced by op-a until 20:31 UTC: planned",)


def replace_silence(one: Alert, matchers: tuple[Matcher, ...]) -> Alert:
    (silence,) = one.silences
    return msgspec.structs.replace(one, silences=(msgspec.structs.replace(silence, matchers=matchers),))
