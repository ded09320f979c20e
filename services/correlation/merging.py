"""From single alerts to clusters: first what names the same rare thing at the same time, then the best pairs, upwards.

Agglomeration with evidence that is summed up per cluster, not per pair: a cluster is held against another as a whole,
so one alert that names a thing of each does not chain two problems together (the fault of single linkage and of
DBSCAN over time gaps alone). Only clusters that share a name or are neighbours in time are ever compared, which keeps
the work near n log n. Each round merges every pair that is best for both sides (reciprocal nearest neighbours, Benzécri
1982), so the result does not depend on the order in which alerts arrive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
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
_ROUNDING = 1e-9
_LOG_2 = math.log(2)


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
        most: no more nats than these does it have in common with another one.
    """

    members: list[int]
    onsets: list[float]
    names: dict[int, int]
    kinds: dict[int, int]
    values: dict[int, dict[int, int]]
    pull: float
    quiet: float
    most: float
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
        value += self.alike(a, b)
        if value <= 0:
            return value
        return value - max(self.apart(a, b), self.strange(a, b))

    def merits(self, a: Cluster, b: Cluster) -> float:
        """:meth:`total` where that is more than 0, in less time; else some number that is not."""
        value = self.when(a, b) - BIAS
        if value + min(a.most, b.most) + _ROUNDING <= 0:
            return value
        if a.size == b.size == 1:
            return self._alone(value, a, b)
        value += self.alike(a, b)
        if value <= 0:
            return value
        return value - max(self.apart(a, b), self.strange(a, b))

    def _alone(self, value: float, a: Cluster, b: Cluster) -> float:
        # Most pairs are of single alerts: every count is 1, and nothing is strange.
        name, kind = self.weights.name, self.weights.kind
        common = a.names.keys() & b.names.keys()
        best = max([name[one] for one in common]) if common else 0.0
        alike = a.kinds.keys() & b.kinds.keys()
        value += best + (max([kind[one] for one in alike]) if alike else 0.0)
        if value <= 0:
            return value
        mine, theirs = a.values, b.values
        for label, against in self.weights.scope:
            # The first is the one that says most.
            if label in mine and label in theirs and mine[label].keys() != theirs[label].keys():
                return value - against
        return value

    def strange(self, a: Cluster, b: Cluster) -> float:
        """Against, for having nothing telling in common, the more the larger both are."""
        smaller = min(a.size, b.size)
        link = self.link(a, b) if smaller > 1 else LINKED
        return STRANGE * (1 - link / LINKED) * math.log2(smaller) if link < LINKED else 0.0

    def link(self, a: Cluster, b: Cluster) -> float:
        """How telling their most telling common name is at all."""
        weight, mine, theirs = self.weights.name, a.names, b.names
        # One alert among hundreds that names a thing of each links little.
        enough = ENOUGH / min(a.size, b.size)
        link = 0.0
        for name in mine.keys() & theirs.keys():
            if weight[name] > link:
                link = max(link, weight[name] * min(1.0, enough * min(mine[name], theirs[name])))
        return link

    def when(self, a: Cluster, b: Cluster) -> float:
        """For beginning together, or against for the gap between."""
        gap = max(a.onsets[0] - b.onsets[-1], b.onsets[0] - a.onsets[-1])
        if gap >= MARGIN:
            return -fading(gap)
        if a.size == b.size == 1:
            pull = min(a.pull, b.pull, max(0.0, _LOG_2 + (a.quiet + b.quiet) / 2))
            return pull - fading(gap)
        # What does not stand out together with the other either is no storm of its own.
        size = a.size + b.size
        joint = math.log(size) + (a.quiet + b.quiet) / size
        pull = min(a.pull / a.size, b.pull / b.size, max(0.0, joint))
        return together(a.onsets, b.onsets) * pull - fading(gap)

    def alike(self, a: Cluster, b: Cluster) -> float:
        """For the names and kinds that they share."""
        weight, mine, theirs = self.weights.name, a.names, b.names
        share = 1 / math.sqrt(a.size * b.size)
        best = kind = 0.0
        common = mine.keys() & theirs.keys()
        if common:
            best = max([weight[name] * math.sqrt(mine[name] * theirs[name]) for name in common]) * share
        alike = a.kinds.keys() & b.kinds.keys()
        if alike:
            kind = max([self.weights.kind[one] * math.sqrt(a.kinds[one] * b.kinds[one]) for one in alike]) * share
        return best + kind

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
    merits = Scoring(weights).merits
    scores: list[dict[int, float]] = [{} for _ in clusters]
    best: dict[int, tuple[float, int]] = {}
    fresh = changed = set(range(len(clusters)))
    for _ in range(_ROUNDS):
        _score(clusters, near, merits, scores, fresh)
        _choose(scores, best, changed)
        fresh, changed = set(), set()
        for number, (_, other) in sorted(best.items()):
            if number < other and best.get(other, (0.0, -1))[1] == number:
                changed |= _absorb(clusters, near, scores, number, other)
                fresh.add(number)
        if not changed:
            break
    return [one for one in clusters if one is not None]


def cluster_of(reading: Reading, weights: Weights, paces: Pace, members: Sequence[int]) -> Cluster:
    """The cluster of ``members`` (indices, ascending); names that say nothing are left out."""
    telling = weights.name
    wanted = weights.scoped
    if len(members) == 1:
        (index,) = members
        kind = reading.kinds[index]
        own = {name: 1 for name in reading.names[index] if telling[name] >= FAINT}
        return Cluster(
            [index],
            [reading.onsets[index]],
            own,
            {kind: 1},
            {label: {value: 1} for label, value in reading.values[index].items() if label in wanted},
            paces.pull[index],
            paces.quiet[index],
            max([telling[name] for name in own], default=0.0) + weights.kind[kind],
        )
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
        max([telling[name] for name in names], default=0.0) + max([weights.kind[kind] for kind in kinds]),
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


def _score(
    clusters: Sequence[Cluster | None],
    near: Sequence[set[int]],
    merits: Callable[[Cluster, Cluster], float],
    scores: Sequence[dict[int, float]],
    fresh: AbstractSet[int],
) -> None:
    """Hold the clusters of ``fresh`` against their neighbours; only what scores more than 0 is kept, for both."""
    for number in fresh:
        cluster = clusters[number]
        if cluster is None:
            continue
        mine = scores[number]
        for other in near[number]:
            partner = clusters[other]
            if partner is None or (other < number and other in fresh):
                continue
            value = merits(cluster, partner)
            if value > 0:
                mine[other] = scores[other][number] = value


def _choose(
    scores: Sequence[Mapping[int, float]], best: dict[int, tuple[float, int]], changed: AbstractSet[int]
) -> None:
    """The best partner of every cluster of ``changed``; of equal ones the first."""
    for number in changed:
        best.pop(number, None)
        if scores[number]:
            value, other = max([(value, -other) for other, value in scores[number].items()])
            best[number] = (value, -other)


def _absorb(
    clusters: list[Cluster | None],
    near: list[set[int]],
    scores: Sequence[dict[int, float]],
    number: int,
    other: int,
) -> set[int]:
    """Merge ``other`` into ``number``; returns the clusters whose best partner may now be another."""
    a, b = clusters[number], clusters[other]
    if a is None or b is None:
        raise AssertionError("a cluster is merged once a round")
    for gone in (number, other):
        for beside in near[gone]:
            near[beside].discard(gone)
        for beside in scores[gone]:
            del scores[beside][gone]
        scores[gone].clear()
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
        max(a.most, b.most),
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
