"""How fast an error budget burns, and from when on that is worth waking somebody.

Multi-window, multi-burn-rate alerts of the Site Reliability Workbook, chapter 5 ("Alerting on SLOs"): a condition holds
where the burn rate over a long and over a short window both exceed its factor. A factor is the share of the budget that
may be spent in the long window times the number of such windows in the period, which for 30 days gives 14.4, 6, 3, 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

HOUR, DAY = 3600, 86_400


class Urgency(Enum):
    """What a burn asks for; the most urgent first."""

    PAGE = "page"
    TICKET = "ticket"
    NONE = "ok"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One pair of windows.

    Attributes:
        urgency: what it asks for where it holds.
        long: seconds. short: seconds; it ends the alert soon after the burn ends.
        factor: the burn rate that both must exceed.
    """

    urgency: Urgency
    long: int
    short: int
    factor: float


_SHARES = (
    (Urgency.PAGE, HOUR, 300, 0.02),
    (Urgency.PAGE, 6 * HOUR, 1800, 0.05),
    (Urgency.TICKET, DAY, 2 * HOUR, 0.10),
    (Urgency.TICKET, 3 * DAY, 6 * HOUR, 0.10),
)


def conditions(period: float) -> tuple[Condition, ...]:
    """The four conditions of an objective over ``period`` seconds."""
    return tuple(Condition(urgency, long, short, share * period / long) for urgency, long, short, share in _SHARES)


def burn_rate(ratio: float, objective: float) -> float:
    """How many times faster than the budget allows errors come; 1 spends it exactly over the period.

    Args:
        ratio: of bad events, 0 to 1; NaN where there were none at all.
        objective: of good events, above 0 and below 1.
    """
    return ratio / (1 - objective)


def budget_left(ratio: float, objective: float) -> float:
    """The share of the budget that is left after a period with this ratio; below 0 where it is overspent."""
    return 1 - burn_rate(ratio, objective)


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one condition holds.

    Attributes:
        condition: which.
        long: the burn rate over its long window; NaN where it is not known. short: likewise.
        holds: None where it cannot be said.
        quiet: too few events for a verdict.
    """

    condition: Condition
    long: float
    short: float
    holds: bool | None
    quiet: bool = False


def judge(
    burns: Mapping[int, float], every: tuple[Condition, ...], events: Mapping[int, float], least: float
) -> tuple[Finding, ...]:
    """Hold burn rates against conditions.

    Args:
        burns: window in seconds -> burn rate; NaN or missing where it is not known.
        every: the conditions.
        events: window in seconds -> how many events there were, as far as that is known.
        least: a window with fewer events says nothing: one failure of three requests is no outage.
    """
    out = []
    for condition in every:
        long, short = burns.get(condition.long, math.nan), burns.get(condition.short, math.nan)
        quiet = events.get(condition.long, math.inf) < least
        holds: bool | None = None
        if quiet:
            holds = False
        elif not (math.isnan(long) or math.isnan(short)):
            holds = long > condition.factor and short > condition.factor
        out.append(Finding(condition, long, short, holds, quiet))
    return tuple(out)


def urgency(findings: tuple[Finding, ...]) -> Urgency:
    """The most urgent of what holds; UNKNOWN where nothing holds and something cannot be said."""
    held = {finding.condition.urgency for finding in findings if finding.holds}
    if Urgency.PAGE in held:
        return Urgency.PAGE
    if Urgency.TICKET in held:
        return Urgency.TICKET
    unknown = not findings or any(finding.holds is None for finding in findings)
    return Urgency.UNKNOWN if unknown else Urgency.NONE
