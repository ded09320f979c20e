"""How good a grouping is, against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairs counted right and wrong.

    Attributes:
        both: pairs of alerts that are together in the answer and in the truth.
        answered: pairs that are together in the answer.
        true: pairs that are together in the truth.
    """

    both: int
    answered: int
    true: int

    @property
    def precision(self) -> float:
        """Of the pairs put together, the share that belongs together; 1 where none was."""
        return self.both / self.answered if self.answered else 1.0

    @property
    def recall(self) -> float:
        """Of the pairs that belong together, the share that was put together; 1 where there are none."""
        return self.both / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def pairwise(answer: Mapping[str, object], truth: Mapping[str, object]) -> Quality:
    """Compare two groupings of the same alerts.

    Args:
        answer: identity of an alert -> its group.
        truth: identity of an alert -> its true cause; noise has a cause of its own each.
    """

    def pairs(counts: Counter[object]) -> int:
        return sum(count * (count - 1) // 2 for count in counts.values())

    both: Counter[object] = Counter((answer[one], truth[one]) for one in truth)
    return Quality(
        pairs(both),
        pairs(Counter(answer[one] for one in truth)),
        pairs(Counter(truth.values())),
    )
