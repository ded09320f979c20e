"""How deployments are ordered, filtered, counted and set against an alert. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.deployments.model import Deployment, RolloutState

_URGENT = (RolloutState.FAILED, RolloutState.DEGRADED, RolloutState.ROLLING)


@dataclass(frozen=True, slots=True)
class DeploymentCounts:
    """How many there are.

    Attributes:
        total: all of them.
        failed, degraded, rolling: in that state.
        troubled: failed, degraded, or with a container that waits for a bad reason.
    """

    total: int
    failed: int
    degraded: int
    rolling: int
    troubled: int

    @property
    def sentence(self) -> str:
        """Such as ``2 in trouble, 1 rolling, 41 in all``."""
        parts = [f"{self.troubled} in trouble"] if self.troubled else []
        parts += [f"{self.rolling} rolling"] if self.rolling else []
        if parts:
            return ", ".join([*parts, f"{self.total} in all"])
        if not self.total:
            return "no deployments"
        return f"{self.total} deployment{'s' if self.total > 1 else ''}, none in trouble"


@dataclass(frozen=True, slots=True)
class RolloutBefore:
    """A rollout that began before an alert did.

    Attributes:
        deployment: what was rolled out.
        revision: to which revision; 0 where unknown.
        images: of that revision.
        at: when it began (UTC).
        before: how long before the alert; never negative.
    """

    deployment: Deployment
    revision: int
    images: tuple[str, ...]
    at: datetime
    before: timedelta

    @property
    def minutes(self) -> int:
        """Whole minutes before the alert's onset."""
        return int(self.before.total_seconds() // 60)


def is_troubled(deployment: Deployment) -> bool:
    """Whether somebody should look: failed, degraded, or pods that cannot run."""
    return deployment.state in (RolloutState.FAILED, RolloutState.DEGRADED) or bool(deployment.trouble)


def arrange(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Failed, degraded (or troubled), rolling; then the rest. Among equals the latest change comes first."""
    return tuple(sorted(deployments, key=_order))


def matching(deployments: Iterable[Deployment], words: str) -> tuple[Deployment, ...]:
    """Those of which every word of ``words`` is a part, in any case; all of them for no words.

    A word is sought in context, environment, namespace, name, kind, state, trouble, images and ``label=value``.
    """
    wanted = words.casefold().split()
    if not wanted:
        return tuple(deployments)
    return tuple(item for item in deployments if _has(item, wanted))


def count(deployments: Sequence[Deployment]) -> DeploymentCounts:
    """Count them."""
    states = Counter(item.state for item in deployments)
    return DeploymentCounts(
        total=len(deployments),
        failed=states[RolloutState.FAILED],
        degraded=states[RolloutState.DEGRADED],
        rolling=states[RolloutState.ROLLING],
        troubled=sum(is_troubled(item) for item in deployments),
    )


def rollouts_before(
    deployments: Iterable[Deployment], namespace: str, at: datetime, within: timedelta = timedelta(hours=6)
) -> tuple[RolloutBefore, ...]:
    """The rollouts of a namespace that began at most ``within`` before ``at``, the last one first.

    Args:
        deployments: of the cluster that the alert belongs to.
        namespace: the alert's.
        at: the alert's onset (UTC).
        within: how far back to look.
    """
    found = [
        RolloutBefore(item, number, images, moment, at - moment)
        for item in deployments
        if item.namespace == namespace
        for number, images, moment in _rollouts(item)
        if timedelta(0) <= at - moment <= within
    ]
    return tuple(sorted(found, key=lambda rollout: (rollout.before, rollout.deployment.id, -rollout.revision)))


def _rollouts(item: Deployment) -> list[tuple[int, tuple[str, ...], datetime]]:
    # A revision that a rollback made current again began anew when the workload changed to it.
    older = [(past.number, past.images, past.created_at) for past in item.revisions if not past.current]
    return older if item.changed_at is None else [(item.revision, item.images, item.changed_at), *older]


def _order(item: Deployment) -> tuple[int, float, str]:
    rank = item.state.rank if item.state in _URGENT else len(_URGENT)
    if item.trouble:
        rank = min(rank, RolloutState.DEGRADED.rank)
    return rank, -item.changed_at.timestamp() if item.changed_at else 0.0, item.id


def _has(item: Deployment, wanted: list[str]) -> bool:
    texts = (
        item.id,
        item.environment,
        item.kind,
        item.state.value,
        item.trouble,
        *item.images,
        *(f"{key}={value}" for key, value in item.labels),
    )
    folded = [text.casefold() for text in texts]
    return all(any(word in text for text in folded) for word in wanted)
