"""``/alerts view``, ``views``, ``labels`` and ``list --by``: what they print, choose and refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.alerts.commands import COMMANDS
from services.alerts.grouping import Grouping, GroupingKind
from services.alerts.model import Alert
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow
from services.alerts.routing import Route, read_routes
from services.alerts.saved_views import ChosenView, SavedView, views_of
from services.alerts.viewing_commands import COMMANDS as VIEWING_COMMANDS
from services.alerts.viewing_commands import ViewingNeeds
from services.command import Invocation, Result
from services.registry import CommandError, Registry
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.snapshot import Freshness, FreshnessState
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert
from tests.support.store import OPERATOR, agree

FRESH = Freshness("alertmanager prod", FreshnessState.FRESH, checked_at=EPOCH)
SHOP = SavedView("shop", "team=shop", Grouping(GroupingKind.LABELS, ("service",)))
ROUTES = read_routes("route: {receiver: ops, group_by: [team]}")


class Source:
    """A cluster that only tells how it routes."""

    async def routes(self) -> Route:
        return ROUTES


class Desk:
    def __init__(self, alerts: Sequence[Alert], *, screen: bool = True) -> None:
        clock = ManualClock()
        self.asked = 0

        async def current() -> AlertsNow:
            return AlertsNow(tuple(alerts), {"prod": FRESH})

        async def routes() -> Mapping[str, Route | None]:
            self.asked += 1
            return {"prod": ROUTES}

        views = views_of((SHOP,))
        readers: Any = {"prod": Source()}
        needs = AlertsNeeds(current, lambda: alerts, readers, {}, clock, views=views)
        self.chosen = ChosenView(views, routes)
        self.registry = Registry(None)
        self.registry.add([one for one in COMMANDS if one.plan is None], needs)
        self.registry.add(VIEWING_COMMANDS, ViewingNeeds(needs, self.chosen if screen else None))

    async def do(self, line: str) -> Result:
        return await self.registry.run(self.registry.parse(line), Invocation(OPERATOR, agree))


def alerts() -> list[Alert]:
    began: list[tuple[str, dict[str, Any]]] = [
        ("Slow", {"team": "shop", "service": "cart"}),
        ("Slow", {"team": "shop", "service": "cart", "pod": "a"}),
        ("Down", {"team": "shop", "service": "pay"}),
        ("Full", {"team": "data"}),
    ]
    return [
        make_alert(name, "warning", EPOCH - timedelta(minutes=number), **labels)
        for number, (name, labels) in enumerate(began)
    ]


async def test_groups_are_printed_and_given_to_programs() -> None:
    result = await Desk(alerts()).do("/alerts list --by team --sort largest")
    assert result.ok
    assert result.message.startswith("2 groups by team; 4 firing")
    assert result.table is not None
    assert result.table.rows[0] == ("! warn", "shop", "3", "3", "2m", "Slow ×2, Down")
    first, second = json.loads(json.dumps(result.data))
    assert (first["group"], first["count"], first["firing"], first["severity"]) == ("shop", 3, 3, "warning")
    assert first["labels"]["team"] == "shop"
    assert sorted(first["alerts"] + second["alerts"]) == sorted(alert.id for alert in alerts())


async def test_a_saved_view_filters_groups_and_sorts_a_printed_list() -> None:
    result = await Desk(alerts()).do("/alerts list --view shop")
    assert [one["group"] for one in result.data] == ["cart", "Down"]
    narrowed = await Desk(alerts()).do("/alerts list --view shop Down")
    assert [one["count"] for one in narrowed.data] == [1]


async def test_alertmanagers_own_groups() -> None:
    result = await Desk(alerts()).do("/alerts list --by alertmanager")
    assert [one["group"] for one in result.data] == ["prod / ops / shop", "Full"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("/alerts list --by problem", "/alerts correlate"),
        ("/alerts list --by a,,b", "namespace,service"),
        ("/alerts list --sort loudest", "worst"),
        ("/alerts view --by @nothing", "@cluster"),
        ("/alerts view --filter 'a=~\"(\"'", "regular expression"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_read(line: str, word: str) -> None:
    with pytest.raises(CommandError, match=word):
        await Desk(alerts()).do(line)


async def test_an_unknown_view_is_told_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="there is no view 'shp'") as told:
        await Desk(alerts()).do("/alerts list --view shp")
    assert "shop, all, problems" in str(told.value)


async def test_a_view_is_chosen_by_name_or_put_together() -> None:
    desk = Desk(alerts())
    heard: list[SavedView] = []
    desk.chosen.subscribe(heard.append)
    assert (await desk.do("/alerts view shop")).message == "the alerts are shown shop: by service, team=shop"
    assert heard == [SHOP]
    result = await desk.do("/alerts view --sort newest")
    assert result.message == "the alerts are shown by service, newest first, team=shop"
    assert desk.asked == 0
    await desk.do("/alerts view groups")
    assert desk.asked == 1
    assert desk.chosen.routes == {"prod": ROUTES}
    await desk.do("/alerts view groups --filter ''")
    assert desk.chosen.current.filter == ""


async def test_without_a_screen_there_is_nothing_to_show_a_view_in() -> None:
    with pytest.raises(ConsoleError, match="no list to show it in"):
        await Desk(alerts(), screen=False).do("/alerts view shop")


async def test_views_and_labels_are_listed() -> None:
    desk = Desk(alerts())
    views = await desk.do("/alerts views")
    assert [one["name"] for one in views.data] == ["shop", "all", "problems", "groups", "services", "flat"]
    labels = await desk.do("/alerts labels team=shop")
    team = next(one for one in labels.data if one["label"] == "team")
    assert team == {"label": "team", "alerts": 3, "values": 1, "top": [["shop", 3]]}


def test_one_of_the_configuration_takes_the_place_of_a_built_in_one() -> None:
    mine = SavedView("all", "severity=critical", start=True)
    assert views_of((mine,))["all"] is mine

    async def routes() -> Mapping[str, Route | None]:
        return {}

    assert ChosenView(views_of((mine,)), routes).current is mine
