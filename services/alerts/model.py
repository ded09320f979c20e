"""Alerts and silences as Alertmanager tells them, immutable and raw."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec

from services.vocabulary.severity import Severity

ACK_PREFIX = "ACK!"
"""A silence whose comment begins so is an acknowledgement, by the convention of karma and kthxbye."""
ACK = "alertmanager.ack"
"""The action of a permit for a silence that stands for an acknowledgement."""
SILENCE = "alertmanager.silence.create"
"""The action of a permit for any other new or prolonged silence."""
EXPIRE = "alertmanager.silence.expire"
"""The action of a permit to end a silence."""
CREATE = "alertmanager.alert.create"
"""The action of a permit to post an alert that a person made."""
RESOLVE = "alertmanager.alert.resolve"
"""The action of a permit to end such an alert."""


class Matcher(msgspec.Struct, frozen=True, gc=False):
    """One matcher of a silence (Alertmanager API v2 ``matcher``). Regexes are RE2 and anchored."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    @property
    def operator(self) -> str:
        """``=``, ``!=``, ``=~`` or ``!~``."""
        return ("=~" if self.is_equal else "!~") if self.is_regex else ("=" if self.is_equal else "!=")


class SilenceState(Enum):
    """The states of Alertmanager API v2 ``silenceStatus``."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


def default_note(owner: str) -> str:
    """What an ack says where its owner said nothing."""
    return f"acknowledged by {owner} with sre-console"


class Silence(msgspec.Struct, frozen=True, gc=False):
    """A silence of one cluster. Every text is raw; times are UTC.

    ``updated_at`` is when Alertmanager last took a change of it; None where it does not say.
    """

    cluster: str
    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    state: SilenceState
    updated_at: datetime | None = None

    @property
    def is_ack(self) -> bool:
        """Whether it stands for an acknowledgement."""
        return self.comment.startswith(ACK_PREFIX)


class Standing(Enum):
    """What an alert asks of a person, the most urgent first."""

    FIRING = "firing"
    ACKED = "acked"
    SILENCED = "silenced"
    INHIBITED = "inhibited"


class Alert(msgspec.Struct, frozen=True, gc=False):
    """An alert of one cluster. Identity is (cluster, fingerprint). Every text is raw; times are UTC.

    ``silences`` holds those silences of ``silenced_by`` that are known, in that order. ``processed`` is False for the
    moments in which Alertmanager has not yet held it against silences and inhibition. (A frozen struct of texts
    cannot be part of a cycle, so the garbage collector need not walk thousands of them.)
    """

    cluster: str
    environment: str
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    receivers: tuple[str, ...] = ()
    generator_url: str = ""
    suppressed: bool = False
    processed: bool = True
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def id(self) -> str:
        """``cluster/fingerprint``."""
        return f"{self.cluster}/{self.fingerprint}"

    @property
    def state(self) -> str:
        """``active``, ``suppressed`` or ``unprocessed``, as API v2 says it."""
        return "suppressed" if self.suppressed else "active" if self.processed else "unprocessed"

    @property
    def name(self) -> str:
        """The ``alertname`` label; empty where there is none."""
        return self.labels.get("alertname", "")

    @property
    def severity(self) -> Severity:
        """The step of the scale that the ``severity`` label means."""
        return Severity.of(self.labels.get("severity"))

    @property
    def ack(self) -> Silence | None:
        """The acknowledgement that mutes it longest; None where nobody acknowledged."""
        acks = [silence for silence in self.silences if silence.is_ack]
        return max(acks, key=lambda silence: silence.ends_at, default=None)

    @property
    def standing(self) -> Standing:
        """What it asks of a person. Muted by a time interval of the routing counts as silenced."""
        if self.ack is not None:
            return Standing.ACKED
        if self.silenced_by or self.muted_by:
            return Standing.SILENCED
        if self.inhibited_by:
            return Standing.INHIBITED
        return Standing.SILENCED if self.suppressed else Standing.FIRING


class SilenceDraft(msgspec.Struct, frozen=True):
    """A silence to be created, or to be prolonged where ``id`` names one. Times are UTC."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str = ""


class AlertDraft(msgspec.Struct, frozen=True):
    """An alert to be posted. Times are UTC; from ``ends_at`` on it counts as resolved."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime
