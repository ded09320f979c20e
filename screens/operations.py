"""The operations screen: four live panes, what is known of the selected item, one command line."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.screen import Screen

from services.vocabulary.text import display
from widgets.band import Band
from widgets.composition import SparingCompositor
from widgets.detail import DetailStrip
from widgets.key_line import KeyLine
from widgets.pane import Pane
from widgets.pane_tabs import PaneTabs, Tab
from widgets.top_bar import TopBar

if TYPE_CHECKING:
    from screens.approvals import Choice
    from screens.desk import Desk
    from screens.furniture import Furniture
    from screens.tools import Tools
    from services.feed import Feed
    from services.vocabulary.snapshot import Snapshot
    from widgets.command_line import CommandLine
    from widgets.record_table import RecordTable

_PANES = {"alerts": "Alerts", "incidents": "Incidents", "deployments": "Deployments", "oncall": "On-call"}
_EXAMPLES = {"alerts": "checkout severity=critical pod=~web-.*", "deployments": "shop checkout"}


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
        Binding("e", "escalate", "Escalate the alerts to an incident", id="alerts.escalate", show=False),
        Binding("E", "attach", "Attach the alerts to an incident", id="alerts.group", show=False),
        Binding("d", "ask('alerts why')", "Why the alert fires", id="alerts.why", show=False),
        Binding("h", "ask('alerts history')", "History of the alert", id="alerts.history", show=False),
        Binding("f", "filter", "Filter", id="console.filter"),
        Binding("c", "correlate", "Alerts by problem, or alike ones together", id="alerts.correlate", show=False),
        Binding("v", "views", "Views of the alerts", id="alerts.views", show=False),
        Binding("o", "labels", "Labels of the alerts, to filter by one", id="alerts.labels", show=False),
        Binding("plus", "unfold(True)", "Unfold every group", id="alerts.unfold", key_display="+", show=False),
        Binding("minus", "unfold(False)", "Fold every group", id="alerts.fold", key_display="-", show=False),
        Binding("z", "zoom", "Zoom", id="console.zoom", show=False),
        Binding("b", "breaker", "Breaker", id="circuit.toggle"),
        Binding("u", "undo", "Undo your newest write", id="undo.last", show=False),
        Binding("p", "approvals", "Approvals", id="approvals.open", show=False),
        Binding("w", "app.wallboard", "Wall", id="console.wallboard"),
        Binding("y", "copy", "Copy", id="console.copy", show=False),
        Binding("r", "refresh_sources", "Read every source now", id="console.refresh", show=False),
        Binding("question_mark,f1", "help", "Help", id="console.help", key_display="?"),
        Binding("J", "scroll_detail(1)", "Scroll the detail down", id="detail.down", show=False),
        Binding("K", "scroll_detail(-1)", "Scroll the detail up", id="detail.up", show=False),
        Binding("escape", "leave_detail", "Back to the lists", id="console.back", show=False),
    ]

    def __init__(self, *, incidents: bool = True, demo: bool = False) -> None:
        """
        Args:
            incidents: whether there is a pane of incidents.
            demo: whether to say that everything shown is simulated.
        """
        super().__init__(id="operations")
        self._compositor = SparingCompositor()
        self._names = tuple(name for name in _PANES if incidents or name != "incidents")
        self._demo = demo
        self._desk: Desk | None = None
        self._furniture: Furniture | None = None
        self._tools: Tools | None = None
        self._current = "alerts"
        self._told: dict[Feed[Any], object] = {}
        self._ticks = 0

    def compose(self) -> ComposeResult:
        """What the first picture shows; what fills it comes with :meth:`attach`."""
        yield TopBar()
        yield Band(classes="-demo")
        yield Band(classes="-heartbeat")
        yield Band(classes="-circuit")
        yield Band(classes="-trouble")
        yield Band(classes="-progress")
        yield PaneTabs()
        with Grid(id="panes", classes="" if "incidents" in self._names else "-three"):
            for name in self._names:
                yield Pane(_PANES[name], id=name, example=_EXAMPLES.get(name, ""))
        yield DetailStrip()
        yield KeyLine()

    def on_mount(self) -> None:
        """Say that it is a demo, if it is one."""
        if self._demo:
            words = "DEMO  a simulated production; nothing here is real, all is gone when you leave"
            self.query_one(".-demo", Band).say(Content.styled(words, "bold"))
        self._place()

    def attach(self, desk: Desk) -> None:
        """Follow the sources of ``desk`` and offer its commands."""
        from screens.furniture import furnish

        self._desk = desk
        self._furniture = furnish(self, desk, {name: self._pane(name) for name in self._names})
        for feed in desk.feeds:
            feed.subscribe(partial(self._heard, feed))
        if desk.approvals is not None:
            desk.approvals.subscribe(lambda _: self._approvals_changed())
            self._approvals_changed()
        for words in desk.warnings:
            self.notify(display(words, 300), severity="warning", timeout=15, markup=False)
        self.set_interval(1.0, self._tick)
        self._go(self._current)
        self._changed()

    def _pane(self, name: str) -> Pane:
        return self.query_one(f"#{name}", Pane)

    def _tick(self) -> None:
        if self._furniture is not None and self.is_current:
            self._furniture.tick()
            self._ticks += 1
            if self._tools is not None and self._ticks % self._furniture.ages_every == 0:
                self._tools.details.refresh(self._current)

    def _heard(self, feed: Feed[Any], snapshot: Snapshot[Any]) -> None:
        # Most answers confirm what stands here already; that they came is told by the next tick.
        freshness = snapshot.freshness
        told = (freshness.state, freshness.reason, freshness.partial, snapshot.items)
        if self._told.get(feed) != told:
            self._told[feed] = told
            self._changed()

    def _changed(self) -> None:
        if not self.is_attached or self._furniture is None:
            return
        self._furniture.status.draw()
        self._tabs()
        if self._tools is not None:
            self._tools.details.refresh(self._current)
        elif not self._furniture.alerts.waiting:
            # The rows come first; what works on them is imported behind them.
            self.call_after_refresh(self._equip)

    def _equip(self) -> None:
        if self._tools is None and self._furniture is not None and self._desk is not None and self.is_attached:
            from screens.tools import equip

            self._tools = equip(self, self._desk, self._furniture, self._selection)
            self._tools.details.refresh(self._current)

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
        if self._furniture is not None:
            self._pane(self._current).open_filter()

    def action_correlate(self) -> None:
        """Group the alerts by what probably has one cause, or alike ones together again."""
        if self._furniture is not None:
            if self._current != "alerts":
                self._go("alerts")
            self._furniture.alerts.group_by_problem()

    def action_unfold(self, unfold: bool) -> None:
        """Unfold every group of alerts, or fold all."""
        if self._furniture is not None:
            self._furniture.alerts.unfold_all(unfold=unfold)

    async def action_views(self) -> None:
        """Choose by which view the alerts are shown."""
        if tools := await self._ready():
            tools.viewing.choose_view()

    async def action_labels(self) -> None:
        """Look over the labels of the alerts, and filter by one."""
        if tools := await self._ready():
            tools.viewing.choose_label()

    def action_refresh_sources(self) -> None:
        """Read every source now."""
        if self._desk is not None:
            self._desk.refresh()
            self.notify("Reading every source now.", markup=False, timeout=2)

    def _go(self, name: str) -> None:
        self._current = name
        self._place()
        if self._furniture is not None:
            self.set_focus(self._pane(name).table)

    def _place(self) -> None:
        alone = self.has_class("-zoomed") or self.has_class("-narrow")
        for name in self._names:
            self._pane(name).set_class(alone and name != self._current, "-away")
        self._tabs()

    def _tabs(self) -> None:
        tabs = self.query_one(PaneTabs)
        presenters = self._furniture.presenters if self._furniture is not None else {}
        tabs.current = self._current
        tabs.tabs = tuple(
            Tab(name, _PANES[name], presenters[name].attention, presenters[name].urgent)
            if name in presenters
            else Tab(name, _PANES[name], 0, False)
            for name in self._names
        )

    def on_resize(self, _: events.Resize) -> None:
        """Breakpoints changed: fold or unfold the panes."""
        self.call_after_refresh(self._place)

    @on(PaneTabs.Chosen)
    def _tab_chosen(self, event: PaneTabs.Chosen) -> None:
        self._go(event.pane)

    @on(Pane.Filtered)
    def _filtered(self, event: Pane.Filtered) -> None:
        presenter = self._furniture.presenters.get(event.pane.id or "") if self._furniture is not None else None
        if presenter is not None:
            presenter.arrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The pane that has the focus is the current one; a click counts."""
        pane = next((node for node in event.widget.ancestors_with_self if isinstance(node, Pane)), None)
        if pane is None:
            return
        if pane.id is not None and pane.id != self._current:
            self._current = pane.id
            self._place()
        self._detail()

    # Items ---------------------------------------------------------------------------------------------------

    def on_record_table_highlighted(self, _: RecordTable.Highlighted) -> None:
        """Another row: another detail."""
        self._detail()

    def _detail(self) -> None:
        if self._tools is not None:
            self._tools.details.refresh(self._current)

    def on_record_table_opened(self, event: RecordTable.Opened) -> None:
        """Unfold a group; show more of anything else."""
        if self._furniture is None:
            return
        # The pane that was meant, whatever the next key has led to since.
        presenter = next((one for one in self._furniture.presenters.values() if one.table is event.table), None)
        if presenter is not None and not presenter.open(event.key):
            self.toggle_class("-detailed")

    def action_scroll_detail(self, step: int) -> None:
        """Show what lies below or above in the detail."""
        self.query_one(DetailStrip).scroll_part(step)

    def action_leave_detail(self) -> None:
        """Fold the detail; leave the zoom."""
        if self.has_class("-detailed"):
            self.remove_class("-detailed")
        elif self.has_class("-zoomed"):
            self.action_zoom()

    def on_key(self, _: events.Key) -> None:
        """A key that does nothing here was pressed by somebody too."""
        self.looked()

    def looked(self) -> None:
        """Whoever presses a key in the alerts has looked: what stands there is no longer new."""
        if self._furniture is not None and self._current == "alerts":
            self._furniture.alerts.looked()

    def action_copy(self) -> None:
        """The identities of the selected items to the clipboard of the terminal: of a folded row, all behind it.

        What is copied is pasted into a shell next, so it goes the same road as what is drawn.
        """
        if self._furniture is None:
            return
        presenter = self._furniture.presenters[self._current]
        chosen = presenter.selection().get(presenter.kind) if presenter.kind else presenter.table.chosen_keys()
        if chosen:
            self.app.copy_to_clipboard("\n".join(display(one) for one in chosen))
            more = f" and {len(chosen) - 1} more" if len(chosen) > 1 else ""
            self.notify(f"Copied {display(chosen[0], 80)}{more}", markup=False, timeout=3)

    # Commands ------------------------------------------------------------------------------------------------

    def _selection(self) -> dict[str, tuple[str, ...]]:
        # The pane that has the focus speaks first; the others still answer for their own kind, where they are seen.
        chosen: dict[str, tuple[str, ...]] = {}
        if self._furniture is not None:
            for name in (self._current, *self._names):
                if self._pane(name).has_class("-away"):
                    continue
                for kind, keys in self._furniture.presenters[name].selection().items():
                    chosen.setdefault(kind, keys)
        return chosen

    async def _ready(self) -> Tools | None:
        self._equip()
        if self._tools is None:
            self.notify("Still reading the configuration.", markup=False, timeout=2)
            return None
        # Until the line can be typed into, the next key waits: it must not be taken for one of the lists.
        await self._tools.line.stands()
        return self._tools

    async def action_command(self, line: str) -> None:
        """Open the command line."""
        if tools := await self._ready():
            tools.line.open(line)

    def on_command_line_edited(self, event: CommandLine.Edited) -> None:
        """Offer completions and explain the line."""
        if self._tools is not None:
            self._tools.commanding.edited(event.line, event.cursor)

    def on_command_line_submitted(self, event: CommandLine.Submitted) -> None:
        """Run the line."""
        if self._tools is not None:
            self._tools.commanding.submit(event.line)
            if not self._tools.line.is_open:
                self._go(self._current)

    def on_command_line_closed(self) -> None:
        """Back to the list."""
        self._go(self._current)

    async def action_ack(self) -> None:
        """Ack what is selected."""
        if (tools := await self._ready()) and self._alerts_in_sight():
            tools.acting.ack()

    async def action_silence(self) -> None:
        """Begin a silence of what is selected."""
        if (tools := await self._ready()) and self._alerts_in_sight():
            tools.acting.silence()

    async def action_ask(self, command: str) -> None:
        """Ask about the alert under the cursor."""
        if (tools := await self._ready()) and self._alerts_in_sight():
            tools.acting.ask(command)

    async def action_escalate(self) -> None:
        """Begin to escalate what is selected."""
        if (tools := await self._ready()) and self._alerts_in_sight():
            tools.acting.escalate()

    async def action_attach(self) -> None:
        """Begin to attach what is selected to an incident."""
        if (tools := await self._ready()) and self._alerts_in_sight():
            tools.acting.attach()

    def _alerts_in_sight(self) -> bool:
        # Nobody acts on a row that they do not see.
        if not self._pane("alerts").has_class("-away"):
            return True
        self._go("alerts")
        self.notify("Here are the alerts. Look where the cursor stands, then press again.", markup=False)
        return False

    async def action_incident(self) -> None:
        """Begin an incident."""
        if tools := await self._ready():
            tools.acting.incident()

    async def action_breaker(self) -> None:
        """Open the breaker, or begin to close it."""
        if tools := await self._ready():
            tools.acting.breaker()

    async def action_undo(self) -> None:
        """Take one's own newest write back, after a question."""
        if tools := await self._ready():
            tools.acting.undo()

    def _approvals_changed(self) -> None:
        if self.is_attached and self._furniture is not None:
            self._furniture.approving.look()
            self._furniture.status.draw()

    def action_approvals(self) -> None:
        """What waits for a second person."""
        if self._desk is not None and self._desk.approvals is not None:
            from screens.approvals import ApprovalsScreen

            self.app.push_screen(ApprovalsScreen(self._desk), self._decided)

    def _decided(self, choice: Choice | None) -> None:
        self._equip()
        if choice is None or self._tools is None:
            return
        if choice.run:
            self._tools.commanding.run(choice.line)
        else:
            self._tools.line.open(choice.line, len(choice.line) - 1)

    def action_help(self) -> None:
        """Keys and commands, as they are declared."""
        from screens.help import HelpScreen

        # Ours have an id; what Textual's own widgets bind besides is left to be found.
        keys: dict[str, tuple[list[str], str]] = {}
        for active in self.active_bindings.values():
            binding = active.binding
            if binding.id is None:
                continue
            panes = binding.id.startswith("console.pane-")
            words = ", ".join(_PANES[name].lower() for name in self._names) if panes else binding.description
            signs, _ = keys.setdefault("console.panes" if panes else binding.id, ([], words))
            # One sign may stand for several keys in the last line; here each is named.
            signs.append(self.app.get_key_display(replace(binding, key_display=None)))
        commands = self._desk.registry.commands if self._desk is not None else ()
        self.app.push_screen(HelpScreen([(" ".join(signs), words) for signs, words in keys.values()], commands))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What is not offered here is not listed."""
        if action in ("incident", "escalate", "attach"):
            return "incidents" in self._names
        if action == "leave_detail":
            return self.has_class("-detailed") or self.has_class("-zoomed")
        return True
