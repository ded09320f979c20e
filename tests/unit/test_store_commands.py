"""/incident, /circuit and /audit, through the registry and a real store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.audit.commands import COMMANDS as AUDIT_COMMANDS
from services.audit.commands import AuditNeeds
from services.audit.search import AuditSearch
from services.circuit.commands import COMMANDS as CIRCUIT_COMMANDS
from services.circuit.commands import CircuitNeeds
from services.command import Command, Invocation, Result
from services.incidents.commands import COMMANDS as INCIDENT_COMMANDS
from services.incidents.commands import IncidentsNeeds
from services.incidents.repository import IncidentRepository
from services.registry import CommandError, Registry
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.circuit import Circuit
from services.safety.guard import Guard
from services.storage.engine import Store
from services.vocabulary.errors import Conflict, NotFound, Refused
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")


class Desk:
    """One console without a screen: a registry on a store."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        self.store = store
        self.breaker = Breaker(store, clock)
        self.guard = Guard(store, clock)
        self.repository = IncidentRepository(store, clock)
        self.seen: Circuit | None = None
        self.registry = Registry(self.guard)
        self.registry.add(
            CIRCUIT_COMMANDS,
            CircuitNeeds(self.breaker, clock, lambda: self.seen, self.guard.unfinished),
        )
        self.registry.add(
            AUDIT_COMMANDS,
            AuditNeeds(
                Audit(store),
                AuditSearch(store),
                clock,
                store.redact,
                lambda: store.keys,
                unfinished=self.guard.unfinished,
            ),
        )
        self.registry.add(INCIDENT_COMMANDS, IncidentsNeeds(self.repository, tuple, clock))

    async def run(self, line: str, **selection: tuple[str, ...]) -> Result:
        # The person says no to everything: nothing here may depend on a yes.
        return await self.registry.run(self.registry.parse(line, selection), Invocation(OPERATOR, decline, selection))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        yield Desk(store, clock)


async def test_the_breaker_is_opened_at_once_and_closed_with_a_reason(desk: Desk) -> None:
    assert (await desk.run("/circuit status")).message == "the circuit is closed"
    opened = await desk.run("/circuit open")
    assert opened.message == "the circuit is open now since 19:31:07 UTC (0s), by op-a, no reason given"
    assert (opened.data["state"], opened.data["revision"], opened.data["changed_by"]) == ("open", 1, "op-a")
    assert (await desk.run("/circuit open --reason storm")).message.startswith("the circuit was open already")
    desk.clock.turn(120)
    assert (await desk.run("/circuit status")).message == (
        "the circuit is open since 19:31:07 UTC (2m), by op-a, no reason given"
    )
    closed = await desk.run('/circuit close --reason "rolled back"')
    assert closed.message == "the circuit is closed now since 19:33:07 UTC (0s), by op-a: rolled back"
    assert closed.ok


@pytest.mark.parametrize("line", ["/circuit close", "/circuit close --reason ''", "/circuit close --yes"])
async def test_closing_without_a_reason_is_no_command(desk: Desk, line: str) -> None:
    await desk.run("/circuit open")
    with pytest.raises(CommandError):
        await desk.run(line)
    assert (await desk.breaker.read()).is_open


async def test_a_blank_reason_is_no_reason(desk: Desk) -> None:
    await desk.run("/circuit open")
    with pytest.raises(Refused, match="needs a reason"):
        await desk.run("/circuit close --reason ' '")


async def test_nobody_closes_over_what_they_have_not_seen(desk: Desk) -> None:
    desk.seen = await desk.breaker.read()
    await desk.breaker.open(COLLEAGUE, "storm")
    with pytest.raises(Conflict, match="by op-b: storm"):
        await desk.run("/circuit close --reason fine")
    desk.seen = await desk.breaker.read()
    assert (await desk.run("/circuit close --reason fine")).data["state"] == "closed"


async def test_ones_own_toggle_is_never_a_surprise(desk: Desk) -> None:
    desk.seen = await desk.breaker.read()
    await desk.run("/circuit open")  # the screen has not caught up yet
    assert (await desk.run("/circuit close --reason mistake")).data["state"] == "closed"


async def test_the_audit_lists_toggles_writes_refusals_and_what_is_unfinished(desk: Desk) -> None:
    assert (await desk.run("/audit list")).message == "nothing was decided yet"
    await desk.guard.execute(plan_for(Outside()), command="/thing change", actor=OPERATOR, confirm=agree)
    await desk.run("/circuit open --reason storm")
    with pytest.raises(Refused):
        await desk.guard.execute(plan_for(Outside()), command="/thing change", actor=OPERATOR, confirm=agree)
    listed = await desk.run("/audit list")
    assert [(entry["action"], entry["decision"], entry["outcome"]) for entry in listed.data] == [
        ("test.change", "refused", ""),
        ("circuit.open", "allowed", "done"),
        ("test.change", "allowed", "done"),
    ]
    assert listed.table is not None
    assert listed.table.rows[0][5:7] == ("refused (breaker)", "")
    assert len((await desk.run("/audit list --limit 1")).data) == 1
    async with desk.store.write() as connection:
        await connection.exec_driver_sql("UPDATE intents SET status = NULL")
    listed = await desk.run("/audit list")
    assert listed.message.endswith("1 without outcome")
    assert "unknown, check: test.change on outside prod, thing thing" in listed.lines[0]


