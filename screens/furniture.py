"""The lists of the operations screen, hung after its first picture.

In a module of its own so that the first picture does not wait for the import of models, views and formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screens.alerts_presenter import AlertsPresenter
from screens.approving import Approving
from screens.presenters import AGES_EVERY, Presenter
from screens.record_presenters import DeploymentsPresenter, DutiesPresenter, IncidentsPresenter
from screens.status import Status
from widgets import alert_rows, deployment_rows, duty_rows, incident_rows
from widgets.pane import Pane
from widgets.record_table import RecordTable

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from services.alerts.filter_offers import FilterOffers
    from services.vocabulary.clock import Clock


@dataclass(frozen=True)
class Furniture:
    """What shows the data of a desk.

    Attributes:
        presenters: by the id of their pane.
        alerts: the one of the alerts.
        status: the bar and the bands.
        approving: tells what waits for a second person.
        ages_every: seconds between looks at ages.
    """

    presenters: Mapping[str, Presenter[Any, Any]]
    alerts: AlertsPresenter
    status: Status
    approving: Approving
    ages_every: int = AGES_EVERY

    def tick(self) -> None:
        """A second has passed."""
        self.approving.look()
        self.status.draw()
        for presenter in self.presenters.values():
            presenter.tick()


def furnish(screen: Screen[Any], desk: Desk, panes: Mapping[str, Pane]) -> Furniture:
    """Hang the lists and follow the feeds of ``desk``.

    Args:
        screen: the operations screen.
        desk: the sources.
        panes: by id.
    """
    alerts = AlertsPresenter(panes["alerts"], screen)
    presenters: dict[str, Presenter[Any, Any]] = {}
    for name, pane in panes.items():
        pane.hang(_table(name, desk.clock))
        presenters[name] = alerts if name == "alerts" else _PRESENTERS[name](pane, screen)
    alerts.follow_rollouts(lambda: [one for feed in desk.deployments.values() for one in feed.snapshot.items])
    if desk.view is not None:
        alerts.follow_view(desk.view)
    alerts.attach(desk.alerts, desk.clock)
    panes["alerts"].go_on = _Continuing(desk)
    presenters["deployments"].attach(desk.deployments, desk.clock)
    if "incidents" in presenters and desk.incidents is not None:
        presenters["incidents"].attach({"incidents": desk.incidents}, desk.clock)
    if desk.duties is not None:
        presenters["oncall"].attach({"on-call": desk.duties}, desk.clock)
    for name, (configured, sentence) in _unset(desk).items():
        if not configured:
            presenters[name].table.set_rows((), empty=sentence)
    approving = Approving(screen, desk)
    return Furniture(presenters, alerts, Status(screen, desk, approving=approving), approving)


class _Continuing:
    """How a filter of the alerts could go on; what knows it is made when one is first typed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._offers: FilterOffers | None = None

    def __call__(self, text: str) -> str:
        if self._offers is None:
            from services.alerts.filter_offers import FilterOffers
            from services.alerts.offers import AlertOffers

            feeds = self._desk.alerts.values()
            latest = AlertOffers(lambda: [one for feed in feeds for one in feed.snapshot.items], self._desk.clock)
            self._offers = FilterOffers(latest)
        return self._offers.go_on(text)


_PRESENTERS: Mapping[str, type[Presenter[Any, Any]]] = {
    "incidents": IncidentsPresenter,
    "deployments": DeploymentsPresenter,
    "oncall": DutiesPresenter,
}


def _table(name: str, clock: Clock) -> RecordTable[Any]:
    if name == "alerts":
        return RecordTable(alert_rows.AlertFormat(clock), alert_rows.COLUMNS)
    if name == "incidents":
        return RecordTable(incident_rows.IncidentFormat(clock), incident_rows.COLUMNS, header=False)
    if name == "deployments":
        return RecordTable(deployment_rows.DeploymentFormat(clock), deployment_rows.COLUMNS, header=False)
    return RecordTable(duty_rows.DutyFormat(clock), duty_rows.COLUMNS, header=False)


def _unset(desk: Desk) -> dict[str, tuple[object, str]]:
    return {
        "alerts": (desk.alerts, "No Alertmanager is configured: [[sre.alertmanager]]"),
        "deployments": (desk.deployments, "No cluster is configured: [[sre.kubernetes]]"),
        "oncall": (desk.duties is not None, "No rotation is configured: [[sre.oncall.rotation]]"),
    }
