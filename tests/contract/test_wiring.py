"""What the composition root builds, and what it must not build."""

from __future__ import annotations

import gc
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from console.configuration.model import Settings
from console.connection import connect, desk_of
from console.demo_story import StoryPlayer
from console.peek import Peek
from console.preferences import Preferences
from console.wiring import Backend
from services.alerts.alertmanager import AlertmanagerWriter
from services.demo.story import Story
from services.http import WriteClient
from services.incidents.repository import IncidentRepository
from services.safety.actor import Surface
from services.safety.plan import Confirmation, Plan
from services.storage.engine import open_store
from services.vocabulary.clock import SystemClock
from services.vocabulary.redaction import HIDDEN, Redaction
from services.vocabulary.snapshot import FreshnessState
from tests.support.clock import EPOCH, ManualClock, settle
from tests.support.store import Outside, plan_for
from tests.support.waiting import eventually


def settings_of(directory: Path, **flags: bool) -> Settings:
    """A configuration whose sources do not exist."""
    return Settings.model_validate(
        {
            "feature_flags": flags,
            "sre": {
                "operator": "op-a",
                "prometheus": {"url": "http://127.0.0.1:1"},
                "alertmanager": [
                    {"name": "prod", "urls": ["http://127.0.0.1:1", "http://127.0.0.1:2"], "environment": "p"},
                    {"name": "stage", "urls": ["http://127.0.0.1:1"], "prometheus_url": "http://127.0.0.1:3"},
                ],
                "kubernetes": [{"context": "k"}],
                "store": {"url": f"sqlite:///{directory}/store.db"},
            },
        }
    )


def built(directory: Path, surface: Surface, **flags: bool) -> Backend:
    """A backend that is connected to nothing."""
    return Backend(settings_of(directory, **flags), ManualClock(), surface, Preferences(directory))


async def opened(directory: Path, surface: Surface, **flags: bool) -> Backend:
    """Likewise, with its commands."""
    backend = built(directory, surface, **flags)
    await backend.open_records()
    return backend


async def test_a_wallboard_has_nothing_that_could_write(tmp_path: Path) -> None:
    backend = await opened(tmp_path, Surface.WALLBOARD)
    assert backend.records is not None
    assert backend.records.guard is None
    assert backend.records.store.read_only
    assert {command.risk.value for command in backend.registry.commands} == {"read"}
    reachable, waiting = set[int](), [backend]
    while waiting:
        one = waiting.pop()
        if id(one) in reachable or isinstance(one, type) or type(one).__name__ in ("module", "function"):
            continue
        reachable.add(id(one))
        assert not isinstance(one, WriteClient | AlertmanagerWriter)
        waiting += gc.get_referents(one)
    await backend.close()
    assert not (tmp_path / "store.db").exists()


async def test_a_console_writes_through_the_guard(tmp_path: Path) -> None:
    backend = await opened(tmp_path, Surface.CONSOLE)
    assert set(backend.sources.writers) == {"prod", "stage"}
    names = {command.name for command in backend.registry.commands}
    assert {
        "alerts list", "alerts ack", "alerts silence", "incident create", "incident list", "incident show",
        "deploy status", "oncall who", "circuit status", "circuit open", "circuit close", "help", "theme",
    } <= names  # fmt: skip
    desk = desk_of(backend)
    assert [feed.source for feed in desk.feeds] == [
        "alertmanager prod", "alertmanager stage", "kubernetes k", "incidents", "circuit",
    ]  # fmt: skip
    assert desk.environments == ("p", "stage", "k")
    assert desk.duties is None
    await backend.close()


async def test_without_incident_response_there_are_no_incidents(tmp_path: Path) -> None:
    backend = await opened(tmp_path, Surface.CONSOLE, incident_response=False)
    assert desk_of(backend).incidents is None
    assert not [command for command in backend.registry.commands if command.name.startswith("incident")]
    await backend.close()


async def test_each_cluster_has_the_prometheus_that_belongs_to_it(tmp_path: Path) -> None:
    backend = built(tmp_path, Surface.CONSOLE)
    addresses = {name: client.settings.base_url for name, client in backend.sources.prometheus.items()}
    assert addresses == {
        "prometheus": "http://127.0.0.1:1",
        "alertmanager prod": "http://127.0.0.1:1",
        "alertmanager stage": "http://127.0.0.1:3",
        "kubernetes k": "http://127.0.0.1:1",
    }
    assert backend.sources.prometheus["alertmanager prod"] is backend.sources.prometheus["prometheus"]
    await backend.close()


