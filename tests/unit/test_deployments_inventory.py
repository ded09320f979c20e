"""Revisions, trouble and the time of the last change, put together from what a cluster says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.clusters.objects import ControllerRevision, LabelSelector, Pod, Requirement, Workload
from services.deployments import facts
from services.deployments.inventory import Inventory
from services.deployments.model import Deployment
from services.deployments.templates import reduce_template
from services.deployments.trouble import trouble_of
from tests.support import kubernetes_objects as make

Json = dict[str, Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def with_uid(obj: Json, uid: str = "") -> Json:
    return {**obj, "metadata": {"uid": uid or obj["metadata"]["name"], **obj["metadata"]}}


class World:
    """An inventory fed with objects as they come off the wire."""

    def __init__(self) -> None:
        self.inventory = Inventory("prod", "production")

    def deployment(self, obj: Json) -> Json:
        obj = with_uid(obj)
        self.inventory.put_workload(facts.deployment_fact(decode(obj, Workload)))
        return obj

    def replica_set(self, obj: Json) -> Json:
        obj = with_uid(obj)
        self.inventory.put_revision(facts.replica_set_fact(decode(obj, Workload)))
        return obj

    def pod(self, obj: Json) -> None:
        self.inventory.put_pod(facts.pod_fact(decode(with_uid(obj), Pod)))

    async def only(self) -> Deployment:
        (item,) = await self.inventory.deployments()
        return item


def decode(obj: Json, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(obj), type=kind)


def reduced(template: Json) -> Any:
    return reduce_template(msgspec.Raw(msgspec.json.encode(template)))


def test_templates_are_equal_whatever_the_hash_label_and_the_order_of_keys() -> None:
    plain = make.template("a:1")
    hashed = make.template("a:1", pod_hash="6d4c")
    assert reduced(plain) == reduced(hashed)
    assert reduced(plain) == reduced(dict(reversed(list(plain.items()))))
    assert reduced(plain) == reduced({**plain, "metadata": {"labels": {"app": "checkout"}}})
    assert reduced(plain) == reduced({**plain, "$patch": "replace"})
    assert reduced(plain) != reduced(make.template("a:2"))
    assert reduced(plain) != reduced(make.template("a:1", app="other"))
    assert reduced({"metadata": {"labels": {"pod-template-hash": "x"}}, "spec": {}}) == reduced({"spec": {}})


@pytest.mark.parametrize(
    ("labels", "matches"),
    [
        ({"app": "a", "tier": "web"}, True),
        ({"app": "a", "tier": "db"}, True),
        ({"app": "a"}, False),  # tier In
        ({"tier": "web"}, False),
        ({"app": "a", "tier": "web", "old": ""}, False),  # DoesNotExist
        ({"app": "a", "tier": "web", "env": "test"}, False),  # NotIn
        ({"app": "a", "tier": "web", "env": "live"}, True),
    ],
)
def test_selector(labels: dict[str, str], matches: bool) -> None:
    selector = LabelSelector(
        {"app": "a"},
        (
            Requirement("tier", "In", ("web", "db")),
            Requirement("tier", "Exists"),
            Requirement("old", "DoesNotExist"),
            Requirement("env", "NotIn", ("test",)),
        ),
    )
    assert selector.matches(labels) is matches


async def test_history_takes_what_is_selected_and_controlled_and_marks_the_current_one() -> None:
    world = World()
    owner = world.deployment(make.deployment(image="c:2", revision=2))
    world.replica_set(make.replica_set("checkout-a", owner, image="c:1", revision=1, created="2026-03-01T10:00:00Z"))
    world.replica_set(make.replica_set("checkout-b", owner, image="c:2", revision=2, created="2026-03-02T10:00:00Z"))
    # same labels, another controller
    world.replica_set(
        make.replica_set(
            "checkout-c",
            with_uid(owner | {"metadata": owner["metadata"] | {"uid": "somebody-else"}}),
            image="c:9",
            revision=9,
        )
    )
    # controlled, yet not selected
    stray = make.replica_set("checkout-d", owner, image="c:8", revision=8)
    stray["metadata"]["labels"] = {"app": "another"}
    world.replica_set(stray)
    item = await world.only()
    assert [(r.number, r.images, r.current) for r in item.revisions] == [(2, ("c:2",), True), (1, ("c:1",), False)]
    assert (item.revision, item.images, item.changed_at) == (2, ("c:2",), at("2026-03-02T10:00"))


async def test_of_two_equal_templates_the_oldest_is_current() -> None:
    world = World()
    owner = world.deployment(make.deployment(image="c:1"))
    world.replica_set(make.replica_set("checkout-b", owner, image="c:1", revision=2, created="2026-03-02T10:00:00Z"))
    world.replica_set(make.replica_set("checkout-a", owner, image="c:1", revision=1, created="2026-03-01T10:00:00Z"))
    item = await world.only()
    assert [(r.number, r.current) for r in item.revisions] == [(2, False), (1, True)]
    assert item.revision == 1


async def test_without_a_revision_annotation_the_number_is_nought() -> None:
    world = World()
    owner = world.deployment(make.deployment(image="c:1"))
    obj = make.replica_set("checkout-a", owner, image="c:1", revision=1)
    del obj["metadata"]["annotations"]
    world.replica_set(obj)
    assert (await world.only()).revision == 0


async def test_after_a_rollback_the_change_is_newer_than_the_revision() -> None:
    world = World()
    fields: Json = {"f:spec": {"f:template": {"f:spec": {}}}}
    written = [
        {"manager": "ci", "time": "2026-03-02T10:00:00Z", "fieldsV1": fields},
        {"manager": "kubectl", "time": "2026-03-02T19:00:00Z", "fieldsV1": fields},
        {"manager": "scaler", "time": "2026-03-02T19:10:00Z", "subresource": "scale", "fieldsV1": fields},
        {"manager": "hand", "time": "2026-03-02T19:15:00Z", "fieldsV1": {"f:spec": {"f:paused": {}}}},
    ]
    owner = world.deployment(make.deployment(image="c:1", revision=3, managedFields=written))
    world.replica_set(make.replica_set("checkout-b", owner, image="c:2", revision=2, created="2026-03-02T18:00:00Z"))
    world.replica_set(make.replica_set("checkout-a", owner, image="c:1", revision=3, created="2026-03-01T10:00:00Z"))
    assert (await world.only()).changed_at == at("2026-03-02T19:00")
    # a server that keeps no record of writers: when the rollout last made progress
    world.deployment(make.deployment(image="c:1", revision=3))
    assert (await world.only()).changed_at == at("2026-03-02T19:20")


async def test_a_controller_revision_is_current_by_name_or_by_template() -> None:
    inventory = Inventory("prod", "")
    stateful = with_uid(make.stateful_set(update="db-2", current="db-1"))
    daemon = with_uid(make.daemon_set())
    inventory.put_workload(facts.stateful_set_fact(decode(stateful, Workload)))
    inventory.put_workload(facts.daemon_set_fact(decode(daemon, Workload)))
    for name, kind, owner, number in (
        ("db-1", "StatefulSet", stateful, 1),
        ("db-2", "StatefulSet", stateful, 2),
        ("agent-1", "DaemonSet", daemon, 7),
    ):
        obj = with_uid(make.controller_revision(name, kind, owner, revision=number))
        inventory.put_revision(facts.controller_revision_fact(decode(obj, ControllerRevision)))
    agent, db = await inventory.deployments()
    assert (agent.id, agent.revision, agent.images) == ("prod/infra/daemonset/agent", 7, ("registry.example/agent:1",))
    assert [(r.number, r.current) for r in db.revisions] == [(2, True), (1, False)]


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({}, ""),
        ({"containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
        ({"containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ErrImagePull"}}}]}, "ErrImagePull"),
        ({"containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "BrandNew"}}}]}, "BrandNew"),
        (
            {
                "initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
                "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            "CrashLoopBackOff",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
            "Unschedulable",
        ),
        ({"phase": "Failed", "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "X"}}}]}, ""),
    ],
)
def test_trouble_of_a_pod(status: Json, trouble: str) -> None:
    assert trouble_of(decode({"metadata": {"name": "p"}, "status": status}, Pod)) == trouble


def test_a_pod_that_is_being_deleted_is_no_trouble() -> None:
    obj = make.pod("p", "ReplicaSet", {"metadata": {"name": "x", "namespace": "n", "uid": "u"}}, waiting="ErrImagePull")
    obj["metadata"]["deletionTimestamp"] = "2026-03-02T19:00:00Z"
    assert trouble_of(decode(obj, Pod)) == ""


async def test_the_worst_trouble_reaches_the_workload_in_whatever_order_things_are_told() -> None:
    world = World()
    owner = with_uid(make.deployment(image="c:1"))
    replica_set = with_uid(make.replica_set("checkout-a", owner, image="c:1", revision=1))
    world.pod(make.pod("p1", "ReplicaSet", replica_set, waiting="ImagePullBackOff"))
    world.pod(make.pod("p2", "ReplicaSet", replica_set, waiting="CrashLoopBackOff"))
    world.deployment(owner)
    assert (await world.only()).trouble == ""
    world.replica_set(replica_set)
    assert (await world.only()).trouble == "CrashLoopBackOff"
    world.pod(make.pod("p2", "ReplicaSet", replica_set))  # recovers
    assert (await world.only()).trouble == "ImagePullBackOff"
    world.inventory.remove_pod("p1")
    assert (await world.only()).trouble == ""


async def test_pods_of_a_stateful_set_count_directly_and_strangers_do_not() -> None:
    inventory = Inventory("prod", "")
    obj = with_uid(make.stateful_set())
    inventory.put_workload(facts.stateful_set_fact(decode(obj, Workload)))
    stranger = {"metadata": {"name": "db", "namespace": "shop", "uid": "another"}}
    inventory.put_pod(facts.pod_fact(decode(with_uid(make.pod("x", "Job", stranger, waiting="ErrImagePull")), Pod)))
    (item,) = await inventory.deployments()
    assert item.trouble == ""
    inventory.put_pod(
        facts.pod_fact(decode(with_uid(make.pod("db-0", "StatefulSet", obj, waiting="ErrImagePull")), Pod))
    )
    (item,) = await inventory.deployments()
    assert item.trouble == "ErrImagePull"


async def test_what_nobody_could_see_changes_nothing() -> None:
    world = World()
    owner = world.deployment(make.deployment(image="c:1"))
    replica_set = world.replica_set(make.replica_set("checkout-a", owner, image="c:1", revision=1))
    first = await world.only()
    assert not world.inventory.changed
    world.deployment(make.deployment(image="c:1"))
    world.pod(make.pod("p1", "ReplicaSet", replica_set))
    world.replica_set(replica_set)
    assert not world.inventory.changed
    assert await world.only() is first


async def test_a_workload_that_is_gone_is_gone() -> None:
    world = World()
    owner = world.deployment(make.deployment())
    world.replica_set(make.replica_set("checkout-a", owner, image="c:1", revision=1))
    await world.only()
    world.inventory.remove_revision("checkout-a")
    assert (await world.only()).revisions == ()
    world.inventory.remove_workload("checkout")
    assert await world.inventory.deployments() == ()
