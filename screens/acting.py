"""What the keys of the operations screen do to the selected item. Each becomes a slash line: keys teach them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from screens.alerts_presenter import AlertsPresenter
from screens.certainty import sure
from screens.commanding import Commanding
from screens.confirm import Question
from services.alerts.naming import told_apart
from services.incidents.model import LONGEST_TITLE
from services.registry import quote
from services.vocabulary.text import shorten
from widgets.alert_rows import subject_of
from widgets.command_line import CommandLine

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from services.alerts.model import Alert

_LISTED = 5
"""So many ids are written into a line."""


class Acting:
    """Turns a key into a line: one that runs at once, or one that waits in the command line for what is missing."""

    def __init__(
        self,
        screen: Screen[Any],
        desk: Desk,
        commanding: Commanding,
        line: CommandLine,
        alerts: AlertsPresenter,
        selection: Callable[[], Mapping[str, tuple[str, ...]]],
    ) -> None:
        self._screen = screen
        self._desk = desk
        self._commanding = commanding
        self._line = line
        self._alerts = alerts
        self._selection = selection

    def ack(self) -> None:
        """Ack what is selected; several are asked for once and acked one by one."""
        ids = self._ids()
        if not ids:
            return
        by_id = {alert.id: alert for alert in self._alerts.items}
        chosen = [by_id[one] for one in ids if one in by_id]
        told = told_apart(chosen, self._alerts.items)
        names = {alert.id: f"{alert.environment}  {words}" for alert, words in zip(chosen, told, strict=True)}
        tasks = [(f"/alerts ack {quote(one)}", names.get(one, one)) for one in ids]
        question = Question(
            f"Ack {len(ids)} alerts, each by itself",
            environment=", ".join(sorted({alert.environment for alert in chosen})),
            preview=tuple(name for _, name in tasks),
        )
        # What was selected has been dealt with: it must not wait further down for the next key.
        self._commanding.run_each(tasks, question, self._alerts.table.action_clear_selection)

    def silence(self) -> None:
        """Begin a silence of the selected alerts; the comment is still to be written."""
        if ids := self._ids():
            line = f'/alerts silence {_named(ids)}--for 1h --comment ""'
            self._line.open(line, len(line) - 1)

    def incident(self) -> None:
        """Begin an incident; the selected alert suggests the title."""
        alert = None
        if "alert" in self._selection():
            if not sure(self._screen, self._alerts.table):
                return
            alert = self._alert()
        title = f"{alert.name} {subject_of(alert)}".strip() if alert is not None else ""
        self._line.open(f"/incident create {quote(shorten(title, LONGEST_TITLE)) if title else ''}")

    def ask(self, command: str) -> None:
        """Ask ``command`` about the first of the selected alerts, at once: it changes nothing."""
        if ids := self._ids():
            self._commanding.run(f"/{command} {quote(ids[0])}")

    def escalate(self) -> None:
        """Begin to open, or to raise, the incident that owns the selected alerts; enter does it."""
        if ids := self._ids():
            self._line.open(f"/alerts escalate {_named(ids)}")

    def attach(self) -> None:
        """Begin to attach the selected alerts to an incident; which one is still to be chosen."""
        if ids := self._ids():
            self._line.open(f"/alerts group {_named(ids)}--incident ")

    def breaker(self) -> None:
        """Open the breaker at once; closing it asks for the reason."""
        items = self._desk.circuit.snapshot.items if self._desk.circuit is not None else ()
        if items and items[0].is_open:
            line = '/circuit close --reason ""'
            self._line.open(line, len(line) - 1)
        else:
            self._commanding.run("/circuit open")

    def undo(self) -> None:
        """Take one's own newest write back; the command asks first."""
        self._commanding.run("/undo last")

    def _ids(self) -> tuple[str, ...]:
        if not sure(self._screen, self._alerts.table):
            return ()
        ids = self._selection().get("alert", ())
        if not ids:
            self._screen.notify("No alert is selected.", severity="warning", markup=False)
        return ids

    def _alert(self) -> Alert | None:
        return self._alerts.alert(self._alerts.table.cursor_key)


def _named(ids: Sequence[str]) -> str:
    # More than a person reads in a line: what is selected stands for them.
    return "".join(f"{quote(one)} " for one in ids) if len(ids) <= _LISTED else ""
