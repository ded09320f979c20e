"""Ids of problems that stay the same while alerts come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2s

from services.correlation.merging import Cluster
from services.correlation.reading import Reading


def lasting_ids(reading: Reading, clusters: Sequence[Cluster], past: Mapping[int, str]) -> list[str]:
    """The id of each cluster.

    A cluster takes over the id of the problem with which it shares most alerts; of several that share a problem, the
    one with most of it. Any other is named after its first alert, so that two consoles that see the same alerts call
    it the same.

    Args:
        reading: the alerts.
        clusters: each alert in one of them.
        past: index of an alert -> the problem that held it before.
    """
    claims = []
    for number, cluster in enumerate(clusters):
        counts: dict[str, int] = {}
        for index in cluster.members:
            if index in past:
                counts[past[index]] = counts.get(past[index], 0) + 1
        claims += [(-count, cluster.members[0], problem, number) for problem, count in counts.items()]
    ids: list[str] = [""] * len(clusters)
    taken: set[str] = set()
    for _, _, problem, number in sorted(claims):
        if not ids[number] and problem not in taken:
            ids[number] = problem
            taken.add(problem)
    for number, cluster in enumerate(clusters):
        seed = reading.alerts[cluster.members[0]].id
        while not ids[number]:
            made = "p" + blake2s(seed.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
            if made not in taken:
                ids[number] = made
                taken.add(made)
            seed += "+"
    return ids
