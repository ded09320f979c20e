"""Taking writes back: once, through the guard, pointing to what was taken back, and only while it is still so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import pytest

from services.command import Arguments, Command, Confirmer, Invocation, Positional, Result
from services.registry import Registry
from services.safety.actor import Actor
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.gate import Asked, Ruling, Verdict
from services.safety.guard import Guard
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied, Confirmation, Plan, Risk, Target
from services.storage.engine import Store
from services.undo.commands import COMMANDS, UndoNeeds
from services.undo.gate import UndoGate
from services.undo.repository import UndoRepository
from services.vocabulary.errors import Conflict, ConsoleError, FailureKind, NotFound, Refused, SourceError
from services.vocabulary.quoting import command_line
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, agree, decline, temporary_store

pytestmark = pytest.mark.usefixtures("engine")


@dataclass
class Lamps:
    """An outside system: lamps that are on or off, and what was sent to it."""

    lit: dict[str, int] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    failure: SourceError | None = None
    seen: bool = True
    source: str = "lamps prod"


class LampArguments(Arguments):
    name: Annotated[str, Positional()]
    to: int = 1
    if_match: int | None = None


def _plan(lamps: Lamps, request: LampArguments, invocation: Invocation, *, reversible: bool = True) -> Plan:
    before, name = lamps.lit.get(request.name, 0), request.name
    if request.if_match is not None and request.if_match != before:
        raise Conflict(f"lamp {name} was turned to {before} meanwhile", "nothing was sent")

    async def apply(permit: WritePermit) -> Applied:
        spend(permit, "lamps.turn", name)
        lamps.sent.append(f"{name}={request.to}")
        if lamps.failure is not None:
            raise lamps.failure
        lamps.lit[name] = request.to
        line = command_line("lamps turn", name, to=str(before), if_match=str(request.to))
        return Applied(f"lamp {name} is at {request.to}", undo=line if reversible else "")

    async def verify(applied: Applied) -> bool:
        if not lamps.seen:
            raise SourceError(FailureKind.TIMEOUT, "no answer")
        return True

    return Plan(
        action="lamps.turn",
        risk=Risk.WRITE,
        source=lamps.source,
        environment="prod",
        targets=(Target("lamp", name, "prod"),),
        summary=f"turns lamp {name} to {request.to}",
        equivalent=f"lampctl {name} {request.to}",
        apply=apply,
        confirmation=Confirmation("a bright one") if request.to > 9 else None,
        verify=verify,
        reversible=reversible,
    )


async def _turn(lamps: Lamps, request: LampArguments, invocation: Invocation) -> Plan:
    return _plan(lamps, request, invocation)


async def _smash(lamps: Lamps, request: LampArguments, invocation: Invocation) -> Plan:
    return _plan(lamps, request, invocation, reversible=False)


LAMPS = (
    Command(name="lamps turn", summary="s", arguments=LampArguments, risk=Risk.WRITE, plan=_turn),
    Command(name="lamps smash", summary="s", arguments=LampArguments, risk=Risk.WRITE, plan=_smash),
)


class Console:
    """One console on the store: commands, guard, gates."""

    def __init__(self, store: Store, clock: ManualClock, lamps: Lamps, actor: Actor, gates: tuple[object, ...] = ()):
        self.store, self.lamps, self.actor = store, lamps, actor
        self.guard = Guard(store, clock, gates=(UndoGate(), *gates))  # type: ignore[arg-type]
        self.registry = Registry(self.guard)
        self.registry.add(LAMPS, lamps)
        self.repository = UndoRepository(store)
        self.asked: list[Plan] = []

        async def plan(line: str, invocation: Invocation) -> Plan | None:
            return await self.registry.plan(self.registry.parse(line), invocation)

        self.registry.add(COMMANDS, UndoNeeds(self.repository, plan, clock))

    async def run(self, line: str, confirm: Confirmer = agree) -> Result:
        async def asked(plan: Plan) -> bool:
            self.asked.append(plan)
            return await confirm(plan)

        return await self.registry.run(self.registry.parse(line), Invocation(self.actor, asked))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
def lamps() -> Lamps:
    return Lamps()


@pytest.fixture
def mine(store: Store, clock: ManualClock, lamps: Lamps) -> Console:
    return Console(store, clock, lamps, OPERATOR)


@pytest.fixture
def theirs(store: Store, clock: ManualClock, lamps: Lamps) -> Console:
    return Console(store, clock, lamps, COLLEAGUE)


async def test_a_write_says_how_to_take_it_back_and_that_does_so(mine: Console, lamps: Lamps) -> None:
    done = await mine.run("/lamps turn a --to 3")
    assert done.undo == "/undo 1"
    assert lamps.lit == {"a": 3}
    back = await mine.run("/undo 1")
    assert (back.ok, lamps.lit, lamps.sent) == (True, {"a": 0}, ["a=3", "a=0"])
    assert mine.asked == []


async def test_it_is_a_write_of_its_own_that_points_to_the_other(mine: Console, store: Store) -> None:
    await mine.run("/lamps turn a")
    await mine.run("/undo 1")
    audit = Audit(store)
    second, first = await audit.list()
    assert (first.intent, first.undoes, first.undo) == (1, None, "/lamps turn a --to 0 --if-match 1")
    assert (second.intent, second.undoes, second.command, second.action) == (2, 1, "/undo 1", "lamps.turn")
    assert "takes back write 1" in second.rule
    assert (await audit.verify()).whole
    write = await mine.repository.get(1)
    assert [(one.number, one.operator) for one in write.reversals] == [(2, "op-a")]
    assert (await mine.repository.get(2)).undoes == 1


async def test_it_is_taken_back_once(mine: Console, lamps: Lamps) -> None:
    await mine.run("/lamps turn a")
    await mine.run("/undo 1")
    lamps.lit["a"] = 1  # even where it looks as it did before
    with pytest.raises(Conflict, match="write 1 cannot be taken back: it was taken back already: write 2 of op-a"):
        await mine.run("/undo 1")
    assert lamps.sent == ["a=1", "a=0"]


async def test_of_many_consoles_that_want_to_at_once_one_does(
    store: Store, clock: ManualClock, lamps: Lamps, mine: Console
) -> None:
    await mine.run("/lamps turn a")
    consoles = [Console(store, clock, lamps, OPERATOR) for _ in range(6)]
    # All have planned it before the first of them writes its intent.
    plans = [await one.registry.plan(one.registry.parse("/undo 1"), Invocation(OPERATOR, agree)) for one in consoles]

    async def go(console: Console, plan: Plan | None) -> str:
        assert plan is not None
        try:
            outcome = await console.guard.execute(plan, command="/undo 1", actor=OPERATOR, confirm=agree)
        except Refused as error:
            return error.message
        return outcome.status.value

    ended = await asyncio.gather(*[go(one, plan) for one, plan in zip(consoles, plans, strict=True)])
    assert ended.count("done") == 1
    assert all(one == "done" or one.startswith("write 1: ") for one in ended), ended
    assert lamps.sent == ["a=1", "a=0"]


async def test_undoing_what_changed_meanwhile_is_a_conflict(mine: Console, lamps: Lamps) -> None:
    await mine.run("/lamps turn a")
    lamps.lit["a"] = 7
    with pytest.raises(Conflict, match="turned to 7 meanwhile"):
        await mine.run("/undo 1")
    assert lamps.sent == ["a=1"]


async def test_last_is_ones_own_newest_that_can_be_and_asks_first(
    mine: Console, theirs: Console, lamps: Lamps, clock: ManualClock
) -> None:
    with pytest.raises(NotFound, match="none of your writes"):
        await mine.run("/undo last")
    await mine.run("/lamps turn a")
    await mine.run("/lamps smash b")
    await theirs.run("/lamps turn c")
    clock.turn(120)
    with pytest.raises(Refused, match="not confirmed"):
        await mine.run("/undo last", decline)
    (plan,) = mine.asked
    assert plan.confirmation is not None
    assert plan.confirmation.question == "takes back your write of 2m ago: /lamps turn a"
    assert plan.summary == "takes back write 1 (/lamps turn a): turns lamp a to 0"
    await mine.run("/undo last")
    assert lamps.lit == {"a": 0, "b": 1, "c": 1}
    with pytest.raises(NotFound):
        await mine.run("/undo last")


async def test_a_write_of_somebody_else_asks_and_names_them(mine: Console, theirs: Console, lamps: Lamps) -> None:
    await theirs.run("/lamps turn a")
    with pytest.raises(Refused, match="write 1 is op-b's, of 0s ago, not yours: /lamps turn a"):
        await mine.run("/undo 1", decline)
    await mine.run("/undo 1")
    assert lamps.lit == {"a": 0}


async def test_what_the_reversal_itself_asks_is_asked(mine: Console, lamps: Lamps) -> None:
    lamps.lit["a"] = 12
    await mine.run("/lamps turn a --to 1")
    with pytest.raises(Refused, match="a bright one"):
        await mine.run("/undo 1", decline)
    await mine.run("/undo 1")
    assert lamps.lit == {"a": 12}


async def test_the_breaker_refuses_it_as_any_other_write(mine: Console, store: Store, lamps: Lamps) -> None:
    await mine.run("/lamps turn a")
    await Breaker(store, store.clock).open(OPERATOR, "storm")
    with pytest.raises(Refused, match="circuit is open") as refused:
        await mine.run("/undo 1")
    assert refused.value.equivalent == "lampctl a 0"
    assert lamps.sent == ["a=1"]
    newest = (await Audit(store).list(1))[0]
    assert (newest.decision, newest.rule, newest.undoes) == ("refused", "breaker", 1)


async def test_gates_judge_what_it_does_and_not_only_its_name(
    store: Store, clock: ManualClock, lamps: Lamps, mine: Console
) -> None:
    seen: list[Asked] = []

    class Night:
        name = "policy"

        async def consider(self, asked: Asked, connection: object, *, final: bool) -> Verdict:
            seen.append(asked)
            return Verdict(Ruling.REFUSE, rule="policy night", reason="nobody is there to mend it")

    await mine.run("/lamps turn a")
    guarded = Console(store, clock, lamps, OPERATOR, (Night(),))
    with pytest.raises(Refused, match="nobody is there"):
        await guarded.run("/undo 1")
    assert (seen[0].plan.action, seen[0].plan.source, seen[0].command) == ("lamps.turn", "lamps prod", "/undo 1")


async def test_a_failed_reversal_can_be_tried_again(mine: Console, lamps: Lamps) -> None:
    await mine.run("/lamps turn a")
    lamps.failure = SourceError(FailureKind.REJECTED, "no", status=400)
    assert not (await mine.run("/undo 1")).ok
    lamps.failure = None
    assert (await mine.run("/undo 1")).ok
    assert lamps.lit == {"a": 0}


async def test_a_write_whose_end_could_not_be_read_can_be_taken_back(mine: Console, lamps: Lamps) -> None:
    lamps.seen = False
    assert (await mine.run("/lamps turn a")).status == "unknown"
    lamps.seen = True
    assert (await mine.run("/undo 1")).ok


async def test_the_list_says_what_can_be_and_why_not_the_rest(
    mine: Console, theirs: Console, lamps: Lamps, store: Store, clock: ManualClock
) -> None:
    assert (await mine.run("/undo")).message == "nothing was written to an outside system yet"
    await mine.run("/lamps turn a")  # 1, taken back by 2
    await mine.run("/undo 1")
    await mine.run("/lamps smash b")  # 3
    lamps.failure = SourceError(FailureKind.REJECTED, "no", status=400)
    await theirs.run("/lamps turn c")  # 4
    lamps.failure = SourceError(FailureKind.TIMEOUT, "silence")
    await theirs.run("/lamps turn d")  # 5
    lamps.failure = None
    await theirs.run("/lamps turn e")  # 6, under way
    async with store.write() as connection:
        await connection.exec_driver_sql("UPDATE intents SET status = NULL WHERE number = 6")
    await theirs.run("/lamps turn f")  # 7
    clock.turn(60)
    listed = await mine.run("/undo")
    assert listed.message == "2 of the newest 7 writes can be taken back"
    assert listed.table is not None
    assert [row[0] for row in listed.table.rows] == ["7", "6", "5", "4", "3", "2", "1"]
    said = {int(row[0]): row[-1] for row in listed.table.rows}
    assert said[7] == "yes: /lamps turn f --to 0 --if-match 1"
    assert said[6] == "no: it is under way, or its end is not known"
    assert said[5].startswith("no: nobody saw its end")
    assert said[4] == "no: nothing was changed: it failed"
    assert said[3] == "no: this kind of write cannot be taken back"
    assert said[2].startswith("yes: /lamps turn a --to 1")
    assert said[1] == "no: it was taken back already: write 2 of op-a"
    assert listed.table.rows[0][1:4] == ("1m", "op-b", "/lamps turn f")
    assert [one["id"] for one in (await mine.run("/undo list --mine")).data] == [3, 2, 1]
    for number in (6, 5, 4, 3, 1):
        with pytest.raises(Conflict, match="cannot be taken back"):
            await mine.run(f"/undo {number}")
    with pytest.raises(NotFound, match="no write 99"):
        await mine.run("/undo 99")
    words = mine.registry.complete("/undo ", 6).candidates
    assert [one.value for one in words] == ["list", "last", "2"]
    assert [one.value for one in mine.registry.complete("/undo l", 7).candidates] == ["list", "last"]


async def test_taking_back_can_itself_be_taken_back(mine: Console, lamps: Lamps) -> None:
    await mine.run("/lamps turn a --to 3")
    await mine.run("/undo 1")
    await mine.run("/undo 2")
    assert lamps.lit == {"a": 3}


@pytest.mark.parametrize(
    "recipe",
    ["/lamps turn b --to 9", "/lamps smash a", "/undo 1", "/undo list"],
)
async def test_a_recipe_that_was_altered_in_the_store_is_not_followed(
    mine: Console, lamps: Lamps, store: Store, recipe: str
) -> None:
    await mine.run("/lamps turn a")
    async with store.write() as connection:
        await connection.exec_driver_sql(f"UPDATE intents SET undo = '{recipe}'")
    with pytest.raises(Refused, match="is not what the audit has"):
        await mine.run("/undo 1")
    assert lamps.sent == ["a=1"]


async def test_a_recipe_never_goes_to_another_system_than_the_write_did(mine: Console, lamps: Lamps) -> None:
    await mine.run("/lamps turn a")
    lamps.source = "lamps elsewhere"
    with pytest.raises(Refused, match="does not go to lamps prod"):
        await mine.run("/undo 1")
    assert lamps.sent == ["a=1"]


async def test_what_is_kept_of_a_secret_does_not_keep_a_write_from_being_taken_back(
    mine: Console, lamps: Lamps, store: Store
) -> None:
    name = "http://op:hunter2hunter2@host/x"
    await mine.run(command_line("lamps turn", name))
    assert "hunter2" not in repr(await Audit(store).list())
    await mine.run("/undo 1")
    assert lamps.lit == {name: 0}


@pytest.mark.parametrize("name", ["-x", 'it\'s "so"', "a b\nc", "$(id) `x` \\", "--to", "日本\u202e"])
async def test_names_of_any_kind_come_back_exactly(mine: Console, lamps: Lamps, name: str) -> None:
    await mine.run(command_line("lamps turn", name))
    await mine.run("/undo last")
    assert lamps.lit == {name: 0}


@pytest.mark.parametrize("line", ["/undo x", "/undo 0", "/undo -1", "/undo 99999999999", "/undo 1 2"])
def test_what_is_no_number_is_no_command(mine: Console, line: str) -> None:
    with pytest.raises(ConsoleError):
        mine.registry.parse(line)


def test_a_console_that_may_not_write_lists_alone(store: Store, clock: ManualClock) -> None:
    registry = Registry(None)

    async def plan(line: str, invocation: Invocation) -> Plan | None:
        return None

    registry.add(COMMANDS, UndoNeeds(UndoRepository(store), plan, clock))
    assert [one.name for one in registry.commands if one.name.startswith("undo")] == ["undo list"]


async def test_a_script_may_take_back_what_it_may_do(mine: Console, lamps: Lamps, store: Store) -> None:
    await mine.run("/lamps turn a")
    mine.actor = replace(OPERATOR, automation=True)
    await mine.run("/undo 1")
    newest = (await Audit(store).list(1))[0]
    assert (newest.automation, newest.undoes) == (True, 1)
