"""What the operations screen gets after its first picture: lists, presenters, command line, plot.

In a module of its own so that the first picture does not wait for the import of models, views and formats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screens.acting import Acting
from screens.alerts_presenter import AlertsPresenter
from screens.commanding import Commanding
from screens.detail import Details
from screens.presenters import Presenter
from screens.record_presenters import DeploymentsPresenter, DutiesPresenter, IncidentsPresenter
from screens.status import Status
from widgets import alert_rows, deployment_rows, duty_rows, incident_rows
from widgets.command_line import CommandLine
from widgets.detail import DetailStrip
from widgets.pane import Pane
from widgets.plot import TimePlot
from widgets.record_table import RecordTable

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from services.vocabulary.clock import Clock


@dataclass(frozen=True)
class Furniture:
    """Everything that needs a desk.

    Attributes:
        presenters: by the id of their pane.
        alerts: the one of the alerts.
        line: the command line. commanding: what runs its lines. acting: what runs the keys.
        details: the strip below. status: the bar and the bands.
    """

    presenters: Mapping[str, Presenter[Any]]
    alerts: AlertsPresenter
    line: CommandLine
    commanding: Commanding
    acting: Acting
    details: Details
    status: Status

    def tick(self) -> None:
        """A second has passed."""
        self.status.draw()
        for presenter in self.presenters.values():
            presenter.tick()


def furnish(
    screen: Screen[Any], desk: Desk, panes: Mapping[str, Pane], selection: Callable[[], Mapping[str, tuple[str, ...]]]
) -> Furniture:
    """Hang the lists, follow the feeds of ``desk``, offer its commands.

    Args:
        screen: the operations screen; holds a :class:`DetailStrip`.
        desk: sources and commands.
        panes: by id.
        selection: what is selected now.
    """
    line = CommandLine()
    screen.mount(line)
    strip = screen.query_one(DetailStrip)
    strip.hang(TimePlot())
    alerts = AlertsPresenter(panes["alerts"], screen)
    presenters: dict[str, Presenter[Any]] = {"alerts": alerts}
    for name, pane in panes.items():
        pane.hang(_table(name, desk.clock))
        if name != "alerts":
            presenters[name] = _PRESENTERS[name](pane, screen)
    alerts.attach(desk.alerts.values(), desk.clock)
    presenters["deployments"].attach(desk.deployments.values(), desk.clock)
    if "incidents" in presenters and desk.incidents is not None:
        presenters["incidents"].attach((desk.incidents,), desk.clock)
    if desk.duties is not None:
        presenters["oncall"].attach((desk.duties,), desk.clock)
    for name, (configured, sentence) in _unset(desk).items():
        if not configured:
            presenters[name].table.set_rows((), empty=sentence)
    commanding = Commanding(screen, desk, line, selection)
    return Furniture(
        presenters={name: presenters[name] for name in panes},
        alerts=alerts,
        line=line,
        commanding=commanding,
        acting=Acting(screen, desk, commanding, line, alerts, selection),
        details=Details(screen, desk, presenters),
        status=Status(screen, desk),
    )


_PRESENTERS: Mapping[str, type[Presenter[Any]]] = {
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
