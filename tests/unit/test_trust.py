"""Automation at each level: what leaves, what is asked, what counts, and what is lost at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import text, update

from services.policy.model import Effect, Policy, Scope
from services.safety.actor import Actor
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.gate import Asked, Ruling
from services.safety.outcome import OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Confirmation, Plan, Risk
from services.storage.tables import trust_levels
from services.trust.levels import Level
from services.trust.model import TrustRules
from services.trust.promotion import Criterion, Tally
from services.trust.view import plain
from services.vocabulary.errors import Conflict, FailureKind, NotFound, Refused, SourceError
from tests.support.clock import ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, decline, plan_for
from tests.support.trusting import ATTENDED, KIND, LINE, PROD, SCOPE, SCRIPT, Trusting, targets, trusting

pytestmark = pytest.mark.usefixtures("engine")

TIMEOUT = SourceError(FailureKind.TIMEOUT, "no answer in 10 s")
REJECTED = SourceError(FailureKind.REJECTED, "400: no such thing", status=400)
PAIR = Policy("pairs", Effect.REQUIRE_APPROVAL, scope=Scope(environments=("prod",)))
EASY = TrustRules(criteria=(Criterion(1, Fraction(1, 2), timedelta(hours=1)),) * 4)


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Trusting]:
    async with trusting(tmp_path) as console:
        yield console


def destructive(outside: Outside) -> Plan:
    return plan_for(outside, risk=Risk.DESTRUCTIVE, confirmation=Confirmation("takes it down", "thing"))


def with_dry_run(outside: Outside, failure: SourceError | None = None) -> Plan:
    async def dry_run() -> str:
        if failure is not None:
            raise failure
        return "1 would change"

    return replace(plan_for(outside), dry_run=dry_run)


async def test_people_need_no_trust(console: Trusting) -> None:
    assert (await console.write(actor=OPERATOR)).ok
    assert (await console.trust.status()).standings == ()
    (entry,) = await Audit(console.store).list()
    assert entry.rule == "breaker closed"


async def test_in_shadow_it_only_proposes_and_shows_the_way_by_hand(console: Trusting) -> None:
    refused = await console.refused()
    assert refused.message == (
        "automation is at shadow for test.change in prod: it only proposes; "
        "noted as proposal 1, which counts if a person does the same within 30m"
    )
    assert (refused.equivalent, "without --automation" in refused.hint) == ("outsidectl change thing", True)
    assert console.outside.calls == []
    console.clock.jump(timedelta(minutes=5))
    assert "proposal 1 of the same waits already for a person to do it" in (await console.refused()).message
    assert (await console.stands()).tally == Tally(waiting=1)
    entries = await Audit(console.store).list()
    assert {(one.decision, one.rule) for one in entries} == {("refused", "trust shadow")}


async def test_a_person_who_does_the_same_soon_after_makes_it_right(console: Trusting) -> None:
    await console.proposed_and_done("a")
    assert (await console.stands()).tally == Tally(good=1)
    assert len(console.outside.calls) == 1


@pytest.mark.parametrize("minutes", [0, 30])
async def test_the_window_has_two_edges(console: Trusting, minutes: int) -> None:
    await console.refused()
    console.clock.jump(timedelta(minutes=minutes))
    await console.write(actor=COLLEAGUE)
    assert (await console.stands()).tally == Tally(good=1)


async def test_what_makes_no_proposal_right(console: Trusting) -> None:
    await console.refused()
    console.clock.jump(timedelta(minutes=-1))
    await console.write(actor=COLLEAGUE)  # before it, by the clock
    console.clock.jump(timedelta(minutes=2))
    await console.write(plan_for(console.outside, targets=targets("another")), COLLEAGUE)
    await console.write(plan_for(Outside(TIMEOUT)), COLLEAGUE)  # it was not done
    elsewhere = replace(plan_for(console.outside), environment="stage")
    await console.write(elsewhere, COLLEAGUE)
    assert (await console.stands()).tally == Tally(waiting=1)
    console.clock.jump(timedelta(minutes=30))
    await console.write(actor=COLLEAGUE)  # too late
    assert (await console.stands()).tally == Tally(waiting=1)
    assert "noted as proposal 2" in (await console.refused()).message
    assert (await console.stands()).tally == Tally(bad=1, waiting=1)


async def test_targets_are_the_same_in_any_order_and_one_act_answers_one_proposal(console: Trusting) -> None:
    await console.refused(plan_for(console.outside, targets=targets("a", "b")))
    await console.refused(plan_for(console.outside, targets=targets("c")))
    await console.write(plan_for(console.outside, targets=targets("b", "a")), COLLEAGUE)
    assert (await console.stands()).tally == Tally(good=1, waiting=1)
    await console.write(plan_for(console.outside, targets=targets("b", "a")), COLLEAGUE)
    assert (await console.stands()).tally == Tally(good=1, waiting=1)


async def test_ten_that_a_person_did_in_a_day_earn_an_offer_and_a_person_takes_it(console: Trusting) -> None:
    for number in range(10):
        await console.proposed_and_done(str(number))
    early = await console.stands()
    assert (early.outlook.offered, early.outlook.lacking) == (False, ("23h more at its level",))
    with pytest.raises(Refused, match=r"dry-run is not offered yet for test.change in prod: 23h more at its level"):
        await console.do(f"/trust promote {KIND} {PROD} --reason earned")
    console.clock.jump(timedelta(hours=24))
    status = await console.trust.status()
    assert [one.scope for one in status.offers] == [SCOPE]
    asked: list[Plan] = []

    async def person(plan: Plan) -> bool:
        asked.append(plan)
        return True

    done = await console.do(f"/trust promote {KIND} {PROD} --reason 'right all day'", confirm=person)
    assert done.message.startswith("test.change in prod is at dry-run now: it tries without changing anything")
    assert done.data["level"] == "dry-run"
    (plan,) = asked
    assert plan.confirmation is not None
    assert (plan.confirmation.typed, plan.confirmation.person) == ("prod", True)
    assert plan.preview[0].startswith("right 10 times, wrong 0 times, 0 waiting since 2026-03-02")
    after = await console.stands()
    assert (after.held.level, after.tally, after.outlook.offered) == (Level.DRY_RUN, Tally(), False)
    (change,) = await console.trust.history()
    assert (change.before, change.after, change.cause, change.operator, change.reason) == (
        Level.SHADOW, Level.DRY_RUN, "promoted", "op-b", "right all day",
    )  # fmt: skip
    (entry, *_) = await Audit(console.store).list()
    assert (entry.action, entry.outcome, entry.operator) == ("trust.promote", "dry-run", "op-b")
    assert "right all day" in entry.message
    assert (await Audit(console.store).verify()).whole


async def test_a_promotion_needs_a_yes_and_a_person_and_what_was_looked_at(tmp_path: Path) -> None:
    async with trusting(tmp_path, rules=EASY) as console:
        with pytest.raises(NotFound, match=r"automation never asked for test.change in prod"):
            await console.do(f"/trust promote {KIND} {PROD} --reason x")
        await console.proposed_and_done()
        console.clock.jump(timedelta(hours=1))
        line = f"/trust promote {KIND} {PROD} --reason x"
        with pytest.raises(Refused, match=r"not confirmed, test.change in prod stays at shadow") as refused:
            await console.do(line, confirm=decline)
        assert "--confirm prod" in refused.value.hint
        for automation in (SCRIPT, ATTENDED):
            with pytest.raises(Refused, match="automation cannot promote itself"):
                await console.do(line, actor=automation)
        seen = await console.stands()
        with pytest.raises(Refused, match="automation cannot promote itself"):
            await console.trust.promote(seen, SCRIPT, "x", command=line)
        await console.put_at(Level.DRY_RUN)
        with pytest.raises(Conflict, match="changed meanwhile: it is dry-run"):
            await console.trust.promote(seen, COLLEAGUE, "x", command=line)
        assert await console.level() is Level.DRY_RUN


async def test_an_offer_that_lapsed_while_it_was_being_asked_is_not_taken(tmp_path: Path) -> None:
    async with trusting(tmp_path, rules=EASY) as console:
        await console.proposed_and_done()
        console.clock.jump(timedelta(hours=1))

        async def slow(plan: Plan) -> bool:
            for name in ("b", "c"):
                await console.refused(plan_for(console.outside, targets=targets(name)))
            return True

        with pytest.raises(Refused, match=r"not offered yet .* 66.7 % errors, at most 50 %"):
            await console.do(f"/trust promote {KIND} {PROD} --reason x", confirm=slow)
        assert await console.level() is Level.SHADOW


async def test_a_reason_is_wanted(console: Trusting) -> None:
    with pytest.raises(Refused.__base__, match="reason"):  # type: ignore[arg-type]
        console.registry.parse(f"/trust promote {KIND} {PROD}")
    with pytest.raises(Refused.__base__, match="say why"):  # type: ignore[arg-type]
        console.registry.parse(f"/trust promote {KIND} {PROD} --reason ' '")


async def test_a_dry_run_leaves_everything_as_it_is_and_counts_once_a_person_does_it(console: Trusting) -> None:
    await console.put_at(Level.DRY_RUN)
    outcome = await console.write(with_dry_run(console.outside))
    assert (outcome.status, outcome.intent) == (OutcomeStatus.TRIED, None)
    assert outcome.message.startswith("only tried, nothing was changed: 1 would change; automation is at dry-run")
    assert console.outside.calls == []
    assert (await console.stands()).tally == Tally(waiting=1)
    await console.write(actor=COLLEAGUE)
    assert (await console.stands()).tally == Tally(good=1)


@pytest.mark.parametrize(
    ("failure", "tally"),
    [(REJECTED, Tally(bad=1)), (TIMEOUT, Tally()), (SourceError(FailureKind.DENIED, "403"), Tally(bad=1))],
)
async def test_a_dry_run_that_is_rejected_was_wrong_and_one_that_met_nobody_says_nothing(
    console: Trusting, failure: SourceError, tally: Tally
) -> None:
    await console.put_at(Level.DRY_RUN)
    outcome = await console.write(with_dry_run(console.outside, failure))
    assert outcome.status is OutcomeStatus.NOT_SENT
    assert (await console.stands()).tally == tally


async def test_without_a_dry_run_it_is_as_in_shadow_and_says_so(console: Trusting) -> None:
    await console.put_at(Level.DRY_RUN)
    refused = await console.refused()
    assert "outside prod knows no dry run for it, so it only proposes as in shadow" in refused.message
    assert refused.equivalent == "outsidectl change thing"
    await console.write(actor=COLLEAGUE)
    assert (await console.stands()).tally == Tally(good=1)


async def test_assisted_and_alone_it_asks_for_an_approval_each_time(console: Trusting, engine: str) -> None:
    await console.put_at(Level.ASSISTED)
    refused = await console.refused()
    assert "automation is at assisted for test.change in prod: it needs a person to agree each time" in refused.message
    assert "approval 1 was asked for until" in refused.message
    assert console.outside.calls == []
    assert "approval 1 waits" in (await console.refused()).message
    with pytest.raises(Refused, match="nobody approves their own"):
        await console.approvals.approve(1, OPERATOR)
    with pytest.raises(Refused, match="no script's"):
        await console.approvals.approve(1, replace(COLLEAGUE, automation=True))
    await console.colleague.approve(1, COLLEAGUE)
    assert (await console.write()).ok
    (entry, *_) = await Audit(console.store).list()
    assert entry.rule == "breaker closed, trust assisted, approval 1 by op-b" + (
        "" if engine == "postgresql" else " (identity claimed)"
    )
    assert (await console.stands()).tally == Tally(good=1)
    assert "approval 2 was asked for" in (await console.refused()).message


async def test_an_approval_that_is_rejected_was_wrong(console: Trusting) -> None:
    await console.put_at(Level.ASSISTED)
    await console.refused()
    await console.colleague.reject(1, COLLEAGUE, "not now")
    assert (await console.stands()).tally == Tally(bad=1)


async def test_a_persons_own_request_that_is_rejected_says_nothing_of_automation(tmp_path: Path) -> None:
    async with trusting(tmp_path, policies=(PAIR,)) as console:
        await console.put_at(Level.ASSISTED)
        await console.refused(actor=OPERATOR)
        await console.colleague.reject(1, COLLEAGUE, "not now")
        assert (await console.stands()).tally == Tally()


async def test_one_approval_is_enough_for_policy_and_trust(tmp_path: Path) -> None:
    async with trusting(tmp_path, policies=(PAIR,)) as console:
        await console.put_at(Level.ASSISTED)
        assert "policy pairs requires the approval" in (await console.refused()).message
        await console.colleague.approve(1, COLLEAGUE)
        assert (await console.write()).ok
        (entry, *_) = await Audit(console.store).list()
        assert "policy pairs, approval 1 by op-b" in entry.rule
        assert "trust assisted" in entry.rule
        assert len(console.outside.calls) == 1


@pytest.mark.parametrize(("level", "said"), [(Level.SHADOW, "it only proposes"), (Level.DRY_RUN, "knows no dry run")])
async def test_nobody_is_asked_to_approve_what_leads_nowhere(tmp_path: Path, level: Level, said: str) -> None:
    async with trusting(tmp_path, policies=(PAIR,)) as console:
        if level:
            await console.put_at(level)
        assert said in (await console.refused()).message
        await console.put_at(Level.SUPERVISED)
        assert "is destructive is never autonomous" in (await console.refused(destructive(console.outside))).message
        assert await console.approvals.list() == ()
        tried = replace(with_dry_run(console.outside))
        await console.put_at(Level.DRY_RUN)
        assert (await console.write(tried)).status is OutcomeStatus.TRIED
        assert await console.approvals.list() == ()


async def test_assisted_in_front_of_a_person_it_asks_them(console: Trusting) -> None:
    await console.put_at(Level.ASSISTED)
    asked: list[Confirmation | None] = []

    async def person(plan: Plan) -> bool:
        asked.append(plan.confirmation)
        return True

    assert (await console.write(actor=ATTENDED, confirm=person)).ok
    words = "automation is at assisted for test.change in prod: a person agrees each time"
    assert asked == [Confirmation(words, person=True)]
    assert (await console.stands()).tally == Tally(good=1)
    assert "not confirmed" in (await console.refused(actor=ATTENDED, confirm=decline)).message
    assert (await console.stands()).tally == Tally(good=1, bad=1)
    assert len(console.outside.calls) == 1


async def test_supervised_it_writes_and_only_its_own_command_asks(console: Trusting) -> None:
    await console.put_at(Level.SUPERVISED)
    assert (await console.write(confirm=decline)).ok
    broad = plan_for(console.outside, confirmation=Confirmation("mutes 14 alerts"))
    assert "not confirmed" in (await console.refused(broad, confirm=decline)).message
    assert (await console.write(broad, confirm=agree)).ok
    assert (await console.stands()).tally == Tally(good=2)


async def test_autonomous_it_needs_no_yes_but_what_has_to_be_typed(console: Trusting) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    broad = plan_for(console.outside, confirmation=Confirmation("mutes 14 alerts"))
    assert (await console.write(broad, confirm=decline)).ok
    for stern in (Confirmation("mutes everything", "prod"), Confirmation("sure?", person=True)):
        plan = plan_for(console.outside, confirmation=stern)
        assert "not confirmed" in (await console.refused(plan, confirm=decline)).message
    assert len(console.outside.calls) == 1


async def test_a_level_that_is_lost_while_it_gets_ready_lets_nothing_through(console: Trusting) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)

    async def demoted() -> None:
        await console.trust.demote(KIND, PROD, None, COLLEAGUE, "", command="/trust demote")

    broad = plan_for(console.outside, confirmation=Confirmation("mutes 14 alerts"))
    said = (await console.refused(replace(broad, prepare=demoted), confirm=decline)).message
    assert said == "something changed while it was being asked: mutes 14 alerts"
    plain_one = replace(plan_for(console.outside), prepare=demoted)
    assert "approval 1 was asked for" in (await console.refused(plain_one)).message
    assert console.outside.calls == []


@pytest.mark.parametrize("level", [Level.ASSISTED, Level.SUPERVISED, Level.SELECTIVE_AUTONOMY])
async def test_what_is_destructive_is_never_autonomous(console: Trusting, level: Level) -> None:
    await console.put_at(level)
    refused = await console.refused(destructive(console.outside))
    assert f"automation is at {level.word}" in refused.message
    assert "what is destructive is never autonomous, it needs a person" in refused.message
    assert await console.approvals.list() == ()
    asked: list[Confirmation] = []

    async def person(plan: Plan) -> bool:
        assert plan.confirmation is not None
        asked.append(plan.confirmation)
        return True

    assert (await console.write(destructive(console.outside), ATTENDED, confirm=person)).ok
    assert [(one.typed, one.person) for one in asked] == [("thing", True)]
    assert "what is destructive is never autonomous" in asked[0].question


async def test_two_failures_cost_a_level_and_one_does_not(console: Trusting) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    failing = plan_for(Outside(TIMEOUT))
    await console.write(failing)
    await console.write()
    assert await console.level() is Level.SELECTIVE_AUTONOMY
    await console.write(failing)
    assert await console.level() is Level.SUPERVISED
    assert (await console.stands()).tally == Tally()
    (change, *_) = await console.trust.history()
    assert (change.cause, change.intent, change.operator) == ("two failures", 3, "op-a")
    assert "may or may not have happened" in change.reason
    (entry,) = [one for one in await Audit(console.store).list() if one.action == "trust.demote"]
    assert (entry.rule, entry.outcome, entry.intent) == ("two failures", "supervised", 3)


async def test_failures_that_lie_long_apart_cost_nothing(console: Trusting) -> None:
    await console.put_at(Level.SUPERVISED)
    failing = plan_for(Outside(TIMEOUT))
    await console.write(failing)
    console.clock.jump(timedelta(days=7))
    await console.write(failing)
    assert await console.level() is Level.SUPERVISED
    console.clock.jump(timedelta(days=6))
    await console.write(failing)
    assert await console.level() is Level.ASSISTED


async def test_what_the_other_side_rejects_is_wrong_and_no_failure_and_what_never_left_is_neither(
    console: Trusting,
) -> None:
    await console.put_at(Level.SUPERVISED)
    for _ in range(3):
        await console.write(plan_for(Outside(REJECTED)))
    unsent = SourceError(FailureKind.UNREACHABLE, "no route", sent=False)
    for _ in range(3):
        await console.write(plan_for(Outside(unsent, fails_before_spending=True)))
    assert (await console.stands()).tally == Tally(bad=3)
    assert await console.level() is Level.SUPERVISED


@pytest.mark.parametrize(
    ("minutes", "actor", "tally"),
    [(30, COLLEAGUE, Tally(bad=1)), (31, COLLEAGUE, Tally(good=1)), (1, SCRIPT, Tally(good=2))],
)
async def test_what_a_person_soon_takes_back_was_wrong(
    console: Trusting, minutes: int, actor: Actor, tally: Tally
) -> None:
    await console.put_at(Level.SUPERVISED)
    done = await console.write()
    console.clock.jump(timedelta(minutes=minutes))
    assert (await console.write(replace(plan_for(console.outside), undoes=done.intent), actor)).ok
    assert (await console.stands()).tally == tally


async def test_a_write_that_is_not_so_afterwards_failed(console: Trusting) -> None:
    async def not_so(applied: Applied) -> bool:
        return False

    await console.put_at(Level.SUPERVISED)
    await console.write(plan_for(console.outside, verify=not_so))
    assert (await console.stands()).tally == Tally(bad=1, failed=1)


async def test_one_destructive_failure_costs_everything(console: Trusting) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    outcome = await console.write(destructive(Outside(TIMEOUT)), ATTENDED)
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert await console.level() is Level.SHADOW
    (change, *_) = await console.trust.history()
    assert (change.before, change.after, change.cause) == (
        Level.SELECTIVE_AUTONOMY, Level.SHADOW, "destructive failure",
    )  # fmt: skip


async def test_a_breaker_that_trips_costs_whoever_writes_to_its_source_a_level(console: Trusting) -> None:
    other = replace(plan_for(console.outside), environment="stage", source="outside stage")
    for environment in (PROD, "stage"):
        await console.put_at(Level.SUPERVISED, environment)
    await console.write()
    await console.write(other)
    for _ in range(3):  # a person's failures: the source is what failed
        await console.write(plan_for(Outside(TIMEOUT)), COLLEAGUE)
    assert await console.level() is Level.ASSISTED
    assert await console.level("stage") is Level.SUPERVISED
    (change, *_) = await console.trust.history()
    assert change.cause == "breaker trip"
    assert change.reason.startswith("the breaker of outside prod opened by itself: ")


async def test_when_everything_opens_all_automation_loses_a_level(console: Trusting) -> None:
    for environment in (PROD, "stage", "lab"):
        await console.put_at(Level.SUPERVISED, environment)
    for source in ("outside prod", "outside stage"):
        for _ in range(3):
            failing = replace(plan_for(Outside(TIMEOUT)), source=source, environment="elsewhere")
            await console.write(failing, COLLEAGUE)
    assert (await Breaker(console.store, console.clock).read()).is_open
    assert [await console.level(one) for one in (PROD, "stage", "lab")] == [Level.ASSISTED] * 3


async def test_a_breaker_that_a_person_opens_costs_nothing(console: Trusting) -> None:
    await console.put_at(Level.SUPERVISED)
    await console.write()
    await Breaker(console.store, console.clock).open(COLLEAGUE, "storm", command="/circuit open")
    assert await console.level() is Level.SUPERVISED


async def test_automations_own_third_failure_trips_and_costs_one_level_more(console: Trusting) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    failing = plan_for(Outside(TIMEOUT))
    for _ in range(3):
        await console.write(failing)
    assert [one.cause for one in await console.trust.history()][:2] == ["breaker trip", "two failures"]
    assert await console.level() is Level.ASSISTED


async def test_a_write_that_nobody_ended_failed(tmp_path: Path) -> None:
    class Died(BaseException):
        pass

    async def die(permit: WritePermit) -> Applied:
        raise Died

    clock = ManualClock()
    async with trusting(tmp_path, clock=clock) as console:
        await console.put_at(Level.SUPERVISED)
        await console.write(plan_for(Outside(TIMEOUT)))
        with pytest.raises(Died):
            await console.write(plan_for(console.outside, apply=die))
    async with trusting(tmp_path, clock=clock) as console:
        clock.jump(timedelta(minutes=1))
        (lost,) = await console.guard.settle(COLLEAGUE)
        assert (lost.automation, lost.environment, lost.destructive) == (True, PROD, False)
        assert await console.level() is Level.ASSISTED
        (change, *_) = await console.trust.history()
        assert (change.cause, change.intent, "unknown, check" in change.reason) == ("two failures", lost.intent, True)


async def test_people_fail_without_costing_automation_anything(console: Trusting) -> None:
    await console.put_at(Level.SUPERVISED)
    for _ in range(2):
        await console.write(plan_for(Outside(TIMEOUT)), COLLEAGUE)
    assert await console.level() is Level.SUPERVISED


async def test_what_was_done_below_its_level_earns_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    async with trusting(tmp_path, clock=clock) as free:
        await free.put_at(Level.SUPERVISED)
    async with trusting(tmp_path, rules=TrustRules(cap=Level.SHADOW), clock=clock) as held:
        refused = await held.refused()
        assert "automation is at shadow for test.change in prod (held at shadow by [sre.trust] cap)" in refused.message
        await held.write(actor=COLLEAGUE)
        standing = await held.stands()
        assert (standing.held.level, standing.in_force.level, standing.tally) == (
            Level.SUPERVISED, Level.SHADOW, Tally(),
        )  # fmt: skip
        assert standing.outlook.lacking == ("[sre.trust] cap is shadow",)


async def test_with_the_feature_off_everything_is_assisted_and_nothing_is_offered(tmp_path: Path) -> None:
    clock = ManualClock()
    async with trusting(tmp_path, clock=clock, rules=TrustRules(progressive=False)) as console:
        refused = await console.refused()
        assert "automation is at assisted for test.change in prod (held at assisted: progressive_trust is off)" in str(
            refused
        )
        assert "approval 1 was asked for" in refused.message
        await console.colleague.approve(1, COLLEAGUE)
        assert (await console.write()).ok
        told = await console.do("/trust status")
        assert told.message == "all automation is assisted: progressive_trust is off"
        assert (told.data["progressive_trust"], told.data["default"]) == (False, "assisted")
        with pytest.raises(Refused, match=r"stays at shadow: progressive_trust is off"):
            await console.do(f"/trust promote {KIND} {PROD} --reason x")
        assert (await console.stands()).tally == Tally()
        await console.put_at(Level.SUPERVISED)
        for _ in range(2):
            await console.refused(plan_for(Outside(TIMEOUT)))
            waiting = max(await console.approvals.list(), key=lambda one: one.number)
            await console.colleague.approve(waiting.number, COLLEAGUE)
            await console.write(plan_for(Outside(TIMEOUT)))
        assert await console.level() is Level.ASSISTED  # what is lost meanwhile is lost


async def test_a_clock_that_is_set_back_promotes_nothing(console: Trusting) -> None:
    for number in range(10):
        await console.proposed_and_done(str(number))
    for number in range(3):
        await console.refused(plan_for(console.outside, targets=targets(f"ignored {number}")))
    console.clock.jump(timedelta(hours=24, minutes=31))
    assert (await console.stands()).outlook.lacking == ("23.1 % errors, at most 20 %",)
    console.clock.jump(timedelta(minutes=-31))  # what nobody did in time may seem to wait again
    assert (await console.stands()).outlook.lacking == ("23.1 % errors, at most 20 %",)
    console.clock.jump(timedelta(days=-2))
    assert "the clock was set back to before its level began" in (await console.stands()).outlook.lacking


async def test_time_spent_behind_a_clock_that_was_set_back_is_not_earned(tmp_path: Path) -> None:
    async with trusting(tmp_path, rules=EASY) as console:
        await console.proposed_and_done()
        console.clock.jump(timedelta(days=-30))
        await console.refused(plan_for(console.outside, targets=targets("late")))
        await console.trust.demote(KIND, PROD, Level.SHADOW, COLLEAGUE, "", command="/trust demote")
        console.clock.jump(timedelta(days=60))
        await console.put_at(Level.DRY_RUN)
        console.clock.jump(timedelta(days=-30))
        await console.put_at(Level.SHADOW)  # begun while the clock was behind
        since = (await console.stands()).held.since
        console.clock.jump(timedelta(days=30))
        assert since == console.clock.now()


async def test_a_level_that_cannot_be_read_is_shadow_and_named(console: Trusting, engine: str) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    async with console.store.write() as connection:
        if engine == "postgresql":
            await connection.execute(text("ALTER TABLE trust_levels DROP CONSTRAINT ck_trust_levels_level"))
        else:
            await connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        await connection.execute(update(trust_levels).values(level=9))
    problem = "the trust in test.change in prod cannot be read and counts as shadow: 9 is not a valid Level"
    refused = await console.refused()
    assert refused.message == f"automation is at shadow for test.change in prod ({problem}): it only proposes"
    assert console.outside.calls == []
    told = await console.do("/trust status")
    assert (told.ok, told.data["levels"][0]["problem"]) == (False, problem)
    with pytest.raises(Refused, match="cannot be read"):
        await console.do(f"/trust promote {KIND} {PROD} --reason x")
    done = await console.do(f"/trust demote {KIND} {PROD}")
    assert done.message.startswith("test.change in prod is at shadow now")
    assert (await console.stands()).held.problem == ""


@pytest.mark.parametrize(
    ("column", "value"), [("since", "'yesterday'"), ("level", "'four'"), ("level", "2.5"), ("period", "'x'")]
)
async def test_a_row_that_makes_no_sense_is_shadow(console: Trusting, engine: str, column: str, value: str) -> None:
    if engine == "postgresql":
        pytest.skip("PostgreSQL keeps no text where a number or a time stands")
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    async with console.store.write() as connection:
        await connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        await connection.execute(text(f"UPDATE trust_levels SET {column} = {value}"))
    assert "cannot be read and counts as shadow" in (await console.refused()).message
    assert console.outside.calls == []
    assert (await console.do("/trust status")).ok is False


@pytest.mark.parametrize("table", ["trust_levels", "trust_evidence"])
async def test_where_nothing_can_be_read_automation_is_refused_and_people_go_on(console: Trusting, table: str) -> None:
    await console.put_at(Level.SELECTIVE_AUTONOMY)
    async with console.store.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO elsewhere"))
    assert "trust could not be evaluated" in (await console.refused()).message
    assert console.outside.calls == []
    assert (await console.write(actor=COLLEAGUE)).ok


@pytest.mark.parametrize(("actor", "ruling"), [(OPERATOR, Ruling.ALLOW), (SCRIPT, Ruling.REFUSE)])
async def test_without_the_store_people_pass_and_automation_is_shadow(
    console: Trusting, actor: Actor, ruling: Ruling
) -> None:
    verdict = await console.gate.consider_alone(Asked(plan_for(console.outside), LINE, actor, console.clock.now()))
    assert verdict.ruling is ruling
    assert ("counts as shadow" in verdict.reason) == (ruling is Ruling.REFUSE)


async def test_demotion_asks_nothing_and_reaches_as_far_as_it_is_told(console: Trusting) -> None:
    for environment in (PROD, "stage"):
        await console.put_at(Level.SELECTIVE_AUTONOMY, environment)
    done = await console.do(f"/trust demote {KIND} {PROD}", confirm=decline)
    assert done.message.startswith("test.change in prod is at supervised now")
    done = await console.do(f"/trust demote {KIND} --to assisted --reason 'odd acks'", actor=SCRIPT)
    assert done.message == "2 lowered"
    assert [await console.level(one) for one in (PROD, "stage")] == [Level.ASSISTED] * 2
    assert (await console.do(f"/trust demote {KIND} {PROD} --to supervised")).message.startswith("nothing was lowered")
    assert (await console.do("/trust demote --to 0")).message == "2 lowered"
    assert (await console.do("/trust demote")).message.startswith("nothing was lowered")
    with pytest.raises(NotFound, match="automation never asked for anything in nowhere"):
        await console.trust.demote("", "nowhere", None, COLLEAGUE, "", command="")
    told = await console.do("/trust history --limit 3")
    assert [(one["from"], one["to"], one["cause"]) for one in told.data] == [
        ("assisted", "shadow", "demoted"),
        ("assisted", "shadow", "demoted"),
        ("selective-autonomy", "assisted", "demoted"),
    ]
    assert told.data[2]["reason"] == "odd acks"
    assert (await Audit(console.store).verify()).whole


async def test_the_status_is_plain_and_tells_what_is_offered(tmp_path: Path) -> None:
    async with trusting(tmp_path, rules=replace(EASY, cap=Level.SUPERVISED)) as console:
        empty = await console.do("/trust status")
        assert (empty.message, empty.data["levels"]) == ("automation asked for nothing yet: all of it is at shadow", [])
        await console.proposed_and_done()
        console.clock.jump(timedelta(hours=1))
        data = plain(await console.trust.status())
        assert json.loads(json.dumps(data)) == data
        assert data["offers"] == [{"kind": KIND, "environment": PROD, "from": "shadow", "to": "dry-run"}]
        (one,) = data["levels"]
        assert (one["level"], one["number"], one["in_force"], one["good"], one["offered"]) == (
            "shadow", 0, "shadow", 1, True,
        )  # fmt: skip
        told = await console.do("/trust status")
        assert told.message == "1 kind of action and environment, 1 promotion offered"
        assert 'dry-run is offered for test.change in prod: /trust promote test.change prod --reason "…"' in told.lines
        assert "[sre.trust] cap holds all automation at supervised or lower" in told.lines
        elsewhere = await console.do(f"/trust status {KIND} --environment stage")
        assert elsewhere.message == "automation never asked for that, so it is at shadow"
        assert [one.value for one in console.registry.complete("/trust promote ", 15).candidates] == [KIND]
        assert PROD in [
            one.value for one in console.registry.complete(f"/trust demote {KIND} ", 15 + len(KIND)).candidates
        ]
