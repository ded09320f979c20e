"""From single alerts to clusters: first what names the same rare thing at the same time, then the best pairs, upwards.

Agglomeration with evidence that is summed up per cluster, not per pair: a cluster is held against another as a whole,
so one alert that names a thing of each does not chain two problems together (the fault of single linkage and of
DBSCAN over time gaps alone). Only clusters that share a name or are neighbours in time are ever compared, which keeps
the work near n log n. Each round merges every pair that is best for both sides (reciprocal nearest neighbours, Benzécri
1982), so the result does not depend on the order in which alerts arrive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.correlation.pace import MARGIN, Pace, fading, together
from services.correlation.reading import Reading
from services.correlation.weighing import Weights

BIAS = 2.3
"""Nats against any merger: without evidence alerts are strangers."""
GROWTH = 0.25
"""Disagreement on a label says so much more for each doubling of the smaller cluster."""
STRANGE = 0.4
"""Nats against, for having nothing telling in common, for each doubling of the smaller cluster."""
LINKED = 1.5
"""A common name of so many nats is telling."""
ENOUGH = 10.0
"""A name links two clusters fully where a tenth of the smaller one carries it."""
FAINT = 0.2
"""Names of fewer nats say nothing."""
_MOST_ALIKE = 7.5
_LINKING = 0.5
_LINKS = 4
_AHEAD = 2
_ROUNDS = 80


@dataclass(eq=False)
class Cluster:
    """Alerts that were put together, and the sums by which they are held against others.

    Attributes:
        members: indices into the reading, ascending.
        onsets: ascending.
        names: number of a name -> how many members carry it.
        kinds: number of a kind -> how many members are of it.
        values: number of a scope label -> value -> how many.
        pull: sum of the members' pulls. quiet: likewise.
    """

    members: list[int]
    onsets: list[float]
    names: dict[int, int]
    kinds: dict[int, int]
    values: dict[int, dict[int, int]]
    pull: float
    quiet: float
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.members)


@dataclass(frozen=True)
class Scoring:
    """Holds two clusters against each other; every part in nats."""

    weights: Weights

    def total(self, a: Cluster, b: Cluster) -> float:
        """More than 0 where they are rather one than two; what is not is not worked out to the end."""
        value = self.when(a, b) - BIAS
        if value + _MOST_ALIKE <= 0:
            return value
        alike, link = self.alike(a, b)
        value += alike
        if value <= 0:
            return value
        return value - max(self.apart(a, b), self.strange(a, b, link))

    def strange(self, a: Cluster, b: Cluster, link: float) -> float:
        """Against, for having nothing telling in common, the more the larger both are."""
        if link >= LINKED:
            return 0.0
        return STRANGE * (1 - link / LINKED) * math.log2(min(a.size, b.size))

    def when(self, a: Cluster, b: Cluster) -> float:
        """For beginning together, or against for the gap between."""
        gap = max(a.onsets[0] - b.onsets[-1], b.onsets[0] - a.onsets[-1])
        if gap >= MARGIN:
            return -fading(gap)
        # What does not stand out together with the other either is no storm of its own.
        size = a.size + b.size
        joint = math.log(size) + (a.quiet + b.quiet) / size
        pull = min(a.pull / a.size, b.pull / b.size, max(0.0, joint))
        return together(a.onsets, b.onsets) * pull - fading(gap)

    def alike(self, a: Cluster, b: Cluster) -> tuple[float, float]:
        """For the names and kinds that they share; and how telling their most telling common name is at all."""
        weight = self.weights.name
        share = 1 / math.sqrt(a.size * b.size)
        mine, theirs = a.names, b.names
        best = link = kind = 0.0
        common = mine.keys() & theirs.keys()
        if common:
            # One alert among hundreds that names a thing of each links little.
            enough = ENOUGH / min(a.size, b.size)
            best = max([weight[name] * math.sqrt(mine[name] * theirs[name]) for name in common]) * share
            link = max([weight[name] * min(1.0, enough * min(mine[name], theirs[name])) for name in common])
        alike = a.kinds.keys() & b.kinds.keys()
        if alike:
            kind = max([self.weights.kind[one] * math.sqrt(a.kinds[one] * b.kinds[one]) for one in alike]) * share
        return best + kind, link

    def apart(self, a: Cluster, b: Cluster) -> float:
        """Against, for the label on which they disagree most."""
        return max(
            [
                against * disagreement(a.values[label], b.values[label])
                for label, against in self.weights.scope
                if label in a.values and label in b.values
            ],
            default=0.0,
        )


def disagreement(mine: Mapping[int, int], theirs: Mapping[int, int]) -> float:
    """0 where two counts of values look the same; 1 where nothing is shared, and more the more alerts say so."""
    if len(mine) == 1 and len(theirs) == 1:
        ((value, total),), ((other, others),) = mine.items(), theirs.items()
        return 0.0 if value == other else 1 + GROWTH * math.log2(min(total, others))
    total, others = sum(mine.values()), sum(theirs.values())
    shared = 0.0
    for value in mine.keys() & theirs.keys():
        shared += min(mine[value] / total, theirs[value] / others)
    return (1 - shared) * (1 + GROWTH * math.log2(min(total, others)))


def cells(reading: Reading, weights: Weights, paces: Pace, together: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The first clusters: alerts that begin close to each other and have their most telling shared name in common.

    Args:
        reading: the alerts.
        weights: how much names say.
        paces: how much beginning together says.
        together: pairs that belong together whatever else is so.
    """
    last: dict[int, int] = {}
    shared: list[set[int]] = [set() for _ in range(reading.size)]
    for index, names in enumerate(reading.names):
        for name in names:
            before = last.get(name)
            if before is not None and reading.onsets[index] - reading.onsets[before] <= MARGIN:
                shared[index].add(name)
                shared[before].add(name)
            last[name] = index
    parent = list(range(reading.size))
    picked: dict[int, int] = {}
    for index, common in enumerate(shared):
        telling = [name for name in common if weights.name[name] >= 1.0]
        if not telling:
            continue
        own = reading.own[index]
        best = max(telling, key=lambda name: (weights.name[name] + (0.5 if name in own else 0.0), reading.words[name]))
        before = picked.get(best)
        if before is not None:
            gap = reading.onsets[index] - reading.onsets[before]
            when = min(paces.pull[index], paces.pull[before]) - fading(gap)
            if gap <= MARGIN and weights.name[best] + when > BIAS:
                join(parent, before, index)
        picked[best] = index
    for one, other in together:
        join(parent, one, other)
    found: dict[int, list[int]] = {}
    for index in range(reading.size):
        found.setdefault(root(parent, index), []).append(index)
    return [found[first] for first in sorted(found)]


