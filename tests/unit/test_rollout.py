"""Where a rollout stands: one row a rule, in kubectl's order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.clusters.objects import Workload
from services.deployments.model import RolloutState
from services.deployments.rollout import Rollout, judge
from tests.support import kubernetes_objects as make

COMPLETE = RolloutState.COMPLETE
DEGRADED = RolloutState.DEGRADED
FAILED = RolloutState.FAILED
PAUSED = RolloutState.PAUSED
ROLLING = RolloutState.ROLLING
UNKNOWN = RolloutState.UNKNOWN

NEW = "ReplicaSetUpdated"
DEADLINE = "ProgressDeadlineExceeded"
WAITING = 'Waiting for deployment "checkout" rollout to finish: '
DAEMON_WAITING = 'Waiting for daemon set "agent" rollout to finish: '


def judged(kind: str, obj: dict[str, Any]) -> Rollout:
    return judge(kind, msgspec.json.decode(msgspec.json.encode(obj), type=Workload))


@pytest.mark.parametrize(
    ("fields", "state", "message"),
    [
        ({}, COMPLETE, ""),
        ({"replicas": 0}, COMPLETE, ""),
        ({"reason": NEW}, COMPLETE, ""),
        ({"observed": 1}, ROLLING, "Waiting for deployment spec update to be observed..."),
        # an old verdict on the template before this one
        ({"observed": 1, "reason": DEADLINE}, ROLLING, "Waiting for deployment spec update to be observed..."),
        ({"reason": DEADLINE}, FAILED, 'deployment "checkout" exceeded its progress deadline'),
        ({"reason": DEADLINE, "updated": 1}, FAILED, 'deployment "checkout" exceeded its progress deadline'),
        ({"reason": NEW, "updated": 1, "total": 3}, ROLLING, WAITING + "1 out of 3 new replicas have been updated..."),
        ({"reason": NEW, "total": 5}, ROLLING, WAITING + "2 old replicas are pending termination..."),
        ({"reason": NEW, "available": 1}, ROLLING, WAITING + "1 of 3 updated replicas are available..."),
        # too few updated is said before too many old, and that before too few available
        (
            {"reason": NEW, "updated": 1, "total": 4, "available": 0},
            ROLLING,
            WAITING + "1 out of 3 new replicas have been updated...",
        ),
        ({"reason": NEW, "total": 4, "available": 1}, ROLLING, WAITING + "1 old replicas are pending termination..."),
        # finished once, pods missing now
        ({"available": 2}, DEGRADED, WAITING + "2 of 3 updated replicas are available..."),
        ({"available": 0}, DEGRADED, WAITING + "0 of 3 updated replicas are available..."),
        ({"updated": 2}, DEGRADED, WAITING + "2 out of 3 new replicas have been updated..."),
        # the condition lags behind a rollback that has begun
        ({"updated": 0, "total": 3}, ROLLING, WAITING + "0 out of 3 new replicas have been updated..."),
        ({"total": 4}, ROLLING, WAITING + "1 old replicas are pending termination..."),
        ({"paused": True}, PAUSED, "rollout is paused"),
        ({"paused": True, "updated": 1, "total": 3}, PAUSED, WAITING + "1 out of 3 new replicas have been updated..."),
        ({"paused": True, "reason": DEADLINE}, FAILED, 'deployment "checkout" exceeded its progress deadline'),
    ],
)
def test_deployment(fields: dict[str, Any], state: RolloutState, message: str) -> None:
    assert judged("Deployment", make.deployment(**fields)) == Rollout(state, message)


def test_recreate_and_missing_fields_are_fine_for_a_deployment() -> None:
    obj = make.deployment(replicas=1)
    obj["spec"]["strategy"] = {"type": "Recreate"}
    del obj["spec"]["replicas"]  # the default is 1
    del obj["status"]["conditions"]
    assert judged("Deployment", obj) == Rollout(COMPLETE)
    obj["status"] = {"observedGeneration": 2}
    assert judged("Deployment", obj) == Rollout(ROLLING, WAITING + "0 out of 1 new replicas have been updated...")


@pytest.mark.parametrize(
    ("fields", "state", "message"),
    [
        ({}, COMPLETE, ""),
        ({"partition": None}, COMPLETE, ""),
        (
            {"strategy": "OnDelete", "ready": 0},
            UNKNOWN,
            "strategy OnDelete: pods are replaced by hand; "
            "rollout status is only available for RollingUpdate strategy type",
        ),
        ({"observed": 0, "generation": 0}, ROLLING, "Waiting for statefulset spec update to be observed..."),
        ({"observed": 1}, ROLLING, "Waiting for statefulset spec update to be observed..."),
        ({"ready": 2, "update": "db-2"}, ROLLING, "Waiting for 1 pods to be ready..."),
        ({"ready": 1, "total": 2}, ROLLING, "Waiting for 2 pods to be ready..."),
        ({"ready": 1}, DEGRADED, "Waiting for 2 pods to be ready..."),
        (
            {"partition": 1, "updated": 1, "update": "db-2"},
            ROLLING,
            "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
        ),
        ({"partition": 1, "updated": 2, "update": "db-2"}, COMPLETE, ""),
        (
            {"partition": None, "updated": 1, "update": "db-2"},
            ROLLING,
            "waiting for statefulset rolling update to complete 1 pods at revision db-2...",
        ),
    ],
)
def test_stateful_set(fields: dict[str, Any], state: RolloutState, message: str) -> None:
    assert judged("StatefulSet", make.stateful_set(**fields)) == Rollout(state, message)


@pytest.mark.parametrize(
    ("fields", "state", "message"),
    [
        ({}, COMPLETE, ""),
        ({"desired": 0}, COMPLETE, ""),
        (
            {"strategy": "OnDelete", "updated": 0},
            UNKNOWN,
            "strategy OnDelete: pods are replaced by hand; "
            "rollout status is only available for RollingUpdate strategy type",
        ),
        ({"observed": 1, "updated": 0}, ROLLING, "Waiting for daemon set spec update to be observed..."),
        (
            {"updated": 2, "available": 1},
            ROLLING,
            DAEMON_WAITING + "2 out of 5 new pods have been updated...",
        ),
        ({"available": 4}, DEGRADED, DAEMON_WAITING + "4 of 5 updated pods are available..."),
    ],
)
def test_daemon_set(fields: dict[str, Any], state: RolloutState, message: str) -> None:
    assert judged("DaemonSet", make.daemon_set(**fields)) == Rollout(state, message)


few = some.integers(0, 4)


@given(few, few, few, few, some.sampled_from([NEW, DEADLINE, "NewReplicaSetAvailable", "DeploymentPaused"]))
def test_complete_means_that_nothing_is_missing(replicas: int, total: int, updated: int, ready: int, why: str) -> None:
    obj = make.deployment(replicas=replicas, total=total, updated=updated, available=ready, reason=why)
    rollout = judged("Deployment", obj)
    whole = why != DEADLINE and updated >= replicas and total <= updated and ready >= updated
    assert (rollout.state is COMPLETE) == whole
    assert bool(rollout.message) != whole
