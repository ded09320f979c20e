"""How well storms are taken apart, on simulated storms whose causes are known, beside what simple rules would do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.alerts.model import Alert
from services.correlation.correlate import correlate
from tests.bench.correlation.measures import pairwise
from tests.bench.correlation.storms import HELD_OUT, TUNED, Storm, storm
from tests.bench.harness import Limit, Table

NAME = "correlation"

WINDOW = 300.0
_SEEDS = 12
_HELD_OUT_FROM = 5000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a way of grouping says of one storm.

    Attributes:
        groups: identity -> group.
        causes: group -> what it names as the cause; empty where it names none.
    """

    groups: Mapping[str, object]
    causes: Mapping[object, str]


def ours(one: Storm) -> Answer:
    """The algorithm of the console."""
    found = correlate(one.alerts, one.deployments)
    places = {problem.id: problem for problem in found.problems}
    return Answer(
        {member: problem.id for problem in found.problems for member in problem.members},
        {id: problem.cause.subject for id, problem in places.items()},
    )


def by_name(one: Storm) -> Answer:
    """One group for each alert name (for schemas without one, for each text without its numbers)."""
    return Answer({alert.id: alert.name or re.sub(r"\S*\d\S*", "", _said(alert)) for alert in one.alerts}, {})


def by_namespace(one: Storm) -> Answer:
    """One group for each namespace, or the label that is nearest to one."""
    labels = ("namespace", "workload_namespace", "datacenter", "site", "region", "az", "site_id", "aws_region")

    def key(alert: Alert) -> str:
        return next((alert.labels[label] for label in labels if label in alert.labels), "")

    return Answer({alert.id: key(alert) for alert in one.alerts}, {})


def by_time(one: Storm) -> Answer:
    """A new group wherever no alert began for five minutes."""
    groups: dict[str, object] = {}
    number, last = 0, None
    for alert in sorted(one.alerts, key=lambda alert: alert.starts_at):
        if last is not None and (alert.starts_at - last).total_seconds() > WINDOW:
            number += 1
        last = alert.starts_at
        groups[alert.id] = number
    return Answer(groups, {})


WAYS: Mapping[str, Callable[[Storm], Answer]] = {
    "the console": ours,
    "by alert name": by_name,
    "by namespace or site": by_namespace,
    "by gaps of 5 min": by_time,
}


@dataclass(frozen=True, slots=True)
class Row:
    """Means over storms; counts are sums."""

    precision: float
    recall: float
    f1: float
    groups: int
    true: int
    right: int
    asked: int


def measure(storms: Sequence[Storm], way: Callable[[Storm], Answer]) -> Row:
    """Hold ``way`` against the truth of ``storms``."""
    precision = recall = f1 = 0.0
    groups = true = right = asked = 0
    for one in storms:
        answer = way(one)
        quality = pairwise(answer.groups, one.truth)
        precision += quality.precision
        recall += quality.recall
        f1 += quality.f1
        groups += sum(count >= 3 for count in Counter(answer.groups.values()).values())
        true += sum(count >= 3 for count in Counter(one.truth.values()).values())
        for cause, names in one.roots.items():
            members = [answer.groups[alert] for alert, held in one.truth.items() if held == cause]
            if members and answer.causes:
                asked += 1
                right += named(answer.causes.get(Counter(members).most_common(1)[0][0], ""), names)
    count = len(storms)
    return Row(precision / count, recall / count, f1 / count, groups, true, right, asked)


def named(subject: str, names: frozenset[str]) -> bool:
    """Whether ``subject`` names one of ``names`` as a whole word."""
    folded = subject.casefold()
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", folded) for name in names)


SCENES: Mapping[str, tuple[int, float]] = {
    "1 cause": (1, 900.0),
    "4 causes in 2 h": (4, 7200.0),
    "3 causes in 15 min": (3, 900.0),
    "the same in a busy fleet": (3, 900.0),
}
_BUSY = "the same in a busy fleet"


def run() -> Table:
    """Measure every way in every scene, tuned and held out."""
    sets = (
        ("tuned on", tuple(TUNED), 0),
        ("held-out seeds", tuple(TUNED), _HELD_OUT_FROM),
        ("held-out schemas", tuple(HELD_OUT), _HELD_OUT_FROM),
    )
    rows = []
    limits = []
    for which, schemas, first in sets:
        for scene, (causes, within) in SCENES.items():
            storms = [
                storm(seed, schema, causes=causes, within=within, services=120, zones=3, unrelated=150, flapping=40)
                if scene == _BUSY
                else storm(seed, schema, causes=causes, within=within)
                for schema in schemas
                for seed in range(first, first + _SEEDS)
            ]
            best = mine = 0.0
            for way, answer in WAYS.items():
                row = measure(storms, answer)
                right = f"{row.right} of {row.asked}" if row.asked else "names none"
                rows.append(
                    (which, scene, way, f"{row.precision:.2f}", f"{row.recall:.2f}", f"{row.f1:.2f}",
                     f"{row.groups} / {row.true}", right)
                )  # fmt: skip
                if way == "the console":
                    mine = row.f1
                else:
                    best = max(best, row.f1)
            if which != "tuned on":
                what = f"{which}, {scene}: best F1 of a simple rule, over the console's"
                limits.append(Limit(what, best / mine, 1.1))
    return Table(
        "Alert storms taken apart",
        ("storms", "scene", "way", "pair precision", "pair recall", "F1", "problems of 3 or more, found / true",
         "cause named"),
        rows,
        limits,
        (
            f"{_SEEDS} storms a schema and scene, four schemas each; means over storms. Beside its causes every storm "
            "holds some 36 alerts that belong to nothing: unrelated ones, a flapping kind, and some that have fired "
            "for days. 5 % of the labels are missing.",
            "A cause counts as named where the problem that holds most of its alerts names the broken thing first.",
        ),
    )  # fmt: skip


def _said(alert: Alert) -> str:
    return next(iter(alert.annotations.values()), "") or " ".join(sorted(alert.labels.values()))
