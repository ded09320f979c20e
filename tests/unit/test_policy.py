"""What policies say of a write: tables of what they cover, limits, precedence, and failing closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.command import Invocation
from services.policy.commands import COMMANDS, CheckArguments, ListArguments, Planned, PolicyNeeds
from services.policy.evaluate import command_names, evaluate, exceeded
from services.policy.model import Answer, Effect, Hours, Limits, Policy, Scope, Standing, Window
from services.policy.patterns import PatternError, pattern_test
from services.safety.actor import Surface
from services.safety.gate import Asked
from services.safety.plan import Plan, Reach, Risk, Target
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import OPERATOR, Outside, agree, plan_for

NIGHT = Hours("Europe/Berlin", during=(Window(frozenset(range(7)), time(22), time(6)),))
NOON, MIDNIGHT = datetime(2026, 3, 2, 11, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC)
PLAN = replace(plan_for(Outside()), namespaces=("shop",))


def asked(plan: Plan = PLAN, *, at: datetime = NOON, command: str = "/thing change it --hard", **actor: Any) -> Asked:
    return Asked(plan, command, replace(OPERATOR, **actor), at)


def standing(policy: Policy, one: Asked) -> Standing:
    return evaluate((policy,), one).findings[0].standing


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), True),
        (Scope(actions=("test.change",)), True),
        (Scope(actions=("test.*",)), True),
        (Scope(actions=("test",)), False),
        (Scope(actions=("other", "~test[.](change|stop)")), True),
        (Scope(commands=("thing change",)), True),
        (Scope(commands=("thing *",)), True),
        (Scope(commands=("thing",)), True),
        (Scope(commands=("change",)), False),
        (Scope(risks=("write",)), True),
        (Scope(risks=("destructive",)), False),
        (Scope(sources=("outside prod",)), True),
        (Scope(sources=("*stage",)), False),
        (Scope(environments=("prod*",)), True),
        (Scope(environments=("stage", "p?od")), True),
        (Scope(environments=("Prod",)), False),
        (Scope(namespaces=("sh?p",)), True),
        (Scope(namespaces=("payments",)), False),
        (Scope(surfaces=("console",)), True),
        (Scope(surfaces=("gateway",)), False),
        (Scope(automation=True), False),
        (Scope(automation=False), True),
        (Scope(environments=("prod",), namespaces=("payments",)), False),
    ],
)
def test_every_condition_must_hold_by_any_of_its_patterns(scope: Scope, covered: bool) -> None:
    found = standing(Policy("p", scope=scope), asked())
    assert found is (Standing.BLOCKS if covered else Standing.ELSEWHERE)


def test_the_environment_of_any_target_counts() -> None:
    plan = replace(PLAN, targets=(Target("thing", "a", "stage"), Target("thing", "b", "prod-eu")))
    assert standing(Policy("p", scope=Scope(environments=("prod-eu",))), asked(plan)) is Standing.BLOCKS


def test_a_plan_that_cannot_tell_its_namespaces_counts_as_touching_them() -> None:
    policy = Policy("p", scope=Scope(namespaces=("payments",)))
    assert standing(policy, asked(replace(PLAN, namespaces=None))) is Standing.BLOCKS
    assert standing(policy, asked(replace(PLAN, namespaces=()))) is Standing.ELSEWHERE


def test_scripts_are_told_from_people() -> None:
    assert standing(Policy("p", scope=Scope(automation=True)), asked(automation=True)) is Standing.BLOCKS
    assert standing(Policy("p", scope=Scope(surfaces=("exec",))), asked(surface=Surface.EXEC)) is Standing.BLOCKS


@pytest.mark.parametrize(
    ("limits", "reach", "over"),
    [
        (Limits(targets=3), None, ""),
        (Limits(targets=0), None, "it reaches 1 targets, and 0 are the most"),
        (Limits(targets=3), Reach(3, 10, "alerts"), ""),
        (Limits(targets=3), Reach(4, 10, "alerts"), "it reaches 4 alerts, and 3 are the most"),
        (Limits(percent=20), Reach(2, 10, "alerts"), ""),
        (Limits(percent=20), Reach(3, 10, "alerts"), "it reaches 3 of 10 alerts (30 %), and 20 % are the most"),
        (Limits(percent=20), Reach(1, None, "pods"), "at most 20 % may be reached, and nobody knows of how many"),
        (Limits(percent=20), None, "at most 20 % may be reached, and nobody knows of how many"),
        (Limits(percent=100), Reach(1, 0, "alerts"), "more than all there are"),
        (Limits(percent=100), Reach(5, 5, "alerts"), ""),
    ],
)
def test_a_limit_lets_small_writes_pass(limits: Limits, reach: Reach | None, over: str) -> None:
    plan = replace(PLAN, reach=reach)
    said = exceeded(limits, plan)
    assert over in said
    assert bool(said) is bool(over)
    expected = Standing.BLOCKS if over else Standing.WITHIN
    assert standing(Policy("p", limits=limits), asked(plan)) is expected


def test_a_night_is_blocked_and_explained() -> None:
    night = Policy("night", reason="nobody is there to mend it", hours=NIGHT)
    assert evaluate((night,), asked(at=NOON)).answer is Answer.ALLOWED
    decision = evaluate((night,), asked(at=MIDNIGHT))
    assert (decision.answer, decision.rule) == (Answer.BLOCKED, "policy night")
    assert decision.reason == (
        "policy night blocks it (daily 22:00-06:00 Europe/Berlin) until 2026-03-03 06:00 Europe/Berlin (05:00 UTC); "
        "nobody is there to mend it"
    )
    assert evaluate((night,), asked(at=NOON), at=MIDNIGHT).answer is Answer.BLOCKED


def test_what_blocks_wins_and_every_approval_is_needed() -> None:
    pairs = Policy("pairs", Effect.REQUIRE_APPROVAL)
    owners = Policy("owners", Effect.REQUIRE_APPROVAL, approvers=("op-c",), count=1)
    freeze, off = Policy("freeze"), Policy("off", enabled=False)
    both = evaluate((off, pairs, owners), asked())
    assert (both.answer, both.rule) == (Answer.NEEDS_APPROVAL, "policy pairs")
    assert [one.policy for one in both.requirements] == ["pairs", "owners"]
    assert "(so do owners)" in both.reason
    blocked = evaluate((pairs, freeze, owners), asked())
    assert (blocked.answer, blocked.rule, blocked.requirements) == (Answer.BLOCKED, "policy freeze", ())
    assert [one.standing for one in blocked.findings] == [
        Standing.WANTS_APPROVAL,
        Standing.BLOCKS,
        Standing.WANTS_APPROVAL,
    ]


@pytest.mark.parametrize(
    "broken",
    [
        Policy("p", hours=Hours("Nowhere/Land", during=NIGHT.during)),
        Policy("p", scope=Scope(environments=("~(",))),
        Policy("p", Effect.REQUIRE_APPROVAL, hours=Hours("Nowhere/Land", during=NIGHT.during)),
        Policy("p", problems=("zone: 'Nowhere/Land' is not a time zone",)),
        Policy("p", scope=Scope(environments=("prod",)), problems=("there is no such key",)),
    ],
)
def test_what_cannot_be_evaluated_blocks_and_says_which(broken: Policy) -> None:
    decision = evaluate((Policy("fine", enabled=False), broken), asked())
    assert (decision.answer, decision.rule) == (Answer.BLOCKED, "policy p")
    assert decision.findings[1].standing is Standing.UNREADABLE
    assert "so it blocks" in decision.reason


def test_a_broken_policy_blocks_only_what_it_may_cover() -> None:
    broken = Policy("p", scope=Scope(environments=("stage",)), problems=("zone: wrong",))
    assert evaluate((broken,), asked()).answer is Answer.ALLOWED
    assert evaluate((replace(broken, enabled=False),), asked()).answer is Answer.ALLOWED


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_pattern_without_signs_is_the_word_itself(word: str, other: str) -> None:
    if not word or word[0] == "~" or "*" in word or "?" in word:
        return
    try:
        test = pattern_test(word)
    except PatternError:
        return  # a lone surrogate
    assert test(word)
    assert test(other) is (word == other)


@pytest.mark.parametrize("wrong", ["", "~", "~(", "~a{9999}"])
def test_what_is_no_pattern_is_refused(wrong: str) -> None:
    with pytest.raises(PatternError):
        pattern_test(wrong)


def test_a_command_is_known_by_its_first_words() -> None:
    assert command_names("/alerts ack 3f2a --for 1h") == ("alerts", "alerts ack", "alerts ack 3f2a")
    assert command_names("") == ()


def needs(*policies: Policy, plan: Plan | None = PLAN) -> PolicyNeeds:
    async def work_out(line: str, invocation: Invocation) -> Planned:
        return Planned(line, plan)

    return PolicyNeeds(policies, ("prod", "stage"), work_out, ManualClock(EPOCH))


async def test_check_explains_without_doing() -> None:
    night = Policy("night", hours=NIGHT)
    check = COMMANDS[1]
    assert check.run is not None
    invocation = Invocation(OPERATOR, agree)
    now = await check.run(needs(night), CheckArguments.model_validate({"command": "/thing change"}), invocation)
    assert (now.ok, now.data["answer"]) == (True, "allowed")
    assert now.table is not None
    assert now.table.rows == (
        ("night", "not active now", "is not active then, next from 2026-03-02 22:00 Europe/Berlin (21:00 UTC)"),
    )
    later = await check.run(needs(night), CheckArguments.model_validate({"command": "/x", "at": "+3h"}), invocation)
    assert (later.ok, later.data["rule"]) == (False, "policy night")
    assert later.message.startswith("it is blocked at 2026-03-02 22:31 UTC: policy night blocks it (daily 22:00-06:00")
    none = await check.run(
        needs(night, plan=None), CheckArguments.model_validate({"command": "/alerts list"}), invocation
    )
    assert none.ok


async def test_list_tells_what_is_active_until_when_and_what_is_wrong() -> None:
    listing = COMMANDS[0]
    assert listing.run is not None
    policies = (
        Policy("night", hours=NIGHT),
        Policy("broken", problems=("zone: wrong",)),
        Policy("lost", scope=Scope(environments=("prdo",))),
        Policy("off", enabled=False),
    )
    result = await listing.run(needs(*policies), ListArguments(), Invocation(OPERATOR, agree))
    assert result.table is not None
    assert [row[2] for row in result.table.rows] == [
        "inactive until 2026-03-02 22:00 Europe/Berlin (21:00 UTC)",
        "UNREADABLE: blocks",
        "active",
        "switched off",
    ]
    assert result.message == "4 policies, 2 active now"
    assert result.lines == (
        "broken cannot be read and blocks what it may cover: zone: wrong",
        "lost matches no configured environment (prod, stage)",
    )
    assert not result.ok


def test_risks_are_those_that_pass_the_guard() -> None:
    assert {risk.value for risk in Risk if risk.outside} == {"write", "destructive"}
