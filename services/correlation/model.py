"""Problems: alerts that belong together, why, and what probably caused them. Immutable; every text is raw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType

import msgspec

from services.vocabulary.severity import Severity


class EvidenceKind(Enum):
    """Where a piece of evidence comes from."""

    CHANGE = "change"  # a rollout shortly before
    TOPOLOGY = "topology"  # the same thing, or one that names the other
    TIME = "time"  # onsets
    LABELS = "labels"  # shared labels that say little by themselves
    TEXT = "text"  # alike wording
    INHIBITION = "inhibition"  # Alertmanager itself says that one explains the other


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One reason.

    Attributes:
        kind: where it comes from.
        text: a sentence for a person (raw).
        weight: how much it says, in nats; negative for what speaks against.
    """

    kind: EvidenceKind
    text: str
    weight: float = 0.0


class CauseKind(Enum):
    """What sort of thing is blamed."""

    ROLLOUT = "rollout"
    THING = "thing"
    ALERT = "alert"


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What a problem probably comes from.

    Attributes:
        kind: a rollout, a thing (host, service, …), or only the alert that came first.
        label: the label by which the thing is known (``node``); empty for one that only texts name.
        subject: the thing itself (``worker-7``); of a rollout ``namespace/name``; of an alert its name.
        text: a phrase that stands by itself: ``node worker-7: KubeNodeNotReady``.
        brief: the same in a few words: ``node worker-7``, ``checkout r12``.
        alert: the identity of the alert that speaks for it best.
        score: larger is likelier; comparable within one problem only.
    """

    kind: CauseKind
    label: str
    subject: str
    text: str
    alert: str
    score: float
    brief: str = ""


class Problem(msgspec.Struct, frozen=True, gc=False):
    """Alerts that probably have one cause.

    Attributes:
        id: stays the same while the problem lasts.
        members: identities of its alerts, by onset.
        since: the onset that counts: of its earliest alert (UTC).
        severity: the worst among its alerts.
        cause: the likeliest; never missing, since at least the first alert can be named.
        others: further candidates, likeliest first.
        evidence: why these alerts are one problem, strongest first.
        shared: labels that all members have in common, by name.
    """

    id: str
    members: tuple[str, ...]
    since: datetime
    severity: Severity
    cause: Cause
    others: tuple[Cause, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    shared: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        """How many alerts it holds."""
        return len(self.members)


_NOWHERE: Mapping[str, int] = MappingProxyType({})


class Correlation(msgspec.Struct, frozen=True, gc=False):
    """Every alert in exactly one problem.

    Attributes:
        problems: worst severity first, then larger, then newer ones.
        places: identity of an alert -> index of its problem.
    """

    problems: tuple[Problem, ...] = ()
    places: Mapping[str, int] = _NOWHERE

    def problem_of(self, alert: str) -> Problem | None:
        """The problem that holds the alert of that identity."""
        place = self.places.get(alert)
        return None if place is None else self.problems[place]


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """Why one alert is where it is.

    Attributes:
        alert: its identity.
        problem: which problem holds it.
        role: ``cause``, ``symptom``, ``inhibited`` or ``alone``.
        reasons: strongest first; those with a negative weight speak against.
        nearest: the problem it would belong to otherwise; None where there is no other.
        against: why it is not in that one; empty without one.
    """

    alert: str
    problem: Problem
    role: str
    reasons: tuple[Evidence, ...]
    nearest: Problem | None = None
    against: tuple[Evidence, ...] = ()
