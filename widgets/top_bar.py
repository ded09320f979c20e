"""The first line of every screen: where this is, whether it can be trusted, whether writes are possible, the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content, Span
from textual.reactive import reactive
from textual.widget import Widget

from services.vocabulary.durations import format_age
from services.vocabulary.snapshot import Freshness, FreshnessState
from services.vocabulary.text import display


@dataclass(frozen=True, slots=True)
class BarState:
    """What the bar shows.

    Attributes:
        now: UTC.
        environments: as configured.
        sources: the freshness of every source.
        circuit_open: None as long as the store gives no fresh answer; open holds until it does.
        operator: the configured name.
        read_only: whether nothing can be written from here.
        to_approve: how many requests of others wait for a second person.
        to_run: how many of one's own were approved and not yet used.
    """

    now: datetime
    environments: tuple[str, ...] = ()
    sources: tuple[Freshness, ...] = ()
    circuit_open: bool | None = None
    operator: str = ""
    read_only: bool = False
    to_approve: int = 0
    to_run: int = 0


class TopBar(Widget):
    """One line. Names go first when the line gets too short, the state of the breaker and the clock last."""

    DEFAULT_CSS = """
    TopBar { height: 1; width: 1fr; padding: 0 1; background: $panel; color: $foreground; }
    TopBar:ansi { text-style: none; }
    """

    state: reactive[BarState | None] = reactive(None, repaint=False)

    _drawn: tuple[str, tuple[Span, ...]] | None = None
    _made: tuple[BarState | None, int, Content] | None = None

    def watch_state(self) -> None:
        """Sources answer several times a second; only what looks different is drawn."""
        content = self.render()
        looks = (content.plain, tuple(content.spans))
        if looks != self._drawn:
            self._drawn = looks
            self.refresh()

    def render(self) -> Content:
        """The whole line; made once, though it is asked for again to draw it."""
        state, width = self.state, self.content_size.width
        if self._made is None or self._made[0] is not state or self._made[1] != width:
            self._made = (state, width, _line(state, width))
        return self._made[2]


def _line(state: BarState | None, width: int) -> Content:
    if state is None:
        return Content.styled("sre-console", "bold")
    right = _right(state, wide=width >= 100)
    # Ordered by what can be spared first.
    for left in _lefts(state):
        gap = width - left.cell_length - right.cell_length
        if gap >= 2:
            return Content.assemble(left, " " * gap, right)
    gap = max(1, width - right.cell_length)
    return Content.assemble(" " * gap, right)


def environments_text(environments: Sequence[str]) -> Content:
    """The names, production ones in a colour of their own."""
    parts: list[Content] = []
    for name in environments:
        if parts:
            parts.append(Content.styled(", ", "$text-quiet"))
        parts.append(Content.styled(display(name, 24), environment_style(name)))
    return Content.assemble(*parts)


def environment_style(name: str) -> str:
    """How the name of an environment is drawn: production must stand out wherever it matters."""
    return "bold $environment-production" if name.lower().startswith("prod") else "bold $foreground"


def sources_text(sources: Sequence[Freshness], now: datetime, *, brief: bool = False) -> Content:
    """``● 5 live`` and behind it each source that is not, with how long."""
    judged = [source.at(now) for source in sources]
    live = sum(source.trusted for source in judged)
    bad = [source for source in judged if source.state in (FreshnessState.STALE, FreshnessState.FAILING)]
    waiting = sum(source.state is FreshnessState.WAITING for source in judged)
    parts: list[Content] = [
        Content.styled(
            f"{FreshnessState.FRESH.glyph} {live} live", "$state-good" if live and not bad else "$text-quiet"
        )
    ]
    if waiting:
        parts.append(Content.styled(f"  {FreshnessState.WAITING.glyph} {waiting} connecting", "$text-quiet"))
    if brief and len(bad) > 1:
        parts.append(Content.styled(f"  {FreshnessState.STALE.glyph} {len(bad)} not live", "bold $warning"))
        return Content.assemble(*parts)
    for source in bad:
        since = source.checked_at if source.state is FreshnessState.STALE else source.failing_since
        age = f" {format_age(now - since)}" if since else ""
        style = "bold $warning" if source.state is FreshnessState.STALE else "bold $error"
        words = f"  {source.state.glyph} {display(source.source, 28)} {source.state.value}{age}"
        parts.append(Content.styled(words, style))
    return Content.assemble(*parts)


def _lefts(state: BarState) -> Iterator[Content]:
    name = Content.styled("sre-console", "bold")
    environments = environments_text(state.environments)
    sources = sources_text(state.sources, state.now)
    yield Content.assemble(name, "  ", environments, "   ", sources)
    yield Content.assemble(environments, "   ", sources)
    brief = sources_text(state.sources, state.now, brief=True)
    yield Content.assemble(environments, "  ", brief)
    yield brief


def _right(state: BarState, *, wide: bool) -> Content:
    parts: list[Content] = []
    if state.to_approve:
        parts.append(Content.styled(f"! {state.to_approve} to approve (p)", "bold $warning"))
    if state.to_run:
        parts.append(Content.styled(f"✓ {state.to_run} to run (p)", "bold $state-good"))
    if state.read_only:
        parts.append(Content.styled("read-only", "bold $text-quiet"))
    if state.circuit_open is None:
        parts.append(Content.styled("⊘ breaker unknown", "bold $warning"))
    elif state.circuit_open:
        parts.append(Content.styled(" ⊘ BREAKER OPEN ", "bold $band-open-text on $band-open"))
    else:
        parts.append(Content.styled("breaker closed", "$text-quiet"))
    if wide and state.operator and not state.read_only:
        parts.append(Content.styled(display(state.operator, 16), "$text-quiet"))
    local = state.now.astimezone()
    parts.append(Content.styled(state.now.strftime("%H:%M:%S UTC"), "bold"))
    if wide and local.utcoffset():
        zone = local.tzname() or local.strftime("%z")
        parts.append(Content.styled(f"{local:%H:%M} {display(zone, 8)}", "$text-quiet"))
    return Content("  ").join(parts)
