"""What the alert commands work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from services.alerts.kept import ACK_MAX
from services.alerts.model import Alert
from services.alerts.now import AlertsNow
from services.alerts.offers import AlertOffers
from services.alerts.saved_views import SavedView, views_of
from services.vocabulary.clock import Clock

if TYPE_CHECKING:
    from services.alerts.alertmanager import AlertmanagerWriter
    from services.alerts.kept_repository import KeptRepository
    from services.alerts.source import AlertSource


def _nothing(cluster: str) -> None:
    del cluster


@dataclass(frozen=True, slots=True)
class AlertsNeeds:
    """What the alert commands work with.

    Attributes:
        current: everything that is known now; headless it reads the sources, in the console it asks the feeds.
        latest: the alerts last seen, for completion; quick, no input or output.
        readers: cluster -> how to read its silences, before a write and to verify it.
        writers: cluster -> how to write to it; empty where nothing may be written.
        clock: the time.
        written: called with the cluster after a write that was accepted, so that its feed reads again at once.
        must_fire: cluster -> names of alerts that must always fire there.
        views: views of the list, by name.
        kept: acks that last as long as their alert, in the store; None where none is kept.
        ack_max: how long one is kept at most.
        fired: a cluster and a stretch of time -> the labels of what fired within it until now, as its Prometheus
            remembers; None where none belongs to it, or nothing can be asked.
        offers: what completion offers of ``latest``.
    """

    current: Callable[[], Awaitable[AlertsNow]]
    latest: Callable[[], Sequence[Alert]]
    readers: Mapping[str, AlertSource]
    writers: Mapping[str, AlertmanagerWriter]
    clock: Clock
    written: Callable[[str], None] = _nothing
    must_fire: Mapping[str, Sequence[str]] = field(default_factory=dict)
    views: Mapping[str, SavedView] = field(default_factory=lambda: views_of(()))
    kept: KeptRepository | None = None
    ack_max: timedelta = ACK_MAX
    fired: Callable[[str, timedelta], Awaitable[Sequence[Mapping[str, str]] | None]] | None = None
    offers: AlertOffers = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "offers", AlertOffers(self.latest, self.clock))
