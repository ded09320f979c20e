"""The gates between a plan and its intent: who may stop a write, when they are asked, and what is kept of a no."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.gate import ALLOWED, Asked, Ruling, Verdict
from services.safety.guard import PERMIT_LIFE, Guard
from services.safety.outcome import OutcomeStatus
from services.safety.permit import WritePermit, spend
from services.safety.plan import Applied, Confirmation, Plan
from services.storage.engine import Store
from services.storage.tables import counters, intents
from services.vocabulary.errors import FailureKind, Refused, SourceError
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

AUTOMATION = replace(COLLEAGUE, automation=True, database_user="console_b")


class Door:
    """A gate that answers as it is told, and remembers when it was asked."""

    def __init__(self, early: Verdict = ALLOWED, final: Verdict | None = None, name: str = "door") -> None:
        self.name = name
        self.verdicts = {False: early, True: final or early}
        self.asked: list[bool] = []
        self.fault: Exception | None = None
        self.leaves_a_mark = False

    async def consider(self, asked: Asked, connection: AsyncConnection, *, final: bool) -> Verdict:
        self.asked.append(final)
        if self.leaves_a_mark and final:
            await connection.execute(insert(counters).values(name="mark", value=1))
        if self.fault is not None:
            raise self.fault
        return self.verdicts[final]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
def guard_with(store: Store, clock: ManualClock) -> Callable[..., Guard]:
    return lambda *gates: Guard(store, clock, gates=gates)


def refusing(reason: str = "it is night", rule: str = "policy night", **more: object) -> Verdict:
    return replace(Verdict(Ruling.REFUSE, rule, reason, "wait until morning"), **more)  # type: ignore[arg-type]


async def marks(store: Store) -> list[int]:
    async with store.read() as connection:
        return list((await connection.execute(select(counters.c.value).where(counters.c.name == "mark"))).scalars())


async def test_every_gate_is_asked_before_anybody_is_bothered_and_again_with_the_intent(
    guard_with: Callable[..., Guard], store: Store
) -> None:
    doors = [Door(Verdict(Ruling.ALLOW, "policy day")), Door()]
    outcome = await guard_with(*doors).execute(plan_for(Outside()), command="/x", actor=OPERATOR, confirm=decline)
    assert outcome.ok
    assert [door.asked for door in doors] == [[False, True], [False, True]]
    (entry,) = await Audit(store).list()
    assert entry.rule == "breaker closed, policy day"


async def test_a_refusal_says_by_which_rule_and_how_else(guard_with: Callable[..., Guard], store: Store) -> None:
    outside, second = Outside(), Door()
    with pytest.raises(Refused, match="it is night") as refused:
        await guard_with(Door(refusing()), second).execute(
            plan_for(outside), command="/x", actor=OPERATOR, confirm=agree
        )
    assert (refused.value.hint, refused.value.equivalent) == ("wait until morning", "outsidectl change thing")
    assert (outside.calls, second.asked) == ([], [])
    (entry,) = await Audit(store).list()
    assert (entry.decision, entry.rule, entry.message) == ("refused", "policy night", "it is night")


async def test_what_a_refusal_wants_kept_is_kept_with_its_record(
    guard_with: Callable[..., Guard], store: Store
) -> None:
    async def keep(connection: AsyncConnection) -> str:
        await connection.execute(insert(counters).values(name="mark", value=7))
        return "approval #7 was asked for"

    with pytest.raises(Refused, match="it is night; approval #7 was asked for"):
        await guard_with(Door(refusing(keep=keep))).execute(
            plan_for(Outside()), command="/x", actor=OPERATOR, confirm=agree
        )
    assert await marks(store) == [7]
    (entry,) = await Audit(store).list()
    assert entry.message == "it is night; approval #7 was asked for"


@pytest.mark.parametrize("stage", [0, 1])
async def test_a_gate_that_fails_blocks_and_is_named(
    guard_with: Callable[..., Guard], store: Store, stage: int
) -> None:
    outside, door = Outside(), Door(name="policy")
    if stage == 0:
        door.fault = KeyError("surprise")

    async def asked(plan: Plan) -> bool:
        door.fault = RuntimeError("the file is gone")
        return True

    plan = plan_for(outside, confirmation=Confirmation("sure?"))
    with pytest.raises(Refused, match="policy could not be evaluated"):
        await guard_with(door).execute(plan, command="/x", actor=OPERATOR, confirm=asked)
    assert outside.calls == []
    (entry,) = await Audit(store).list()
    assert (entry.decision, entry.rule) == ("refused", "policy")


async def test_of_a_write_that_is_refused_at_last_nothing_is_kept_but_the_refusal(
    guard_with: Callable[..., Guard], store: Store
) -> None:
    first, second = Door(), Door(ALLOWED, refusing("the freeze began"))
    first.leaves_a_mark = True  # as an approval that is spent
    outside = Outside()
    with pytest.raises(Refused, match="the freeze began"):
        await guard_with(first, second).execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
    assert (first.asked, outside.calls, await marks(store)) == ([False, True], [], [])
    async with store.read() as connection:
        assert (await connection.execute(select(intents))).all() == []
    assert len(await Audit(store).list()) == 1


async def test_what_gates_ask_is_put_to_the_person_in_one_question(
    guard_with: Callable[..., Guard], store: Store
) -> None:
    seen: list[Confirmation | None] = []

    async def person(plan: Plan) -> bool:
        seen.append(plan.confirmation)
        return True

    doors = [
        Door(Verdict(Ruling.ASK, "trust assisted", confirmation=Confirmation("automation asks"))),
        Door(Verdict(Ruling.ASK, "policy prod", confirmation=Confirmation("protected", "prod"))),
    ]
    plan = plan_for(Outside(), confirmation=Confirmation("mutes 14 alerts"))
    assert (await guard_with(*doors).execute(plan, command="/x", actor=OPERATOR, confirm=person)).ok
    assert seen == [Confirmation("mutes 14 alerts; automation asks; protected", "prod", person=True)]
    (entry,) = await Audit(store).list()
    assert entry.rule == "breaker closed, trust assisted, policy prod, confirmed"


async def test_a_gate_that_asks_more_than_was_agreed_to_refuses(guard_with: Callable[..., Guard]) -> None:
    outside = Outside()
    door = Door(ALLOWED, Verdict(Ruling.ASK, "trust", confirmation=Confirmation("demoted meanwhile")))
    with pytest.raises(Refused, match="changed while it was being asked: demoted meanwhile"):
        await guard_with(door).execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
    assert outside.calls == []


async def test_a_script_is_told_that_a_person_has_to_agree(guard_with: Callable[..., Guard]) -> None:
    door = Door(Verdict(Ruling.ASK, "trust", confirmation=Confirmation("assisted")))
    with pytest.raises(Refused) as refused:
        await guard_with(door).execute(plan_for(Outside()), command="/x", actor=AUTOMATION, confirm=decline)
    assert refused.value.hint == "a person has to agree: run it without --automation"


@pytest.mark.parametrize(
    ("dry_run", "status", "said"),
    [
        ("well", OutcomeStatus.TRIED, "only tried, nothing was changed: 3 would change; level 1"),
        ("badly", OutcomeStatus.NOT_SENT, "only tried, nothing was changed: the dry run failed: no; level 1"),
        ("", OutcomeStatus.TRIED, "only tried, nothing was changed: changes the thing (outside prod knows no dry run"),
    ],
)
async def test_a_dry_run_changes_nothing(
    guard_with: Callable[..., Guard], store: Store, dry_run: str, status: OutcomeStatus, said: str
) -> None:
    async def well() -> str:
        return "3 would change"

    async def badly() -> str:
        raise SourceError(FailureKind.REJECTED, "no")

    outside = Outside()
    plan = replace(plan_for(outside), dry_run={"well": well, "badly": badly}.get(dry_run))
    door = Door(Verdict(Ruling.TRY, "trust dry run", "level 1"))
    last = Door()
    outcome = await guard_with(door, last).execute(plan, command="/x", actor=AUTOMATION, confirm=decline)
    assert (outcome.status, outcome.intent, outcome.ok, outside.calls) == (status, None, False, [])
    assert outcome.message.startswith(said)
    assert last.asked == []  # no approval is asked for what changes nothing
    (entry,) = await Audit(store).list()
    assert (entry.outcome, entry.rule, entry.intent) == (status.value, "trust dry run", None)


async def test_only_a_dry_run_by_now_is_a_refusal(guard_with: Callable[..., Guard]) -> None:
    outside = Outside()
    door = Door(ALLOWED, Verdict(Ruling.TRY, "trust", "demoted to level 1"))
    with pytest.raises(Refused, match="only a dry run is allowed by now: demoted to level 1"):
        await guard_with(door).execute(plan_for(outside), command="/x", actor=AUTOMATION, confirm=agree)
    assert outside.calls == []


async def test_what_is_prepared_is_prepared_before_the_permit(
    guard_with: Callable[..., Guard], store: Store, clock: ManualClock
) -> None:
    outside, breaker = Outside(), Breaker(store, clock)

    async def slow() -> None:
        clock.turn(2 * PERMIT_LIFE.total_seconds())

    assert (
        await guard_with().execute(
            replace(plan_for(outside), prepare=slow), command="/x", actor=OPERATOR, confirm=agree
        )
    ).ok

    async def overtaken() -> None:
        await breaker.open(COLLEAGUE, "stop")

    with pytest.raises(Refused, match="by op-b: stop"):
        await guard_with().execute(
            replace(plan_for(outside), prepare=overtaken), command="/x", actor=OPERATOR, confirm=agree
        )
    assert outside.calls == ["thing"]


async def test_who_is_not_ready_was_sent_nothing(guard_with: Callable[..., Guard], store: Store) -> None:
    async def nobody() -> None:
        raise SourceError(FailureKind.UNREACHABLE, "no member answers", sent=False)

    outside = Outside()
    outcome = await guard_with().execute(
        replace(plan_for(outside), prepare=nobody), command="/x", actor=OPERATOR, confirm=agree
    )
    assert (outcome.status, outcome.intent, outcome.message) == (
        OutcomeStatus.NOT_SENT,
        None,
        "nothing was sent: no member answers",
    )
    (entry,) = await Audit(store).list()
    assert (entry.outcome, entry.rule, entry.intent) == ("not sent", "not ready", None)


async def test_a_permit_that_expires_is_told_and_is_no_crash(
    guard_with: Callable[..., Guard], clock: ManualClock
) -> None:
    async def slow(permit: WritePermit) -> Applied:
        clock.turn(PERMIT_LIFE.total_seconds())
        spend(permit, "test.change", "thing")
        raise AssertionError

    outcome = await guard_with().execute(plan_for(Outside(), apply=slow), command="/x", actor=OPERATOR, confirm=agree)
    assert outcome.status is OutcomeStatus.NOT_SENT
    assert "permit expired" in outcome.message


async def test_an_intent_tells_whom_the_database_knows_and_whether_a_person_asked(
    guard_with: Callable[..., Guard], store: Store
) -> None:
    for actor in (OPERATOR, AUTOMATION):
        await guard_with().execute(plan_for(Outside()), command="/x", actor=actor, confirm=agree)
    async with store.read() as connection:
        rows = (
            await connection.execute(select(intents.c.database_user, intents.c.automation).order_by(intents.c.number))
        ).all()
    known = store.database_user  # what the database proves stands for what is claimed
    assert [tuple(row) for row in rows] == [(known, False), (known or "console_b", True)]
