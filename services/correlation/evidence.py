"""Why alerts are one problem, and why one alert is in it: sentences with the numbers that speak for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from services.correlation.blaming import ASPECTS
from services.correlation.causes import spelled, title
from services.correlation.merging import BIAS, Cluster, Scoring
from services.correlation.model import Cause, CauseKind, Evidence, EvidenceKind
from services.correlation.reading import Reading
from services.correlation.weighing import SLOT, Weights
from services.vocabulary.durations import format_age

_TOLD = 3


def evidence_of(
    reading: Reading, weights: Weights, cluster: Cluster, cause: Cause, total: Sequence[int]
) -> tuple[Evidence, ...]:
    """Why ``cluster`` is one problem, strongest first."""
    size = cluster.size
    found: list[Evidence] = []
    if cause.kind is CauseKind.ROLLOUT:
        found.append(Evidence(EvidenceKind.CHANGE, cause.text, 10.0))
    if size == 1:
        return (*found, Evidence(EvidenceKind.TIME, "nothing that is firing belongs with it", 0.0))
    span = timedelta(seconds=cluster.onsets[-1] - cluster.onsets[0])
    start = reading.alerts[cluster.members[0]].starts_at
    usual = math.exp(-cluster.quiet / size)
    found.append(
        Evidence(
            EvidenceKind.TIME,
            f"{size} alerts began within {format_age(span)} from {start:%Y-%m-%d %H:%M:%S} UTC; "
            f"usually {_rounded(usual)} begin in {SLOT / 60:.0f} minutes",
            cluster.pull / size,
        )
    )
    told: set[str] = set()
    ranked = sorted(cluster.names, key=lambda name: (-weights.name[name] * cluster.names[name], reading.words[name]))
    for name in ranked:
        count = cluster.names[name]
        if count < 2 or len(told) == _TOLD:
            break
        word = reading.words[name]
        if _is_aspect(reading, name):
            continue
        if any(word in other or other in word for other in told):
            continue
        told.add(word)
        holder = next(index for index in cluster.members if name in reading.names[index])
        label, subject = spelled(reading.alerts[holder], reading, name)
        elsewhere = total[name] - count
        beside = f"{elsewhere} elsewhere" if elsewhere else "nothing else does"
        what = f"{label} {subject}" if label else subject
        found.append(
            Evidence(
                EvidenceKind.TOPOLOGY, f"{count} of {size} name {what}; {beside}", weights.name[name] * count / size
            )
        )
    inhibited = sum(bool(reading.alerts[index].inhibited_by) for index in cluster.members)
    if inhibited:
        words = f"{inhibited} of {size} are inhibited by another of them, as Alertmanager says"
        found.append(Evidence(EvidenceKind.INHIBITION, words, 5.0))
    kind = max(cluster.kinds, key=lambda one: (cluster.kinds[one], reading.kind_names[one]))
    if cluster.kinds[kind] > 1:
        words = f"{cluster.kinds[kind]} of {size} are {reading.kind_names[kind]}"
        found.append(Evidence(EvidenceKind.TEXT, words, weights.kind[kind] * cluster.kinds[kind] / size))
    return tuple(sorted(found, key=lambda one: -one.weight))


def shared_labels(reading: Reading, cluster: Cluster) -> tuple[tuple[str, str], ...]:
    """The labels that all members have in common, by name."""
    common = dict(reading.alerts[cluster.members[0]].labels)
    for index in cluster.members[1:]:
        labels = reading.alerts[index].labels
        common = {name: value for name, value in common.items() if labels.get(name) == value}
        if not common:
            break
    return tuple(sorted(common.items()))


def reasons(
    reading: Reading,
    weights: Weights,
    alone: Cluster,
    rest: Cluster,
    inhibitors: Mapping[int, int],
) -> tuple[Evidence, ...]:
    """What speaks for and against one alert belonging to ``rest``, strongest first.

    Args:
        reading: the alerts. weights: how much names say.
        alone: the cluster of that alert only.
        rest: the others.
        inhibitors: index of an alert -> index of the alert that inhibits it.
    """
    scoring = Scoring(weights)
    index = alone.members[0]
    alert = reading.alerts[index]
    found: list[Evidence] = []
    source = inhibitors.get(index)
    if source is not None and source in set(rest.members):
        words = f"Alertmanager inhibits it while {title(reading.alerts[source])} fires"
        found.append(Evidence(EvidenceKind.INHIBITION, words, 10.0))
    when = scoring.when(alone, rest)
    if when != 0:
        gap = max(alone.onsets[0] - rest.onsets[-1], rest.onsets[0] - alone.onsets[-1])
        if gap > 0:
            side = "after" if alone.onsets[0] > rest.onsets[-1] else "before"
            words = f"it began {format_age(timedelta(seconds=gap))} {side} them"
        else:
            late = alone.onsets[0] - rest.onsets[0]
            words = f"it began {format_age(timedelta(seconds=late))} after the first of them" if late >= 1 else ""
            words = words or "it began with the first of them"
        found.append(Evidence(EvidenceKind.TIME, words, when))
    told: list[tuple[float, str, Evidence]] = []
    for name in alone.names.keys() & rest.names.keys():
        count = rest.names[name]
        weight = weights.name[name] * math.sqrt(count / rest.size)
        if weight < 0.2 or _is_aspect(reading, name):
            continue
        label, subject = spelled(alert, reading, name)
        own = name in reading.own[index]
        what = f"{label} {subject}" if label else subject
        verb = f"it is about {what}" if own else f"it mentions {what}"
        words = f"{verb}, which {count} of {rest.size} others name too"
        told.append((weight, reading.words[name], Evidence(EvidenceKind.TOPOLOGY, words, weight)))
    told.sort(key=lambda one: (-one[0], one[1]))
    found += [one for _, _, one in told[:_TOLD]]
    kind = reading.kinds[index]
    if kind in rest.kinds and weights.kind[kind] > 0:
        weight = weights.kind[kind] * math.sqrt(rest.kinds[kind] / rest.size)
        words = f"{rest.kinds[kind]} of {rest.size} others are {reading.kind_names[kind]} too"
        found.append(Evidence(EvidenceKind.TEXT, words, weight))
    found += _against(reading, scoring, alone, rest)
    return tuple(sorted(found, key=lambda one: -abs(one.weight)))


def _against(reading: Reading, scoring: Scoring, alone: Cluster, rest: Cluster) -> list[Evidence]:
    found = []
    apart = scoring.apart(alone, rest)
    if apart > 0:
        labels = [
            reading.labels[label]
            for label, _ in scoring.weights.scope
            if label in alone.values
            and label in rest.values
            and not alone.values[label].keys() & rest.values[label].keys()
        ]
        if labels:
            found.append(Evidence(EvidenceKind.LABELS, f"its {labels[0]} is another than theirs", -apart))
    if scoring.link(alone, rest) < 0.5:
        found.append(Evidence(EvidenceKind.TOPOLOGY, "it names nothing telling that they name", -BIAS))
    return found


def _is_aspect(reading: Reading, name: int) -> bool:
    label = reading.label_of[name]
    return label >= 0 and reading.labels[label] in ASPECTS


def _rounded(count: float) -> str:
    return f"{count:.0f}" if count >= 1.5 else "about one" if count >= 0.75 else "fewer than one"
