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

    def blamed_by(self, name: int, others: Sequence[int]) -> list[int]:
        """Those of ``others`` that alerts are about in the first place which tell of ``name``."""
        heard = self.told.get(name, 0) & ~self.owned.get(name, 0)
        return [other for other in others if other != name and self.primary.get(other, 0) & heard] if heard else []

    def blames(self, name: int, others: Sequence[int]) -> bool:
        """Whether alerts about ``name`` tell of another of ``others``."""
        mine = self.primary.get(name, 0)
        return any(other != name and mine & self.told.get(other, 0) & ~self.owned.get(other, 0) for other in others)

    def direct(self, name: int) -> int:
        """The alerts that name it at all."""
        return self.owned.get(name, 0) | self.told.get(name, 0)

    def reach(self, name: int, others: Sequence[int]) -> int:
        """The alerts that name it, or that are about what blames it, or about what blames that, and so on."""
        mask = self.direct(name)
        seen, ring = {name}, [name]
        while ring:
            found = dict.fromkeys(up for one in ring for up in self.blamed_by(one, others))
            ring = [up for up in found if up not in seen]
            seen.update(ring)
            for up in ring:
                mask |= self.owned.get(up, 0)
        return mask

    def indices(self, mask: int) -> Iterator[int]:
        """The members of ``mask``, earliest first."""
        while mask:
            low = mask & -mask
            yield self.members[low.bit_length() - 1]
            mask ^= low


def blame_of(reading: Reading, cluster: Cluster, variety: Sequence[int]) -> Blame:
    """Look at ``cluster``.

    Args:
        reading: the alerts.
        cluster: which of them.
        variety: of each label, how many values it has among all alerts; 0 for one that tells nothing apart.
    """
    blame = Blame(cluster.members[:LOOKED_AT])
    for place, index in enumerate(blame.members):
        bit = 1 << place
        about = primary(reading, index, variety)
        # Where labels tell nothing apart, the text is all there is.
        own = reading.own[index] if about else frozenset(reading.names[index])
        for name in reading.names[index]:
            masks = blame.owned if name in own else blame.told
            masks[name] = masks.get(name, 0) | bit
        for name in about:
            blame.primary[name] = blame.primary.get(name, 0) | bit
    return blame


def _preference(label: str) -> tuple[int, str]:
    # Counts decide; where they are equal, as among few alerts, the usual names do.
    return (-THINGS.index(label) if label in THINGS else -len(THINGS), label)


def primary(reading: Reading, index: int, variety: Sequence[int]) -> tuple[int, ...]:
    """The names of what an alert is about in the first place: of its label with the most values of all."""
    labels = [
        label
        for label in reading.values[index]
        if variety[label]
        and reading.labels[label] not in ASPECTS
        and reading.values[index][label] in reading.own[index]
    ]
    if not labels:
        return ()
    finest = reading.labels[max(labels, key=lambda label: (variety[label], _preference(reading.labels[label])))]
    return reading.parts[finest, reading.alerts[index].labels[finest]]
