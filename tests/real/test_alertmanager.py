"""List, acknowledge and silence against a real Alertmanager, through the registry and the guard; amtool looks on."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.alerts.alertmanager import AlertmanagerReader, AlertmanagerWriter, Member
from services.alerts.commands import COMMANDS
from services.alerts.model import EXPIRE, SilenceState, Standing
from services.alerts.needs import AlertsNeeds
from services.alerts.now import read_alerts
from services.alerts.routing import group_of
from services.alerts.wire import fingerprint
from services.command import Confirmer, Invocation, Result
from services.http import HttpSettings, ReadClient, WriteClient
from services.registry import Registry
from services.safety.guard import Guard
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk, Target
from services.undo.commands import COMMANDS as UNDO_COMMANDS
from services.undo.commands import UndoNeeds
from services.undo.gate import UndoGate
from services.undo.repository import UndoRepository
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import Conflict, NotFound, Refused
from tests.support.alertmanager_server import AlertmanagerServer, alert, alertmanager_server, amtool, binary, run
from tests.support.store import OPERATOR, agree, decline, temporary_store

pytestmark = pytest.mark.real

CLOCK = SystemClock()
HOSTILE = {
    "alertname": "Hostile",
    "markup": "[@click=app.quit]x[/] [/foo] <b>",
    "escape": "\x1b]52;c;ZXZpbA==\x07\x1b[31m",
    "bidi": "\u202ereversed\u2066",
    "lines": "one\ntwo\r\nthree\t",
    "quotes": '"it\'s" `x` $(id) \\n \\',
    "border": '"}},{"',
    "blank": " \u3164 ",
    "large": "x" * 10_000,
}


class Desk:
    """A person at a console: the registry with the alert commands over a guard with a store."""

    def __init__(
        self, registry: Registry, reader: AlertmanagerReader, guard: Guard, writer: AlertmanagerWriter
    ) -> None:
        self.registry = registry
        self.reader = reader
        self.guard = guard
        self.writer = writer

    async def do(self, line: str, confirm: Confirmer = agree, **selection: tuple[str, ...]) -> Result:
        """Run one line."""
        request = self.registry.parse(line, selection)
        return await self.registry.run(request, Invocation(OPERATOR, confirm, selection))


@asynccontextmanager
async def desk(
    directory: Path, *servers: AlertmanagerServer, written: AlertmanagerServer | None = None
) -> AsyncIterator[Desk]:
    """A person in front of a cluster of ``servers``, whose writes all go to ``written`` where it is given."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(temporary_store(directory, CLOCK))
        members = []
        for server in servers:
            settings = HttpSettings(f"alertmanager prod ({server.url})", server.url)
            member = Member(ReadClient(settings), WriteClient(settings))
            stack.push_async_callback(member.read.close)
            stack.push_async_callback(member.write.close)
            members.append(member)
        reader = AlertmanagerReader("prod-eu", "prod", [member.read for member in members])
        chosen = [one for one, server in zip(members, servers, strict=True) if written in (None, server)]
        writer = AlertmanagerWriter("prod-eu", chosen)
        guard = Guard(store, CLOCK, gates=(UndoGate(),))
        registry = Registry(guard)
        registry.add(
            COMMANDS,
            AlertsNeeds(
                current=lambda: read_alerts([reader], CLOCK),
                latest=tuple,
                readers={"prod-eu": reader},
                writers={"prod-eu": writer},
                clock=CLOCK,
            ),
        )

        async def plan(line: str, invocation: Invocation) -> Plan | None:
            return await registry.plan(registry.parse(line), invocation)

        registry.add(UNDO_COMMANDS, UndoNeeds(UndoRepository(store), plan, CLOCK))
        yield Desk(registry, reader, guard, writer)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await condition():
            await asyncio.sleep(0.02)


async def silences(server: AlertmanagerServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await amtool(server, "silence", "query", "-o", "json"))
    return found


async def active(server: AlertmanagerServer) -> set[str]:
    """The names of the alerts that amtool shows as neither silenced nor inhibited."""
    found = json.loads(await amtool(server, "alert", "query", "-o", "json"))
    return {one["labels"]["alertname"] for one in found}


