"""Alerts as numbers: onsets in order, and for each alert the names it carries. The arithmetic works on these."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.alerts.model import Alert
from services.correlation.naming import own_names, template, word_names, words
from services.vocabulary.severity import Severity

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
_CALLED = re.compile(
    r"(?:^|_)(?:destination|dest|dst|target|upstream|peer|callee|called|remote|backend|to)(?:_|$)", re.I
)
_CALLER = re.compile(r"(?:^|_)(?:source|src|caller|client|downstream|origin|from|reporter)(?:_|$)", re.IGNORECASE)
"""Where an alert names both ends of a call, it is the caller's complaint about the called."""
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
        parts: label and value -> the names that the value stands for.
        severities: of each alert.
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
    parts: dict[tuple[str, str], tuple[int, ...]]
    severities: list[Severity]

    @property
    def size(self) -> int:
        """How many alerts there are."""
        return len(self.alerts)


def read(alerts: Sequence[Alert]) -> Reading:
    """Take ``alerts`` in, whatever their order."""
    ordered = _ordered(alerts)
    kind_label = _kind_label(ordered)
    numbers: dict[str, int] = {}
    labels = _Labels(numbers, _dull_labels(ordered) | {kind_label})
    for alert in ordered:
        labels.take(alert)
    texts = _Texts(numbers, kind_label)
    names = [texts.take(alert, carried) for alert, carried in zip(ordered, labels.carried, strict=True)]
    label_of = [-1] * len(numbers)
    best = [0] * len(numbers)
    for (name, label), count in labels.used.items():
        if count > best[name]:
            best[name], label_of[name] = count, label
    return Reading(
        ordered,
        [alert.starts_at.timestamp() for alert in ordered],
        texts.kind_of,
        names,
        labels.owned,
        labels.values,
        list(numbers),
        list(labels.numbers),
        label_of,
        list(texts.kinds),
        labels.pairs,
        _severities(ordered),
    )


class _Labels:
    """Takes in the labels of one alert after another; equal pairs are looked at once."""

    def __init__(self, names: dict[str, int], dull: frozenset[str]) -> None:
        self._names = names
        self._dull = dull
        self.pairs: dict[tuple[str, str], tuple[int, ...]] = {}
        self._called: dict[str, bool] = {}
        self.numbers: dict[str, int] = {}
        self.used: dict[tuple[int, int], int] = {}
        self.values: list[dict[int, int]] = []
        self.carried: list[frozenset[int]] = []
        self.owned: list[frozenset[int]] = []

    def take(self, alert: Alert) -> None:
        names = self._names
        carried: list[int] = []
        values: dict[int, int] = {}
        blames = False
        for pair in alert.labels.items():
            found = self.pairs.get(pair)
            if found is None:
                every = () if pair[0] in self._dull else own_names(*pair)
                found = self.pairs[pair] = tuple([names.setdefault(name, len(names)) for name in every])
                if pair[0] not in self._called:
                    self._called[pair[0]] = _CALLED.search(pair[0]) is not None
            if found:
                label = self.numbers.setdefault(pair[0], len(self.numbers))
                values[label] = found[0]
                carried += found
                blames = blames or self._called[pair[0]]
        for label, name in values.items():
            self.used[name, label] = self.used.get((name, label), 0) + 1
        self.values.append(values)
        mine = frozenset(carried)
        self.carried.append(mine)
        if blames and any(_CALLER.search(label) for label in alert.labels):
            kept = [pair for pair in alert.labels.items() if not self._called[pair[0]]]
            mine = frozenset([name for pair in kept for name in self.pairs[pair]])
        self.owned.append(mine)


class _Texts:
    """Takes in the texts of one alert after another; equal texts and words are looked at once."""

    def __init__(self, names: dict[str, int], kind_label: str) -> None:
        self._names = names
        self._known = frozenset(names)
        self._kind_label = kind_label
        self._texts: dict[str, tuple[int, ...]] = {}
        self._words: dict[str, tuple[int, ...]] = {}
        self.kinds: dict[str, int] = {}
        self.kind_of: list[int] = []

    def take(self, alert: Alert, carried: frozenset[int]) -> tuple[int, ...]:
        every = set(carried)
        told = ""
        for key, text in alert.annotations.items():
            if text and not any(mark in key.casefold() for mark in _NOT_TEXT):
                told = told or text
                every.update(self._mentioned(text))
        kind = alert.name or alert.labels.get(self._kind_label, "") or template(told)
        if " " in kind:
            every.update(self._mentioned(kind))
            kind = template(kind)
        self.kind_of.append(self.kinds.setdefault(kind, len(self.kinds)))
        return tuple(sorted(every))

    def _mentioned(self, text: str) -> tuple[int, ...]:
        found = self._texts.get(text)
        if found is None:
            told: list[int] = []
            for word in words(text):
                names = self._words.get(word)
                if names is None:
                    known = (word,) if word in self._known and len(word) >= 3 else ()
                    names = tuple([self._number(name) for name in (*known, *word_names(word))])
                    self._words[word] = names
                told += names
            found = self._texts[text] = tuple(told)
        return found

    def _number(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))


def _severities(alerts: Sequence[Alert]) -> list[Severity]:
    known: dict[str | None, Severity] = {}
    found = []
    for alert in alerts:
        label = alert.labels.get("severity")
        severity = known.get(label)
        if severity is None:
            severity = known[label] = alert.severity
        found.append(severity)
    return found


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
