"""What it says when two alerts share a name, or disagree on a label: learnt from the alerts themselves.

The form is that of record linkage (Fellegi and Sunter, "A Theory for Record Linkage", JASA 1969): agreement on a name
weighs log(1 / u) nats, u being how often it is agreed on by chance, so that rare names say much and ``cluster="prod"``
says nothing (the idea of inverse document frequency, Spärck Jones 1972); disagreement on a label weighs
log((1 - u) / (1 - m)), m being how often alerts of one problem agree on that label. Nobody labels alerts for us, so m
is estimated from neighbours in time, which are of one problem more often than any two alerts are. No label has a
meaning by its name: what is said here of ``namespace`` holds for ``rack`` and ``mandant`` too.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from services.correlation.reading import Reading

SLOT = 600.0
"""Seconds of the slots in which onsets are counted."""
NEAR = 300.0
"""Onsets at most so many seconds apart are neighbours."""
MOST = 5.0
"""No single name says more, in nats."""
_VIRTUAL = 20.0
"""So many alerts that carry no name in question are imagined beside few: two out of five say little of the world."""
_CONFIDENT = 20.0
"""So many pairs of neighbours count as much as what is assumed before any is seen."""
SAME = 0.85
CAP = 60
DISCOUNT = 0.25
_STRIDES = (1, 5, 23, 101)
_LEAST = 0.15
_SCOPES = 6


@dataclass(frozen=True)
class Weights:
    """How much names and labels say.

    Attributes:
        name: nats for sharing each name, by its number.
        kind: nats for being of the same kind, by its number.
        scope: labels on which alerts of one problem agree, with the nats against for disagreeing; by number.
        spread: of each name, in how many slots it occurs.
    """

    name: list[float]
    kind: list[float]
    scope: tuple[tuple[int, float], ...]
    spread: list[int]

    @cached_property
    def scoped(self) -> frozenset[int]:
        """The labels of ``scope``."""
        return frozenset([label for label, _ in self.scope])


def weigh(reading: Reading) -> Weights:
    """Learn the weights from all alerts; takes time proportional to their labels."""
    size = reading.size
    held = [0] * len(reading.words)
    spread = [0] * len(reading.words)
    last = [-1] * len(reading.words)
    slots = 0
    before = -1
    for names, onset in zip(reading.names, reading.onsets, strict=True):
        slot = int(onset // SLOT)
        slots += slot != before
        before = slot
        for name in names:
            held[name] += 1
            if last[name] != slot:
                last[name] = slot
                spread[name] += 1
    kinds = Counter(reading.kinds)
    telling = _telling(reading, kinds)
    wordy = _wordy(reading, kinds, held)
    name_weight = [
        _by_chance(count, size, spread[name], slots) * (telling[label] if label >= 0 else wordy[name])
        for name, (count, label) in enumerate(zip(held, reading.label_of, strict=True))
    ]
    kind_weight = [0.5 * _by_chance(kinds[kind], size, slots, slots) for kind in range(len(reading.kind_names))]
    return Weights(name_weight, kind_weight, _scopes(reading, telling), spread)


def _by_chance(count: int, size: int, spread: int, slots: int) -> float:
    share = count / size
    chance = count / (size + _VIRTUAL * (1 - share) ** 2)
    if slots > 3:
        # A thing that fills the storm of one hour is still rare if the other hours know nothing of it.
        chance = min(chance, max(spread / slots, 1 / size))
    return max(0.0, min(MOST, -math.log(min(1.0, chance)) - DISCOUNT))


def _telling(reading: Reading, kinds: Counter[int]) -> list[float]:
    """Of each label, how far its value is NOT settled by the kind of alert: the share of its entropy that is left.

    A label that follows from the alert's name (``team``, ``rule_group``) tells of the rule, not of a thing.
    """
    joint: list[Counter[tuple[int, int]]] = [Counter() for _ in reading.labels]
    for kind, values in zip(reading.kinds, reading.values, strict=True):
        if kinds[kind] >= 3:
            for label, value in values.items():
                joint[label][kind, value] += 1
    out = []
    for counted in joint:
        total = sum(counted.values())
        alone: Counter[int] = Counter()
        kind_total: Counter[int] = Counter()
        for (kind, value), count in counted.items():
            alone[value] += count
            kind_total[kind] += count
        if total < 0.2 * reading.size or len(alone) < 2 or len(kind_total) < 2:
            out.append(1.0)
            continue
        entropy = -sum(count / total * math.log(count / total) for count in alone.values())
        left = -sum(count / total * math.log(count / kind_total[kind]) for (kind, _), count in counted.items())
        out.append(max(0.1, min(1.0, 1.5 * left / entropy)))
    return out


def _wordy(reading: Reading, kinds: Counter[int], held: list[int]) -> list[float]:
    """Of each name that only texts have, how far it is no fixed part of a template."""
    within: dict[int, Counter[int]] = {}
    for kind, names in zip(reading.kinds, reading.names, strict=True):
        if kinds[kind] >= 2:
            for name in names:
                if reading.label_of[name] < 0:
                    within.setdefault(name, Counter())[kind] += 1
    out = [0.75] * len(held)
    for name, counted in within.items():
        if sum(counted.values()) == held[name] and all(count == kinds[kind] for kind, count in counted.items()):
            out[name] = 0.15
    return out


def _scopes(reading: Reading, telling: list[float]) -> tuple[tuple[int, float], ...]:
    count = len(reading.labels)
    values: list[Counter[int]] = [Counter() for _ in range(count)]
    for held in reading.values:
        for label, value in held.items():
            values[label][value] += 1
    pairs = [0] * count
    agreed = [0] * count
    onsets = reading.onsets
    for stride in _STRIDES:
        for index in range(reading.size - stride):
            if onsets[index + stride] - onsets[index] > NEAR:
                continue
            other = reading.values[index + stride]
            for label, value in reading.values[index].items():
                beside = other.get(label)
                if beside is not None:
                    pairs[label] += 1
                    agreed[label] += beside == value
    chance = []
    for counted in values:
        total = sum(counted.values())
        chance.append(sum((one / total) ** 2 for one in counted.values()) if total else 1.0)
    same = SAME
    found = []
    for label in range(count):
        total = sum(values[label].values())
        distinct = len(values[label])
        if distinct < 2 or total < 3:
            continue
        assumed = 1 - (math.log(distinct) / math.log(max(total, distinct + 1))) ** 0.7
        seen = pairs[label]
        learnt = (agreed[label] / seen - (1 - same) * chance[label]) / same if seen else 0.0
        seen = min(seen, CAP)
        within = (assumed * _CONFIDENT + min(0.98, max(0.02, learnt)) * seen) / (_CONFIDENT + seen)
        within = min(0.98, max(within, chance[label]))
        against = math.log((1 - chance[label]) / (1 - within)) * telling[label] if chance[label] < 1 else 0.0
        # Where few carry the label, it scopes little.
        against *= min(1.0, 2 * total / reading.size)
        if against >= _LEAST:
            found.append((label, against))
    found.sort(key=lambda one: (-one[1], reading.labels[one[0]]))
    return tuple(found[:_SCOPES])