def merge(
    reading: Reading,
    weights: Weights,
    paces: Pace,
    first: Sequence[Sequence[int]],
) -> list[Cluster]:
    """Merge clusters while there is evidence for it.

    Args:
        reading: the alerts.
        weights: how much names and labels say.
        paces: how much beginning together says.
        first: the clusters to begin with.
    """
    clusters: list[Cluster | None] = [cluster_of(reading, weights, paces, members) for members in first]
    present = [one for one in clusters if one is not None]
    near = _neighbours(present, weights)
    score = Scoring(weights).total
    known: dict[tuple[int, int], float] = {}
    best: dict[int, tuple[float, int]] = {}
    changed = set(range(len(clusters)))
    for _ in range(_ROUNDS):
        _choose(clusters, near, score, known, best, changed)
        changed = set()
        for number, (_, other) in sorted(best.items()):
            if number < other and best.get(other, (0.0, -1))[1] == number:
                changed |= _absorb(clusters, near, known, number, other)
        if not changed:
            break
    return [one for one in clusters if one is not None]


def cluster_of(reading: Reading, weights: Weights, paces: Pace, members: Sequence[int]) -> Cluster:
    """The cluster of ``members`` (indices, ascending); names that say nothing are left out."""
    telling = weights.name
    wanted = {label for label, _ in weights.scope}
    names: dict[int, int] = {}
    kinds: dict[int, int] = {}
    values: dict[int, dict[int, int]] = {}
    for index in members:
        for name in reading.names[index]:
            if telling[name] >= FAINT:
                names[name] = names.get(name, 0) + 1
        kind = reading.kinds[index]
        kinds[kind] = kinds.get(kind, 0) + 1
        for label, value in reading.values[index].items():
            if label in wanted:
                held = values.setdefault(label, {})
                held[value] = held.get(value, 0) + 1
    return Cluster(
        list(members),
        [reading.onsets[index] for index in members],
        names,
        kinds,
        values,
        sum([paces.pull[index] for index in members]),
        sum([paces.quiet[index] for index in members]),
    )


