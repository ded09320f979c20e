"""Every pod that ever runs in the demo, as a life with a beginning, crashes and an end.

All times are seconds after the epoch and have whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from services.demo import seeding, story
from services.demo.catalog import CHECKOUT, NODES, PAYMENTS, Workload

STARTING = 1.3
"""Seconds from a pod's creation to its container's start."""

STOPPING = 2.6
"""Seconds from a pod's deletion request to its end."""

# Back-off of the kubelet: ten seconds, doubling, five minutes at most.
_BACKOFF = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
_RUN = 7.0
_SURVIVORS = 2


@dataclass(frozen=True, slots=True)
class Template:
    """One revision of a pod template.

    Attributes:
        hash: value of the label ``pod-template-hash``, or of the controller revision.
        image: what the container runs.
        created: when the ReplicaSet or ControllerRevision was made.
    """

    hash: str
    image: str
    created: float


@dataclass(frozen=True, slots=True)
class Pod:
    """The life of one pod.

    Attributes:
        crashes: pairs (the container ends, the container starts again), in order.
        ready_at: when it first is ready. A pod that crashed once is never ready again.
        deleted: when its deletion is asked for; infinite for a pod that stays.
    """

    workload: Workload
    template: Template
    name: str
    uid: str
    address: str
    node: str
    created: float
    ready_at: float
    crashes: tuple[tuple[float, float], ...] = ()
    deleted: float = inf

    @property
    def started(self) -> float:
        """When its container first starts."""
        return _ms(self.created + STARTING)

    @property
    def gone(self) -> float:
        """When it has left the API."""
        return _ms(self.deleted + STOPPING)

    def exists(self, at: float) -> bool:
        """Whether the API lists it."""
        return self.created <= at < self.gone

    def ready(self, at: float) -> bool:
        """Whether its container is ready."""
        return self.ready_at <= at < self.deleted and not (self.crashes and self.crashes[0][0] <= at)

    def waiting(self, at: float) -> str:
        """The reason its container waits for; empty while it runs."""
        if at < self.started:
            return "ContainerCreating"
        return "CrashLoopBackOff" if any(down <= at < up for down, up in self.crashes) else ""

    def restarts(self, at: float) -> int:
        """How often its container started again."""
        return sum(1 for _, up in self.crashes if up <= at)

    def last_exit(self, at: float) -> float | None:
        """When its container last ended; None before the first crash."""
        return max((down for down, _ in self.crashes if down <= at), default=None)

    def running_since(self, at: float) -> float:
        """When its container last started."""
        return max((up for _, up in self.crashes if up <= at), default=self.started)

    def changes(self) -> tuple[float, ...]:
        """Every moment at which what the API says of it changes, in order; infinite ones left out."""
        points = [self.created, self.started, self.ready_at, self.deleted, self.gone]
        points += [point for pair in self.crashes for point in pair]
        return tuple(sorted(point for point in points if point < inf and point <= self.gone))

    def changed(self, at: float) -> float:
        """The last change at or before ``at``."""
        return max((point for point in self.changes() if point <= at), default=self.created)


