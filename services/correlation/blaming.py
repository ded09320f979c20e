"""Which alerts name which thing, and which thing blames which: the graph that causes are looked for in.

An alert *owns* the names of its labels and *tells* those that only its text has. Alerts about a caller that tell of
the called blame it. Sets of alerts are integers, one bit a member, so that unions of hundreds cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.correlation.merging import Cluster
from services.correlation.reading import Reading

ASPECTS = frozenset((
    "metric", "metric_name", "check", "check_name", "rule", "rule_name", "rulename", "alert_type", "alarm_type",
    "event", "event_type", "reason", "code", "status", "status_code", "operation", "method", "problem", "symptom",
    "direction", "condition", "phase", "quantile", "le",
))  # fmt: skip
"""Labels that say what of a thing is wrong, never which thing."""
THINGS = (
    "pod", "instance", "host", "hostname", "node", "device", "container", "persistentvolumeclaim", "deployment",
    "statefulset", "service", "app", "component", "workload", "database", "topic", "queue", "resource", "job",
    "namespace",
)  # fmt: skip
"""Labels that usually name a thing, the most particular first; asked only where counts cannot tell."""
LOOKED_AT = 4000
"""So many alerts of a cluster are looked at, the earliest."""


@dataclass
class Blame:
    """Of one cluster.

    Attributes:
        members: those that are looked at; bit k of every mask is the k-th.
        owned, told: name -> mask of the alerts that own it, or only tell of it.
        primary: name -> mask of the alerts that are about it in the first place.
    """

    members: Sequence[int]
    owned: dict[int, int] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    primary: dict[int, int] = field(default_factory=dict)

    def direct(self, name: int) -> int:
        """The alerts that name it at all."""
        return self.owned.get(name, 0) | self.told.get(name, 0)

    def indices(self, mask: int) -> Iterator[int]:
        """The members of ``mask``, earliest first."""
        while mask:
            low = mask & -mask
            yield self.members[low.bit_length() - 1]
            mask ^= low


class Callers:
    """Who blames whom among some names of a cluster; each is looked at once."""

    def __init__(self, blame: Blame, others: Sequence[int]) -> None:
        """``others`` are the names among which blame is followed."""
        self._blame = blame
        self._about = [(other, blame.primary[other]) for other in others if other in blame.primary]
        self._known: dict[int, list[int]] = {}

    def of(self, name: int) -> list[int]:
        """What alerts are about in the first place which tell of ``name``."""
        found = self._known.get(name)
        if found is None:
            heard = self._blame.told.get(name, 0) & ~self._blame.owned.get(name, 0)
            found = [other for other, about in self._about if about & heard and other != name] if heard else []
            self._known[name] = found
        return found

    def reach(self, name: int) -> int:
        """The alerts that name it, or that are about what blames it, or about what blames that, and so on."""
        mask = self._blame.direct(name)
        seen, ring = {name}, [name]
        while ring:
            found = dict.fromkeys(up for one in ring for up in self.of(one))
            ring = [up for up in found if up not in seen]
            seen.update(ring)
            for up in ring:
                mask |= self._blame.owned.get(up, 0)
        return mask


class Primaries:
    """Of each alert, the names of what it is about in the first place: of its label with the most values of all."""

    def __init__(self, reading: Reading, variety: Sequence[int]) -> None:
        """
        Args:
            reading: the alerts.
            variety: of each label, how many values it has among all alerts; 0 for one that tells nothing apart.
        """
        self._reading = reading
        # Counts decide; where they are equal, as among few alerts, the usual names do.
        self._ranks = [
            None if not many or label in ASPECTS else (many, *_preference(label))
            for many, label in zip(variety, reading.labels, strict=True)
        ]
        self._known: dict[int, tuple[int, ...]] = {}

    def of(self, index: int) -> tuple[int, ...]:
        """Of one alert; none where its labels tell nothing apart."""
        found = self._known.get(index)
        if found is None:
            found = self._known[index] = self._look(index)
        return found

    def _look(self, index: int) -> tuple[int, ...]:
        reading = self._reading
        own = reading.own[index]
        best: tuple[int, int, str] | None = None
        for label, value in reading.values[index].items():
            rank = self._ranks[label]
            if rank is not None and value in own and (best is None or rank > best):
                best = rank
        return () if best is None else reading.parts[best[2], reading.alerts[index].labels[best[2]]]


def blame_of(reading: Reading, cluster: Cluster, primaries: Primaries) -> Blame:
    """Look at ``cluster``.

    Args:
        reading: the alerts.
        cluster: which of them.
        primaries: what each alert is about.
    """
    blame = Blame(cluster.members[:LOOKED_AT])
    for place, index in enumerate(blame.members):
        bit = 1 << place
        about = primaries.of(index)
        # Where labels tell nothing apart, the text is all there is.
        own = reading.own[index] if about else frozenset(reading.names[index])
        for name in reading.names[index]:
            masks = blame.owned if name in own else blame.told
            masks[name] = masks.get(name, 0) | bit
        for name in about:
            blame.primary[name] = blame.primary.get(name, 0) | bit
    return blame


def _preference(label: str) -> tuple[int, str]:
    return (-THINGS.index(label) if label in THINGS else -len(THINGS), label)
