"""A correlation that is worked out again only when what it depends on has changed. Runs in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.alerts.model import Alert
from services.correlation.correlate import Study, study
from services.deployments.model import Deployment


@dataclass(frozen=True, eq=False)
class CurrentStudy:
    """A correlation and what it was made of.

    Attributes:
        study: the correlation.
        alerts: what of the alerts it depends on: identity, onset and inhibition of each.
        rollouts: likewise of the workloads.
    """

    study: Study
    alerts: frozenset[tuple[object, ...]]
    rollouts: frozenset[tuple[object, ...]]


def study_again(
    before: CurrentStudy | None, deployments: Sequence[Deployment], alerts: Sequence[Alert]
) -> CurrentStudy:
    """The correlation of ``alerts``; the one of before where nothing that counts has changed.

    Args:
        before: the last one; its problems keep their ids, and alerts do not move to and fro at the limit.
        deployments: whose rollouts may be causes.
        alerts: all that are known.
    """
    mark = frozenset([(alert.cluster, alert.fingerprint, alert.starts_at, alert.inhibited_by) for alert in alerts])
    rollouts = frozenset([(one.id, one.revision, one.changed_at) for one in deployments])
    if before is not None and before.alerts == mark and before.rollouts == rollouts:
        return before
    held = {}
    if before is not None:
        known = before.study.correlation
        held = {alert: known.problems[place].id for alert, place in known.places.items()}
    return CurrentStudy(study(alerts, deployments, held), mark, rollouts)
