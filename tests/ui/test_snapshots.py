"""What every screen looks like. ``make snapshots`` takes the pictures again after a look was changed on purpose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.desk import Desk
from screens.leaving import LeavingScreen
from services.alerts.heartbeat import Missing
from services.alerts.model import Alert
from services.deployments.model import RolloutState
from services.oncall.model import Duty
from services.safety.circuit import Circuit, CircuitState
from services.vocabulary.errors import ConsoleError
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_deployment, make_desk, make_incident, open_circuit
from tests.support.pictures import complete_command, open_breaker, type_command
from tests.support.stage import Stage, demo_stage, desk_stage, quiet, ready

NORMAL, SMALL, LARGE = (120, 40), (80, 24), (200, 60)
STORM, CALM = 300.0, 0.0

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_DEBUG", "TEXTUAL_FILTERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("theme", ["sre-dark", "sre-light", "sre-ansi"])
def test_operations(snap_compare: Compare, theme: str) -> None:
    assert snap_compare(demo_stage(STORM, theme=theme), terminal_size=NORMAL, run_before=ready)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])
def test_operations_small_and_large(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(demo_stage(STORM), terminal_size=size, run_before=ready)


def test_operations_where_nothing_fires(snap_compare: Compare) -> None:
    clock = ManualClock()
    assert snap_compare(desk_stage(clock, make_desk(clock)), terminal_size=NORMAL, run_before=ready)


def test_operations_flooded(snap_compare: Compare) -> None:
    clock = ManualClock()
    alerts = [
        make_alert(f"Flood{index % 97}", ("critical", "warning", "info")[index % 3], EPOCH, instance=f"node-{index}")
        for index in range(10_000)
    ]
    stage = desk_stage(clock, make_desk(clock, alerts={"prod": alerts}))
    assert snap_compare(stage, terminal_size=NORMAL, run_before=ready)


def broken_desk(clock: ManualClock) -> Desk:
    """Two clusters and a context: one cluster has gone stale, another never answered, the context fails."""
    desk = make_desk(
        clock,
        alerts={"prod": _some_alerts(), "stage": None},
        deployments={"prod": [make_deployment("checkout", changed_at=EPOCH - timedelta(hours=2))]},
        incidents=[make_incident(4, "Checkout errors", EPOCH - timedelta(minutes=9))],
        environments=("prod", "stage"),
    )
    clock.turn(95)
    desk.alerts["prod"].fail(ConsoleError("alertmanager prod refused the connection"))
    desk.alerts["stage"].fail(ConsoleError("alertmanager stage answered 503 Service Unavailable"))
    for feed in (desk.incidents, desk.circuit):
        assert feed is not None
        feed.confirm()
    return desk


def test_operations_with_a_stale_source(snap_compare: Compare) -> None:
    clock = ManualClock()
    assert snap_compare(desk_stage(clock, broken_desk(clock)), terminal_size=NORMAL, run_before=ready)


def test_operations_with_the_breaker_open(snap_compare: Compare) -> None:
    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=open_breaker)


def test_the_command_line_with_completions(snap_compare: Compare) -> None:
    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=complete_command)


def test_the_command_line_marks_the_wrong_word(snap_compare: Compare) -> None:
    async def wrong(pilot: Pilot[Any]) -> None:
        await type_command(pilot, "/alerts acknowledge x")

    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=wrong)


def test_the_question_before_a_write(snap_compare: Compare) -> None:
    async def ask(pilot: Pilot[Any]) -> None:
        await type_command(pilot, '/alerts silence --for 48h --comment "rebuild of checkout"')
        before = pilot.app.screen
        await pilot.press("enter")
        await _another_screen(pilot, before)

    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=ask)


def test_a_page_of_results(snap_compare: Compare) -> None:
    async def list_alerts(pilot: Pilot[Any]) -> None:
        await type_command(pilot, "/alerts list severity=critical")
        before = pilot.app.screen
        await pilot.press("enter")
        await _another_screen(pilot, before)

    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=list_alerts)


def test_help(snap_compare: Compare) -> None:
    async def ask(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("question_mark")
        await quiet(pilot)

    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=ask)


def test_a_filter(snap_compare: Compare) -> None:
    async def filter_alerts(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("f", *"checkout")
        await quiet(pilot)

    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=filter_alerts)


def test_the_detail_unfolded(snap_compare: Compare) -> None:
    async def unfold(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("enter")
        await quiet(pilot)

    assert snap_compare(demo_stage(STORM), terminal_size=NORMAL, run_before=unfold)


@pytest.mark.parametrize("size", [SMALL, NORMAL, LARGE], ids=["80x24", "120x40", "200x60"])
@pytest.mark.parametrize("state", ["typical", "clear", "blind"])
def test_the_wallboard(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(_wall(state), terminal_size=size, run_before=ready)


@pytest.mark.parametrize("wallboard", [False, True], ids=["operations", "wallboard"])
def test_no_heartbeat(snap_compare: Compare, wallboard: bool) -> None:
    clock = ManualClock()
    missing = (Missing("prod", "Watchdog", EPOCH - timedelta(minutes=7), seen=True),)
    alerts = {"prod": [make_alert("DiskFull", "critical", EPOCH - timedelta(hours=1), instance="db-1")]}
    desk = make_desk(clock, alerts=alerts, missing=lambda: missing)
    assert snap_compare(desk_stage(clock, desk, wallboard=wallboard), terminal_size=NORMAL, run_before=ready)


def test_the_wallboard_with_the_breakers_of_two_sources_open(snap_compare: Compare) -> None:
    assert snap_compare(_wall("tripped"), terminal_size=NORMAL, run_before=ready)


def test_leaving_in_mid_write(snap_compare: Compare) -> None:
    async def leave(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("ctrl+q")
        await quiet(pilot, lambda: isinstance(pilot.app.screen, LeavingScreen), workers=False)

    clock = ManualClock()
    alerts = {"prod": _some_alerts()}
    lines = ('/alerts silence prod/0f3a --for 2h --comment "rebuild of checkout"', "/alerts ack prod/77c1")
    stage = desk_stage(clock, make_desk(clock, alerts=alerts), under_way=lines)
    assert snap_compare(stage, terminal_size=NORMAL, run_before=leave)


def _wall(state: str) -> Stage:
    clock = ManualClock()
    desk = {"typical": _typical_wall, "clear": _clear_wall, "tripped": _tripped_wall, "blind": broken_desk}[state](
        clock
    )
    return desk_stage(clock, desk, wallboard=True)


def _clear_wall(clock: ManualClock) -> Desk:
    steady = [make_deployment(name, changed_at=EPOCH - timedelta(days=2)) for name in ("checkout", "cart", "search")]
    return make_desk(clock, deployments={"prod": steady}, duties=_duties())


def _tripped_wall(clock: ManualClock) -> Desk:
    desk = _clear_wall(clock)
    assert desk.circuit is not None
    sources = [
        Circuit(CircuitState.OPEN, 1, "", EPOCH - timedelta(minutes=2), "3 of 3 writes failed", scope=name)
        for name in ("alertmanager prod", "alertmanager stage")
    ]
    desk.circuit.publish([Circuit(), *sources])
    return desk


def _typical_wall(clock: ManualClock) -> Desk:
    checkout = make_deployment(
        "checkout",
        RolloutState.FAILED,
        changed_at=EPOCH - timedelta(minutes=4),
        ready=2,
        desired=12,
        trouble="CrashLoopBackOff",
    )
    return make_desk(
        clock,
        alerts={"prod": _some_alerts()},
        deployments={"prod": [checkout, make_deployment("cart", changed_at=EPOCH - timedelta(days=2))]},
        incidents=[make_incident(4, "Checkout errors", EPOCH - timedelta(minutes=9))],
        duties=_duties(),
        circuit=open_circuit(EPOCH - timedelta(minutes=3)),
    )


def _some_alerts() -> list[Alert]:
    minute = timedelta(minutes=1)
    return [
        make_alert("HighErrorRate", "critical", EPOCH - 3 * minute, service="checkout", namespace="shop"),
        *(
            make_alert("PodCrashLooping", "critical", EPOCH - 2 * minute, pod=f"checkout-{index}", namespace="shop")
            for index in range(12)
        ),
        make_alert("HighLatencyP99", "warning", EPOCH - minute, service="cart", namespace="shop"),
        make_alert("ConsumerLag", "warning", EPOCH - 300 * minute, acked_by="op-b", until=EPOCH + 12 * minute),
        make_alert("DiskFull", "error", EPOCH - 60 * minute, silenced_by="op-c", until=EPOCH + 60 * minute),
    ]


def _duties() -> list[Duty]:
    since, until = EPOCH - timedelta(days=1), EPOCH + timedelta(days=6)
    return [
        Duty("primary", "Europe/Berlin", "op-a", since, until, "op-b", until),
        Duty("secondary", "Europe/Berlin", "op-c", since, until, "op-d", until),
    ]


async def _another_screen(pilot: Pilot[Any], before: object) -> None:
    def changed() -> bool:
        return pilot.app.screen is not before

    # A worker that waits for the person's answer is busy as long as the question stands.
    await quiet(pilot, changed, workers=False)


async def _by_problem(pilot: Pilot[Any]) -> None:
    await ready(pilot)
    await pilot.press("c")
    await quiet(pilot)
    await pilot.press("g", "enter", "j")
    await quiet(pilot)


@pytest.mark.parametrize("theme", ["sre-dark", "sre-light"])
@pytest.mark.parametrize("size", [SMALL, NORMAL], ids=["80x24", "120x40"])
def test_alerts_by_problem(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(demo_stage(STORM, theme=theme), terminal_size=size, run_before=_by_problem)


async def _pick(pilot: Pilot[Any], key: str) -> None:
    await ready(pilot)
    before = pilot.app.screen
    await pilot.press(key)
    await _another_screen(pilot, before)


@pytest.mark.parametrize("size", [SMALL, NORMAL], ids=["80x24", "120x40"])
@pytest.mark.parametrize("key", ["o", "v"], ids=["labels", "views"])
def test_what_there_is_to_pick_from(snap_compare: Compare, size: tuple[int, int], key: str) -> None:
    assert snap_compare(demo_stage(STORM), terminal_size=size, run_before=partial(_pick, key=key))
