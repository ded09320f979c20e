"""The demo's world: the same for the same seed, and it does what the story says."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from services.demo import story
from services.demo.catalog import CHECKOUT, PAYMENTS, WORKLOADS
from services.demo.manifests import moment_of, resource_version
from services.demo.records import Records
from services.demo.story import DemoIncident, IncidentStep, Phase, Story, phase_at
from services.demo.world import World
from services.incidents.model import IncidentState

EPOCH = datetime(2026, 3, 2, 19, 31, 7, 123456, tzinfo=UTC)
LATER = 4 * story.TURN


@pytest.fixture(scope="module")
def world() -> World:
    return World(7, EPOCH)


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [
        (-1, Phase.CALM),
        (0, Phase.CALM),
        (59.9, Phase.CALM),
        (60, Phase.DEPLOYING),
        (120, Phase.BURNING),
        (419, Phase.BURNING),
        (420, Phase.ROLLING_BACK),
        (500, Phase.HEALING),
        (600, Phase.CALM),
        (899, Phase.CALM),
        (900 + 60, Phase.DEPLOYING),
    ],
)
def test_phases(seconds: float, phase: Phase) -> None:
    assert phase_at(seconds) is phase
    assert Story(EPOCH).phase(EPOCH + timedelta(seconds=seconds)) is phase


def test_each_step_of_the_incident_is_played_once_however_often_one_looks() -> None:
    script = Story(EPOCH)
    seen: list[DemoIncident] = []
    last = EPOCH - timedelta(seconds=1)
    while last < EPOCH + timedelta(seconds=2 * story.TURN):
        until = last + timedelta(seconds=7.3)
        seen += script.incidents(last, until)
        last = until
    assert tuple(seen) == script.incident_of(0) + script.incident_of(1)
    assert script.incidents(EPOCH - timedelta(days=9), EPOCH) == ()


def test_the_incident_opens_is_worked_on_and_is_resolved_after_the_healing() -> None:
    steps = Story(EPOCH).incident_of(0)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert [step.step for step in steps].count(IncidentStep.OPENED) == 1
    assert steps[0].step is IncidentStep.OPENED
    assert [IncidentState(step.state) for step in steps][-1] is IncidentState.RESOLVED
    assert steps[-1].at > EPOCH + timedelta(seconds=story.HEALED)
    assert {step.commander for step in steps} == {"op-a"}


@pytest.mark.parametrize("turn", [0, 1, 5])
def test_the_bad_deploy_and_its_rollback(world: World, turn: int) -> None:
    start = turn * story.TURN

    def checkout(at: float) -> tuple[int, int, int, int, str]:
        rollout = world.rollouts.status(CHECKOUT, start + at)
        return rollout.current.number, rollout.pods, rollout.updated, rollout.ready, rollout.progress

    bad = 12 + 2 * turn
    assert checkout(30) == (bad - 1, 12, 12, 12, "NewReplicaSetAvailable")
    assert checkout(300) == (bad, 14, 12, 2, "ProgressDeadlineExceeded")
    assert checkout(500) == (bad + 1, 12, 12, 12, "NewReplicaSetAvailable")
    assert checkout(200)[4] == "ReplicaSetUpdated"
    before, after = (world.rollouts.status(CHECKOUT, start + at).current for at in (30, 500))
    assert after.template == before.template
    assert before.number in after.earlier


def test_ready_pods_stay_enough_while_the_new_ones_work(world: World) -> None:
    at = story.DEPLOY
    while at < story.FIRST_CRASH:
        rollout = world.rollouts.status(CHECKOUT, at)
        assert rollout.ready >= 9, at
        assert rollout.pods <= 15, at
        at += 0.5


def test_the_payments_rollout_ends_early_in_the_turn(world: World) -> None:
    begun, ended = (world.rollouts.status(PAYMENTS, at) for at in (0.0, 50.0))
    assert begun.current.number == ended.current.number == 31
    assert begun.progress == "ReplicaSetUpdated"
    assert 4 <= begun.updated < 8 or begun.pods > 8
    assert ended.progress == "NewReplicaSetAvailable"
    assert (ended.pods, ended.updated, ended.ready) == (8, 8, 8)


def test_nothing_else_ever_rolls(world: World) -> None:
    for workload in WORKLOADS:
        if workload not in (CHECKOUT, PAYMENTS):
            assert world.rollouts.changes(workload, 0.0, LATER) == []
            assert world.rollouts.status(workload, 300.0).ready == workload.replicas


def test_a_crashing_pod_waits_restarts_and_is_never_ready_again(world: World) -> None:
    pod = next(pod for pod in world.factory.pods(CHECKOUT, 300.0, 300.0) if pod.crashes)
    (first_down, first_up), *_ = pod.crashes
    assert pod.ready(first_down - 1)
    assert pod.waiting(first_down) == "CrashLoopBackOff"
    assert pod.waiting(first_up) == ""
    assert not pod.ready(first_up + 1)
    assert pod.restarts(first_up) == 1
    waits = [up - down for down, up in pod.crashes]
    assert waits == sorted(waits)


def test_no_two_changes_of_pods_share_a_resource_version(world: World) -> None:
    changes = [(change.at) for change in Records(world).changes("pods", -story.TURN, LATER)]
    assert len(changes) > 300
    assert len(set(changes)) == len(changes)


@pytest.mark.parametrize("resource", ["pods", "deployments", "replicasets", "statefulsets", "events", "services"])
def test_replaying_the_changes_gives_what_a_list_gives(world: World, resource: str) -> None:
    records = Records(world)
    held = {key(one): one for one in records.at(resource, -150.0)}
    seen = -150.0
    for now in (-20.0, 0.0, 63.7, 111.0, 260.3, 430.0, 700.0, 990.0, 1500.0):
        for change in records.changes(resource, seen, now):
            if change.after is None:
                held.pop(key(change.before))
            else:
                assert (change.before is None) == (key(change.after) not in held)
                held[key(change.after)] = change.after
        seen = now
        listed = {key(one): one for one in records.at(resource, now)}
        assert listed.keys() == held.keys()
        assert listed == held


def test_resource_versions_grow_with_every_change(world: World) -> None:
    records = Records(world)
    for resource in ("pods", "deployments", "replicasets"):
        for change in records.changes(resource, 0.0, story.TURN):
            if change.after is not None:
                assert moment_of(version(change.after)) == pytest.approx(change.at, abs=0.0011)
    assert moment_of(resource_version(12.345)) == pytest.approx(12.345)


def test_the_same_seed_gives_the_same_world_in_another_process() -> None:
    program = (
        "import json;from datetime import *;from services.demo.world import World;"
        "from services.demo.records import Records;from services.demo.firing import Firings;"
        "w=World(7,datetime(2026,3,2,19,31,7,tzinfo=UTC));"
        "print(json.dumps([Records(w).at('pods',300.0),[[f.labels,f.values[:1]] for f in Firings(w).at(300.0)]]))"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)
    )
    assert first == second
    assert len(first) > 10_000
    assert Records(World(8, EPOCH)).at("pods", 300.0) != Records(World(7, EPOCH)).at("pods", 300.0)


def key(document: object) -> tuple[str, str]:
    assert isinstance(document, dict)
    return document["metadata"]["namespace"], document["metadata"]["name"]


def version(document: dict[str, object]) -> str:
    meta = document["metadata"]
    assert isinstance(meta, dict)
    return str(meta["resourceVersion"])
