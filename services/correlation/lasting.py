"""Problems that last: what was together stays so, and keeps its id, while alerts come and go.

Each answer is worked out anew from all alerts, so that it becomes right when more is known. Near a limit that would
let alerts move to and fro at each refresh; so an answer departs from the one before only where the evidence for it is
plain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2s

from services.correlation.merging import Cluster, join, root
from services.correlation.reading import Reading

KEEP = 2.5
"""So many nats must speak against those that were together before they are parted."""
RELUCTANCE = 0.8
"""So many nats must speak for those that were apart before they are put together."""


def settled(
    clusters: Sequence[Cluster],
    past: Mapping[int, str],
    gather: Callable[[Sequence[int]], Cluster],
    score: Callable[[Cluster, Cluster], float],
) -> list[Cluster]:
    """``clusters``, changed to what they were before wherever that is nearly as good.

    Args:
        clusters: as they come out without regard to the past.
        past: index of an alert -> the problem that held it before.
        gather: makes a cluster of members.
        score: of two clusters; more than 0 where they are rather one.
    """
    pieces: list[tuple[Cluster, str, int]] = []
    for number, cluster in enumerate(clusters):
        held: dict[str, list[int]] = {}
        for index in cluster.members:
            held.setdefault(past.get(index, ""), []).append(index)
        new = held.pop("", []) if len(held) > 1 else []
        if new:
            # What is new goes with the larger part of what it was put to.
            most = max(held, key=lambda problem: (len(held[problem]), problem))
            held[most] = sorted(held[most] + new)
        whole = len(held) == 1
        pieces += [
            (cluster if whole else gather(members), problem, number) for problem, members in sorted(held.items())
        ]
    largest_before: dict[str, int] = {}
    largest_now: dict[int, int] = {}
    for place, (piece, problem, number) in enumerate(pieces):
        if problem and piece.size > _size(pieces, largest_before.get(problem)):
            largest_before[problem] = place
        if piece.size > _size(pieces, largest_now.get(number)):
            largest_now[number] = place
    parent = list(range(len(pieces)))
    for place, (piece, problem, number) in enumerate(pieces):
        home = largest_before.get(problem, place)
        if home != place and score(piece, pieces[home][0]) + KEEP > 0:
            join(parent, home, place)
            continue
        other = largest_now[number]
        if other != place and score(piece, pieces[other][0]) - RELUCTANCE > 0:
            join(parent, other, place)
    joined: dict[int, list[Cluster]] = {}
    for place, (piece, _, _) in enumerate(pieces):
        joined.setdefault(root(parent, place), []).append(piece)
    return [
        parts[0] if len(parts) == 1 else gather(sorted(index for part in parts for index in part.members))
        for parts in joined.values()
    ]


def _size(pieces: Sequence[tuple[Cluster, str, int]], place: int | None) -> int:
    return 0 if place is None else pieces[place][0].size


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
