"""The operations screen: four live panes, what is known of the selected item, one command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.screen import Screen

from screens.alerts_presenter import AlertsPresenter
from screens.presenters import Presenter
from screens.record_presenters import DeploymentsPresenter, DutiesPresenter, IncidentsPresenter
from screens.status import Status
from services.vocabulary.clock import Clock, SystemClock
from services.vocabulary.text import display
from widgets import alert_rows, deployment_rows, duty_rows, incident_rows
from widgets.band import Band
from widgets.detail import DetailStrip
from widgets.key_line import KeyLine
from widgets.pane import Pane
from widgets.pane_tabs import PaneTabs, Tab
from widgets.record_table import RecordTable
from widgets.top_bar import TopBar

if TYPE_CHECKING:
    from screens.commanding import Commanding
    from screens.desk import Desk
    from screens.detail import Details
    from widgets.command_line import CommandLine

_TITLES = {"alerts": "Alerts", "incidents": "Incidents", "deployments": "Deployments", "oncall": "On-call"}


class OperationsScreen(Screen[None]):
    """What the person on call works in. Shows skeletons until :meth:`attach` is called."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (180, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (50, "-high")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "command('/')", "Run", id="console.command"),
        Binding("1", "pane(0)", "Panes", id="console.pane-1", key_display="1-4"),
        Binding("2", "pane(1)", "Second pane", id="console.pane-2", show=False),
        Binding("3", "pane(2)", "Third pane", id="console.pane-3", show=False),
        Binding("4", "pane(3)", "Fourth pane", id="console.pane-4", show=False),
        Binding("tab", "next_pane(1)", "Next pane", id="console.next-pane", show=False),
        Binding("shift+tab", "next_pane(-1)", "Previous pane", id="console.previous-pane", show=False),
        Binding("a", "ack", "Ack", id="alerts.ack"),
        Binding("s", "silence", "Silence", id="alerts.silence"),
        Binding("i", "incident", "Incident", id="incidents.create"),
        Binding("f", "filter", "Filter", id="console.filter"),
        Binding("z", "zoom", "Zoom", id="console.zoom", show=False),
        Binding("b", "breaker", "Breaker", id="circuit.toggle"),
        Binding("w", "app.wallboard", "Wall", id="console.wallboard"),
        Binding("y", "copy", "Copy", id="console.copy", show=False),
        Binding("r", "refresh_sources", "Read every source now", id="console.refresh", show=False),
        Binding("question_mark,f1", "help", "Help", id="console.help", key_display="?"),
        Binding("escape", "leave_detail", "Back to the lists", id="console.back", show=False),
    ]

    def __init__(self, *, clock: Clock | None = None, incidents: bool = True, demo: bool = False) -> None:
        """
        Args:
            clock: for the rows; the machine's own by default.
            incidents: whether there is a pane of incidents.
            demo: whether to say that everything shown is simulated.
        """
        super().__init__(id="operations")
        self._clock = clock or SystemClock()
        self._with_incidents = incidents
        self._demo = demo
        self._desk: Desk | None = None
        self._commanding: Commanding | None = None
        self._details: Details | None = None
        self._status: Status | None = None
        self._presenters: dict[str, Presenter[Any]] = {}
        self._line: CommandLine | None = None
        self._current = "alerts"

    def compose(self) -> ComposeResult:
        """What the first picture shows: bar, bands, tabs, panes, detail, footer."""
        yield TopBar()
        yield Band(classes="-demo")
        yield Band(classes="-circuit")
        yield Band(classes="-trouble")
        yield PaneTabs()
        with Grid(id="panes", classes="" if self._with_incidents else "-three"):
            for name in self._names:
                yield self._pane(name)
        yield DetailStrip()
        yield KeyLine()

    @property
    def _names(self) -> tuple[str, ...]:
        every = ("alerts", "incidents", "deployments", "oncall")
        return every if self._with_incidents else tuple(name for name in every if name != "incidents")

    def _pane(self, name: str) -> Pane:
        clock = self._clock
        table: RecordTable[Any]
        if name == "alerts":
            table = RecordTable(alert_rows.AlertFormat(clock), alert_rows.COLUMNS, waiting="connecting …")
            return Pane("Alerts", table, id=name, example="checkout severity=critical pod=~web-.*")
        if name == "incidents":
            table = RecordTable(incident_rows.IncidentFormat(clock), incident_rows.COLUMNS, header=False)
            return Pane("Incidents", table, id=name)
        if name == "deployments":
            table = RecordTable(deployment_rows.DeploymentFormat(clock), deployment_rows.COLUMNS, header=False)
            return Pane("Deployments", table, id=name)
        table = RecordTable(duty_rows.DutyFormat(clock), duty_rows.COLUMNS, header=False)
        return Pane("On-call", table, id=name)

    def on_mount(self) -> None:
        """The alerts have the focus."""
        makers: dict[str, type[Presenter[Any]]] = {
            "alerts": AlertsPresenter,
            "incidents": IncidentsPresenter,
            "deployments": DeploymentsPresenter,
            "oncall": DutiesPresenter,
        }
        for name in self._names:
            self._presenters[name] = makers[name](self.query_one(f"#{name}", Pane), self)
        if self._demo:
            words = "DEMO  a simulated production; nothing here is real, and everything is gone when you leave"
            self.query_one(".-demo", Band).say(Content.styled(words, "bold"))
        self._go("alerts")
        self._tabs()

    def _furnish(self) -> CommandLine:
        # What the first picture does not show is imported and made after it.
        from widgets.command_line import CommandLine
        from widgets.plot import TimePlot

        line = CommandLine()
        self.mount(line)
        self.query_one(DetailStrip).hang(TimePlot())
        return line

    def attach(self, desk: Desk) -> None:
        """Follow the sources of ``desk`` and offer its commands."""
        from screens.commanding import Commanding
        from screens.detail import Details

        self._desk = desk
        self._line = self._furnish()
        self._commanding = Commanding(self, desk, self._line, self._selection)
        self._status = Status(self, desk)
        alerts = self._presenters["alerts"]
        deployments = self._presenters["deployments"]
        alerts.attach(desk.alerts.values(), desk.clock)
        deployments.attach(desk.deployments.values(), desk.clock)
        if "incidents" in self._presenters and desk.incidents is not None:
            self._presenters["incidents"].attach((desk.incidents,), desk.clock)
        if desk.duties is not None:
            self._presenters["oncall"].attach((desk.duties,), desk.clock)
        unset = {
            "alerts": (desk.alerts, "No Alertmanager is configured: [[sre.alertmanager]]"),
            "deployments": (desk.deployments, "No cluster is configured: [[sre.kubernetes]]"),
            "oncall": (desk.duties is not None, "No rotation is configured: [[sre.oncall.rotation]]"),
        }
        for name, (configured, sentence) in unset.items():
            if not configured:
                self._presenters[name].table.set_rows((), empty=sentence)
        self._details = Details(self, desk, self._presenters)
        for feed in desk.feeds:
            feed.subscribe(lambda _: self._changed())
        self.set_interval(1.0, self._tick)
        self._changed()

    def tick(self) -> None:
        """Draw what depends on the time; called once a second."""
        self._tick()

    def _tick(self) -> None:
        if self._status is None or not self.is_current:
            return
        self._status.draw()
        for presenter in self._presenters.values():
            presenter.tick()

    def _changed(self) -> None:
        if not self.is_attached:
            return
        if self._status is not None:
            self._status.draw()
        self._tabs()
        if self._details is not None:
            self._details.refresh(self._current)

    def on_screen_resume(self) -> None:
        """Back from another screen: catch up."""
        self._changed()
        self._tick()

    # Panes ---------------------------------------------------------------------------------------------------

    def action_pane(self, index: int) -> None:
        """Go to the pane of that number."""
        if index < len(self._names):
            self._go(self._names[index])

    def action_next_pane(self, step: int) -> None:
        """Go to the next pane."""
        names = self._names
        self._go(names[(names.index(self._current) + step) % len(names)])

    def action_zoom(self) -> None:
        """Give the pane the whole screen, or back."""
        self.toggle_class("-zoomed")
        self._place()

    def action_filter(self) -> None:
        """Type a filter into the pane."""
        self.query_one(f"#{self._current}", Pane).open_filter()

    def action_refresh_sources(self) -> None:
        """Read every source now."""
        if self._desk is not None:
            self._desk.refresh()
            self.notify("Reading every source now.", markup=False, timeout=2)

    def _go(self, name: str) -> None:
        self._current = name
        self._place()
        self.query_one(f"#{name}", Pane).table.focus()

    def _place(self) -> None:
        alone = self.has_class("-zoomed") or self.has_class("-narrow")
        for name in self._names:
            self.query_one(f"#{name}", Pane).set_class(alone and name != self._current, "-away")
        self._tabs()

    def _tabs(self) -> None:
        tabs = self.query_one(PaneTabs)
        tabs.current = self._current
        tabs.tabs = tuple(
            Tab(name, _TITLES[name], presenter.attention, presenter.urgent)
            for name, presenter in self._presenters.items()
        )

    def on_resize(self, _: events.Resize) -> None:
        """Breakpoints changed: fold or unfold the panes."""
        self.call_after_refresh(self._place)

    @on(PaneTabs.Chosen)
    def _tab_chosen(self, event: PaneTabs.Chosen) -> None:
        self._go(event.pane)

    @on(Pane.Filtered)
    def _filtered(self, event: Pane.Filtered) -> None:
        if event.pane.id in self._presenters:
            self._presenters[event.pane.id].arrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The pane that has the focus is the current one; a click counts."""
        pane = next((node for node in event.widget.ancestors_with_self if isinstance(node, Pane)), None)
        if pane is not None and pane.id is not None and pane.id != self._current:
            self._current = pane.id
            self._place()
        if pane is not None and self._details is not None:
            self._details.refresh(self._current)

    # Items ---------------------------------------------------------------------------------------------------

    @on(RecordTable.Highlighted)
    def _highlighted(self, _: RecordTable.Highlighted) -> None:
        if self._details is not None:
            self._details.refresh(self._current)

    @on(RecordTable.Opened)
    def _opened(self, event: RecordTable.Opened) -> None:
        if self._presenters[self._current].open(event.key):
            return
        self.toggle_class("-detailed")

    def action_leave_detail(self) -> None:
        """Fold the detail; leave the zoom."""
        if self.has_class("-detailed"):
            self.remove_class("-detailed")
        elif self.has_class("-zoomed"):
            self.action_zoom()

    def on_key(self, _: events.Key) -> None:
        """Whoever presses a key has looked: what stands there is no longer new, once they move on."""
        alerts = self._presenters.get("alerts")
        if isinstance(alerts, AlertsPresenter) and self._current == "alerts":
            alerts.looked()

    def action_copy(self) -> None:
        """The identity of the selected item to the clipboard of the terminal."""
        keys = self._presenters[self._current].table.chosen_keys()
        if keys:
            self.app.copy_to_clipboard("\n".join(keys))
            self.notify(f"Copied {display(keys[0], 80)}", markup=False, timeout=3)

    # Commands ------------------------------------------------------------------------------------------------

    def _selection(self) -> dict[str, tuple[str, ...]]:
        # The pane that has the focus speaks first; the others still answer for their own kind.
        chosen: dict[str, tuple[str, ...]] = {}
        for name in (self._current, *self._names):
            for kind, keys in self._presenters[name].selection().items():
                chosen.setdefault(kind, keys)
        return chosen

    def _ready(self) -> Commanding | None:
        if self._commanding is None:
            self.notify("Still reading the configuration.", markup=False, timeout=2)
        return self._commanding

    def action_command(self, line: str) -> None:
        """Open the command line."""
        if self._ready() is not None:
            self._type(line)

    def _type(self, line: str, cursor: int | None = None) -> None:
        if self._line is not None:
            self._line.open(line, cursor)

    def on_command_line_edited(self, event: CommandLine.Edited) -> None:
        """Offer completions and explain the line."""
        if self._commanding is not None:
            self._commanding.edited(event.line, event.cursor)

    def on_command_line_submitted(self, event: CommandLine.Submitted) -> None:
        """Run the line."""
        if self._commanding is not None:
            self._commanding.submit(event.line)
        if self._line is not None and not self._line.is_open:
            self._go(self._current)

    def on_command_line_closed(self) -> None:
        """Back to the list."""
        self._go(self._current)

    def action_ack(self) -> None:
        """Ack what is selected; the line that did it is shown with its answer."""
        commanding = self._ready()
        ids = self._selection().get("alert", ())
        if commanding is None:
            return
        if not ids:
            self.notify("No alert is selected.", severity="warning", markup=False)
            return
        lines = [_line("/alerts ack", one) for one in ids]
        commanding.run_each(lines, f"Ack {len(ids)} alerts for 15m, each by itself", self._environment())

    def action_silence(self) -> None:
        """Begin a silence of the selected alert; the comment is asked."""
        ids = self._selection().get("alert", ())
        if self._ready() is None:
            return
        if not ids:
            self.notify("No alert is selected.", severity="warning", markup=False)
            return
        line = f'{_line("/alerts silence", ids[0])} --for 1h --comment ""'
        self._type(line, len(line) - 1)

    def action_incident(self) -> None:
        """Begin an incident; the selected alert suggests the title."""
        if self._ready() is None:
            return
        alerts = self._presenters["alerts"]
        alert = alerts.alert(alerts.table.cursor_key) if isinstance(alerts, AlertsPresenter) else None
        from services.registry import quote

        title = quote(f"{alert.name} {alert_rows.subject_of(alert)}".strip()) if alert is not None else ""
        line = f"/incident create {title}"
        self._type(line)

    def action_breaker(self) -> None:
        """Open the breaker at once; closing it asks for the reason."""
        commanding = self._ready()
        if commanding is None or self._desk is None or self._desk.circuit is None:
            return
        items = self._desk.circuit.snapshot.items
        if items and items[0].is_open:
            line = '/circuit close --reason ""'
            self._type(line, len(line) - 1)
        else:
            commanding.run("/circuit open")

    def action_help(self) -> None:
        """Keys and commands, as they are declared."""
        from screens.help import HelpScreen

        keys = [
            (self.app.get_key_display(binding.binding), binding.binding.description)
            for binding in self.active_bindings.values()
            if binding.binding.description and not binding.binding.system
        ]
        commands = self._desk.registry.commands if self._desk is not None else ()
        self.app.push_screen(HelpScreen(keys, commands))

    def run_line(self, line: str) -> None:
        """Run a slash line for the palette."""
        commanding = self._ready()
        if commanding is not None:
            commanding.run(line)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What is not offered here is not listed."""
        if action == "incident":
            return self._with_incidents
        if action == "leave_detail":
            return self.has_class("-detailed") or self.has_class("-zoomed")
        return True

    def _environment(self) -> str:
        alerts = self._presenters["alerts"]
        alert = alerts.alert(alerts.table.cursor_key) if isinstance(alerts, AlertsPresenter) else None
        return alert.environment if alert is not None else ""


def _line(command: str, identity: str) -> str:
    from services.registry import quote

    return f"{command} {quote(identity)}"