def _neighbours(clusters: Sequence[Cluster], weights: Weights) -> list[set[int]]:
    near: list[set[int]] = [set() for _ in clusters]
    last: dict[int, int] = {}
    order = sorted(range(len(clusters)), key=lambda number: (clusters[number].onsets[0], clusters[number].members[0]))
    for place, number in enumerate(order):
        names = [name for name in clusters[number].names if weights.name[name] >= _LINKING]
        if len(names) > _LINKS:
            names = sorted(names, key=lambda name: (-weights.name[name], name))[: _LINKS + clusters[number].size]
        for name in names:
            before = last.get(name)
            if before is not None:
                near[number].add(before)
                near[before].add(number)
            last[name] = number
        for other in order[place + 1 : place + 1 + _AHEAD]:
            near[number].add(other)
            near[other].add(number)
    return near


def _choose(
    clusters: Sequence[Cluster | None],
    near: Sequence[set[int]],
    score: Callable[[Cluster, Cluster], float],
    known: dict[tuple[int, int], float],
    best: dict[int, tuple[float, int]],
    changed: Iterable[int],
) -> None:
    """The best partner of every cluster of ``changed``, where one scores more than 0."""
    for number in changed:
        best.pop(number, None)
        cluster = clusters[number]
        if cluster is None:
            continue
        top = 0.0
        chosen = -1
        for other in near[number]:
            pair = (number, other) if number < other else (other, number)
            value = known.get(pair)
            if value is None:
                partner = clusters[other]
                if partner is None:
                    continue
                value = known[pair] = score(cluster, partner)
            if value > top or (value == top and 0 <= other < chosen):
                top, chosen = value, other
        if chosen >= 0:
            best[number] = (top, chosen)


def _absorb(
    clusters: list[Cluster | None],
    near: list[set[int]],
    known: dict[tuple[int, int], float],
    number: int,
    other: int,
) -> set[int]:
    """Merge ``other`` into ``number``; returns the clusters whose best partner may now be another."""
    a, b = clusters[number], clusters[other]
    if a is None or b is None:
        raise AssertionError("a cluster is merged once a round")
    for gone in (number, other):
        for beside in near[gone]:
            known.pop((gone, beside) if gone < beside else (beside, gone), None)
            near[beside].discard(gone)
    near[number] = (near[number] | near[other]) - {number, other}
    near[other] = set()
    for beside in near[number]:
        near[beside].add(number)
    large, small = (a, b) if len(a.names) >= len(b.names) else (b, a)
    _add(large.names, small.names)
    _add(large.kinds, small.kinds)
    for label, counted in small.values.items():
        _add(large.values.setdefault(label, {}), counted)
    clusters[other] = None
    clusters[number] = Cluster(
        sorted(a.members + b.members),
        sorted(a.onsets + b.onsets),
        large.names,
        large.kinds,
        large.values,
        a.pull + b.pull,
        a.quiet + b.quiet,
    )
    return near[number] | {number, other}


def _add(into: dict[int, int], what: Mapping[int, int]) -> None:
    for key, count in what.items():
        into[key] = into.get(key, 0) + count


def root(parent: list[int], index: int) -> int:
    """The representative of ``index``; shortens the way there."""
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def join(parent: list[int], one: int, other: int) -> None:
    """Put two together; the smaller index represents them."""
    first, second = root(parent, one), root(parent, other)
    if first != second:
        parent[max(first, second)] = min(first, second)