class PodFactory:
    """Makes the pods of one seed. Pure."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._steady = lru_cache(maxsize=64)(self._make_steady)
        self._checkout = lru_cache(maxsize=32)(self._make_checkout)
        self._payments = lru_cache(maxsize=32)(self._make_payments)

    def template(self, workload: Workload, revision: int, created: float) -> Template:
        """The template that was first rolled out as ``revision``."""
        digest = seeding.letters(10, self.seed, workload.namespace, workload.name, "template", revision)
        return Template(digest, workload.image(revision), _ms(created))

    def pods(self, workload: Workload, since: float, until: float) -> Iterator[Pod]:
        """The pods of a workload that exist at some moment of ``[since, until]``."""
        if workload is CHECKOUT:
            lives: Iterable[Pod] = self._through(self._checkout, since, until, 0)
        elif workload is PAYMENTS:
            lives = self._through(self._payments, since, until, -1)
        else:
            lives = self._steady(workload)
        return (pod for pod in lives if pod.created <= until and pod.gone > since)

    def _through(
        self, turn_of: Callable[[int], tuple[Pod, ...]], since: float, until: float, first: int
    ) -> Iterator[Pod]:
        """The pods of every turn that can matter; a pod lives into the turn after its own, not further."""
        yield from turn_of(first - 1)
        for turn in range(max(first, story.turn_of(since) - 1), max(first, story.turn_of(until) + 1) + 1):
            yield from turn_of(turn)

    def _make_steady(self, workload: Workload) -> tuple[Pod, ...]:
        template = self.template(workload, workload.revision, -workload.age)
        return tuple(self._original(workload, template, index) for index in range(workload.replicas))

    def _original(self, workload: Workload, template: Template, index: int, deleted: float = inf) -> Pod:
        """A pod of the rollout long before the epoch."""
        created = -workload.age + 7.0 + index * 16.0
        return self._pod(workload, template, index, "base", created, created + 11.0, deleted=deleted)

    def _make_checkout(self, turn: int) -> tuple[Pod, ...]:
        """The pods that a turn's bad deploy replaces, and those it makes; for -1 the two that survive every turn."""
        good = self.template(CHECKOUT, CHECKOUT.revision, -CHECKOUT.age)
        replaced = CHECKOUT.replicas - _SURVIVORS
        if turn < 0:
            return tuple(self._original(CHECKOUT, good, index) for index in range(replaced, CHECKOUT.replicas))
        start, pods = turn * story.TURN, []
        for index in range(replaced):
            deleted = start + story.DEPLOY + 4.0 + index * 3.0
            if turn == 0:
                pods.append(self._original(CHECKOUT, good, index, deleted))
                continue
            created = start - story.TURN + story.ROLLBACK + 1.2 + index * 2.7
            pods.append(self._pod(CHECKOUT, good, index, f"good{turn}", created, created + 11.0, deleted=deleted))
        bad = self.bad_template(turn)
        for index in range(CHECKOUT.replicas):
            created = start + story.DEPLOY + 1.5 + index * 3.0
            deleted = start + story.ROLLBACK + 3.0 + index * 2.4
            crashes = self._crashes(start + story.FIRST_CRASH + index * 3.7, deleted)
            pods.append(self._pod(CHECKOUT, bad, index, f"bad{turn}", created, created + 9.0, crashes, deleted))
        return tuple(pods)

    def bad_template(self, turn: int) -> Template:
        """The template that checkout gets in a turn, and loses again."""
        return self.template(CHECKOUT, CHECKOUT.revision + 1 + 2 * turn, turn * story.TURN + story.DEPLOY)

    def _make_payments(self, turn: int) -> tuple[Pod, ...]:
        """The pods that the rollout of a turn makes; for -1 those it finds, and none before."""
        if turn < -1:
            return ()
        begin, template, pods = turn * story.TURN + story.PAYMENTS_ROLLOUT, self.payments_template(turn), []
        for index in range(PAYMENTS.replicas):
            deleted = begin + story.TURN + 3.0 + index * 16.0 + 13.0
            if turn < 0:
                pods.append(self._original(PAYMENTS, template, index, deleted))
                continue
            created = begin + 3.0 + index * 16.0
            pods.append(self._pod(PAYMENTS, template, index, f"turn{turn}", created, created + 12.0, deleted=deleted))
        return tuple(pods)

    def payments_template(self, turn: int) -> Template:
        """The template that payments rolls out around the start of a turn; that of the epoch for -1."""
        created = -PAYMENTS.age if turn < 0 else turn * story.TURN + story.PAYMENTS_ROLLOUT
        return self.template(PAYMENTS, PAYMENTS.revision + 1 + turn, created)

    def _crashes(self, first: float, until: float) -> tuple[tuple[float, float], ...]:
        pairs, down = [], first
        for backoff in _BACKOFF:
            if down >= until:
                break
            up = down + backoff
            pairs.append((_ms(down), _ms(up)))
            down = up + _RUN
        return tuple(pairs)

    def _pod(
        self,
        workload: Workload,
        template: Template,
        index: int,
        batch: str,
        created: float,
        ready_at: float,
        crashes: tuple[tuple[float, float], ...] = (),
        deleted: float = inf,
    ) -> Pod:
        key = (self.seed, workload.namespace, workload.name, batch, index)
        if workload.kind == "StatefulSet":
            name = f"{workload.name}-{index}"
        elif workload.kind == "DaemonSet":
            name = f"{workload.name}-{seeding.letters(5, *key)}"
        else:
            name = f"{workload.name}-{template.hash}-{seeding.letters(5, *key)}"
        place = seeding.number(*key, "place")
        node = NODES[index % len(NODES) if workload.kind == "DaemonSet" else place % len(NODES)]
        # A few milliseconds of its own, so that no two changes of pods share a resource version.
        jitter = (place >> 8) % 400 / 1000
        return Pod(
            workload=workload,
            template=template,
            name=name,
            uid=seeding.identifier(*key, "uid"),
            address=f"10.42.{NODES.index(node) + 1}.{10 + (place >> 24) % 240}",
            node=node,
            created=_ms(created + jitter),
            ready_at=_ms(ready_at + jitter),
            crashes=tuple((_ms(down + jitter), _ms(up + jitter)) for down, up in crashes),
            deleted=deleted if deleted == inf else _ms(deleted + jitter),
        )


def _ms(seconds: float) -> float:
    return seconds if seconds == inf else round(seconds, 3)
