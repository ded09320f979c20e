"""Alerts as numbers: onsets in order, and for each alert the names it carries. The arithmetic works on these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.alerts.model import Alert
from services.correlation.naming import own_names, template, text_names, word_names, words

SEVERITY_WORDS = frozenset(
    word
    for line in (
        "critical crit error err warning warn info information informational notice none page ticket high medium low",
        "major minor debug emergency fatal ok disaster average alert severe sev1 sev2 sev3 sev4 sev5 p0 p1 p2 p3 p4 p5",
        "firing resolved problem clear cleared indeterminate unknown up down 1 2 3 4 5",
    )
    for word in line.split()
)
_GRADES = ("severity", "priority", "prio", "level", "urgency", "impact", "state", "status")
_NOT_THINGS = frozenset(("alertname", "severity", "priority", "__name__"))
KIND_LABELS = (
    "alert_name", "alarm_name", "alert", "alarm", "alert_type", "alarm_type", "check", "check_name", "rule",
    "rule_name", "rulename", "trigger", "event", "event_type", "event_name", "problem", "symptom", "title", "name",
    "metric", "metric_name", "type",
)  # fmt: skip
"""Labels that may say what kind of alert it is where there is no ``alertname``, the first that is there."""
_NOT_TEXT = ("url", "link", "runbook", "dashboard", "playbook", "__")


@dataclass(frozen=True)
class Reading:
    """Alerts by onset, then identity; position in that order is what every index below means.

    Attributes:
        alerts: in that order, each identity once.
        onsets: seconds since the epoch.
        kinds: index into ``kind_names`` each: what kind of alert it is.
        names: of each alert, the numbers of the names it carries (its own and those its text mentions), ascending.
        own: how many of the names (by number, of each alert) are its own: a set each.
        values: of each alert, label number -> name number of that label's value.
        words: number of a name -> the name.
        labels: number of a label -> its name.
        label_of: number of a name -> number of the label that carries it most often; -1 for one of texts alone.
        kind_names: number of a kind -> what it is called.
    """

    alerts: tuple[Alert, ...]
    onsets: list[float]
    kinds: list[int]
    names: list[tuple[int, ...]]
    own: list[frozenset[int]]
    values: list[dict[int, int]]
    words: list[str]
    labels: list[str]
    label_of: list[int]
    kind_names: list[str]

    @property
    def size(self) -> int:
        """How many alerts there are."""
        return len(self.alerts)


def read(alerts: Sequence[Alert]) -> Reading:
    """Take ``alerts`` in, whatever their order."""
    ordered = _ordered(alerts)
    numbers: dict[str, int] = {}
    labels: dict[str, int] = {}
    pairs: dict[tuple[str, str], tuple[int, ...]] = {}
    used: dict[tuple[int, int], int] = {}
    kind_label = _kind_label(ordered)
    dull = _dull_labels(ordered) | {kind_label}
    values: list[dict[int, int]] = []
    owned: list[set[int]] = []
    for alert in ordered:
        mine: set[int] = set()
        value_of: dict[int, int] = {}
        for pair in alert.labels.items():
            found = pairs.get(pair)
            if found is None:
                names = () if pair[0] in dull else own_names(*pair)
                found = pairs[pair] = tuple([numbers.setdefault(name, len(numbers)) for name in names])
            if not found:
                continue
            label = labels.setdefault(pair[0], len(labels))
            value_of[label] = found[0]
            mine.update(found)
        for label, name in value_of.items():
            used[name, label] = used.get((name, label), 0) + 1
        values.append(value_of)
        owned.append(mine)
    known = dict(numbers)
    texts: dict[str, tuple[int, ...]] = {}
    heard: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, int] = {}
    kind_of: list[int] = []
    names_of: list[tuple[int, ...]] = []
    for alert, mine in zip(ordered, owned, strict=True):
        every = set(mine)
        told = ""
        for key, text in alert.annotations.items():
            if not text or any(mark in key.casefold() for mark in _NOT_TEXT):
                continue
            told = told or text
            found = texts.get(text)
            if found is None:
                found = texts[text] = _mentioned(text, known, numbers, heard)
            every.update(found)
        kind = alert.name or (alert.labels.get(kind_label, "") if kind_label else "") or template(told)
        if " " in kind:
            every.update([numbers.setdefault(name, len(numbers)) for name in text_names(kind)])
            kind = template(kind)
        kind_of.append(kinds.setdefault(kind, len(kinds)))
        names_of.append(tuple(sorted(every)))
    label_of = [-1] * len(numbers)
    best = [0] * len(numbers)
    for (name, label), count in used.items():
        if count > best[name]:
            best[name], label_of[name] = count, label
    return Reading(
        ordered,
        [alert.starts_at.timestamp() for alert in ordered],
        kind_of,
        names_of,
        [frozenset(mine) for mine in owned],
        values,
        list(numbers),
        list(labels),
        label_of,
        list(kinds),
    )


def _mentioned(
    text: str, known: Mapping[str, int], numbers: dict[str, int], heard: dict[str, tuple[int, ...]]
) -> tuple[int, ...]:
    found: list[int] = []
    for word in words(text):
        names = heard.get(word)
        if names is None:
            named = (word,) if word in known and len(word) >= 3 else ()
            names = tuple([numbers.setdefault(name, len(numbers)) for name in (*named, *word_names(word))])
            heard[word] = names
        if names:
            found += names
    return tuple(found)


def _ordered(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    unique = {alert.id: alert for alert in sorted(alerts, key=lambda one: one.starts_at, reverse=True)}
    return tuple(sorted(unique.values(), key=lambda one: (one.starts_at, one.id)))


def _kind_label(alerts: Sequence[Alert]) -> str:
    """The label that says what kind of alert it is, where most have no ``alertname``; empty for none."""
    if 2 * sum(bool(alert.name) for alert in alerts) >= len(alerts):
        return ""
    held = Counter(label for alert in alerts for label in alert.labels if label in KIND_LABELS)
    often = [label for label in KIND_LABELS if 2 * held[label] >= len(alerts)]
    return often[0] if often else ""


def _dull_labels(alerts: Sequence[Alert]) -> frozenset[str]:
    """Labels that grade or measure and name no thing: severities under any label, and numbers with a fraction."""
    seen: dict[str, set[str]] = {}
    for alert in alerts:
        for label, value in alert.labels.items():
            held = seen.setdefault(label, set())
            if len(held) < 64:
                held.add(value)
    dull = set(_NOT_THINGS)
    for label, held in seen.items():
        folded = {value.strip().casefold() for value in held if value}
        graded = any(mark in label.casefold() for mark in _GRADES) or not all(map(str.isdigit, folded))
        if (folded <= SEVERITY_WORDS and graded) or sum(map(_is_fraction, folded)) > len(folded) / 2:
            dull.add(label)
    return frozenset(dull)


def _is_fraction(value: str) -> bool:
    head, dot, tail = value.partition(".")
    return bool(dot) and head.lstrip("+-").isdigit() and tail.rstrip("%").isdigit()
