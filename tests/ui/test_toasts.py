"""Toasts leave what they are about to be read: the newest alone where there is little room, none on a command line."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App
from textual.geometry import Region
from textual.widgets._toast import Toast

from tests.support.clock import ManualClock
from tests.support.desk import make_desk
from tests.support.stage import desk_stage, quiet, ready
from widgets.command_line import CommandLine
from widgets.key_line import KeyLine


def toasts(app: App[Any]) -> list[Region]:
    """Where each stands that is shown."""
    return [toast.region for toast in app.screen.query(Toast) if toast.region.height]


@pytest.mark.parametrize(("size", "several"), [((80, 24), 1), ((120, 40), 3)], ids=["80x24", "120x40"])
async def test_toasts_leave_room(size: tuple[int, int], several: int) -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock))
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        for number in range(3):
            app.screen.notify(
                f"number {number}: " + "it failed " * 30, title="/alerts ack", severity="error", timeout=600
            )
        await quiet(pilot, lambda: len(app.screen.query(Toast)) == 3 and len(toasts(app)) == several)
        keys = app.screen.query_one(KeyLine).region
        assert not any(one.overlaps(keys) for one in toasts(app))
        assert max(one.height for one in toasts(app)) <= 8
        await app.screen.action_command("/")  # type: ignore[attr-defined]
        await quiet(pilot, lambda: len(toasts(app)) == 1)
        line = app.screen.query_one(CommandLine).query_one("Field").region
        assert line.height
        assert not toasts(app)[0].overlaps(line)
        newest = [toast for toast in app.screen.query(Toast) if toast.region.height]
        assert "number 2" in newest[0]._notification.message
        await pilot.press("escape")
        await quiet(pilot, lambda: len(toasts(app)) == several)
