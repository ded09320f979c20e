"""How surprising it is that alerts begin together, given how often alerts begin anyway.

Two alerts a minute apart in a quiet night belong together; in a fleet where an alert begins each minute they do not.
The usual rate is taken from the hours around, with bursts capped, so that the storm itself does not become the norm
(storms as bursts above the usual rate: Zhao et al., "Understanding and Handling Alert Storm for Online Service
Systems", ICSE-SEIP 2020). An alert of a kind that comes in every other slot anyway is not drawn into a storm.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass

from services.correlation.reading import Reading
from services.correlation.weighing import SLOT

MOST = 4.5
"""So many nats at most for beginning together."""
LEAST = -2.0
"""So many nats against, at most, for beginning when others begin anyway."""
FEW = 0.3
"""So many alerts beyond the usual are thought possible where no more than usual begin."""
FADE = 2.0
"""Nats lost for each e-fold of the gap."""
SCALE = 300.0
"""Seconds from which a gap counts: evaluation intervals and ``for`` clauses delay onsets by minutes."""
MARGIN = 600.0
"""Seconds around another's onsets that count as at the same time."""
_AROUND = 18


@dataclass(frozen=True, slots=True)
class Pace:
    """Of each alert, by index.

    Attributes:
        pull: the nats for belonging to whatever begins at the same time.
        quiet: minus the logarithm of how many alerts usually begin in a slot of that hour.
    """

    pull: list[float]
    quiet: list[float]


def pace(reading: Reading) -> Pace:
    """Count onsets; takes time proportional to the alerts."""
    counts: Counter[int] = Counter()
    kinds: dict[int, Counter[int]] = {}
    slots = [int(onset // SLOT) for onset in reading.onsets]
    for slot, kind in zip(slots, reading.kinds, strict=True):
        counts[slot] += 1
        kinds.setdefault(kind, Counter())[slot] += 1
    usual = {slot: _usual(counts, slot) for slot in counts}
    strength = {slot: _strength(count, usual[slot]) for slot, count in counts.items()}
    of_kind = {
        (kind, slot): _strength(count, _usual(counted, slot))
        for kind, counted in kinds.items()
        for slot, count in counted.items()
    }
    return Pace(
        [min(strength[slot], of_kind[kind, slot]) for slot, kind in zip(slots, reading.kinds, strict=True)],
        [-math.log(usual[slot]) for slot in slots],
    )


def _usual(counts: Counter[int], slot: int) -> float:
    around = [counts.get(other, 0) for other in range(slot - _AROUND, slot + _AROUND)]
    middle = sorted(around)[_AROUND]
    return sum([min(count, 1 + 2 * middle) for count in around]) / len(around)


def _strength(count: int, usual: float) -> float:
    # The odds that an alert of the slot is of what is beyond the usual, not of the usual.
    return max(LEAST, min(MOST, math.log(max(count - usual, FEW) / usual)))


def fading(gap: float) -> float:
    """Nats lost where ``gap`` seconds lie between two clusters."""
    return FADE * math.log1p(gap / SCALE) if gap > 0 else 0.0


def together(onsets: list[float], others: list[float]) -> float:
    """How far two sorted lists of onsets are at the same time, 0 to 1."""
    first = _within(onsets, others[0] - MARGIN, others[-1] + MARGIN)
    second = _within(others, onsets[0] - MARGIN, onsets[-1] + MARGIN)
    return math.sqrt(first * second)


def _within(onsets: list[float], start: float, end: float) -> float:
    return (bisect_right(onsets, end) - bisect_left(onsets, start)) / len(onsets)
