"""The members of one cluster, and alerts and their silences, brought together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from services.alerts.model import Alert, Silence

_TURN = 2000  # alerts handled between two turns of the loop: under 5 ms


class Merger:
    """Merges what the members of one cluster say, and hands out the same object for an unchanged alert.

    Members repeat the same alerts. Of each label set (its fingerprint) one stays: with the state of the member that
    takes it most seriously, active before suppressed before unprocessed, and the earliest onset that any member saw.
    """

    def __init__(self) -> None:
        self._started: dict[str, datetime] = {}
        self._joined: dict[str, tuple[Alert, Alert]] = {}

    async def merge(self, answers: Sequence[Sequence[Alert]]) -> list[Alert]:
        """One alert a label set, by fingerprint.

        Args:
            answers: what each member said; where states are equal, the first member's words stay.
        """
        chosen: dict[str, Alert] = {}
        started: dict[str, datetime] = {}
        for answer in answers:
            for index, alert in enumerate(answer):
                if index % _TURN == 0:
                    await asyncio.sleep(0)
                fingerprint = alert.fingerprint
                other = chosen.get(fingerprint)
                if other is None:
                    chosen[fingerprint] = alert
                    continue
                if alert.starts_at != other.starts_at:
                    onset = min(alert.starts_at, other.starts_at)
                    started[fingerprint] = min(started.get(fingerprint, onset), onset)
                if _weight(alert) < _weight(other):
                    chosen[fingerprint] = alert
        self._started = started
        return list(chosen.values()) if len(answers) < 2 else [chosen[fingerprint] for fingerprint in sorted(chosen)]

    async def join(self, alerts: Sequence[Alert], silences: Mapping[str, Silence]) -> tuple[Alert, ...]:
        """Give the merged alerts their onset and their silences."""
        before, now = self._joined, {}
        result: list[Alert] = []
        for index, alert in enumerate(alerts):
            if index % _TURN == 0:
                await asyncio.sleep(0)
            onset = self._started.get(alert.fingerprint, alert.starts_at)
            mute = tuple([silences[key] for key in alert.silenced_by if key in silences]) if alert.silenced_by else ()
            if not mute and onset == alert.starts_at:
                result.append(alert)
                continue
            base, joined = before.get(alert.fingerprint, (None, alert))
            if base is not alert or joined.silences != mute or joined.starts_at != onset:
                joined = msgspec.structs.replace(alert, starts_at=onset, silences=mute)
            now[alert.fingerprint] = (alert, joined)
            result.append(joined)
        self._joined = now
        return tuple(result)


def _weight(alert: Alert) -> int:
    return 1 if alert.suppressed else 0 if alert.processed else 2
