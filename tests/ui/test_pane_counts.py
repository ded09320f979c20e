"""What a pane counts: never more than its sources know, and never without its filter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual.content import Content

from screens.counting import honest, narrowed
from services.incidents.model import Incident
from services.oncall.model import Duty
from services.vocabulary.errors import FailureKind, SourceError
from services.vocabulary.snapshot import Freshness, FreshnessState
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_desk, make_incident
from tests.support.stage import Stage, desk_stage, quiet, ready
from widgets.pane import Pane

LATER = EPOCH + timedelta(hours=8)
GONE = SourceError(FailureKind.UNREACHABLE, "the store does not answer")


def title(app: Stage, name: str) -> str:
    """What stands in the frame of a pane."""
    return Content.from_markup(str(app.screen.query_one(f"#{name}", Pane).border_title)).plain


def sentence(app: Stage, name: str) -> str:
    """What its list says where it is empty."""
    table = app.screen.query_one(f"#{name}", Pane).table
    assert not table.rows
    return str(table._empty)


def incident(number: int, title: str) -> Incident:
    return make_incident(number, title, EPOCH, severity=3)


async def test_incidents_are_counted_only_as_far_as_the_store_answers() -> None:
    clock = ManualClock()
    desk = make_desk(clock, incidents=())
    app = desk_stage(clock, desk)
    assert desk.incidents is not None
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        assert "0 open" in title(app, "incidents")
        desk.incidents.fail(GONE)
        await quiet(pilot)
        assert "0 open" not in title(app, "incidents")
        assert "open UNKNOWN" in title(app, "incidents")
        desk.incidents.publish([incident(1, "checkout is slow")])
        await quiet(pilot)
        assert "1 open" in title(app, "incidents")
        assert "or more" not in title(app, "incidents")
        desk.incidents.fail(GONE)
        await quiet(pilot)
        assert "1 open  or more" in title(app, "incidents")


@pytest.mark.parametrize(
    ("pane", "key", "words"),
    [
        ("incidents", "2", "No incident of 2 passes the filter. Escape clears it."),
        ("oncall", "4", "No rotation of 1 passes the filter. Escape clears it."),
    ],
)
async def test_a_filter_that_nothing_passes_is_not_told_as_nothing(pane: str, key: str, words: str) -> None:
    clock = ManualClock()
    duty = Duty("primary", "Europe/Berlin", "op-a", EPOCH, LATER, "op-b", LATER)
    desk = make_desk(clock, incidents=[incident(1, "checkout is slow"), incident(2, "disk")], duties=[duty])
    app = desk_stage(clock, desk)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press(key, "f", *"zzz", "enter")
        await quiet(pilot)
        total = 2 if pane == "incidents" else 1
        assert sentence(app, pane) == words
        assert f"filter: 0 of {total}" in title(app, pane)
        await pilot.press("escape")
        await quiet(pilot)
        assert "filter" not in title(app, pane)


def fresh(state: FreshnessState) -> Freshness:
    checked = EPOCH if state in (FreshnessState.FRESH, FreshnessState.STALE) else None
    return Freshness("one", state, checked_at=checked, valid_for=timedelta(seconds=30), reason="because")


@pytest.mark.parametrize("state", [one for one in FreshnessState if one is not FreshnessState.FRESH])
def test_nothing_is_unknown_as_soon_as_one_source_is_not_fresh(state: FreshnessState) -> None:
    good = fresh(FreshnessState.FRESH)
    assert honest([], [good], "open", quiet="0 open") == [("0 open", "$text-quiet")]
    assert honest([], [good], "open") == []
    assert honest([("2 open", "bold")], [good], "open", quiet="0 open") == [("2 open", "bold")]
    sources = [good, fresh(state)]
    assert honest([], sources, "open", quiet="0 open") == [("open UNKNOWN", "bold $warning")]
    assert [words for words, _ in honest([("2 open", "bold")], sources, "open", quiet="0 open")] == [
        "2 open",
        "or more",
    ]


def test_a_filter_tells_how_much_it_hides() -> None:
    assert narrowed(3, 40)[0] == "filter: 3 of 40"
