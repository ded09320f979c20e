"""Without the store nobody writes but a person who types the target and says why, and every such write is on record."""

from __future__ import annotations

import asyncio
import json
import resource
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from console.late_store import LateStore
from services.policy.gate import PolicyGate
from services.policy.model import Effect, Policy, Scope
from services.safety.actor import Actor, Surface
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.gate import ALLOWED, Asked, Gate, Verdict
from services.safety.glass_journal import GlassJournal
from services.safety.guard import Guard
from services.safety.last_known import LastKnown
from services.safety.outcome import OutcomeStatus
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied, BreakGlass, Confirmation, Plan
from services.vocabulary.errors import FailureKind, Refused, SourceError, StoreLost
from services.vocabulary.redaction import redact
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, plan_for, temporary_store

SCRIPT = replace(OPERATOR, automation=True)
EXEC = replace(OPERATOR, surface=Surface.EXEC)


def because(reason: str, word: str = "thing") -> Callable[[Plan], Awaitable[bool]]:
    """A person who breaks the glass, types ``word`` and says why."""

    async def answer(plan: Plan) -> bool:
        asked = plan.confirmation
        assert isinstance(asked, BreakGlass)
        asked.explain(reason)
        return asked.typed == word

    return answer


class Desk:
    """A console whose store lies in a file that a test takes away and puts back."""

    def __init__(self, directory: Path, *gates: Gate) -> None:
        self.clock = ManualClock()
        self.file = directory / "state" / "console.db"
        self.aside = directory / "aside"
        self.known = LastKnown(directory / "memory", "x")
        self.journal = GlassJournal(directory / "memory", "x", redact)
        self.store = LateStore(f"sqlite:///{self.file}", self.clock, read_only=False, last_known=self.known)
        self.breaker = Breaker(self.store, self.clock, last_known=self.known)
        self.guard = Guard(self.store, self.clock, gates=gates, last_known=self.known, journal=self.journal)
        self.outside = Outside()

    def lose(self) -> None:
        self.file.parent.rename(self.aside)

    def find(self) -> None:
        self.aside.rename(self.file.parent)

    async def write(
        self,
        confirm: Callable[[Plan], Awaitable[bool]] | None = None,
        actor: Actor = OPERATOR,
        plan: Plan | None = None,
    ) -> str:
        try:
            outcome = await self.guard.execute(
                plan or plan_for(self.outside),
                command="/thing change",
                actor=actor,
                confirm=confirm or because("storm"),
            )
        except Refused as refused:
            return f"{refused}; by hand: {refused.equivalent}"
        return f"{outcome.status.value}: {outcome.message}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    await made.breaker.read_all()
    yield made
    await made.store.close()


async def test_a_person_goes_on_and_the_audit_takes_it_in_when_the_store_is_back(desk: Desk) -> None:
    desk.lose()
    said = await desk.write(because("checkout burns, the disk is gone"))
    assert said == "done: the thing is changed (kept on this machine until the store is back)"
    assert desk.outside.calls == ["thing"]
    assert stat.S_IMODE(desk.journal.path.stat().st_mode) == 0o600
    desk.find()
    await desk.guard.settle(COLLEAGUE)
    (entry,) = await Audit(desk.store).list()
    assert (entry.operator, entry.surface, entry.command) == ("op-a", "console", "/thing change")
    assert (entry.action, entry.decision, entry.rule, entry.outcome) == (
        "test.change",
        "allowed",
        "break-glass",
        "done",
    )
    assert entry.targets == ({"kind": "thing", "name": "thing", "environment": "prod"},)
    assert "because checkout burns, the disk is gone" in entry.message
    assert "was removed or replaced" in entry.message
    # Once is enough, whoever asks again.
    await desk.guard.settle(COLLEAGUE)
    assert len(await Audit(desk.store).list()) == 1
    assert (await Audit(desk.store).verify()).whole
    assert desk.journal.read().waiting == ()


async def test_the_person_is_told_what_is_known_and_types_the_target(desk: Desk) -> None:
    desk.lose()
    asked: list[Plan] = []

    async def look(plan: Plan) -> bool:
        asked.append(plan)
        return False

    said = await desk.write(look, EXEC)
    assert said.startswith("nothing was sent: the store was removed")
    assert '--break-glass --reason "…" --confirm thing' in said
    confirmation = asked[0].confirmation
    assert isinstance(confirmation, BreakGlass)
    assert confirmation.typed == "thing"
    assert confirmation.person
    assert "Nobody can tell whether a breaker was opened since. As last known (noted " in confirmation.question
    assert "no breaker was open" in confirmation.question
    assert desk.outside.calls == []
    assert not desk.journal.path.exists()


async def test_whoever_types_something_else_or_gives_no_reason_is_refused(desk: Desk) -> None:
    desk.lose()
    assert "nothing was sent" in await desk.write(because("storm", "thin"))
    assert "needs a reason" in await desk.write(because("  "))
    assert "needs a reason" in await desk.write(agree)  # an asker that knows nothing of it
    assert (await desk.write(decline)).endswith("by hand: outsidectl change thing")
    typed = plan_for(desk.outside, confirmation=Confirmation("stops it", "checkout"))
    assert "nothing was sent" in await desk.write(because("storm", "thing"), plan=typed)
    assert (await desk.write(because("storm", "checkout"), plan=typed)).startswith("done")
    assert desk.outside.calls == ["thing"]