async def test_a_store_that_cannot_be_opened_leaves_the_rest_alive(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("no database at all, but long enough to be looked at as one" * 10)
    backend = built(tmp_path, Surface.CONSOLE)
    backend.start()
    await eventually(lambda: backend.live.circuit.snapshot.freshness.state is FreshnessState.FAILING)
    assert "store.db" in backend.live.circuit.snapshot.freshness.reason
    await backend.close()


async def test_secrets_of_the_configuration_are_known_to_log_audit_and_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "correct-horse")
    monkeypatch.setenv("LOGIN", "op:battery-staple")
    document = settings_of(tmp_path).model_dump(exclude_unset=True)
    document["sre"]["prometheus"]["bearer"] = "env:TOKEN"
    document["sre"]["alertmanager"][0]["basic"] = "env:LOGIN"
    redaction = Redaction()
    settings = Settings.model_validate(document)
    backend = Backend(settings, ManualClock(), Surface.CONSOLE, Preferences(tmp_path), redaction=redaction)
    for text in ("correct-horse", "battery-staple", b64encode(b"op:battery-staple").decode()):
        assert redaction(f"x {text} y") == f"x {HIDDEN} y"
    records = await backend.open_records()
    assert records.store.redact("correct-horse") == HIDDEN
    seen: list[Plan] = []

    async def confirm(plan: Plan) -> bool:
        seen.append(plan)
        return False

    plan = plan_for(Outside(), confirmation=Confirmation("really use correct-horse?", typed="prod"))
    plan = replace(plan, summary="sends correct-horse", preview=("with battery-staple",))
    assert not await backend.invocation({}, confirm).confirm(plan)
    (asked,) = seen
    assert (asked.summary, asked.preview) == (f"sends {HIDDEN}", (f"with {HIDDEN}",))
    assert asked.confirmation == Confirmation(f"really use {HIDDEN}?", typed="prod")
    assert asked.targets == plan.targets
    await backend.close()


async def test_a_store_that_appears_later_is_taken(tmp_path: Path) -> None:
    clock = ManualClock()
    wall = Backend(settings_of(tmp_path), clock, Surface.WALLBOARD, Preferences(tmp_path))
    wall.start()
    await eventually(lambda: wall.live.circuit.snapshot.freshness.state is FreshnessState.FAILING)
    await (await open_store(f"sqlite:///{tmp_path}/store.db", clock)).close()
    await eventually(lambda: wall.live.circuit.snapshot.freshness.state is FreshnessState.FRESH, clock, 1.0)
    await wall.close()


async def test_the_screen_gets_the_demo_from_the_peek_alone() -> None:
    clock = ManualClock(SystemClock().now())
    connected = await connect(Peek(demo=True, environments=("demo",)), clock, lambda name: None)
    try:
        desk = connected.desk
        assert (desk.demo, desk.environments) == (True, ("demo",))
        alerts = desk.alerts["demo"]
        await eventually(lambda: alerts.snapshot.freshness.state is FreshnessState.FRESH)
        assert alerts.snapshot.items
        lagging = next(alert for alert in alerts.snapshot.items if alert.name == "ConsumerLag")
        plot = await desk.plot(lagging, 80)
        assert plot is not None
        assert plot.series
        assert plot.threshold is not None
        await eventually(lambda: bool(desk.deployments["demo"].snapshot.items), clock)
        assert desk.duties is not None
        await eventually(lambda: desk.duties is not None and len(desk.duties.snapshot.items) == 2, clock)
    finally:
        await connected.close()


async def test_the_people_of_the_demo_play_each_step_once(tmp_path: Path) -> None:
    clock = ManualClock()
    store = await open_store(f"sqlite:///{tmp_path}/store.db", clock)
    incidents = IncidentRepository(store, clock)
    player = StoryPlayer(Story(EPOCH), incidents, clock)
    seen = []
    for _ in range(2 * 900 // 50):
        clock.turn(50)
        await settle(1)
        await player.play()
        await player.play()
        seen.append([incident.state.value for incident in await incidents.list(ended=5)])
    assert seen[2] == []
    assert seen[3] == ["triage"]
    assert ["monitoring"] in seen
    assert seen[-1] == ["resolved", "resolved"]
    assert len((await incidents.get(1)).timeline) == 9
    await store.close()
