"""The detail is read with the keyboard alone, to its last line."""

from __future__ import annotations

from textual.app import App
from textual.containers import VerticalScroll

from services.alerts.model import Alert
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_desk
from tests.support.stage import desk_stage, quiet, ready
from widgets.detail import DetailStrip

SIZE = (120, 40)
LONG = "\n".join(f"line {number} " + "of what is said about it " * 30 for number in range(12))


def wordy() -> Alert:
    alert = make_alert("Wordy", "critical", EPOCH, pod="the-very-last-label")
    fields = {name: getattr(alert, name) for name in alert.__struct_fields__}
    return Alert(**{**fields, "annotations": {"summary": "short", "description": LONG}})


def seen(app: App[int]) -> str:
    """What of the detail is in sight."""
    strip = app.screen.query_one(DetailStrip)
    text = strip.query_one(VerticalScroll)
    region = text.region
    lines = app.screen._compositor.render_strips()[region.y : region.bottom]
    return "\n".join(strip.text[region.x : region.right] for strip in lines)


async def test_what_lies_below_a_long_description_is_reached_and_left_again() -> None:
    clock = ManualClock()
    app = desk_stage(clock, make_desk(clock, alerts={"prod": [wordy(), make_alert("Other", "warning", EPOCH)]}))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        for unfold in ((), ("enter",)):
            await pilot.press(*unfold)
            await quiet(pilot)
            assert "short" in seen(app)
            assert "the-very-last-label" not in seen(app)
            presses = 0
            while "the-very-last-label" not in seen(app):
                await pilot.press("J")
                await quiet(pilot)
                presses += 1
                assert presses < 30, seen(app)
            for _ in range(presses):
                await pilot.press("K")
            await quiet(pilot)
            assert "short" in seen(app)
        # The cursor of the list did not move; another alert begins at its top again.
        await pilot.press("J", "J", "escape", "j")
        await quiet(pilot)
        assert "Other fires" in seen(app)