@pytest.mark.parametrize("actor", [SCRIPT, replace(OPERATOR, surface=Surface.GATEWAY)])
async def test_automation_never_goes_on(desk: Desk, actor: Actor) -> None:
    desk.lose()
    assert "automation never goes on without the store" in await desk.write(actor=actor)
    assert desk.outside.calls == []


@pytest.mark.parametrize("scope", ["global", "outside prod"])
async def test_nobody_goes_on_against_what_a_person_had_opened(desk: Desk, scope: str) -> None:
    await desk.breaker.open(COLLEAGUE, "vendor outage", scope=scope)
    desk.lose()
    said = await desk.write()
    assert "was opened by op-b" in said
    assert "vendor outage" in said
    assert desk.outside.calls == []


async def test_the_open_breaker_of_another_source_is_told_and_stops_nothing(desk: Desk) -> None:
    await desk.breaker.open(COLLEAGUE, "vendor outage", scope="elsewhere")
    desk.lose()
    assert (await desk.write()).startswith("done")


async def test_an_open_that_another_console_noted_while_the_person_typed_counts(desk: Desk, tmp_path: Path) -> None:
    desk.lose()

    async def slowly(plan: Plan) -> bool:
        desk.find()
        other = LateStore(f"sqlite:///{desk.file}", desk.clock, read_only=False)
        known = LastKnown(tmp_path / "memory", "x")
        await Breaker(other, desk.clock, last_known=known).open(COLLEAGUE, "stop")
        await other.close()
        desk.lose()
        return await because("storm")(plan)

    assert "was opened by op-b" in await desk.write(slowly)
    assert desk.outside.calls == []


async def test_a_machine_that_never_saw_the_store_goes_nowhere(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "state").write_text("no directory")
    said = await desk.write()
    assert "nothing was sent" in said
    assert desk.outside.calls == []


@pytest.mark.parametrize("content", ["{", '{"opened": 1, "revisions": {}}'])
async def test_a_memory_that_cannot_be_read_stops_everybody(desk: Desk, content: str) -> None:
    desk.known.path.write_text(content)
    desk.lose()
    assert "nobody can tell whether the circuit is open" in await desk.write()


async def test_a_store_that_is_back_meanwhile_is_asked_instead(desk: Desk) -> None:
    desk.lose()

    async def slowly(plan: Plan) -> bool:
        desk.find()
        return await because("storm")(plan)

    assert "the store is back: nothing was sent (ask again)" in await desk.write(slowly)
    assert (await desk.write(agree)).startswith("done: the thing is changed")
    assert desk.outside.calls == ["thing"]


async def test_policies_hold_without_the_store(tmp_path: Path) -> None:
    freeze = Policy("freeze", Effect.BLOCK, scope=Scope(environments=("prod",)))
    pairs = Policy("pairs", Effect.REQUIRE_APPROVAL, scope=Scope(environments=("prod",)))
    elsewhere = Policy("elsewhere", Effect.BLOCK, scope=Scope(environments=("staging",)))
    for number, (policy, words) in enumerate(((freeze, "freeze"), (pairs, "approvals lie in the store"))):
        desk = Desk(tmp_path / str(number), PolicyGate((policy,), NoApprovals()))
        await desk.breaker.read_all()
        desk.lose()
        assert words in await desk.write()
        assert desk.outside.calls == []
    desk = Desk(tmp_path / "free", PolicyGate((elsewhere,), NoApprovals()))
    await desk.breaker.read_all()
    desk.lose()
    assert (await desk.write()).startswith("done")


class NoApprovals:
    """Nobody answers."""

    async def answer(self, *_: object, **__: object) -> Verdict:
        raise AssertionError("there is no store to ask")


class Speechless:
    """A gate that needs the store."""

    name = "moon"

    async def consider(self, *_: object, **__: object) -> Verdict:
        return ALLOWED


class Broken(Speechless):
    """A gate that fails."""

    async def consider_alone(self, asked: Asked) -> Verdict:
        raise KeyError("phase")


@pytest.mark.parametrize(
    ("gate", "words"),
    [(Speechless(), "moon cannot judge without the store"), (Broken(), "moon could not be evaluated")],
)
async def test_a_gate_that_cannot_judge_refuses(tmp_path: Path, gate: Gate, words: str) -> None:
    desk = Desk(tmp_path, gate)
    await desk.breaker.read_all()
    desk.lose()
    assert words in await desk.write()


async def test_a_store_that_is_only_busy_or_full_is_not_lost(desk: Desk) -> None:
    async with temporary_store(desk.file.parent.parent, desk.clock) as store, store.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'x'")
    again = LateStore(f"sqlite:///{desk.file}", desk.clock, read_only=False, last_known=desk.known)
    guard = Guard(again, desk.clock, last_known=desk.known, journal=desk.journal)
    with pytest.raises(Refused, match="newer version") as refused:
        await guard.execute(plan_for(desk.outside), command="/x", actor=OPERATOR, confirm=because("storm"))
    assert not isinstance(refused.value.__cause__, StoreLost)
    assert desk.outside.calls == []


