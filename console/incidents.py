"""The commands of incidents, and of which alerts they own, with what they work with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.alerts.lookup import find_alert
from services.alerts.naming import title
from services.incidents.commands import COMMANDS, IncidentsNeeds
from services.incidents.ownership_commands import COMMANDS as OWNERSHIP_COMMANDS
from services.incidents.ownership_commands import OwnershipNeeds

if TYPE_CHECKING:
    from console.live import Live
    from services.alerts.model import Alert
    from services.alerts.needs import AlertsNeeds
    from services.incidents.model import Incident
    from services.incidents.ownership import OwnershipRepository
    from services.incidents.repository import IncidentRepository
    from services.registry import Registry


def add_incidents(
    registry: Registry,
    repository: IncidentRepository,
    ownership: OwnershipRepository,
    live: Live,
    alerts: AlertsNeeds,
) -> None:
    """Give ``registry`` the commands.

    Args:
        registry: where they go.
        repository: where incidents are kept.
        ownership: which alerts they own.
        live: the incidents that the screen shows.
        alerts: what is known of alerts.
    """

    def latest() -> Sequence[Incident]:
        return live.incidents.snapshot.items

    async def find(ids: Sequence[str]) -> Sequence[Alert]:
        now = await alerts.current()
        return list({one.id: one for one in (find_alert(now, id) for id in ids)}.values())

    registry.add(COMMANDS, IncidentsNeeds(repository=repository, latest=latest, clock=alerts.clock))
    registry.add(OWNERSHIP_COMMANDS, OwnershipNeeds(ownership, find, title, latest, alerts.offers))
