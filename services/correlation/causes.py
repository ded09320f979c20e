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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.alerts.model import Alert
from services.correlation.changes import Change, before, plausibility
from services.correlation.merging import Cluster
from services.correlation.model import Cause, CauseKind
from services.correlation.naming import own_names
from services.correlation.reading import Reading
from services.correlation.weighing import Weights
from services.vocabulary.durations import format_age

_SUSPECTS = 24
_TOLD = 3
_EARLY = 240.0
_SAMPLE = 4000
_BROKEN = re.compile(
    r"down|unreach|notready|not ready|lost|full|filling|oom|crash|fail|unavailable|read.?only|absent|exhaust|expired|"
    r"reboot|power|link|disk|memory|leak|deadlock|split.?brain|rollout|stuck|fault|broken|dead|hang|hung"
)
_COMPLAINT = re.compile(
    r"latency|slow|error.?rate|errors?$|5xx|slo|burn|p9\d|timeout|apdex|response|request|degrad|throughput|budget|queue"
)


@dataclass(frozen=True)
class Suspects:
    """What causes are looked for with.

    Attributes:
        reading: the alerts. weights: how much names say.
        total: of each name, how many of all alerts carry it.
        changes: name of a workload -> its rollouts.
    """

    reading: Reading
    weights: Weights
    total: Sequence[int]
    changes: Mapping[str, tuple[Change, ...]]

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
        index = max(early, key=lambda one: (self._brokenness(one), -reading.alerts[one].severity.rank, -one))
        alert = reading.alerts[index]
        return Cause(CauseKind.ALERT, "alertname", title(alert), title(alert), alert.id, 0.3)

    def _things(self, cluster: Cluster) -> list[Cause]:
        reading, words = self.reading, self.reading.words
        members = cluster.members[:_SAMPLE]
        places = {index: place for place, index in enumerate(members)}
        owned: dict[int, int] = {}
        told: dict[int, int] = {}
        blames: dict[int, set[int]] = {}
        for index, place in places.items():
            bit = 1 << place
            own = reading.own[index]
            rest = [name for name in reading.names[index] if name not in own]
            for name in own:
                owned[name] = owned.get(name, 0) | bit
            for name in rest:
                told[name] = told.get(name, 0) | bit
        ranked = sorted(
            (name for name in cluster.names if self.weights.name[name] >= 0.4 and (name in owned or name in told)),
            key=lambda name: (-cluster.names[name] * self.weights.name[name], words[name]),
        )[:_SUSPECTS]
        for name in ranked:
            mask = owned.get(name, 0)
            for other in ranked:
                # Alerts about ``name`` that speak of ``other`` blame it.
                if other != name and mask & told.get(other, 0) & ~owned.get(other, 0):
                    blames.setdefault(other, set()).add(name)
        size = len(members)
        start = reading.onsets[members[0]]
        found = []
        for name in ranked:
            direct = owned.get(name, 0) | told.get(name, 0)
            reach, seen, ring = direct, {name}, [name]
            while ring:
                ring = [up for one in ring for up in blames.get(one, ()) if up not in seen]
                seen.update(ring)
                for up in ring:
                    reach |= owned.get(up, 0)
            explained = (direct.bit_count() + 0.7 * (reach & ~direct).bit_count()) / size
            exclusive = min(1.0, cluster.names[name] / max(1, self.total[name]))
            telling = min(1.0, self.weights.name[name] / 2.5)
            mine = owned.get(name, 0)
            score = explained * (0.5 + 0.5 * exclusive) * (0.4 + 0.6 * telling)
            best = -1
            if mine:
                index = members[(mine & -mine).bit_length() - 1]
                score += 0.1 + 0.25 * math.exp(-(reading.onsets[index] - start) / _EARLY)
                best = self._speaker(members, mine)
                score += 0.12 * self._mean_brokenness(members, mine)
            else:
                best = members[(direct & -direct).bit_length() - 1]
            if any(mine & told.get(other, 0) & ~owned.get(other, 0) for other in ranked if other != name):
                score -= 0.15  # it blames something else itself
            found.append(self._thing(name, best, score))
        return found

    def _thing(self, name: int, index: int, score: float) -> Cause:
        alert = self.reading.alerts[index]
        label, subject = spelled(alert, self.reading, name)
        about = f"{label} {subject}" if label else subject
        return Cause(CauseKind.THING, label, subject, f"{about}: {alert.name or title(alert)}", alert.id, score)

    def _rollouts(self, cluster: Cluster, things: Sequence[Cause]) -> list[Cause]:
        if not self.changes:
            return []
        reading = self.reading
        scores = {cause.subject.casefold(): cause.score for cause in things}
        found = []
        for name, count in cluster.names.items():
            made = self.changes.get(reading.words[name])
            if not made or count < 0.2 * cluster.size and count < 3:
                continue
            onset, index = next(
                (reading.onsets[one], one) for one in cluster.members if name in reading.names[one]
            )
            spaces = {reading.alerts[one].labels.get("namespace") for one in cluster.members[:_SAMPLE]} - {None}
            change = before([one for one in made if not spaces or one.namespace in spaces], onset)
            if change is None:
                continue
            score = scores.get(reading.words[name], 0.3 * count / cluster.size) + 0.4 * plausibility(change, onset)
            age = format_age(reading.alerts[index].starts_at - change.moment)
            text = f"began {age} after revision {change.revision} of {change.workload}"
            found.append(
                Cause(CauseKind.ROLLOUT, change.kind.lower(), change.subject, text, reading.alerts[index].id, score)
            )
        return found

    def _speaker(self, members: Sequence[int], mask: int) -> int:
        places = []
        while mask and len(places) < 50:
            low = mask & -mask
            places.append(members[low.bit_length() - 1])
            mask ^= low
        return max(places, key=lambda one: (self._brokenness(one), -self.reading.alerts[one].severity.rank, -one))

    def _mean_brokenness(self, members: Sequence[int], mask: int) -> float:
        total = count = 0
        while mask and count < 50:
            low = mask & -mask
            total += self._brokenness(members[low.bit_length() - 1])
            count += 1
            mask ^= low
        return total / max(1, count)

    def _brokenness(self, index: int) -> int:
        return brokenness(self.reading.kind_names[self.reading.kinds[index]])


def brokenness(kind: str) -> int:
    """1 for what says that something is broken, -1 for what says that somebody suffers, 0 for neither or both."""
    folded = kind.casefold()
    return bool(_BROKEN.search(folded)) - bool(_COMPLAINT.search(folded))


def title(alert: Alert) -> str:
    """The alert's name, or the beginning of what it says (raw)."""
    if alert.name:
        return alert.name
    said = next((text for text in alert.annotations.values() if text), "")
    return said[:80] or next(iter(alert.labels.values()), "an alert without a name")


def spelled(alert: Alert, reading: Reading, name: int) -> tuple[str, str]:
    """The label under which ``alert`` carries ``name``, and the name as it writes it; the folded name where it does not."""
    word = reading.words[name]
    part = ("", word)
    for label, value in alert.labels.items():
        names = own_names(label, value)
        if word in names:
            if names[0] == word:
                return label, value.strip()
            part = (label, word)
    return part


