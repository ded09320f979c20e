"""What holds for every Kubernetes API: our double, and the cluster that ``SRE_CONSOLE_TEST_KUBECONFIG`` names.

Only reading, and only what is true of any cluster: these bodies run unchanged against both.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.clusters.access import ClusterSettings
from services.clusters.client import ClusterReader
from services.clusters.listing import FROM_MEMORY, FROM_STORE, list_objects
from services.clusters.objects import DEPLOYMENTS, PODS, KubernetesObject
from services.clusters.watching import Change, watch_objects
from services.deployments.model import VALID_FOR, Deployment
from services.deployments.watch import DeploymentWatcher
from services.feed import Feed
from services.vocabulary.clock import SystemClock
from services.vocabulary.snapshot import FreshnessState
from tests.support import kubernetes_objects as make
from tests.support.kubernetes_double import KubernetesDouble, serve, write_kubeconfig

REAL = os.environ.get("SRE_CONSOLE_TEST_KUBECONFIG", "")
PODS_OF_THE_DOUBLE = 1203


def populated() -> KubernetesDouble:
    """A small cluster, with more pods than fit on a page."""
    double = KubernetesDouble()
    owner = double.put("deployments", make.deployment(image="c:2", revision=2))
    double.put("replicasets", make.replica_set("checkout-a", owner, image="c:1", revision=1))
    newest = double.put("replicasets", make.replica_set("checkout-b", owner, image="c:2", revision=2))
    double.put("daemonsets", make.daemon_set())
    stateful = double.put("statefulsets", make.stateful_set())
    double.put("controllerrevisions", make.controller_revision("db-1", "StatefulSet", stateful, revision=1))
    for number in range(PODS_OF_THE_DOUBLE):
        double.put("pods", make.pod(f"checkout-b-{number:04}", "ReplicaSet", newest))
    return double


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.real)])
async def kubeconfig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Path]:
    if request.param == "real":
        if not REAL:
            pytest.skip("SRE_CONSOLE_TEST_KUBECONFIG names no cluster")
        yield Path(REAL)
        return
    async with serve(populated()) as url:
        yield write_kubeconfig(tmp_path / "config", url)


@pytest.fixture
async def reader(kubeconfig: Path) -> AsyncIterator[ClusterReader]:
    reader = ClusterReader(ClusterSettings("kubernetes test", kubeconfig=str(kubeconfig.absolute())), SystemClock())
    yield reader
    await reader.close()


def identity(obj: KubernetesObject) -> tuple[str, str]:
    return obj.metadata.namespace, obj.metadata.name


async def test_version_latency_and_skew(reader: ClusterReader) -> None:
    version = await reader.version()
    assert version.version.startswith("v1.")
    assert timedelta(0) < version.latency < timedelta(seconds=10)
    assert version.skew is not None
    assert abs(version.skew) < timedelta(seconds=30)


async def test_a_list_in_pages_is_the_list_in_one_piece(reader: ClusterReader) -> None:
    whole, version = await list_objects(reader, PODS, identity, version=FROM_MEMORY)
    paged, later = await list_objects(reader, PODS, identity, version=FROM_STORE)
    assert version
    assert later
    assert len(set(whole)) == len(whole)
    # a living cluster may have moved between the two
    assert len(set(whole) ^ set(paged)) <= max(5, len(whole) // 20)


async def test_a_watch_from_a_list_opens_and_brings_versions(reader: ClusterReader) -> None:
    _, version = await list_objects(reader, DEPLOYMENTS, identity, version=FROM_STORE)
    opened = False
    async for event in watch_objects(reader, DEPLOYMENTS, namespace="", version=version, seconds=1):
        opened = opened or event.change is Change.OPENED
        assert event.version
    assert opened  # and the server ended it after its second


async def test_deployments_are_read_whole(reader: ClusterReader) -> None:
    clock = SystemClock()
    feed: Feed[Deployment] = Feed("kubernetes test", clock, valid_for=VALID_FOR)
    await DeploymentWatcher(feed, reader, clock, context="test").read_once()
    snapshot = feed.snapshot
    assert snapshot.freshness.state is FreshnessState.FRESH, snapshot.freshness.reason
    assert snapshot.items
    assert len({item.id for item in snapshot.items}) == len(snapshot.items)
    for item in snapshot.items:
        assert item.kind in ("Deployment", "StatefulSet", "DaemonSet")
        assert item.images
        assert sum(revision.current for revision in item.revisions) <= 1
