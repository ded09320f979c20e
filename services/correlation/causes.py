"""Which thing, rollout or alert a problem probably comes from.

A thing is a good suspect if it explains many of the alerts (they name it, or they blame what blames it), if few other
alerts name it (the F-measure of spectrum-based fault localisation, as in Li et al., "Generic and Robust Localization of
Multi-dimensional Root Causes" (Squeeze), ISSRE 2019), and if it was early. Blame is followed from caller to called as
in the random walks of MonitorRank (Kim et al., SIGMETRICS 2013) and MicroRCA (Wu et al., NOMS 2020), in its limit of
many steps: whatever can be reached counts. Complaints (latency, error rates, burn rates) are weaker suspects than
things that are down or full, as the golden signals of the SRE book suggest. A rollout of a suspect shortly before the
onset beats the suspect itself: changes cause most outages (Google SRE workbook, appendix C).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from services.alerts.model import Alert
from services.correlation.blaming import ASPECTS, LOOKED_AT, THINGS, Callers, Primaries, blame_of
from services.correlation.brokenness import brokenness
from services.correlation.changes import Change, before, plausibility
from services.correlation.merging import FAINT, Cluster
from services.correlation.model import Cause, CauseKind
from services.correlation.reading import Reading
from services.correlation.weighing import Weights
from services.vocabulary.durations import format_age

_SUSPECTS = 24
_TOLD = 3
_EARLY = 240.0
_PORT = re.compile(r":\d+$")
_HEARD = 50
_USUAL = 1.2
_SPOKEN = ("service", "app", "component", "node", "host", "pod", "device", "deployment", "instance", "namespace")


@dataclass(frozen=True)
class Suspects:
    """What causes are looked for with.

    Attributes:
        reading: the alerts. weights: how much names say.
        total: of each name, how many of all alerts carry it.
        changes: name of a workload -> its rollouts.
        primaries: what each alert is about in the first place.
    """

    reading: Reading
    weights: Weights
    total: Sequence[int]
    changes: Mapping[str, tuple[Change, ...]]
    primaries: Primaries

    @cached_property
    def changed(self) -> dict[int, tuple[Change, ...]]:
        """Number of the name of a workload -> its rollouts."""
        return {number: self.changes[word] for number, word in enumerate(self.reading.words) if word in self.changes}

    def of(self, cluster: Cluster) -> tuple[Cause, ...]:
        """The likeliest causes of ``cluster``, best first; at least the first alert."""
        first = self._first(cluster)
        found = [] if cluster.size == 1 else self._things(cluster)
        found += self._rollouts(cluster, found)
        found.append(first)
        found.sort(key=lambda cause: (-cause.score, cause.kind.value, cause.subject))
        return tuple(found[: _TOLD + 1])

    def _first(self, cluster: Cluster) -> Cause:
        reading = self.reading
        members = [index for index in cluster.members if not reading.alerts[index].inhibited_by] or cluster.members
        start = reading.onsets[members[0]]
        early = [index for index in members[:200] if reading.onsets[index] - start <= 60]
        index = self._loudest(early)
        alert = reading.alerts[index]
        score = 0.3 + 0.1 * self._brokenness(index)
        names = self.primaries.of(index)
        if not names:
            return Cause(CauseKind.ALERT, "alertname", title(alert), title(alert), alert.id, score)
        return self._thing(min(names, key=lambda name: self._worth(name, index)), index, score)

    def _worth(self, name: int, index: int) -> tuple[bool, int, str]:
        # The machine rather than its port, the pod rather than its family.
        word = self.reading.words[name]
        return (_PORT.search(word) is not None, name not in self.reading.values[index].values(), word)

    def _things(self, cluster: Cluster) -> list[Cause]:
        reading, words = self.reading, self.reading.words
        blame = blame_of(reading, cluster, self.primaries)
        counts, weights = self._counted(cluster), self._weighed(cluster)
        ranked = sorted(
            (
                name
                for name in counts
                if weights[name] >= FAINT
                and blame.direct(name)
                and (reading.label_of[name] < 0 or reading.labels[reading.label_of[name]] not in ASPECTS)
            ),
            key=lambda name: (-counts[name] * weights[name], words[name]),
        )[: min(_SUSPECTS, 6 + cluster.size)]
        start = reading.onsets[cluster.members[0]]
        callers = Callers(blame, ranked)
        blaming = {caller for name in ranked for caller in callers.of(name)}
        found: list[tuple[float, int, list[int]]] = []
        for name in ranked:
            direct, mine = blame.direct(name), blame.owned.get(name, 0)
            reach = callers.reach(name)
            explained = (direct.bit_count() + 0.7 * (reach & ~direct).bit_count()) / len(blame.members)
            exclusive = min(1.0, counts[name] / max(1, self.total[name]))
            telling = min(1.0, weights[name] / 2.5)
            score = explained * (0.5 + 0.5 * exclusive) * (0.4 + 0.6 * telling)
            speakers = list(islice(blame.indices(mine or direct), _HEARD))
            # What is said of the thing itself counts more than what is said of a part of it.
            voices = list(islice(blame.indices(blame.primary.get(name, 0)), _HEARD)) or speakers
            if mine:
                score += 0.1 + 0.25 * math.exp(-(reading.onsets[speakers[0]] - start) / _EARLY)
                score += 0.15 if name in blame.primary else -0.1
                score += 0.12 * sum(map(self._brokenness, voices)) / len(voices)
            if name in blaming:
                score -= 0.15
            if all(reading.alerts[index].inhibited_by for index in speakers):
                score -= 0.5  # Alertmanager knows what explains it
            if _PORT.search(words[name]):
                score -= 0.05  # the machine itself is a suspect too
            found.append((score, name, voices if mine else speakers[:1]))
        found.sort(key=lambda one: (-one[0], words[one[1]]))
        return [self._thing(name, self._loudest(speakers), score) for score, name, speakers in found[: _TOLD + 1]]

    def _thing(self, name: int, index: int, score: float) -> Cause:
        alert = self.reading.alerts[index]
        label, subject = spelled(alert, self.reading, name)
        about = f"{label} {subject}" if label else subject
        return Cause(CauseKind.THING, label, subject, f"{about}: {alert.name or title(alert)}", alert.id, score, about)

    def _counted(self, cluster: Cluster) -> Mapping[int, int]:
        if 2 * cluster.size <= self.reading.size:
            return cluster.names
        return Counter([name for index in cluster.members for name in self.reading.names[index]])

    def _weighed(self, cluster: Cluster) -> Sequence[float]:
        """How much names say; where the problem is most of all there is, chance says nothing, and usual labels do."""
        reading, weights = self.reading, self.weights.name
        if 2 * cluster.size <= reading.size:
            return weights
        things = {number for number, label in enumerate(reading.labels) if label in THINGS[:-2]}
        known = [label in things for label in reading.label_of]
        return [max(weight, _USUAL if thing else 0.0) for weight, thing in zip(weights, known, strict=True)]

    def _rollouts(self, cluster: Cluster, things: Sequence[Cause]) -> list[Cause]:
        if not self.changed:
            return []
        reading = self.reading
        scores = {cause.subject.casefold(): cause.score for cause in things}
        found = []
        changed = self.changed
        counts = Counter([name for index in cluster.members for name in reading.names[index] if name in changed])
        for name, count in sorted(counts.items()):
            made = changed[name]
            if count < 0.2 * cluster.size and count < 3:
                continue
            onset, index = next((reading.onsets[one], one) for one in cluster.members if name in reading.names[one])
            spaces = {reading.alerts[one].labels.get("namespace") for one in cluster.members[:LOOKED_AT]} - {None}
            change = before([one for one in made if not spaces or one.namespace in spaces], onset)
            if change is None:
                continue
            score = scores.get(reading.words[name], 0.6 * count / cluster.size) + 0.4 * plausibility(change, onset)
            age = format_age(reading.alerts[index].starts_at - change.moment)
            text = f"began {age} after revision {change.revision} of {change.workload}"
            brief = f"{change.workload} r{change.revision}"
            id = reading.alerts[index].id
            found.append(Cause(CauseKind.ROLLOUT, change.kind.lower(), change.subject, text, id, score, brief))
        return found

    def _loudest(self, indices: Sequence[int]) -> int:
        severities = self.reading.severities
        return max(indices, key=lambda one: (self._brokenness(one), -severities[one].rank, -one))

    def _brokenness(self, index: int) -> int:
        return brokenness(self.reading.kind_names[self.reading.kinds[index]])


def title(alert: Alert) -> str:
    """The alert's name, or the beginning of what it says (raw)."""
    if alert.name:
        return alert.name
    said = next((text for text in alert.annotations.values() if text), "")
    return said[:80] or next(iter(alert.labels.values()), "an alert without a name")


def spelled(alert: Alert, reading: Reading, name: int) -> tuple[str, str]:
    """The label under which ``alert`` carries ``name``, and the name as it writes it, or else folded."""
    found: list[tuple[bool, int, str, str]] = []
    for label, value in alert.labels.items():
        names = reading.parts.get((label, value), ())
        if name in names:
            whole = names[0] == name
            rank = _SPOKEN.index(label) if label in _SPOKEN else len(_SPOKEN)
            found.append((not whole, rank, label, value.strip() if whole else reading.words[name]))
    return min(found)[2:] if found else ("", reading.words[name])