async def test_the_audit_verifies_until_somebody_alters_it(desk: Desk) -> None:
    await desk.run("/circuit open")
    await desk.run("/circuit close --reason over")
    whole = await desk.run("/audit verify")
    assert (whole.ok, whole.data["entries"]) == (True, 2)
    assert whole.data["head"] in whole.message
    async with desk.store.write() as connection:
        await connection.exec_driver_sql("UPDATE audit SET operator = 'op-x' WHERE sequence = 2")
    broken = await desk.run("/audit verify")
    assert (broken.ok, broken.data["broken_at"]) == (False, 2)
    assert "entry 2 was altered" in broken.message


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("/incident create Checkout errors", 3),
        ("/incident create Checkout errors --severity sev2", 2),
        ("/incident create --severity SEV1 Checkout errors", 1),
        ("/incident create 'Checkout errors' --severity 5", 5),
    ],
)
async def test_an_incident_is_created(desk: Desk, line: str, severity: int) -> None:
    result = await desk.run(line)
    assert result.message == f"incident #1 is open (SEV{severity}), commander op-a"
    assert (result.data["id"], result.data["title"], result.data["severity"]) == (1, "Checkout errors", severity)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("/incident create x --severity sev6", "sev6"),
        ("/incident create x --severity 0", "0"),
        ("/incident create ' '", "' '"),
        ("/incident create " + "x" * 201, "x" * 201),
        ("/incident show abc", "abc"),
        ("/incident show #0", "#0"),
        ("/incident show ٤١", "٤١"),
    ],
)
async def test_the_wrong_word_is_marked(desk: Desk, line: str, word: str) -> None:
    with pytest.raises(CommandError) as error:
        await desk.run(line)
    assert line[error.value.start : error.value.end] == word


async def test_incidents_go_on_while_the_circuit_is_open(desk: Desk) -> None:
    await desk.run("/circuit open")
    assert (await desk.run("/incident create x")).ok
    assert (await desk.run("/incident show 1")).ok


async def test_incidents_are_listed_and_shown(desk: Desk) -> None:
    assert (await desk.run("/incident list")).message == "no open incident"
    await desk.run("/incident create Slow cart")
    desk.clock.turn(840)
    await desk.run("/incident create Checkout errors --severity 2")
    listed = await desk.run("/incident list")
    assert listed.message == "2 open, 1 major"
    assert listed.table is not None
    assert listed.table.rows[1] == ("#1", "SEV3", "triage", "op-a", "14m", "14m", "Slow cart")
    assert [one["id"] for one in listed.data] == [2, 1]
    assert (await desk.run("/incident list --all")).message == "2 open, 1 major, 0 ended"
    for line in ("/incident show 1", "/incident show #1"):
        shown = await desk.run(line)
        assert shown.message == "SEV3 #1 Slow cart"
        assert shown.data["timeline"][0]["text"] == "SEV3 Slow cart"
        assert shown.lines[0] == "triage, commander op-a, updated 14m ago"
    assert (await desk.run("/incident show", incident=("2",))).message == "SEV2 #2 Checkout errors"
    with pytest.raises(NotFound, match="#9"):
        await desk.run("/incident show 9")


async def test_numbers_are_completed_with_severity_title_and_age(desk: Desk) -> None:
    created = await desk.repository.create("Checkout errors", 2, "op-a")
    desk.clock.jump(timedelta(minutes=4))
    registry = Registry(desk.guard)
    registry.add(INCIDENT_COMMANDS, IncidentsNeeds(desk.repository, lambda: (created,), desk.clock))
    line = "/incident show "
    (candidate,) = registry.complete(line, len(line)).candidates
    assert (candidate.value, candidate.hint) == ("1", "SEV2 Checkout errors, 4m")


@pytest.mark.parametrize("command", [*CIRCUIT_COMMANDS, *INCIDENT_COMMANDS], ids=lambda command: command.name)
def test_every_example_is_a_valid_command(desk: Desk, command: Command[Any, Any]) -> None:
    for example in command.examples:
        assert desk.registry.parse(example).command.name == command.name


def test_the_declarations_need_no_database() -> None:
    program = """
import sys
import services.circuit.commands, services.incidents.commands, services.incidents.view, services.safety.circuit
import services.safety.outcome
print([name for name in sys.modules if name.split(".")[0] in ("sqlalchemy", "alembic", "aiosqlite", "textual")])
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert answer.stdout.strip() == "[]"


async def test_the_audit_keeps_the_whole_line_that_moved_the_breaker(desk: Desk) -> None:
    await desk.run('/circuit open --reason "rollout storm"')
    await desk.run("/circuit close --reason fine")
    await desk.run("/circuit open")
    lines = [entry["command"] for entry in (await desk.run("/audit list")).data]
    assert lines == ["/circuit open", "/circuit close --reason fine", "/circuit open --reason 'rollout storm'"]
