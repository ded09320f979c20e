"""The panes of deployments, incidents and on-call."""

from __future__ import annotations

from collections.abc import Sequence

from screens.presenters import Presenter, counted
from services.deployments.model import Deployment
from services.deployments.view import arrange as arrange_deployments
from services.deployments.view import count as count_deployments
from services.deployments.view import matching as matching_deployments
from services.incidents.model import Incident
from services.incidents.view import arrange as arrange_incidents
from services.incidents.view import count as count_incidents
from services.oncall.model import Duty
from services.vocabulary.snapshot import Freshness


class DeploymentsPresenter(Presenter[Deployment]):
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

    def _page(self, items: Sequence[Deployment]) -> tuple[Deployment, ...]:
        return arrange_deployments(matching_deployments(items, self.pane.filter))

    def _draw(self, page: tuple[Deployment, ...], freshness: Sequence[Freshness]) -> None:
        everything = self.items
        counts = count_deployments(everything)
        self._by_id = {one.id: one for one in page}
        self._trouble = counts.troubled
        empty = self.blind(freshness, "No deployments in the watched namespaces.")
        if everything and self.pane.filter:
            empty = f"No deployment of {len(everything)} passes the filter. Escape clears it."
        self._list(page, empty)
        parts = []
        if self._trouble:
            parts.append((f"✗ {self._trouble} in trouble", "bold $severity-critical"))
        if counts.rolling:
            parts.append((f"↻ {counts.rolling} rolling", "$severity-info"))
        if not parts and everything:
            parts.append((f"{len(everything)}", "$text-quiet"))
        if self.pane.filter:
            parts.append((f"filter: {len(page)} of {len(everything)}", "bold $accent"))
        self.pane.count(counted(parts))


class IncidentsPresenter(Presenter[Incident]):
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

    def _page(self, items: Sequence[Incident]) -> tuple[Incident, ...]:
        words = self.pane.filter.casefold().split()
        kept = (one for one in items if all(word in _hay(one) for word in words))
        return arrange_incidents(kept)

    def _draw(self, page: tuple[Incident, ...], freshness: Sequence[Freshness]) -> None:
        counts = count_incidents(self.items)
        self._open, self._major = counts.open, counts.major
        self._by_id = {one.id: one for one in page}
        nothing = "No open incidents. i opens one."
        self._list(page, self.blind(freshness, nothing))
        style = (
            "bold $severity-critical" if counts.major else "bold $severity-warning" if counts.open else "$text-quiet"
        )
        self.pane.count(counted([(f"{counts.open} open", style)]))


class DutiesPresenter(Presenter[Duty]):
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

    def _page(self, items: Sequence[Duty]) -> tuple[Duty, ...]:
        words = self.pane.filter.casefold().split()
        return tuple(one for one in items if all(word in f"{one.rotation} {one.member}".casefold() for word in words))

    def _draw(self, page: tuple[Duty, ...], freshness: Sequence[Freshness]) -> None:
        self._gaps = sum(one.member is None for one in self.items)
        self._by_id = {one.id: one for one in page}
        self._list(page, self.blind(freshness, "No rotation. [sre.oncall] configures them."))
        parts = [(f"! {self._gaps} without anybody", "bold $warning")] if self._gaps else []
        self.pane.count(counted(parts))


def _hay(incident: Incident) -> str:
    words = (f"#{incident.number}", f"sev{incident.severity}", incident.state.value, incident.commander, incident.title)
    return " ".join(words).casefold()
