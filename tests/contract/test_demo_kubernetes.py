"""The demo's Kubernetes, followed by the console's own watcher and asked what a real API server is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from services.clusters.access import ClusterSettings
from services.clusters.client import ClusterReader
from services.demo.clock import SimulatedClock
from services.demo.kubernetes import RETAINED, kubernetes
from services.demo.records import Records
from services.demo.story import ROLLBACK
from services.demo.world import World
from services.deployments.model import VALID_FOR, Deployment, RolloutState
from services.deployments.watch import DeploymentWatcher
from services.feed import Feed
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import EPOCH, ManualClock
from tests.support.demo import Demo, serve_demo
from tests.support.waiting import eventually

DEPLOYMENTS = "/apis/apps/v1/deployments"
CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo(0.0) as demo:
        yield demo


async def get(demo: Demo, path: str, **options: object) -> dict[str, object]:
    status, body = await demo.kubernetes(path, **options)
    assert status == 200, body
    assert isinstance(body, dict)
    return body


def items(body: dict[str, object]) -> list[dict[str, dict[str, object]]]:
    found = body["items"]
    assert isinstance(found, list)
    return found


def version(body: dict[str, object]) -> str:
    meta = body["metadata"]
    assert isinstance(meta, dict)
    return str(meta["resourceVersion"])


async def test_the_watcher_follows_the_story(demo: Demo) -> None:
    feed: Feed[Deployment] = Feed("kubernetes demo", demo.clock, valid_for=VALID_FOR)
    settings = ClusterSettings("kubernetes demo", context="demo", kubeconfig=demo.servers.kubeconfig)
    reader = ClusterReader(settings, demo.clock)
    watcher = DeploymentWatcher(feed, reader, demo.clock, context="demo", environment="demo")
    task = asyncio.create_task(watcher.run())

    def item(name: str) -> Deployment:
        return next(one for one in feed.snapshot.items if one.name == name)

    def into() -> float:
        return (demo.now - EPOCH).total_seconds()

    async def until(state: RolloutState, by: float, name: str = "checkout") -> Deployment:
        def reached() -> bool:
            assert into() < by + 1, f"{name} did not become {state} by {by}: {item(name)}"
            return item(name).state is state

        await eventually(reached, demo.clock, 0.5)
        return item(name)

    try:
        await eventually(lambda: feed.snapshot.freshness.state is FreshnessState.FRESH, demo.clock, 0.1)
        assert len(feed.snapshot.items) == 17
        assert item("payments").state is RolloutState.ROLLING
        assert item("checkout").revision == 11
        await until(RolloutState.COMPLETE, 50, "payments")
        demo.clock.turn(60.5 - into())
        assert (await until(RolloutState.ROLLING, 75)).revision == 12
        demo.clock.turn(250 - into())
        failed = await until(RolloutState.FAILED, 290)
        assert (failed.ready, failed.desired, failed.trouble) == (2, 12, "CrashLoopBackOff")
        assert failed.images == ("registry.demo.example/shop/checkout:4.12.0",)
        demo.clock.turn(420.5 - into())
        assert (await until(RolloutState.ROLLING, 440)).revision == 13
        healed = await until(RolloutState.COMPLETE, 480)
        assert healed.images == ("registry.demo.example/shop/checkout:4.11.0",)
        assert [one.number for one in healed.revisions][:2] == [13, 12]
        # The template was written when somebody rolled back, not when the last pod came up.
        assert healed.changed_at == EPOCH + timedelta(seconds=ROLLBACK)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.close()


async def test_version_and_its_clock(demo: Demo) -> None:
    settings = ClusterSettings("demo", context="demo", kubeconfig=demo.servers.kubeconfig)
    reader = ClusterReader(settings, demo.clock)
    try:
        said = await reader.version()
    finally:
        await reader.close()
    assert said.version == "v1.33.1"
    assert said.skew is not None
    assert abs(said.skew.total_seconds()) <= 1


async def test_discovery_names_what_is_served(demo: Demo) -> None:
    for path, count in (("/api/v1", 5), ("/apis/apps/v1", 5)):
        for resource in (await get(demo, path))["resources"]:  # type: ignore[attr-defined]
            body = await get(demo, f"{path}/{resource['name']}")
            assert body["kind"] == f"{resource['kind']}List"
            assert "kind" not in items(body)[0]
        assert len((await get(demo, path))["resources"]) == count  # type: ignore[arg-type]
    assert (await get(demo, "/api"))["versions"] == ["v1"]
    assert (await get(demo, "/apis"))["kind"] == "APIGroupList"


async def test_pages_are_of_one_moment(demo: Demo) -> None:
    whole = items(await get(demo, "/api/v1/pods"))
    collected, token, versions = [], "", set()
    while True:
        body = await get(demo, "/api/v1/pods", params={"limit": "20", **({"continue": token} if token else {})})
        collected += items(body)
        versions.add(version(body))
        token = str(body["metadata"].get("continue", ""))  # type: ignore[attr-defined]
        if not token:
            break
        demo.clock.turn(7)
    assert collected == whole
    assert len(versions) == 1
    body = await get(demo, "/api/v1/pods", params={"limit": "20"})
    demo.clock.turn(RETAINED + 1)
    token = str(body["metadata"]["continue"])  # type: ignore[index]
    status, refusal = await demo.kubernetes("/api/v1/pods", params={"limit": "20", "continue": token})
    assert status == 410
    assert isinstance(refusal, dict)
    assert refusal["reason"] == "Expired"


@pytest.mark.parametrize(
    ("path", "count"),
    [
        (f"{PODS}?labelSelector=app.kubernetes.io/name%3Dcheckout", 12),
        (f"{PODS}?labelSelector=app.kubernetes.io/name%20in%20(checkout,cart)", 18),
        (f"{PODS}?labelSelector=app.kubernetes.io/name%3Dcheckout,pod-template-hash", 12),
        (f"{PODS}?labelSelector=app.kubernetes.io/name%3Dcheckout,!pod-template-hash", 0),
        (f"{DEPLOYMENTS}?fieldSelector=metadata.name%3Dcart", 1),
        (f"{DEPLOYMENTS}?fieldSelector=metadata.namespace!%3Dshop", 8),
        ("/apis/apps/v1/namespaces/data/statefulsets", 2),
        ("/apis/apps/v1/namespaces/nowhere/deployments", 0),
        ("/api/v1/nodes", 8),
    ],
)
async def test_selectors(demo: Demo, path: str, count: int) -> None:
    url = f"{demo.servers.kubernetes_url}{path}"
    async with demo.session.get(url) as response:
        assert len((await response.json())["items"]) == count


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/apis/apps/v1/namespaces/shop/deployments/nobody", 404, "NotFound"),
        ("/apis/batch/v1/jobs", 404, "NotFound"),
        (f"{DEPLOYMENTS}?labelSelector=a%3D%3D%3Db", 400, "BadRequest"),
        (f"{DEPLOYMENTS}?fieldSelector=spec.colour%3Dred", 400, "BadRequest"),
        (f"{DEPLOYMENTS}?resourceVersion=oops", 400, "BadRequest"),
        (f"{DEPLOYMENTS}?resourceVersion=99999999999999", 504, "Timeout"),
        (f"{DEPLOYMENTS}?continue=oops", 400, "BadRequest"),
        (f"{DEPLOYMENTS}?limit=oops", 400, "BadRequest"),
        (f"{DEPLOYMENTS}?watch=true&sendInitialEvents=true", 422, "Invalid"),
    ],
)
async def test_refusals(demo: Demo, path: str, status: int, reason: str) -> None:
    got, body = await demo.kubernetes(path)
    assert got == status
    assert isinstance(body, dict)
    assert (body["kind"], body["reason"], body["code"]) == ("Status", reason, status)


async def test_a_wrong_token_and_a_write_are_refused(demo: Demo) -> None:
    status, body = await demo.kubernetes("/api/v1/pods", headers={"Authorization": "Bearer wrong"})
    assert (status, body["reason"]) == (401, "Unauthorized")  # type: ignore[index]
    status, body = await demo.call("DELETE", f"{demo.servers.kubernetes_url}{CHECKOUT}")
    assert (status, body["reason"]) == (405, "MethodNotAllowed")  # type: ignore[index]


class Watch:
    """One watch, read event by event."""

    def __init__(self, demo: Demo, response: aiohttp.ClientResponse) -> None:
        self.demo = demo
        self.response = response

    async def next(self, turn: float = 0.25) -> tuple[str, dict[str, object]]:
        """The next event; the clock is turned until it comes."""
        reading = asyncio.create_task(self.response.content.readline())
        await eventually(reading.done, self.demo.clock, turn)
        line = reading.result()
        assert line.endswith(b"\n"), "the watch has ended"
        event = json.loads(line)
        return event["type"], event["object"]


async def watch(demo: Demo, path: str, **parameters: str) -> Watch:
    url = f"{demo.servers.kubernetes_url}{path}"
    timeout = aiohttp.ClientTimeout(total=None)
    return Watch(demo, await demo.session.get(url, params={"watch": "true", **parameters}, timeout=timeout))


async def test_a_watch_tells_each_change_once_and_can_be_resumed(demo: Demo) -> None:
    demo.clock.turn(55)
    listed = await get(demo, PODS)
    first = await watch(demo, PODS, resourceVersion=version(listed))
    seen = [await first.next() for _ in range(10)]
    first.response.close()
    resumed = await watch(demo, PODS, resourceVersion=version(seen[4][1]))
    again = [await resumed.next() for _ in range(5)]
    assert again == seen[5:]
    assert seen[0][0] == "ADDED"
    assert {kind for kind, _ in seen} == {"ADDED", "MODIFIED", "DELETED"}
    versions = [int(version(document)) for _, document in seen]
    assert versions == sorted(versions)
    resumed.response.close()


async def test_a_watch_tells_what_is_deleted(demo: Demo) -> None:
    demo.clock.turn(425)
    begun = await watch(demo, PODS, resourceVersion=version(await get(demo, PODS)))
    kind, document = await begun.next()
    while kind != "DELETED":
        kind, document = await begun.next()
    assert "deletionTimestamp" in document["metadata"]  # type: ignore[operator]
    begun.response.close()


async def test_a_watch_without_a_version_begins_with_everything(demo: Demo) -> None:
    begun = await watch(demo, DEPLOYMENTS, fieldSelector="metadata.name=checkout")
    kind, document = await begun.next()
    assert (kind, document) == ("ADDED", await get(demo, CHECKOUT))
    begun.response.close()


async def test_bookmarks_come_in_calm_times_and_a_watch_ends_on_time(demo: Demo) -> None:
    path = "/apis/apps/v1/namespaces/data/statefulsets"
    begun = version(await get(demo, path))
    quiet = await watch(demo, path, resourceVersion=begun, allowWatchBookmarks="true", timeoutSeconds="25")
    for _ in range(2):
        kind, document = await quiet.next()
        assert kind == "BOOKMARK"
        assert int(version(document)) > int(begun)
    assert (await quiet.next())[0] == "BOOKMARK"
    ended = asyncio.create_task(quiet.response.content.readline())
    await eventually(ended.done, demo.clock)
    assert ended.result() == b""


async def test_a_forgotten_version_is_gone(demo: Demo) -> None:
    begun = version(await get(demo, PODS))
    demo.clock.turn(RETAINED + 5)
    kind, document = await (await watch(demo, PODS, resourceVersion=begun)).next()
    assert (kind, document["code"], document["reason"]) == ("ERROR", 410, "Expired")


async def test_a_reader_of_one_namespace_gets_403_elsewhere() -> None:
    manual = ManualClock()
    world = World(7, EPOCH)
    app = kubernetes(world, SimulatedClock(manual, EPOCH), Records(world), "t", readable_namespaces=frozenset({"shop"}))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession() as session:
            answers = {}
            for path in (DEPLOYMENTS, "/api/v1/namespaces/data/pods", PODS, CHECKOUT):
                async with session.get(f"{url}{path}") as response:
                    answers[path] = response.status
    finally:
        await runner.cleanup()
    assert list(answers.values()) == [403, 403, 200, 200]


async def test_kubectl_gets_its_table(demo: Demo) -> None:
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    demo.clock.turn(300)
    body = await get(demo, "/apis/apps/v1/namespaces/shop/deployments", headers=accept)
    assert body["kind"] == "Table"
    rows = {row["cells"][0]: row["cells"] for row in body["rows"]}  # type: ignore[attr-defined]
    assert rows["checkout"] == ["checkout", "2/12", "12", "2", "90d"]
    for path in ("/api/v1/pods", "/api/v1/events", "/api/v1/nodes", "/apis/apps/v1/daemonsets", "/api/v1/services"):
        body = await get(demo, path, headers=accept)
        columns = len(body["columnDefinitions"])  # type: ignore[arg-type]
        assert all(len(row["cells"]) == columns for row in body["rows"])  # type: ignore[attr-defined]
