"""The order, the filter and the counts of deployments, and the rollouts before an alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.deployments.model import Deployment, Revision, RolloutState
from services.deployments.view import arrange, count, matching, rollouts_before
from tests.support.clock import EPOCH


def ago(minutes: float) -> datetime:
    return EPOCH - timedelta(minutes=minutes)


def item(name: str = "checkout", **fields: Any) -> Deployment:
    base = Deployment("prod", "production", "shop", name, "Deployment", 3, 3, 3, 2, ago(60), RolloutState.COMPLETE)
    return replace(base, **fields)


def names(items: Any) -> list[str]:
    return [each.name for each in items]


def test_what_is_urgent_comes_first_and_then_the_latest_change() -> None:
    items = [
        item("old", changed_at=ago(600)),
        item("unknown-age", changed_at=None),
        item("new", changed_at=ago(1)),
        item("paused", state=RolloutState.PAUSED, changed_at=ago(30)),
        item("rolling", state=RolloutState.ROLLING, changed_at=ago(500)),
        item("rolling-later", state=RolloutState.ROLLING, changed_at=ago(2)),
        item("looping", trouble="CrashLoopBackOff", changed_at=ago(900)),
        item("failed", state=RolloutState.FAILED, changed_at=ago(900)),
        item("degraded", state=RolloutState.DEGRADED, changed_at=ago(901)),
    ]
    expected = ["failed", "looping", "degraded", "rolling-later", "rolling", "new", "paused", "old", "unknown-age"]
    assert names(arrange(items)) == expected
    assert names(arrange(reversed(items))) == expected


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["checkout", "db"]),
        ("  ", ["checkout", "db"]),
        ("CHECK", ["checkout"]),
        ("shop", ["checkout", "db"]),
        ("prod/shop/check", ["checkout"]),
        ("statefulset", ["db"]),
        ("crash", ["db"]),
        ("tier=web", ["checkout"]),
        ("web:2", ["checkout"]),
        ("shop complete", ["checkout", "db"]),
        ("shop rolling", []),
    ],
)
def test_every_word_must_be_a_part(words: str, found: list[str]) -> None:
    items = [
        item(images=("registry.example/web:2",), labels=(("tier", "web"),)),
        item("db", kind="StatefulSet", trouble="CrashLoopBackOff"),
    ]
    assert names(matching(items, words)) == found


def test_counts() -> None:
    counts = count(
        [
            item(),
            item(state=RolloutState.FAILED, trouble="ErrImagePull"),
            item(state=RolloutState.DEGRADED),
            item(state=RolloutState.ROLLING),
            item(state=RolloutState.ROLLING, trouble="ErrImagePull"),
        ]
    )
    assert (counts.total, counts.failed, counts.degraded, counts.rolling, counts.troubled) == (5, 1, 1, 2, 3)
    assert counts.sentence == "3 in trouble, 2 rolling, 5 in all"
    assert count([item()]).sentence == "1 deployment, none in trouble"
    assert count([]).sentence == "no deployments"


def test_rollouts_before_an_alert() -> None:
    onset = ago(10)
    deployments = [
        item(
            "bad",
            revision=3,
            changed_at=ago(5),  # rolled back after the alert began
            images=("b:1",),
            revisions=(
                Revision(3, ago(9000), ("b:1",), current=True),
                Revision(2, ago(14), ("b:2",)),
                Revision(1, ago(8000), ("b:0",)),
            ),
        ),
        item("at-onset", revision=7, changed_at=onset),
        item("edge", revision=4, changed_at=onset - timedelta(hours=1)),
        item("too-old", changed_at=onset - timedelta(hours=1, seconds=1)),
        item("elsewhere", namespace="pay", changed_at=ago(11)),
        item("ageless", changed_at=None),
    ]
    found = rollouts_before(deployments, "shop", onset, timedelta(hours=1))
    assert [(rollout.deployment.name, rollout.revision, rollout.minutes) for rollout in found] == [
        ("at-onset", 7, 0),
        ("bad", 2, 4),
        ("edge", 4, 60),
    ]
    assert found[1].images == ("b:2",)
    assert found[1].at == ago(14)
    assert rollouts_before(deployments, "none", onset) == ()
