"""The panes of deployments, incidents and on-call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from screens.counting import counted, honest, narrowed, nothing_passes
from screens.presenters import Presenter
from services.deployments.model import Deployment
from services.deployments.view import arrange as arrange_deployments
from services.deployments.view import count as count_deployments
from services.deployments.view import matching as matching_deployments
from services.incidents.model import Incident
from services.incidents.view import arrange as arrange_incidents
from services.incidents.view import count as count_incidents
from services.oncall.model import Duty
from services.vocabulary.snapshot import Freshness

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class RecordPage(Generic[ItemT]):
    """A finished page.

    Attributes:
        rows: what the list shows.
        items: everything there is.
        filter: what the person typed to narrow it (raw).
    """

    rows: tuple[ItemT, ...]
    items: tuple[ItemT, ...]
    filter: str


class DeploymentsPresenter(Presenter[Deployment, RecordPage[Deployment]]):
    """What is in trouble first, then what moves, then what changed last."""

    kind = "deployment"

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._trouble = 0
        self._by_id: dict[str, Deployment] = {}

    @property
    def attention(self) -> int:
        """How many are failed, degraded or cannot start their pods."""
        return self._trouble

    @property
    def urgent(self) -> bool:
        """Trouble here hurts users."""
        return bool(self._trouble)

    def deployment(self, key: str | None) -> Deployment | None:
        """The deployment of a row."""
        return self._by_id.get(key or "")

    def _page(self, items: Sequence[Deployment]) -> Callable[[], RecordPage[Deployment]]:
        return partial(_deployments, tuple(items), self.pane.filter)

    def _draw(self, page: RecordPage[Deployment], freshness: Sequence[Freshness]) -> None:
        everything = page.items
        counts = count_deployments(everything)
        self._by_id = {one.id: one for one in page.rows}
        self._trouble = counts.troubled
        empty = self.blind(freshness, "No deployments in the watched namespaces.")
        if everything and page.filter:
            empty = nothing_passes("deployment", len(everything))
        self._list(page.rows, empty)
        parts = []
        if self._trouble:
            parts.append((f"✗ {self._trouble} in trouble", "bold $severity-critical"))
        if counts.rolling:
            parts.append((f"↻ {counts.rolling} rolling", "$severity-info"))
        parts = honest(parts, freshness, "trouble", quiet=f"{len(everything)}" if everything else "")
        if page.filter:
            parts.append(narrowed(len(page.rows), len(everything)))
        self.pane.count(counted(parts))


class IncidentsPresenter(Presenter[Incident, RecordPage[Incident]]):
    """Open ones first, the worst on top."""

    kind = "incident"

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._open = 0
        self._major = 0
        self._by_id: dict[str, Incident] = {}

    @property
    def attention(self) -> int:
        """How many are open."""
        return self._open

    @property
    def urgent(self) -> bool:
        """Whether one of them is major."""
        return bool(self._major)

    def incident(self, key: str | None) -> Incident | None:
        """The incident of a row."""
        return self._by_id.get(key or "")

    def _page(self, items: Sequence[Incident]) -> Callable[[], RecordPage[Incident]]:
        return partial(_incidents, tuple(items), self.pane.filter)

    def _draw(self, page: RecordPage[Incident], freshness: Sequence[Freshness]) -> None:
        counts = count_incidents(page.items)
        self._open, self._major = counts.open, counts.major
        self._by_id = {one.id: one for one in page.rows}
        empty = self.blind(freshness, "No open incidents. i opens one.")
        if page.items and page.filter:
            empty = nothing_passes("incident", len(page.items))
        self._list(page.rows, empty)
        style = "bold $severity-critical" if counts.major else "bold $severity-warning"
        parts = honest([(f"{counts.open} open", style)] if counts.open else [], freshness, "open", quiet="0 open")
        if page.filter:
            parts.append(narrowed(len(page.rows), len(page.items)))
        self.pane.count(counted(parts))


class DutiesPresenter(Presenter[Duty, RecordPage[Duty]]):
    """One line a rotation, in the configured order."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._gaps = 0
        self._by_id: dict[str, Duty] = {}

    @property
    def attention(self) -> int:
        """Rotations that nobody covers now."""
        return self._gaps

    def duty(self, key: str | None) -> Duty | None:
        """The turn of a row."""
        return self._by_id.get(key or "")

    def _page(self, items: Sequence[Duty]) -> Callable[[], RecordPage[Duty]]:
        return partial(_duties, tuple(items), self.pane.filter)

    def _draw(self, page: RecordPage[Duty], freshness: Sequence[Freshness]) -> None:
        self._gaps = sum(one.member is None for one in page.items)
        self._by_id = {one.id: one for one in page.rows}
        empty = self.blind(freshness, "No rotation. [sre.oncall] configures them.")
        if page.items and page.filter:
            empty = nothing_passes("rotation", len(page.items))
        self._list(page.rows, empty)
        gaps = [(f"! {self._gaps} without anybody", "bold $warning")] if self._gaps else []
        parts = honest(gaps, freshness, "duty")
        if page.filter:
            parts.append(narrowed(len(page.rows), len(page.items)))
        self.pane.count(counted(parts))


def _deployments(items: tuple[Deployment, ...], filter: str) -> RecordPage[Deployment]:
    return RecordPage(arrange_deployments(matching_deployments(items, filter)), items, filter)


def _incidents(items: tuple[Incident, ...], filter: str) -> RecordPage[Incident]:
    words = filter.casefold().split()
    kept = (one for one in items if all(word in _hay(one) for word in words))
    return RecordPage(arrange_incidents(kept), items, filter)


def _duties(items: tuple[Duty, ...], filter: str) -> RecordPage[Duty]:
    words = filter.casefold().split()
    kept = [one for one in items if all(word in f"{one.rotation} {one.member}".casefold() for word in words)]
    return RecordPage(tuple(kept), items, filter)


def _hay(incident: Incident) -> str:
    words = (f"#{incident.number}", f"sev{incident.severity}", incident.state.value, incident.commander, incident.title)
    return " ".join(words).casefold()