LABELS = {"alertname": "HighErrorRate", "service": "checkout", "severity": "critical"}


async def test_list_shows_what_fires(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        empty = await console.do("/alerts list")
        assert empty.message.startswith("0 firing, checked ")
        onset = CLOCK.now().replace(microsecond=0) - timedelta(minutes=4)
        await server.post(
            alert(LABELS, onset, annotations={"summary": "12 % fail"}, generatorURL="http://p/graph?g0.expr=up"),
            alert({**LABELS, "alertname": "Noise", "severity": "info"}),
            alert({"alertname": "Other", "severity": "warning", "service": "cart"}),
        )
        # Inhibition is worked out when somebody asks.
        result = await console.do("/alerts list")
        assert result.ok
        assert isinstance(result.data, list)
        assert [one["name"] for one in result.data] == ["HighErrorRate", "Other", "Noise"]
        first = result.data[0]
        assert first["fingerprint"] == fingerprint(LABELS)
        assert first["labels"] == LABELS
        assert first["annotations"] == {"summary": "12 % fail"}
        assert first["starts_at"] == onset.isoformat().replace("+00:00", ".000Z")
        assert first["receivers"] == ["nobody"]
        assert first["state"] == "active"
        assert result.data[2]["standing"] == "inhibited"
        assert result.data[2]["state"] == "suppressed"
        assert result.message.startswith("2 firing (1 critical, 1 warning), 1 inhibited, checked ")
        assert result.table is not None
        assert len(result.table.rows) == 3
        json.dumps(result.data)
        narrowed = await console.do('/alerts list severity=~"crit.*" checkout')
        assert [one["name"] for one in narrowed.data] == ["HighErrorRate"]


async def test_an_ack_mutes_and_is_prolonged(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(LABELS), alert({"alertname": "Other"}))
        result = await console.do(f'/alerts ack {fingerprint(LABELS)[:6]} --note "rolling back"')
        assert result.ok, result.message
        assert "muted in Alertmanager until" in result.message
        assert "the pager is not acknowledged" in result.message
        (silence,) = await silences(server)
        assert silence["id"] == result.data["silence"]
        assert silence["comment"] == "ACK! rolling back"
        assert silence["createdBy"] == "op-a"
        assert {one["name"]: one["value"] for one in silence["matchers"]} == LABELS
        assert await active(server) == {"Other"}

        (acked,) = [one for one in await console.reader.read() if one.name == "HighErrorRate"]
        assert acked.standing is Standing.ACKED
        assert acked.ack is not None
        assert acked.ack.created_by == "op-a"

        again = await console.do(f"/alerts ack {fingerprint(LABELS)} --for 40m")
        assert again.ok
        assert again.data["prolonged"]
        assert again.data["silence"] == result.data["silence"]
        (longer,) = await silences(server)
        assert longer["comment"] == "ACK! rolling back"
        assert longer["endsAt"] > silence["endsAt"]
        shorter = await console.do(f"/alerts ack {fingerprint(LABELS)} --for 1m")
        assert shorter.ok
        assert [one["endsAt"] for one in await silences(server)] == [longer["endsAt"]]
        listed = await console.do("/alerts list")
        assert [one["name"] for one in listed.data] == ["Other", "HighErrorRate"]
        assert listed.data[1]["ack"]["owner"] == "op-a"
        assert listed.data[1]["ack"]["expires_at"] == longer["endsAt"]


async def test_a_silence_of_hostile_labels_mutes_that_very_alert(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(HOSTILE), alert({**HOSTILE, "alertname": "Bystander"}))
        assert await active(server) == {"Hostile", "Bystander"}
        key = f"prod-eu/{fingerprint(HOSTILE)}"
        result = await console.do('/alerts silence --for 1h --comment "looking into it"', alert=(key,))
        assert result.ok, result.message
        assert await active(server) == {"Bystander"}
        (muted,) = [one for one in await console.reader.read() if one.name == "Hostile"]
        assert muted.labels == HOSTILE
        assert muted.standing is Standing.SILENCED
        assert [silence.comment for silence in muted.silences] == ["looking into it"]


async def test_the_line_for_amtool_does_the_same(tmp_path: Path) -> None:
    bash = binary("bash")
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(HOSTILE))
        asked: list[Plan] = []

        async def look(plan: Plan) -> bool:
            asked.append(plan)
            return False

        with pytest.raises(Refused) as caught:
            await console.do(f"/alerts silence {fingerprint(HOSTILE)} --for 2d --comment 'it'\\''s \"broken\"'", look)
        assert caught.value.equivalent == asked[0].equivalent
        assert await silences(server) == []
        line = asked[0].equivalent
        assert line.isprintable()
        assert shlex.split(line)[0] == "amtool"
        await run(bash, "-c", line)
        assert await active(server) == set()
        (silence,) = await silences(server)
        assert silence["comment"] == 'it\'s "broken"'
        assert {one["name"]: one["value"] for one in silence["matchers"]} == HOSTILE


