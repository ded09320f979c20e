"""Alerts in, problems out.

The whole way: names and onsets are read (``reading``), what they say is learnt from the alerts themselves
(``weighing``, ``pace``), clusters grow from what names the same rare thing at the same time (``merging``), each gets
its likeliest causes (``causes``) and its reasons (``evidence``), and keeps its id from one time to the next
(``lasting``). The stages follow published systems for alert storms: temporal and spatial evidence first (Kuang et al.,
"Knowledge-aware Alert Aggregation in Large-scale Cloud Systems: a Hybrid Approach" (COLA), ICSE-SEIP 2024),
representatives per cluster (Zhao et al., ICSE-SEIP 2020). None of it needs history, training or a known topology.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.alerts.model import Alert
from services.correlation.blaming import THINGS, Primaries
from services.correlation.causes import Suspects
from services.correlation.changes import changes_of
from services.correlation.evidence import evidence_of, reasons, shared_labels
from services.correlation.lasting import lasting_ids, settled
from services.correlation.merging import Cluster, Scoring, cells, cluster_of, merge
from services.correlation.model import Correlation, Evidence, Explanation, Problem
from services.correlation.pace import Pace, pace
from services.correlation.parting import Parting
from services.correlation.reading import Reading, read
from services.correlation.weighing import Weights, weigh
from services.deployments.model import Deployment
from services.vocabulary.severity import Severity

_BRIEFLY = 300


@dataclass(frozen=True)
class Study:
    """A correlation, and what is needed to explain it.

    Attributes:
        correlation: the problems.
        clusters: of each problem, in their order.
        reading, weights, paces: what was learnt. inhibitors: alert -> the alert that inhibits it, by index.
    """

    correlation: Correlation
    clusters: tuple[Cluster, ...]
    reading: Reading
    weights: Weights
    paces: Pace
    inhibitors: Mapping[int, int]

    def explain(self, alert: str, *, brief: bool = False) -> Explanation | None:
        """Why the alert of that identity is where it is; None where it is unknown.

        ``brief`` looks at some hundreds of the others only and for no other problem; it takes a millisecond or two.
        """
        place = self.correlation.places.get(alert)
        if place is None:
            return None
        problem, cluster = self.correlation.problems[place], self.clusters[place]
        index = next(one for one in cluster.members if self.reading.alerts[one].id == alert)
        alone = self._cluster([index])
        inhibitors = self.inhibitors
        found: tuple[Evidence, ...] = ()
        if cluster.size > 1:
            others = [one for one in cluster.members if one != index]
            rest = self._cluster(others[:_BRIEFLY] if brief else others)
            found = reasons(self.reading, self.weights, alone, rest, inhibitors)
        nearest, against = (None, ()) if brief else self._nearest(place, alone, inhibitors)
        if cluster.size == 1:
            role = "alone"
        elif index in inhibitors:
            role = "inhibited"
        else:
            role = "cause" if problem.cause.alert == alert else "symptom"
        return Explanation(alert, problem, role, found, nearest, against)

    def _cluster(self, members: Sequence[int]) -> Cluster:
        return cluster_of(self.reading, self.weights, self.paces, members)

    def _nearest(
        self, place: int, alone: Cluster, inhibitors: Mapping[int, int]
    ) -> tuple[Problem | None, tuple[Evidence, ...]]:
        score = Scoring(self.weights).total
        others = [(score(alone, other), -number) for number, other in enumerate(self.clusters) if number != place]
        if not others:
            return None, ()
        _, number = max(others)
        nearest = self.clusters[-number]
        found = reasons(self.reading, self.weights, alone, nearest, inhibitors)
        return self.correlation.problems[-number], tuple([one for one in found if one.weight < 0])


def study(
    alerts: Sequence[Alert], deployments: Iterable[Deployment] = (), before: Mapping[str, str] | None = None
) -> Study:
    """Correlate ``alerts`` and keep what explains the answer.

    Args:
        alerts: all that are known, of any number of clusters, in any order; their order changes nothing.
        deployments: whose rollouts may be causes.
        before: identity of an alert -> id of the problem that held it last time; keeps ids, and keeps alerts from
            moving to and fro at the limit.
    """
    reading = read(alerts)
    if not reading.size:
        empty = Weights([], [], (), [])
        return Study(Correlation(), (), reading, empty, Pace([], []), {})
    weights, paces = weigh(reading), pace(reading)
    held = before or {}
    past = {index: held[alert.id] for index, alert in enumerate(reading.alerts) if alert.id in held} if held else {}
    linked = inhibitions(reading)
    first = cells(reading, weights, paces, linked)
    primaries = Primaries(reading, _variety(reading))
    inhibitors = {target: source for source, target in linked}

    def gather(members: Sequence[int]) -> Cluster:
        return cluster_of(reading, weights, paces, members)

    parting = Parting(reading, weights, primaries, gather)
    merged = merge(reading, weights, paces, first)
    if past:
        merged = settled(merged, past, gather, Scoring(weights).total)
    clusters = sorted(
        [part for one in merged for part in parting.part(one, inhibitors)], key=lambda one: one.members[0]
    )
    ids = lasting_ids(reading, clusters, past)
    total = [0] * len(reading.words)
    for names in reading.names:
        for name in names:
            total[name] += 1
    suspects = Suspects(reading, weights, total, changes_of(deployments), primaries)
    found = [(_problem(reading, weights, suspects, one, id, total), one) for one, id in zip(clusters, ids, strict=True)]
    found.sort(key=lambda pair: (pair[0].severity.rank, -pair[0].count, -pair[0].since.timestamp(), pair[0].id))
    problems = tuple([problem for problem, _ in found])
    places = {member: place for place, problem in enumerate(problems) for member in problem.members}
    return Study(Correlation(problems, places), tuple([one for _, one in found]), reading, weights, paces, inhibitors)


def correlate(
    alerts: Sequence[Alert], deployments: Iterable[Deployment] = (), before: Mapping[str, str] | None = None
) -> Correlation:
    """Like :func:`study`, for who wants the problems alone. 10,000 alerts take less than a second."""
    return study(alerts, deployments, before).correlation


def inhibitions(reading: Reading) -> list[tuple[int, int]]:
    """Pairs (source, target) of alerts of which Alertmanager says that one inhibits the other, source known."""
    places = {(alert.cluster, alert.fingerprint): index for index, alert in enumerate(reading.alerts) if alert.labels}
    found = []
    for index, alert in enumerate(reading.alerts):
        for source in alert.inhibited_by:
            place = places.get((alert.cluster, source))
            if place is not None and place != index:
                found.append((place, index))
                break
    return found


def _problem(
    reading: Reading, weights: Weights, suspects: Suspects, cluster: Cluster, id: str, total: Sequence[int]
) -> Problem:
    causes = suspects.of(cluster)
    alerts = [reading.alerts[index] for index in cluster.members]
    return Problem(
        id,
        tuple([alert.id for alert in alerts]),
        alerts[0].starts_at,
        min([reading.severities[index] for index in cluster.members], key=_rank),
        causes[0],
        causes[1:],
        evidence_of(reading, weights, cluster, causes[0], total),
        shared_labels(reading, cluster),
    )


def _variety(reading: Reading) -> list[int]:
    seen: list[set[int]] = [set() for _ in reading.labels]
    count = [0] * len(reading.labels)
    for values in reading.values:
        for label, value in values.items():
            seen[label].add(value)
            count[label] += 1
    # One value on half of all alerts or more tells nothing apart, unless the label is one that names things.
    constant = [
        len(one) == 1 and 1 < reading.size <= 2 * held and label not in THINGS
        for one, held, label in zip(seen, count, reading.labels, strict=True)
    ]
    return [0 if same else len(one) for one, same in zip(seen, constant, strict=True)]


def _rank(severity: Severity) -> int:
    return severity.rank