async def test_the_intent_is_in_the_journal_before_anything_leaves(desk: Desk) -> None:
    desk.lose()
    seen: list[str] = []

    async def apply(permit: WritePermit) -> Applied:
        seen.extend(line for line in desk.journal.path.read_text().splitlines())
        spend(permit, "test.change", "thing")
        return Applied("done")

    await desk.write(plan=plan_for(desk.outside, apply=apply))
    assert json.loads(seen[0])["kind"] == "intent"
    assert json.loads(seen[0])["reason"] == "storm"


async def test_a_journal_that_cannot_be_written_stops_the_write(desk: Desk) -> None:
    desk.lose()
    desk.journal.path.mkdir()
    assert "break-glass-" in (said := await desk.write())
    assert "cannot be written" in said
    assert desk.outside.calls == []


async def test_a_full_disk_leaves_no_half_a_line_and_stops_the_write(desk: Desk) -> None:
    desk.lose()
    assert (await desk.write()).startswith("done")
    whole = desk.journal.path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, before[1]))
    try:
        said = await desk.write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written: File too large" in said
    assert desk.outside.calls == ["thing"]
    assert desk.journal.path.read_bytes() == whole


async def test_what_has_no_outcome_is_taken_in_as_unknown_once_nobody_can_be_at_it(desk: Desk) -> None:
    desk.lose()
    begun = asyncio.Event()

    async def hang(permit: WritePermit) -> Applied:
        spend(permit, "test.change", "thing")
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    writing = asyncio.create_task(desk.write(plan=plan_for(desk.outside, apply=hang)))
    await begun.wait()
    desk.find()
    await desk.guard.settle(OPERATOR)
    assert await Audit(desk.store).list() == ()  # somebody is still at it
    await desk.guard.drain(OPERATOR, patience=0)
    with pytest.raises(asyncio.CancelledError):
        await writing
    desk.clock.turn(31)
    await desk.guard.settle(OPERATOR)
    (entry,) = await Audit(desk.store).list()
    assert entry.outcome == OutcomeStatus.UNKNOWN.value
    assert entry.message.startswith("unknown, check: test.change on outside prod, thing thing")


async def test_a_failure_is_kept_as_one_and_secrets_are_not(desk: Desk) -> None:
    desk.lose()
    failing = plan_for(Outside(SourceError(FailureKind.SERVER, "500")))
    said = await desk.write(because("password=abcdefgh12345678 is why"), plan=failing)
    assert said.startswith("unknown: it may or may not have happened: 500")
    assert "abcdefgh12345678" not in desk.journal.path.read_text()
    desk.find()
    await desk.guard.settle(OPERATOR)
    (entry,) = await Audit(desk.store).list()
    assert entry.outcome == "unknown"
    assert "abcdefgh12345678" not in entry.message


async def test_a_death_between_taking_in_and_noting_so_takes_nothing_in_twice(desk: Desk) -> None:
    desk.lose()
    await desk.write()
    before = desk.journal.path.read_bytes()
    desk.find()
    await desk.guard.settle(OPERATOR)
    desk.journal.path.write_bytes(before)
    await asyncio.gather(*(desk.guard.bring(OPERATOR) for _ in range(3)))
    assert len(await Audit(desk.store).list()) == 1


async def test_a_torn_last_line_is_no_entry(desk: Desk) -> None:
    desk.lose()
    await desk.write()
    with desk.journal.path.open("a") as file:
        file.write('{"kind": "int')
    assert desk.journal.read().problem == ""
    assert (await desk.write()).startswith("done")
    desk.find()
    await desk.guard.settle(OPERATOR)
    assert len(await Audit(desk.store).list()) == 2


@pytest.mark.parametrize("how", ["altered", "removed", "garbage"])
async def test_a_journal_that_was_tampered_with_is_told_and_set_aside(desk: Desk, how: str) -> None:
    desk.lose()
    await desk.write()
    await desk.write()
    lines = desk.journal.path.read_text().splitlines()
    if how == "altered":
        lines[2] = lines[2].replace("/thing change", "/thing other")
    elif how == "removed":
        del lines[1]
    else:
        lines[2] = "{"
    desk.journal.path.write_text("".join(f"{line}\n" for line in lines))
    desk.find()
    desk.clock.turn(60)
    await desk.guard.settle(OPERATOR)
    newest, *rest = await Audit(desk.store).list()
    assert (newest.action, newest.outcome) == ("break-glass.journal", "unknown")
    assert "is broken: entry" in newest.message
    assert len(rest) == 1
    assert not desk.journal.path.exists()
    assert len(list(desk.journal.path.parent.glob("*.broken-*"))) == 1
    await desk.guard.settle(OPERATOR)
    assert len(await Audit(desk.store).list()) == 2
