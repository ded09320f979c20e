"""The detail of the selected item: gathers what is known and asks for the plot of an alert."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.content import Content

from screens.alerts_presenter import AlertsPresenter
from screens.presenters import Presenter
from screens.record_presenters import DeploymentsPresenter, DutiesPresenter, IncidentsPresenter
from services.deployments.view import RolloutBefore, rollouts_before
from services.metrics.drawing import alert_plot
from services.vocabulary.errors import ConsoleError
from widgets import facts, problem_facts
from widgets.detail import DetailStrip
from widgets.plot import TimePlot

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from services.alerts.model import Alert
    from services.alerts.view import AlertRow
    from services.incidents.model import Incident

_log = logging.getLogger(__name__)

_POINTS = 240
_PLOT_AGAIN_AFTER = timedelta(seconds=15)


class Details:
    """Keeps the detail strip true to the row under the cursor."""

    def __init__(self, screen: Screen[Any], desk: Desk, presenters: Mapping[str, Presenter[Any, Any]]) -> None:
        self._screen = screen
        self._desk = desk
        self._presenters = presenters
        self._plotted: tuple[str, datetime] | None = None
        self._told: object = None

    def refresh(self, pane: str) -> None:
        """Show the item under the cursor of ``pane``."""
        presenter = self._presenters[pane]
        key = presenter.table.cursor_key
        strip = self._screen.query_one(DetailStrip)
        now = self._desk.clock.now()
        if isinstance(presenter, AlertsPresenter):
            row = presenter.row(key)
            if row is not None and row.alert is not None:
                self._alert(strip, row, row.alert, now, presenter)
                return
        elif isinstance(presenter, DeploymentsPresenter):
            deployment = presenter.deployment(key)
            if deployment is not None:
                self._tell(strip, facts.deployment_title(deployment), facts.deployment_facts(deployment, now))
                return
        elif isinstance(presenter, IncidentsPresenter):
            incident = presenter.incident(key)
            if incident is not None:
                self._tell(strip, facts.incident_title(incident), facts.incident_facts(incident, now))
                return
        elif isinstance(presenter, DutiesPresenter):
            duty = presenter.duty(key)
            if duty is not None:
                self._tell(strip, facts.duty_title(duty), facts.duty_facts(duty, now))
                return
        self._tell(strip, Content("Detail"), [Content.styled("Nothing is selected.", "$text-quiet")])

    def _tell(self, strip: DetailStrip, title: Content, lines: list[Content], *, picture: bool = False) -> None:
        told = (title, tuple(lines), picture)
        if told != self._told:
            self._told = told
            strip.tell(title, lines, picture=picture)
        if not picture:
            self._plotted = None

    def _alert(
        self, strip: DetailStrip, row: AlertRow, alert: Alert, now: datetime, presenter: AlertsPresenter
    ) -> None:
        picture = bool(alert.generator_url) and not row.title
        if row.title:
            title, lines = facts.group_title(row), facts.group_facts(row, now)
        elif row.problem is not None:
            lines = problem_facts.problem_facts(row.problem, now, row.count)
            title = problem_facts.problem_title(row.problem)
        else:
            title, lines = (
                facts.alert_title(alert),
                facts.alert_facts(
                    alert, self._rollouts(alert), now, count=row.count, incidents=self._incidents(row.ids)
                ),
            )
            explanation = presenter.explain(alert.id)
            if explanation is not None:
                lines[1:1] = problem_facts.explanation_lines(explanation)
        self._tell(strip, title, lines, picture=picture)
        if not picture:
            return
        if self._plotted is not None and self._plotted[0] == alert.id and now - self._plotted[1] < _PLOT_AGAIN_AFTER:
            return
        plot = self._screen.query_one(TimePlot)
        if self._plotted is None or self._plotted[0] != alert.id:
            plot.say("reading what the rule measures …")
        self._plotted = (alert.id, now)
        # A callable: one that is replaced before it began leaves no coroutine that nobody awaits.
        draw: Any = partial(self._plot, plot, alert)
        self._screen.run_worker(draw, group="plot", exclusive=True, exit_on_error=False)

    async def _plot(self, plot: TimePlot, alert: Alert) -> None:
        try:
            found = await self._desk.plot(alert, _POINTS)
            if found is None:
                plot.say("no Prometheus for this cluster: set prometheus_url")
                return
            before = self._rollouts(alert)
            markers = [(rollout.at, f"{rollout.deployment.name} r{rollout.revision}") for rollout in before]
            plot.show(alert_plot(found, markers))
        except ConsoleError as error:
            plot.say(str(error))
        except Exception as error:
            _log.exception("the plot of %s failed", alert.id)
            plot.say(f"the console failed to plot it: {type(error).__name__}")

    def _incidents(self, ids: Sequence[str]) -> tuple[Incident, ...]:
        feed = self._desk.incidents
        if feed is None:
            return ()
        wanted = frozenset(ids)
        return tuple(
            one for one in feed.snapshot.items if one.state.is_open and any(owned.id in wanted for owned in one.alerts)
        )

    def _rollouts(self, alert: Alert) -> tuple[RolloutBefore, ...]:
        namespace = alert.labels.get("namespace", "")
        if not namespace:
            return ()
        deployments = [
            one
            for feed in self._desk.deployments.values()
            for one in feed.snapshot.items
            if not alert.environment or not one.environment or one.environment == alert.environment
        ]
        return rollouts_before(deployments, namespace, alert.starts_at)
