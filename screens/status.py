"""What stands above the panes: the bar and the bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from services.vocabulary.durations import format_age
from services.vocabulary.snapshot import FreshnessState
from services.vocabulary.text import display
from widgets.band import Band
from widgets.top_bar import BarState, TopBar

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.approving import Approving
    from screens.desk import Desk
    from services.safety.circuit import Circuit


class Status:
    """Draws the bar and the bands of one screen from a desk."""

    def __init__(
        self, screen: Screen[Any], desk: Desk, *, read_only: bool = False, approving: Approving | None = None
    ) -> None:
        """
        Args:
            screen: holds a :class:`TopBar`, a :class:`Band` of class ``-circuit`` and perhaps one of ``-trouble``.
            desk: the sources.
            read_only: whether nothing can be written from the screen.
            approving: counts what waits for a second person; None where nobody is told.
        """
        self._screen = screen
        # Looked up once: they are drawn every second, and looking through the whole screen costs more than drawing.
        self._bar = screen.query_one(TopBar)
        self._band = screen.query_one(".-circuit", Band)
        self._heartbeats = tuple(screen.query(".-heartbeat").results(Band))
        self._troubles = tuple(screen.query(".-trouble").results(Band))
        self._desk = desk
        self._read_only = read_only
        self._approving = approving

    @property
    def circuit(self) -> Circuit | None:
        """The breaker as last seen; None as long as the store has not answered."""
        feed = self._desk.circuit
        return feed.snapshot.items[0] if feed is not None and feed.snapshot.items else None

    def draw(self) -> None:
        """Once a second, and whenever a source has news."""
        # The clock shows seconds: within one, the same state is not drawn again.
        now = self._desk.clock.now().replace(microsecond=0)
        circuit = self.circuit
        feed = self._desk.circuit
        fresh = feed is not None and feed.snapshot.freshness.trusted
        # Closed is said only while the store says so; open stays open until it says otherwise.
        is_open = None if circuit is None or not (circuit.is_open or fresh) else circuit.is_open
        to_approve, to_run = (0, 0) if self._approving is None else self._approving.counts
        self._bar.state = BarState(
            now=now,
            environments=self._desk.environments,
            sources=self._desk.freshness,
            circuit_open=is_open,
            operator=self._desk.operator,
            read_only=self._read_only,
            to_approve=to_approve,
            to_run=to_run,
        )
        self._screen.set_class(bool(is_open), "-circuit-open")
        words = self._circuit_words(circuit) if is_open else self._source_words()
        self._band.say(words)
        for band in self._heartbeats:
            band.say(self._missing_words())
        for band in self._troubles:
            band.say(self._fault_words())

    def _fault_words(self) -> Content | None:
        broken = self._desk.fault()
        if broken is None or broken.failing_since is None:
            return None
        age = format_age(self._desk.clock.now() - broken.failing_since)
        return Content(f"✗ PART OF THE CONSOLE IS BROKEN for {age}: {display(broken.reason, 300)}")

    def _missing_words(self) -> Content | None:
        """Alerts that must always fire and do not: then nothing else in the list can be believed."""
        missing = self._desk.missing()
        if not missing:
            return None
        now = self._desk.clock.now()
        told = [
            f"{display(one.name, 40)} in {display(one.cluster, 30)} "
            + (f"last seen {format_age(now - one.since)} ago" if one.seen else "never seen")
            for one in missing[:2]
        ]
        if len(missing) > 2:
            told.append(f"and {len(missing) - 2} more")
        return Content("  ·  ".join(["✗ NO HEARTBEAT: alerts may not arrive", *told, "look at Prometheus"]))

    def _source_words(self) -> Content | None:
        """The breakers of sources that are open while the circuit is closed; None for none."""
        feed = self._desk.circuit
        now = self._desk.clock.now()
        opened = [one for one in feed.snapshot.items[1:] if one.is_open] if feed is not None else []
        if not opened:
            return None
        told = [f"{display(one.scope, 40)} {one.standing(now).value}: {display(one.reason, 60)}" for one in opened[:2]]
        if len(opened) > 2:
            told.append(f"and {len(opened) - 2} more")
        return Content("  ·  ".join(["⊘ WRITES REFUSED", *told, "/circuit status"]))

    def _circuit_words(self, circuit: Circuit | None) -> Content | None:
        if circuit is None:
            return None
        now = self._desk.clock.now()
        parts = ["⊘ CIRCUIT OPEN: every write to an outside system is refused"]
        if circuit.changed_at is not None:
            parts.append(f"by {display(circuit.changed_by, 24) or 'itself'} {format_age(now - circuit.changed_at)} ago")
        parts.append(display(circuit.reason, 80) if circuit.reason else "no reason given")
        if not circuit.manual:
            parts.append(circuit.outlook(now))
        if not self._read_only:
            parts.append("b closes it")
        feed = self._desk.circuit
        if feed is not None and feed.snapshot.freshness.state is not FreshnessState.FRESH:
            parts.append("as last known")
        return Content("  ·  ".join(parts))