async def test_a_wider_silence_asks_first(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        pods = [{"alertname": "Crash", "service": "cart", "pod": f"cart-{index}"} for index in range(4)]
        await server.post(*[alert(labels) for labels in pods], alert({"alertname": "Other"}))
        line = f'/alerts silence {fingerprint(pods[0])} --for 1h --comment "bad build" --without pod'
        with pytest.raises(Refused, match="mutes 4 alerts in prod"):
            await console.do(line, decline)
        assert await active(server) == {"Crash", "Other"}
        assert (await console.do(line)).ok
        assert await active(server) == {"Other"}
        assert (await console.do("/alerts list")).message.startswith("1 firing (1 other), 4 silenced")


async def test_members_of_a_cluster_are_one(tmp_path: Path) -> None:
    async with (
        alertmanager_server(tmp_path / "a", peers=[]) as first,
        alertmanager_server(tmp_path / "b", peers=[first]) as second,
        desk(tmp_path, first, second) as console,
    ):
        early = CLOCK.now().replace(microsecond=0) - timedelta(hours=1)
        late = early + timedelta(minutes=5)
        await first.post(alert(LABELS, late))
        await second.post(alert(LABELS, early), alert({"alertname": "Second"}))
        merged = await console.reader.read()
        assert {one.name for one in merged} == {"HighErrorRate", "Second"}
        assert len(merged) == 2
        (both,) = [one for one in merged if one.name == "HighErrorRate"]
        assert both.starts_at == early
        assert all(status.version for status in await console.reader.status())

        async def joined() -> bool:
            return [status.peers for status in await console.reader.status()] == [2, 2]

        await until(joined)
        result = await console.do(f"/alerts ack {fingerprint(LABELS)}")
        assert result.ok, result.message

        async def spread() -> bool:
            return "HighErrorRate" not in await active(first) | await active(second)

        await until(spread)
        assert len(await silences(second)) == 1

        await first.stop()
        again = await console.reader.read()
        assert {one.name for one in again} == {"HighErrorRate", "Second"}
        assert len(console.reader.partial) == 1
        assert first.url in console.reader.partial[0]
        longer = await console.do(f"/alerts ack {fingerprint(LABELS)} --for 1h")
        assert longer.ok, longer.message
        assert longer.data["silence"] == result.data["silence"]


async def test_a_write_is_seen_where_it_was_made_before_the_others_hear_of_it(tmp_path: Path) -> None:
    async with (
        alertmanager_server(tmp_path / "a", peers=[], silent=True) as first,
        alertmanager_server(tmp_path / "b", peers=[first], silent=True) as second,
        desk(tmp_path, first, second, written=second) as console,
    ):
        await first.post(alert(LABELS))
        await second.post(alert(LABELS))
        short = await console.do(f"/alerts ack {fingerprint(LABELS)}")
        assert short.ok, short.message
        longer = await console.do(f"/alerts ack {fingerprint(LABELS)} --for 1h")
        assert longer.ok, longer.message
        assert longer.data["silence"] == short.data["silence"], "the member that knows it is asked too"
        back = await console.do("/undo last")
        assert back.ok, back.message
        back = await console.do("/undo last")
        assert back.ok, back.message
        assert await active(second) == {"HighErrorRate"}
        assert not await silences(first), "the other member has not heard of any of it"


async def test_a_silence_can_be_ended(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(LABELS))
        made = await console.do(f"/alerts ack {fingerprint(LABELS)}")
        silence_id = made.data["silence"]

        write = console.writer.one_write()

        async def apply(permit: WritePermit) -> Applied:
            await write.expire_silence(permit, silence_id, target=silence_id)
            return Applied("ended")

        plan = Plan(
            EXPIRE,
            Risk.WRITE,
            "alertmanager prod-eu",
            "prod",
            (Target("silence", silence_id, "prod"),),
            "",
            "",
            apply,
            prepare=write.choose,
        )
        outcome = await console.guard.execute(plan, command="test", actor=OPERATOR, confirm=agree)
        assert outcome.ok, outcome.message
        assert await active(server) == {"HighErrorRate"}
        (alert_again,) = await console.reader.read()
        assert alert_again.standing is Standing.FIRING


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_an_ack_is_taken_back_as_amtool_sees_it(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(LABELS), alert({"alertname": "Other"}))
        done = await console.do(f'/alerts ack {fingerprint(LABELS)} --note "looking, it\'s \\"mine\\""')
        assert done.undo == "/undo 1"
        assert await active(server) == {"Other"}
        back = await console.do("/undo last")
        assert back.ok, back.message
        assert await active(server) == {"Other", "HighErrorRate"}
        assert await silences(server) == []  # amtool lists those at work alone
        (ended,) = await console.reader.silences()
        assert (ended.id, ended.state) == (done.data["silence"], SilenceState.EXPIRED)
        with pytest.raises(Conflict, match="taken back already: write 2 of op-a"):
            await console.do("/undo 1")


async def test_a_prolonged_ack_gets_its_former_end_author_and_words_again(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(LABELS))
        matchers = [f"{name}={value}" for name, value in LABELS.items()]
        words = ["--author=op-b", '--comment=ACK! it\'s "theirs"\nsince lunch', "--duration=20m", *matchers]
        await amtool(server, "silence", "add", *words)
        (before,) = await silences(server)
        done = await console.do(f'/alerts ack {fingerprint(LABELS)} --for 2h --note "taking over"')
        assert done.data["silence"] == before["id"]
        (longer,) = await silences(server)
        assert (longer["createdBy"], longer["comment"]) == ("op-a", "ACK! taking over")
        back = await console.do("/undo 1")
        assert back.ok, back.message
        (after,) = await silences(server)
        told = ("id", "createdBy", "comment", "matchers")
        assert [after[name] for name in told] == [before[name] for name in told]
        assert abs(_instant(after["endsAt"]) - _instant(before["endsAt"])) < timedelta(milliseconds=2)


async def test_a_silence_that_ended_or_was_edited_meanwhile_is_a_conflict(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(LABELS))
        line = f'/alerts silence {fingerprint(LABELS)} --for 1h --comment "disk"'
        edited = (await console.do(line)).data["silence"]
        await amtool(server, "silence", "update", "--comment=somebody else's words now", edited)
        with pytest.raises(Conflict, match=r"was changed meanwhile: it is op-a's until .*: somebody else's words now"):
            await console.do("/undo 1")
        (left,) = await silences(server)
        assert left["comment"] == "somebody else's words now"
        # By hand, and on purpose, it ends as it is.
        assert (await console.do(f"/alerts expire prod-eu/{left['id']}")).ok
        assert await silences(server) == []
        ended = (await console.do(line)).data["silence"]
        await amtool(server, "silence", "expire", ended)
        with pytest.raises(Conflict, match=r"ended at .* already"):
            await console.do("/undo 3")
        with pytest.raises(NotFound, match="has no silence"):
            await console.do("/alerts expire prod-eu/00000000-0000-0000-0000-000000000000")


async def test_a_silence_of_somebody_else_is_ended_after_a_yes(tmp_path: Path) -> None:
    bash = binary("bash")
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        await server.post(alert(LABELS))
        words = ["--author=op-b", "--comment=works", "--duration=1h", "alertname=HighErrorRate"]
        await amtool(server, "silence", "add", *words)
        (theirs,) = await silences(server)
        line = f"/alerts expire prod-eu/{theirs['id']}"
        with pytest.raises(Refused, match="it is op-b's silence, not yours") as refused:
            await console.do(line, decline)
        assert await active(server) == set()
        await run(bash, "-c", refused.value.equivalent)
        assert await active(server) == {"HighErrorRate"}


ROUTING = """
route:
  receiver: nobody
  group_by: [alertname, service]
  group_wait: 1h
  routes:
  - matchers: ['team=~"shop|pay"']
    receiver: shop
    continue: true
  - matchers: [team=pay]
    receiver: pay
    group_by: ['...']
  - match: {team: data}
    group_by: [alertname]
receivers:
- name: nobody
- name: shop
- name: pay
"""


async def test_its_groups_are_those_that_it_makes_itself(tmp_path: Path) -> None:
    posted = [
        alert({"alertname": name, "team": team, "service": service, "pod": f"{name}-{team}-{service}"})
        for name in ("Slow", "Down")
        for team in ("shop", "pay", "data", "")
        for service in ("cart", "web")
    ]
    async with alertmanager_server(tmp_path, config=ROUTING) as server:
        await server.post(*posted)
        async with desk(tmp_path / "desk", server) as person:
            tree = await person.reader.routes()
            assert tree is not None
            known = await person.reader.read()
        answer = httpx.get(f"{server.url}/api/v2/alerts/groups", timeout=120, trust_env=False)
    told: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
    for one in known:
        for group in group_of(tree, one.labels):
            told.setdefault(group, set()).add(one.fingerprint)
    made = {
        (group["receiver"]["name"], tuple(sorted(group["labels"].items()))): {
            one["fingerprint"] for one in group["alerts"]
        }
        for group in answer.json()
    }
    assert len(known) == len(posted)
    assert told == made


async def test_several_alerts_are_silenced_and_the_silence_is_changed_and_taken_back(tmp_path: Path) -> None:
    async with alertmanager_server(tmp_path / "am") as server, desk(tmp_path, server) as console:
        pods = [{"alertname": "Crash", "service": "cart", "pod": f"cart.{index}"} for index in range(3)]
        await server.post(*[alert(labels) for labels in pods], alert({"alertname": "Other"}))
        two = " ".join(fingerprint(labels) for labels in pods[:2])
        made = await console.do(f'/alerts silence {two} --until +2h --comment "bad build" --ticket OPS-7')
        assert made.ok, made.message
        assert [one["standing"] for one in (await console.do("/alerts list Crash")).data].count("silenced") == 2
        (silence,) = await silences(server)
        assert silence["comment"] == "bad build (ticket OPS-7)"
        name = f"prod-eu/{silence['id']}"
        # The same matchers keep the id; undo gives the former end back.
        longer = await console.do(f"/alerts silence --edit {name} --for 4h")
        assert longer.data["silence"] == silence["id"]
        assert (await silences(server))[0]["endsAt"] > silence["endsAt"]
        assert (await console.do(longer.undo)).ok
        assert (await silences(server))[0]["endsAt"] == silence["endsAt"]
        # Other matchers make another silence of it.
        wider = await console.do(f"/alerts silence alertname=Crash --edit {name}")
        assert wider.ok, wider.message
        assert wider.data["silence"] != silence["id"]
        assert "has ended" in wider.message
        assert wider.undo == ""
        (left,) = [one for one in await silences(server) if one["status"]["state"] == "active"]
        assert (left["id"], left["endsAt"], left["comment"]) == (
            wider.data["silence"],
            silence["endsAt"],
            silence["comment"],
        )
        assert await active(server) == {"Other"}
