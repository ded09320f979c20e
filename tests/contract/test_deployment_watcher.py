"""Deployments kept up to date over the wire: changes, endings, 410, refusals, and what the feed says meanwhile.

Only the double: every test here changes the cluster or makes it fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.clusters.access import ClusterSettings
from services.clusters.client import ClusterReader
from services.deployments.model import VALID_FOR, Deployment, RolloutState
from services.deployments.watch import DeploymentWatcher
from services.feed import Feed
from services.vocabulary.snapshot import FreshnessState, Snapshot
from tests.support import kubernetes_objects as make
from tests.support.clock import ManualClock, settle
from tests.support.kubernetes_double import KINDS, KubernetesDouble, refusal, serve, status, write_kubeconfig
from tests.support.waiting import eventually

ALL = len(KINDS)


class Rig:
    """A double, a watcher on it, and every snapshot that was published."""

    def __init__(self, directory: Path, double: KubernetesDouble) -> None:
        self.clock = ManualClock()
        self.double = double
        self.directory = directory
        self.feed: Feed[Deployment] = Feed("kubernetes prod", self.clock, valid_for=VALID_FOR)
        self.published: list[Snapshot[Deployment]] = []
        self.feed.subscribe(self.published.append)
        self.tasks: list[asyncio.Task[None]] = []
        self.readers: list[ClusterReader] = []

    def watcher(self, *, namespaces: tuple[str, ...] = (), namespace: str = "") -> DeploymentWatcher:
        config = write_kubeconfig(self.directory / "config", self.double.url, namespace=namespace)
        settings = ClusterSettings("kubernetes prod", kubeconfig=str(config), namespaces=namespaces)
        self.readers.append(ClusterReader(settings, self.clock))
        return DeploymentWatcher(
            self.feed, self.readers[-1], self.clock, context="prod", environment="production", random=Random(7)
        )

    async def start(self, **settings: str | tuple[str, ...]) -> None:
        watcher = self.watcher(**settings)  # type: ignore[arg-type]
        self.tasks.append(asyncio.create_task(watcher.run()))

    async def watching(self, **settings: str | tuple[str, ...]) -> None:
        await self.start(**settings)
        await self.until(lambda: self.state is FreshnessState.FRESH and self.double.open_watches == ALL)

    async def until(self, condition: Callable[[], bool]) -> None:
        await eventually(condition, self.clock)

    @property
    def state(self) -> FreshnessState:
        return self.feed.snapshot.freshness.state

    def item(self, name: str = "checkout") -> Deployment:
        return next(item for item in self.feed.snapshot.items if item.name == name)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    double = KubernetesDouble()
    async with serve(double):
        rig = Rig(tmp_path, double)
        yield rig
        for task in rig.tasks:
            task.cancel()
        await asyncio.gather(*rig.tasks, return_exceptions=True)
        for reader in rig.readers:
            await reader.close()


async def test_a_rollout_is_followed_to_its_end(rig: Rig) -> None:
    owner = rig.double.put("deployments", make.deployment(image="c:1"))
    rig.double.put("replicasets", make.replica_set("checkout-a", owner, image="c:1", revision=1))
    await rig.watching()
    item = rig.item()
    assert (item.id, item.environment, item.state) == ("prod/shop/checkout", "production", RolloutState.COMPLETE)

    rolling = make.deployment(image="c:2", revision=2, updated=1, total=3, reason="ReplicaSetUpdated")
    owner = rig.double.put("deployments", rolling)
    newest = make.replica_set("checkout-b", owner, image="c:2", revision=2, created="2026-03-02T19:30:00Z")
    newest = rig.double.put("replicasets", newest)
    rig.double.put("pods", make.pod("checkout-b-1", "ReplicaSet", newest, waiting="CrashLoopBackOff"))
    await rig.until(lambda: rig.item().trouble == "CrashLoopBackOff" and rig.item().revision == 2)
    assert rig.item().state is RolloutState.ROLLING
    assert rig.item().images == ("c:2",)
    assert [revision.number for revision in rig.item().revisions] == [2, 1]

    rig.double.delete("pods", "shop", "checkout-b-1")
    rig.double.put("deployments", make.deployment(image="c:2", revision=2))
    await rig.until(lambda: rig.item().state is RolloutState.COMPLETE and not rig.item().trouble)
    rig.double.delete("deployments", "shop", "checkout")
    await rig.until(lambda: rig.feed.snapshot.items == ())
    assert rig.state is FreshnessState.FRESH
    assert all(len(rig.double.lists(plural)) == (2 if plural == "deployments" else 1) for plural in KINDS)


async def test_how_lists_and_watches_are_asked_for(rig: Rig) -> None:
    await rig.watching()
    (first,) = rig.double.lists("pods")
    assert first.query == {"resourceVersion": "0", "limit": "500"}
    (watch,) = rig.double.watches("pods")
    assert watch.query["resourceVersion"] == str(rig.double.version)
    assert watch.query["allowWatchBookmarks"] == "true"
    assert 300 <= int(watch.query["timeoutSeconds"]) <= 600


async def test_a_burst_of_events_is_published_at_most_every_quarter_of_a_second(rig: Rig) -> None:
    await rig.watching()
    await settle()
    rig.published.clear()
    begun = rig.clock.monotonic()
    for number in range(2000):
        rig.double.put("deployments", make.deployment(f"d{number % 100}", image=f"c:{number}"))
    await eventually(lambda: any(item.images == ("c:1999",) for item in rig.feed.snapshot.items), rig.clock, turn=0.05)
    assert len(rig.feed.snapshot.items) == 100
    turned = rig.clock.monotonic() - begun
    assert len(rig.published) <= turned / 0.25 + 2


async def test_a_watch_that_ends_in_order_is_opened_again_from_the_last_version(rig: Rig) -> None:
    await rig.watching()
    rig.double.put("deployments", make.deployment())
    rig.double.bookmark()
    await rig.until(lambda: len(rig.feed.snapshot.items) == 1)
    rig.published.clear()
    rig.double.end_watches()
    await rig.until(lambda: len(rig.double.watches("pods")) == 2 and rig.double.open_watches == ALL)
    assert {call.query["resourceVersion"] for plural in KINDS for call in rig.double.watches(plural)[1:]} == {
        str(rig.double.version)
    }
    assert all(snapshot.freshness.state is FreshnessState.FRESH for snapshot in rig.published)
    assert len(rig.double.lists("pods")) == 1


async def test_a_bookmark_alone_moves_the_version_and_keeps_the_feed_fresh(rig: Rig) -> None:
    await rig.watching()
    rig.double.version += 500  # of kinds that nobody here watches
    rig.double.bookmark()
    checked = rig.feed.snapshot.freshness.checked_at
    await rig.until(lambda: rig.feed.snapshot.freshness.checked_at != checked)
    rig.double.compact()
    rig.double.end_watches()
    await rig.until(lambda: len(rig.double.watches("pods")) == 2 and rig.double.open_watches == ALL)
    assert len(rig.double.lists("pods")) == 1  # the bookmarked version was not forgotten


async def test_without_a_sign_of_life_the_feed_is_stale(rig: Rig) -> None:
    await rig.watching()
    rig.clock.turn(VALID_FOR.total_seconds() + 1)
    assert rig.state is FreshnessState.STALE


async def test_after_410_the_list_is_read_from_the_store(rig: Rig) -> None:
    rig.double.put("deployments", make.deployment("a"))
    rig.double.put("deployments", make.deployment("b"))
    await rig.watching()
    rig.double.break_watches()
    await eventually(lambda: rig.double.open_watches == 0)
    rig.double.delete("deployments", "shop", "a")
    rig.double.put("deployments", make.deployment("c"))
    rig.double.compact()
    await rig.until(lambda: rig.state is FreshnessState.FRESH and rig.double.open_watches == ALL)
    await rig.until(lambda: [item.name for item in rig.feed.snapshot.items] == ["b", "c"])
    assert "resourceVersion" not in rig.double.lists("deployments")[-1].query


async def test_an_error_event_that_is_no_410_lists_from_the_last_version(rig: Rig) -> None:
    await rig.watching()
    version = str(rig.double.version)
    rig.double.tell({"type": "ERROR", "object": status(500, "InternalError", "etcd is away")})
    await rig.until(lambda: rig.state is FreshnessState.STALE)
    assert "etcd is away" in rig.feed.snapshot.freshness.reason
    await rig.until(lambda: rig.state is FreshnessState.FRESH and len(rig.double.lists("pods")) == 2)
    assert rig.double.lists("pods")[-1].query == {"resourceVersion": version}


async def test_a_server_that_is_behind_is_listed_from_its_store(rig: Rig) -> None:
    await rig.watching()
    rig.double.version -= 1  # restored from a backup
    rig.double.tell({"type": "ERROR", "object": status(500, "InternalError", "restarting")})
    await rig.until(lambda: rig.double.open_watches == ALL and len(rig.double.lists("pods")) == 3)
    assert "resourceVersion" not in rig.double.lists("pods")[-1].query


async def test_a_server_that_always_says_410_is_not_asked_in_a_hurry(rig: Rig) -> None:
    rig.double.fault(lambda call: call.watch, lambda: refusal(410, "Expired", "too old resource version"))
    await rig.start()
    await eventually(lambda: len(rig.double.watches("pods")) == 2)
    rig.clock.turn(0.3)  # the publisher's pause, and less than any back-off
    await eventually(lambda: "too old resource version" in rig.feed.snapshot.freshness.reason)
    assert rig.state is not FreshnessState.FRESH
    assert len(rig.double.watches("pods")) == 2


async def test_a_watch_that_breaks_is_stale_until_it_runs_again(rig: Rig) -> None:
    rig.double.put("deployments", make.deployment())
    await rig.watching()
    rig.double.fault(lambda call: True, lambda: refusal(500, "InternalError", "etcd is away"))
    rig.double.break_watches()
    await rig.until(lambda: "etcd is away" in rig.feed.snapshot.freshness.reason)
    assert rig.state is FreshnessState.STALE
    assert [item.name for item in rig.feed.snapshot.items] == ["checkout"]  # kept, and marked
    rig.double.allow_all()
    await rig.until(lambda: rig.state is FreshnessState.FRESH)
    assert rig.feed.snapshot.freshness.reason == ""


async def test_nonsense_in_a_watch_is_a_failure_and_heals(rig: Rig) -> None:
    await rig.watching()
    rig.double.tell(b'{"type":"ADDED","object":{"metadata":7}}\n')
    await rig.until(lambda: rig.state is FreshnessState.STALE)
    assert "watch event" in rig.feed.snapshot.freshness.reason
    await rig.until(lambda: rig.state is FreshnessState.FRESH and rig.double.open_watches == ALL)


async def test_a_server_that_is_not_there_yet(rig: Rig) -> None:
    rig.double.fault(lambda call: True, lambda: refusal(503, "ServiceUnavailable", "starting"))
    await rig.start()
    await rig.until(lambda: rig.state is FreshnessState.FAILING)
    assert "starting" in rig.feed.snapshot.freshness.reason
    rig.double.allow_all()
    await rig.until(lambda: rig.state is FreshnessState.FRESH)


async def test_only_the_configured_namespaces_are_read(rig: Rig) -> None:
    rig.double.put("deployments", make.deployment("a", "shop"))
    rig.double.put("deployments", make.deployment("b", "pay"))
    rig.double.put("deployments", make.deployment("c", "secret"))
    for plural in KINDS:
        rig.double.forbid(plural)  # cluster-wide
    await rig.start(namespaces=("shop", "pay"))
    await rig.until(lambda: rig.state is FreshnessState.FRESH)
    assert [item.id for item in rig.feed.snapshot.items] == ["prod/pay/b", "prod/shop/a"]
    assert rig.feed.snapshot.freshness.partial == ()


async def test_without_a_cluster_wide_right_the_contexts_namespace_is_read_and_said(rig: Rig) -> None:
    rig.double.put("deployments", make.deployment("a", "shop"))
    rig.double.put("deployments", make.deployment("c", "secret"))
    for plural in KINDS:
        rig.double.forbid(plural)
    await rig.start(namespace="shop")
    await rig.until(lambda: rig.state is FreshnessState.FRESH)
    assert [item.name for item in rig.feed.snapshot.items] == ["a"]
    assert rig.feed.snapshot.freshness.partial == ("only namespace shop: the whole cluster may not be listed",)


async def test_without_any_right_the_missing_one_is_named(rig: Rig) -> None:
    for plural in KINDS:
        rig.double.forbid(plural)
    await rig.start()
    await rig.until(lambda: rig.state is FreshnessState.FAILING)
    reason = rig.feed.snapshot.freshness.reason
    assert "deployments may not be listed over the whole cluster" in reason
    assert "namespaces" in reason
    assert "get, list and watch" in reason


async def test_a_kind_that_may_not_be_read_is_said_and_the_rest_is_shown(rig: Rig) -> None:
    rig.double.put("deployments", make.deployment())
    rig.double.forbid("pods")
    await rig.start()
    await rig.until(lambda: rig.state is FreshnessState.FRESH)
    assert rig.feed.snapshot.freshness.partial == ("no trouble of pods: pods may not be read",)
    assert rig.item().state is RolloutState.COMPLETE


async def test_reading_once_publishes_once(rig: Rig) -> None:
    owner = rig.double.put("deployments", make.deployment(image="c:2", revision=2))
    newest = rig.double.put("replicasets", make.replica_set("checkout-b", owner, image="c:2", revision=2))
    rig.double.put("pods", make.pod("p", "ReplicaSet", newest, waiting="ImagePullBackOff"))
    await rig.watcher().read_once()
    (snapshot,) = rig.published
    assert snapshot.freshness.state is FreshnessState.FRESH
    assert snapshot.freshness.latency is not None
    assert (rig.item().trouble, rig.item().revision) == ("ImagePullBackOff", 2)
    assert not any(call.watch for call in rig.double.calls)


async def test_reading_once_fails_with_the_reason_or_says_what_is_missing(rig: Rig) -> None:
    rig.double.put("deployments", make.deployment())
    rig.double.forbid("replicasets")
    await rig.watcher().read_once()
    assert rig.feed.snapshot.freshness.partial == ("no revisions of Deployments: replicasets may not be read",)
    rig.double.fault(lambda call: call.path.endswith("/pods"), lambda: refusal(500, "InternalError", "etcd is away"))
    await rig.watcher().read_once()
    assert rig.state is FreshnessState.STALE
    assert "etcd is away" in rig.feed.snapshot.freshness.reason
    assert [item.name for item in rig.feed.snapshot.items] == ["checkout"]


class Untellable(Feed[Deployment]):
    """A feed that cannot take what it is told."""

    broken = True

    def publish(self, items: Sequence[Deployment], **told: Any) -> None:
        if self.broken:
            raise TypeError("an item of the wrong kind")
        super().publish(items, **told)


async def test_a_fault_of_the_program_is_logged_and_told_and_the_cluster_followed_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    double = KubernetesDouble()
    async with serve(double):
        clock = ManualClock()
        feed = Untellable("kubernetes prod", clock, valid_for=VALID_FOR)
        config = write_kubeconfig(tmp_path / "config", double.url, namespace="")
        reader = ClusterReader(ClusterSettings("kubernetes prod", kubeconfig=str(config)), clock)
        watcher = DeploymentWatcher(feed, reader, clock, context="prod", random=Random(7))
        await watcher.read_once()
        assert "TypeError: an item of the wrong kind" in feed.snapshot.freshness.reason
        task = asyncio.create_task(watcher.run())
        try:
            await eventually(lambda: "failed to follow it" in feed.snapshot.freshness.reason, clock)
            assert "TypeError: an item of the wrong kind" in feed.snapshot.freshness.reason
            assert [one for one in caplog.records if one.exc_info and one.name == "services.deployments.watch"]
            feed.broken = False
            await eventually(lambda: feed.snapshot.freshness.state is FreshnessState.FRESH, clock)
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await reader.close()
