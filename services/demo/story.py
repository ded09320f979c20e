"""The story that the demo tells, as data: what happens when, and what people write about it.

One turn lasts fifteen minutes: ten of story, five of calm, then it starts over with the next revision numbers.
All offsets are seconds after the start of a turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

TURN = 900.0
"""Length of one turn."""

PAYMENTS_ROLLOUT = -100.0
"""The payments rollout starts before the turn and ends about half a minute into it."""

DEPLOY = 60.0
"""The bad revision of checkout starts to roll out."""

FIRST_CRASH = 108.0
"""Its first pod dies."""

NODE_AGENT_DOWN = 200.0
NODE_AGENT_UP = 345.0
"""Between the two, the agent on one node cannot be scraped."""

ROLLBACK = 420.0
"""The demo's own actor rolls back."""

HEALED = 465.0
"""Every pod of checkout is ready again; the alerts follow within two minutes."""

CALM = 600.0
"""Nothing of the story fires any more."""


class Phase(Enum):
    """Where in a turn the story is."""

    CALM = "calm"
    DEPLOYING = "deploying"
    BURNING = "burning"
    ROLLING_BACK = "rolling back"
    HEALING = "healing"


def turn_of(seconds: float) -> int:
    """The number of the turn at ``seconds`` after the epoch; negative before the first."""
    return int(seconds // TURN)


def phase_at(seconds: float) -> Phase:
    """The phase at ``seconds`` after the epoch; calm before the first turn."""
    if seconds < 0:
        return Phase.CALM
    into = seconds % TURN
    for end, phase in (
        (DEPLOY, Phase.CALM),
        (FIRST_CRASH, Phase.DEPLOYING),
        (ROLLBACK, Phase.BURNING),
        (HEALED, Phase.ROLLING_BACK),
        (CALM, Phase.HEALING),
    ):
        if into < end:
            return phase
    return Phase.CALM


class IncidentStep(Enum):
    """What one entry of the script does to the incident."""

    OPENED = "opened"
    NOTE = "note"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class DemoIncident:
    """One step of the incident of one turn.

    Attributes:
        turn: which turn; the incident's identity in the script.
        at: when it happens (UTC).
        step: what happens.
        operator: who does it.
        text: what they write.
        title, severity, commander: of the incident, the same in each of its steps.
        state: the state from now on, a value of :class:`services.incidents.model.IncidentState`.
        started_at: when users began to be hurt (UTC).
    """

    turn: int
    at: datetime
    step: IncidentStep
    operator: str
    text: str
    title: str
    severity: int
    commander: str
    state: str
    started_at: datetime


_SCRIPT = (
    (195.0, IncidentStep.OPENED, "op-a", "triage", "Checkout returns 5xx for more than one request in ten."),
    (225.0, IncidentStep.STATE, "op-a", "investigating", "Errors began about a minute after the last checkout deploy."),
    (270.0, IncidentStep.NOTE, "op-c", "investigating", "The new checkout pods exit with code 1 under load."),
    (330.0, IncidentStep.NOTE, "op-b", "investigating", "Cart and frontend are slow because they wait for checkout."),
    (400.0, IncidentStep.STATE, "op-a", "identified", "The new checkout revision is the cause. Rolling back."),
    (425.0, IncidentStep.NOTE, "op-b", "identified", "Rolled checkout back to the previous template."),
    (470.0, IncidentStep.STATE, "op-a", "monitoring", "All checkout pods are ready. Watching the error rate."),
    (610.0, IncidentStep.STATE, "op-a", "resolved", "Error rate and latency are back to normal for two minutes."),
)


@dataclass(frozen=True, slots=True)
class Story:
    """The story of one demo. Pure: everything follows from when its first turn starts.

    Attributes:
        epoch: the start of the first turn (UTC).
    """

    epoch: datetime

    def phase(self, at: datetime) -> Phase:
        """The phase at a moment."""
        return phase_at((at - self.epoch).total_seconds())

    def incident_of(self, turn: int) -> tuple[DemoIncident, ...]:
        """The whole script of the incident of one turn, in order of time."""
        start = self.epoch.astimezone(UTC) + timedelta(seconds=turn * TURN)
        return tuple(
            DemoIncident(
                turn=turn,
                at=start + timedelta(seconds=offset),
                step=step,
                operator=operator,
                text=text,
                title="Checkout errors",
                severity=2,
                commander="op-a",
                state=state,
                started_at=start + timedelta(seconds=FIRST_CRASH),
            )
            for offset, step, operator, state, text in _SCRIPT
        )

    def incidents(self, after: datetime, until: datetime) -> tuple[DemoIncident, ...]:
        """The steps with ``after < at <= until``, in order of time.

        A player that keeps the ``until`` of its last call as the next ``after`` sees every step once.
        """
        first = max(0, turn_of((after - self.epoch).total_seconds()))
        last = turn_of((until - self.epoch).total_seconds())
        return tuple(
            step for turn in range(first, last + 1) for step in self.incident_of(turn) if after < step.at <= until
        )


def rotations() -> list[dict[str, object]]:
    """The on-call rotations of the demo, as values of ``[[sre.oncall.rotation]]``."""
    return [
        {
            "name": "primary",
            "members": ["op-a", "op-b"],
            "start": datetime(2026, 1, 5, 9, 0, 0),  # noqa: DTZ001 - local time of the zone, as in TOML
            "zone": "Europe/Berlin",
            "every": "1w",
        },
        {
            "name": "secondary",
            "members": ["op-c", "op-d"],
            "start": datetime(2026, 1, 5, 9, 0, 0),  # noqa: DTZ001 - local time of the zone, as in TOML
            "zone": "Europe/Berlin",
            "every": "1w",
        },
    ]
