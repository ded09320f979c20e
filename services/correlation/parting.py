"""Several causes at the same minute: a cluster is parted where two broken things each explain alerts of their own.

Time alone cannot tell two outages apart that begin together. What each explains can: the smallest set of causes that
covers the alerts (parsimonious covering, Reggia, Nau and Wang, 1983). A cluster is parted only between things that are
plainly broken (down, full, lost, not merely slow), in different ways, and whose alerts hardly overlap. Things broken
in the same way within three minutes more likely share a cause that no alert names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.correlation.blaming import LOOKED_AT, Blame, Callers, Primaries, blame_of
from services.correlation.brokenness import brokenness
from services.correlation.merging import FAINT, Cluster, Scoring
from services.correlation.reading import Reading
from services.correlation.weighing import Weights

_FROM = 6
_SUSPECTS = 60
_OWN = 3
_SHARE = 0.6
_ALIKE = 180.0
_PARTS = 6


@dataclass(frozen=True)
class Parting:
    """Parts clusters.

    Attributes:
        reading: the alerts. weights: how much names say.
        primaries: what each alert is about in the first place.
        gather: makes a cluster of members.
    """

    reading: Reading
    weights: Weights
    primaries: Primaries
    gather: Callable[[Sequence[int]], Cluster]

    def part(self, cluster: Cluster, inhibitors: Mapping[int, int]) -> list[Cluster]:
        """The parts of ``cluster``, or itself.

        Args:
            cluster: any.
            inhibitors: alert -> the alert that inhibits it, with which it stays.
        """
        if not _FROM <= cluster.size <= LOOKED_AT:
            return [cluster]
        blame = blame_of(self.reading, cluster, self.primaries)
        roots = self._roots(cluster, blame)
        if len(roots) < 2:
            return [cluster]
        return self._shared_out(blame, roots, inhibitors)

    def _roots(self, cluster: Cluster, blame: Blame) -> list[int]:
        words = self.reading.words
        names = [name for name in cluster.names if self.weights.name[name] >= FAINT]
        suspects = sorted(
            (name for name in names if self._broken(blame, name)),
            key=lambda name: (-cluster.names[name] * self.weights.name[name], words[name]),
        )[:_SUSPECTS]
        near = sorted(names, key=lambda name: (-cluster.names[name], words[name]))[: 4 * _SUSPECTS]
        callers = Callers(blame, near)
        reaches = sorted(
            ((callers.reach(name), name) for name in suspects), key=lambda one: (-one[0].bit_count(), words[one[1]])
        )
        covered = 0
        broken: dict[int, list[float]] = {}
        found: list[int] = []
        for reach, name in reaches:
            mine = self._kinds(blame, name)
            own = (reach & ~covered).bit_count()
            alike = any(abs(at - other) < _ALIKE for kind, at in mine.items() for other in broken.get(kind, ()))
            if found and (own < _OWN or own < _SHARE * reach.bit_count() or alike):
                continue
            found.append(reach)
            for kind, at in mine.items():
                broken.setdefault(kind, []).append(at)
            covered |= reach
            if len(found) == _PARTS:
                break
        return found

    def _broken(self, blame: Blame, name: int) -> bool:
        return bool(self._kinds(blame, name))

    def _kinds(self, blame: Blame, name: int) -> dict[int, float]:
        """The kinds of alert that say that ``name`` is broken, and since when."""
        reading = self.reading
        found: dict[int, float] = {}
        for index in blame.indices(blame.primary.get(name, 0)):
            kind = reading.kinds[index]
            if kind not in found and brokenness(reading.kind_names[kind]) > 0:
                found[kind] = reading.onsets[index]
        return found

    def _shared_out(self, blame: Blame, roots: Sequence[int], inhibitors: Mapping[int, int]) -> list[Cluster]:
        parts: list[list[int]] = [[] for _ in roots]
        rest: list[int] = []
        place_of: dict[int, int] = {}
        for bit, index in enumerate(blame.members):
            holders = [place for place, reach in enumerate(roots) if reach >> bit & 1]
            if len(holders) == 1 and index not in inhibitors:
                parts[holders[0]].append(index)
                place_of[index] = holders[0]
            else:
                rest.append(index)
        cores = [self.gather(part) for part in parts]
        score = Scoring(self.weights).total
        for index in rest:
            source = inhibitors.get(index)
            if source is not None and source in place_of:
                place = place_of[source]
            else:
                alone = self.gather([index])
                place = max(range(len(cores)), key=lambda one: (score(alone, cores[one]), -one))
            parts[place].append(index)
            place_of[index] = place
        return [self.gather(sorted(part)) for part in parts]
