"""The wallboard: read from five metres, writes nothing, needs no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

import themes
from screens.arranging import Arranger, Work
from screens.wall_sections import alerts_section, incidents_section, rollouts_section, skeleton_sections
from screens.wall_sight import Memory, Sight, Tally, tally
from screens.wall_truth import headline_of, no_alert_source
from services.alerts.model import Alert
from services.alerts.view import AlertsView, arrange
from services.vocabulary.clock import Clock
from services.vocabulary.snapshot import Freshness, FreshnessState
from widgets.composition import SparingCompositor
from widgets.wall_canvas import WallCanvas
from widgets.wall_headline import Headline
from widgets.wall_layout import WallState, draw_wall

if TYPE_CHECKING:
    from screens.desk import Desk

PATIENCE = 15.0
"""Seconds after the start in which silence is no news."""
PAGE_SECONDS = 10.0
"""How long a page stands."""
SHIFT_SECONDS = 180.0
"""How often everything moves by a cell, so that nothing burns in."""

_OFFERED = frozenset({"help", "leave", "theme"})


class WallboardScreen(Screen[None]):
    """One line of truth in large letters, and what stands behind it. It follows feeds and has no way to write."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,escape", "leave", "Back to operations", id="wallboard.leave"),
        Binding("t", "theme", "Next theme", id="wallboard.theme"),
        Binding("question_mark,f1", "help", "Help", id="wallboard.help", key_display="?"),
    ]

    def __init__(self, *, clock: Clock, demo: bool, alone: bool) -> None:
        """
        Args:
            clock: for everything that shows or measures a time.
            demo: whether everything shown is simulated.
            alone: whether it is the only screen of the program: no key leads away but the one that quits.
        """
        super().__init__(id="wallboard")
        self._compositor = SparingCompositor()
        self._clock = clock
        self._demo = demo
        self._alone = alone
        self._desk: Desk | None = None
        self._following: list[Callable[[], None]] = []
        self._canvas: WallCanvas[WallState] = WallCanvas(draw_wall)
        self._begun = clock.now()
        self._begun_at = clock.monotonic()
        self._memory = Memory()
        self._view: AlertsView | None = None
        self._tallies: Mapping[str, Tally] = {}
        self._arranger: Arranger[Survey] = Arranger(
            self, "arrange", gather=self._gather, show=self._arranged, failed=self._not_arranged
        )
        self._failure: tuple[datetime, str] | None = None
        self._due = False

    def compose(self) -> ComposeResult:
        """One surface."""
        yield self._canvas

    def on_mount(self) -> None:
        """The clock begins to tick."""
        self._begun = self._clock.now()
        self._begun_at = self._clock.monotonic()
        self.set_interval(1.0, self.tick)
        self._follow()
        self.tick()

    def on_unmount(self) -> None:
        """Nothing is followed any more."""
        for unsubscribe in self._following:
            unsubscribe()
        self._following.clear()

    def on_screen_resume(self) -> None:
        """Back from the help: catch up."""
        self.tick()

    def attach(self, desk: Desk) -> None:
        """Follow the sources; before it is mounted, from then on."""
        self._desk = desk
        if self.is_attached and self.is_mounted:
            self._follow()

    def _follow(self) -> None:
        desk = self._desk
        if desk is None or self._following:
            return
        self._following = [feed.subscribe(lambda _: self._arrange()) for feed in desk.alerts.values()]
        rest = (*desk.deployments.values(), desk.incidents, desk.duties, desk.circuit)
        self._following += [feed.subscribe(lambda _: self._soon()) for feed in rest if feed is not None]
        self._arrange()

    # Alerts --------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        if self._desk is not None:
            self._arranger.arrange()

    def _gather(self) -> Work[Survey]:
        feeds = self._desk.alerts if self._desk is not None else {}
        alerts = {cluster: feed.snapshot.items for cluster, feed in feeds.items()}
        return Work(sum(map(len, alerts.values())), partial(_survey, alerts))

    def _arranged(self, survey: Survey) -> None:
        self._view, self._tallies = survey
        self._failure = None
        self._soon()

    def _not_arranged(self, error: Exception) -> None:
        since = self._failure[0] if self._failure is not None else self._clock.now()
        reason = f"the console failed to count the alerts: {type(error).__name__}: {error}".removesuffix(": ")
        self._failure = (since, reason)
        self._soon()

    def _alert_sources(self) -> dict[str, Freshness]:
        """How far what stands here of each cluster can be trusted: not at all where the console itself failed."""
        feeds = self._desk.alerts if self._desk is not None else {}
        sources = {name: feed.snapshot.freshness for name, feed in feeds.items()}
        if self._failure is None:
            return sources
        at, reason = self._failure
        return {
            name: replace(
                one,
                state=FreshnessState.FAILING if one.checked_at is None else FreshnessState.STALE,
                checked_at=one.checked_at and min(one.checked_at, at),
                failing_since=at,
                reason=reason,
            )
            for name, one in sources.items()
        }

    # The picture ---------------------------------------------------------------------------------------------

    def _soon(self) -> None:
        # Sources answer in bursts: one picture for all of them.
        if not self._due:
            self._due = True
            self.call_later(self._draw_due)

    def _draw_due(self) -> None:
        if self._due:
            self.tick()

    def tick(self) -> None:
        """Draw this moment: once a second, and soon after a source has news."""
        self._due = False
        if not (self.is_attached and self.is_mounted):
            return
        now = self._clock.now()
        sights = self._sights()
        self._memory.look(sights, now)
        if self.is_current:
            self._canvas.state = self._state(sights, now)

    @property
    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._begun_at

    @property
    def _patient(self) -> bool:
        return self._elapsed < PATIENCE

    def _sights(self) -> tuple[Sight, ...]:
        if self._view is None and self._failure is None:
            return ()
        return tuple(
            Sight(cluster, freshness, self._tallies.get(cluster, Tally()))
            for cluster, freshness in self._alert_sources().items()
        )

    def _headline(self, sights: Sequence[Sight], now: datetime) -> Headline:
        if self._desk is not None and not self._desk.alerts:
            return no_alert_source()
        silent = self._desk.missing() if self._desk is not None else ()
        return headline_of(sights, self._memory, now, begun=self._begun, patient=self._patient, silent=silent)

    def _state(self, sights: Sequence[Sight], now: datetime) -> WallState:
        desk = self._desk
        turn, shift = int(self._elapsed // PAGE_SECONDS), int(self._elapsed // SHIFT_SECONDS)
        hint = "? help" if self._alone else "esc back"
        if desk is None:
            return WallState(
                now,
                self._headline(sights, now),
                skeleton_sections(self._clock),
                starting=self._patient,
                demo=self._demo,
                hint=hint,
                shift=shift,
            )
        duties, circuit = desk.duties, desk.circuit
        seen = circuit.snapshot if circuit is not None else None
        return WallState(
            now,
            self._headline(sights, now),
            self._sections(desk, now),
            duties=duties.snapshot.items if duties is not None else None,
            duties_known=duties is not None and duties.snapshot.freshness.trusted,
            circuit=seen.items[0] if seen is not None and seen.items else None,
            circuit_known=seen is not None and seen.freshness.trusted,
            open_sources=sum(one.is_open for one in seen.items[1:]) if seen is not None else 0,
            starting=seen is None or (self._patient and seen.freshness.state is FreshnessState.WAITING),
            sources=desk.freshness,
            environments=desk.environments,
            demo=self._demo or desk.demo,
            hint=hint,
            turn=turn,
            shift=shift,
        )

    def _sections(self, desk: Desk, now: datetime) -> tuple[Any, ...]:
        clock = self._clock
        sections: list[Any] = []
        if desk.alerts:
            sources = self._alert_sources()
            sections.append(alerts_section(self._view, sources, clock, now, patient=self._patient))
        if desk.incidents is not None:
            seen = desk.incidents.snapshot
            sections.append(incidents_section(seen.items, seen.freshness, clock, patient=self._patient))
        if desk.deployments:
            sources = _by_name(desk.deployments)
            items = [item for feed in desk.deployments.values() for item in feed.snapshot.items]
            sections.append(rollouts_section(items, sources, clock, now, patient=self._patient))
        return tuple(sections)

    # Keys ----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only what changes nothing but this screen; alone, not even leaving it."""
        if action == "leave":
            return not self._alone
        return action in _OFFERED

    def action_leave(self) -> None:
        """Back to where the person came from."""
        self.dismiss(None)

    def action_theme(self) -> None:
        """The next theme."""
        names = themes.NAMES
        present = self.app.theme
        self.app.theme = names[(names.index(present) + 1) % len(names)] if present in names else names[0]

    def action_help(self) -> None:
        """The few keys there are."""
        from screens.help import HelpScreen

        keys = [
            ("t", "Next theme"),
            ("ctrl+p", "Palette: themes, help, quit"),
            ("? f1", "This help"),
            ("ctrl+q", "Quit"),
        ]
        if self._alone:
            keys.append(("", "This wallboard stands alone: only ctrl+q leaves it."))
        else:
            keys.insert(0, ("w, escape", "Back to operations"))
        keys.append(("", "Nothing can be written from here; it pages by itself."))
        self.app.push_screen(HelpScreen(keys, ()))


Survey = tuple[AlertsView, Mapping[str, Tally]]
"""The lists' rows, and what each cluster counts."""


def _survey(alerts: Mapping[str, Sequence[Alert]]) -> Survey:
    view = arrange([alert for items in alerts.values() for alert in items])
    return view, {cluster: tally(items) for cluster, items in alerts.items()}


def _by_name(feeds: Mapping[str, Any]) -> dict[str, Freshness]:
    return {name: feed.snapshot.freshness for name, feed in feeds.items()}
