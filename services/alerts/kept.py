"""What people made and a console keeps up: alerts made by hand, and acks that last as long as their alert."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alerts.model import AlertDraft
from services.safety.actor import Actor

STEP = timedelta(minutes=15)
"""How long an ack lasts at a time (the convention of kthxbye)."""
SHORT = timedelta(minutes=5)
"""With less left than this, an ack whose alert still fires is prolonged (likewise)."""
REPOST = timedelta(minutes=4)
"""How often an alert is posted again: sooner than Alertmanager's default ``resolve_timeout`` of 5 minutes."""
ACK_MAX = timedelta(hours=8)
"""How long an ack is kept at most, where the configuration says nothing else."""


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An alert that a person made. Texts are raw, times UTC.

    Attributes:
        number: its identity in the store.
        ends_at: when it ends by itself.
        posted_at: when Alertmanager last took it.
        actor: who made it, and by whose leave it is posted again.
    """

    number: int
    cluster: str
    environment: str
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    posted_at: datetime
    actor: Actor

    @property
    def id(self) -> str:
        """``cluster/fingerprint``."""
        return f"{self.cluster}/{self.fingerprint}"

    @property
    def name(self) -> str:
        """The ``alertname`` label."""
        return self.labels.get("alertname", "")

    def draft(self, ends_at: datetime | None = None) -> AlertDraft:
        """What is posted; with another end where one is given."""
        return AlertDraft(self.labels, self.annotations, self.starts_at, ends_at or self.ends_at)


@dataclass(frozen=True, slots=True)
class KeptAck:
    """An ack that is prolonged while its alert fires.

    Attributes:
        silence: the id of the silence that it is.
        alert: ``cluster/fingerprint`` of the alert that was acked.
        until: when it is prolonged no more, whatever fires.
        mark: what undo was told of the silence. mark_now: what it is since it was last prolonged.
        actor: who acked, and by whose leave it is prolonged.
    """

    cluster: str
    silence: str
    alert: str
    acked_at: datetime
    until: datetime
    mark: str
    mark_now: str
    actor: Actor
