"""``/deploy status``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.command import Invocation, Offers, Result
from services.deployments.commands import COMMANDS, DeploymentsNeeds, StatusArguments
from services.deployments.model import Deployment, Revision, RolloutState
from services.safety.actor import Actor, Surface
from services.safety.plan import Plan
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.snapshot import Freshness, FreshnessState, Snapshot
from tests.support.clock import EPOCH, ManualClock

CHECKOUT = Deployment(
    "prod",
    "production",
    "shop",
    "checkout",
    "Deployment",
    1,
    3,
    3,
    2,
    EPOCH - timedelta(minutes=4),
    RolloutState.ROLLING,
    "1 of 3 updated replicas are available...",
    "CrashLoopBackOff",
    ("registry.example/shop/checkout:2", "envoy:1"),
    (
        Revision(2, EPOCH - timedelta(minutes=4), ("registry.example/shop/checkout:2", "envoy:1"), current=True),
        Revision(1, EPOCH - timedelta(days=3), ("registry.example/shop/checkout:1", "envoy:1")),
    ),
    (("app", "checkout"),),
)
CART = Deployment("prod", "production", "shop", "cart", "Deployment", 2, 2, 2, 0, None, RolloutState.COMPLETE)
DB = replace(CART, name="db", kind="StatefulSet")
STAGING = replace(CART, context="staging", environment="test", name="checkout")

FRESH = Freshness("kubernetes prod", FreshnessState.FRESH, checked_at=EPOCH)


async def nobody_confirms(plan: Plan) -> bool:
    raise AssertionError(f"reading asked for a confirmation: {plan}")


def needs(*snapshots: Snapshot[Deployment]) -> DeploymentsNeeds:
    async def current() -> tuple[Snapshot[Deployment], ...]:
        return snapshots

    return DeploymentsNeeds(current, lambda: snapshots, ManualClock())


async def status(*snapshots: Snapshot[Deployment], **words: Any) -> Result:
    (command,) = COMMANDS
    assert command.run is not None
    invocation = Invocation(Actor("op-a", "someone", "host", Surface.EXEC), nobody_confirms)
    return await command.run(needs(*snapshots), StatusArguments.model_validate(words), invocation)


PROD = Snapshot(FRESH, 1, (CART, CHECKOUT, DB))
BOTH = (PROD, Snapshot(replace(FRESH, source="kubernetes staging"), 1, (STAGING,)))


async def test_the_list_has_what_is_urgent_first() -> None:
    result = await status(PROD)
    assert result.ok
    assert result.message == "1 in trouble, 1 rolling, 3 in all"
    assert result.table is not None
    assert result.table.rows[0] == (
        "↻ rolling",
        "prod/shop/checkout",
        "Deployment",
        "production",
        "1/3",
        "2",
        "4m",
        "checkout:2, envoy:1",
        "CrashLoopBackOff",
    )
    assert [entry["name"] for entry in result.data] == ["checkout", "cart", "db"]
    assert result.data[0]["changed_at"] == "2026-03-02T19:27:07+00:00"
    assert result.data[0]["fresh"] is True


@pytest.mark.parametrize("name", ["checkout", "shop/checkout", "prod/shop/checkout"])
async def test_one_by_name(name: str) -> None:
    result = await status(PROD, name=name)
    assert result.message == "↻ checkout is rolling: 1 of 3 updated replicas are available..."
    assert result.lines == (
        "Deployment prod/shop/checkout (production)",
        "ready 1/3, updated 3",
        "trouble: CrashLoopBackOff",
        "image: registry.example/shop/checkout:2",
        "image: envoy:1",
        "revision 2  4m ago  registry.example/shop/checkout:2, envoy:1  current",
        "revision 1  3d ago  registry.example/shop/checkout:1, envoy:1",
    )
    assert result.data["revisions"][0]["current"] is True


@pytest.mark.parametrize("name", ["db", "shop/db", "statefulset/db", "prod/shop/db", "prod/shop/statefulset/db"])
async def test_another_kind_by_name(name: str) -> None:
    assert (await status(PROD, name=name)).data["id"] == "prod/shop/statefulset/db"


async def test_a_name_in_two_contexts_is_ambiguous_and_a_whole_id_is_not() -> None:
    with pytest.raises(ConsoleError) as caught:
        await status(*BOTH, name="checkout")
    assert caught.value.message == "'checkout' could be any of 2: prod/shop/checkout, staging/shop/checkout"
    assert (await status(*BOTH, name="staging/shop/checkout")).data["environment"] == "test"


async def test_the_whole_id_of_a_deployment_wins_over_another_kind_of_that_name() -> None:
    twin = replace(CHECKOUT, kind="StatefulSet")
    both = Snapshot(FRESH, 1, (CHECKOUT, twin))
    assert (await status(both, name="prod/shop/checkout")).data["kind"] == "Deployment"
    assert (await status(both, name="statefulset/checkout")).data["kind"] == "StatefulSet"
    with pytest.raises(ConsoleError, match="could be any of 2"):
        await status(both, name="checkout")


async def test_an_unknown_name_gets_a_suggestion_and_the_reason_it_may_be_missing() -> None:
    with pytest.raises(NotFound) as caught:
        await status(PROD, name="chekout")
    assert caught.value.hint == "did you mean checkout?"
    failing = Freshness("kubernetes staging", FreshnessState.FAILING, reason="no connection")
    with pytest.raises(NotFound) as caught:
        await status(PROD, Snapshot(failing), name="zzz")
    assert caught.value.hint == "it may be missing because kubernetes staging: never answered: no connection"


async def test_all_lists_whatever_is_selected() -> None:
    assert len((await status(PROD, name="checkout", all=True)).data) == 3


async def test_what_is_not_fresh_is_said() -> None:
    stale = replace(
        FRESH, state=FreshnessState.STALE, checked_at=EPOCH - timedelta(minutes=9), reason="no answer within 30s"
    )
    result = await status(Snapshot(stale, 3, (CART,)), BOTH[1])
    assert not result.ok
    assert result.message == "2 deployments, none in trouble; not fresh: kubernetes prod"
    assert result.lines == ("kubernetes prod: shown as it was 9m ago: no answer within 30s",)
    assert result.table is not None
    assert {row[1]: row[0] for row in result.table.rows} == {
        "prod/shop/cart": "✓ complete (stale)",
        "staging/shop/checkout": "✓ complete",
    }
    assert [entry["fresh"] for entry in result.data] == [False, True]


@pytest.mark.parametrize(
    ("freshness", "line"),
    [
        (Freshness("kubernetes prod"), "kubernetes prod: no answer yet"),
        (
            Freshness("kubernetes prod", FreshnessState.FAILING, reason="refused"),
            "kubernetes prod: never answered: refused",
        ),
        # nobody noticed that it hangs
        (
            replace(FRESH, checked_at=EPOCH - timedelta(hours=1), valid_for=timedelta(minutes=4)),
            "kubernetes prod: shown as it was 1h ago: no answer since",
        ),
    ],
)
async def test_nothing_from_a_source_without_a_fresh_answer_is_unknown(freshness: Freshness, line: str) -> None:
    result = await status(Snapshot(freshness))
    assert result.message == "UNKNOWN: no fresh answer from kubernetes prod"
    assert result.lines == (line,)
    assert not result.ok


async def test_what_a_source_may_not_read_is_said_and_is_no_failure() -> None:
    result = await status(Snapshot(replace(FRESH, partial=("no trouble of pods: pods may not be read",)), 1, (CART,)))
    assert result.ok
    assert result.lines == ("kubernetes prod: no trouble of pods: pods may not be read",)


async def test_without_a_context_it_says_what_to_configure() -> None:
    result = await status()
    assert result.message == "no Kubernetes context is configured; add [[sre.kubernetes]]"
    assert not result.ok


def test_completion_offers_identities_with_their_state() -> None:
    (command,) = COMMANDS
    offered = command.complete["name"](needs(PROD))
    assert not isinstance(offered, Offers)
    assert [(each.value, each.hint) for each in offered] == [
        ("prod/shop/checkout", "rolling"),
        ("prod/shop/cart", "complete"),
        ("prod/shop/statefulset/db", "complete"),
    ]
