"""Revisions and rollout status of the workloads, derived from the lives of their pods."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf

from services.demo import story
from services.demo.catalog import CHECKOUT, DAY, PAYMENTS, Workload
from services.demo.pods import Pod, PodFactory, Template

PROGRESS_DEADLINE = 150
"""Seconds without progress after which a Deployment of the demo counts as failed."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One ReplicaSet or ControllerRevision at one moment.

    Attributes:
        number: its revision now. earlier: the numbers it had before.
        changed: when it got the number.
    """

    template: Template
    number: int
    changed: float
    earlier: tuple[int, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The status of a workload at one moment.

    Attributes:
        changed: the last moment at which any of this changed.
        generation: counts the changes of its spec.
        pods: those not asked to stop. updated, ready: of these.
        progress: ``NewReplicaSetAvailable``, ``ReplicaSetUpdated`` or ``ProgressDeadlineExceeded``.
        progressed: when it last got further. available_since: since when ``available_enough`` holds or not.
        revisions: oldest number first; the last one is current.
    """

    workload: Workload
    changed: float
    generation: int
    pods: int
    updated: int
    ready: int
    progress: str
    progressed: float
    available_enough: bool
    available_since: float
    revisions: tuple[Revision, ...]

    @property
    def current(self) -> Revision:
        """The revision that the spec asks for."""
        return self.revisions[-1]


class Rollouts:
    """Tells the status of any workload at any time. Pure for a seed."""

    def __init__(self, factory: PodFactory) -> None:
        self._factory = factory
        self._at_change = lru_cache(maxsize=4096)(self._status)
        self._points = lru_cache(maxsize=512)(self._points_of_turn)

    def revisions(self, workload: Workload, at: float) -> tuple[Revision, ...]:
        """The revisions that exist at ``at``, the current one last."""
        past = [
            Revision(
                self._factory.template(workload, number, -workload.age - (workload.revision - number) * 6.3 * DAY),
                number,
                -workload.age - (workload.revision - number) * 6.3 * DAY,
                cause=f"release {workload.release}.{number}.0",
            )
            for number in range(max(1, workload.revision - 3), workload.revision + 1)
        ]
        turn = story.turn_of(at)
        if workload is PAYMENTS:
            last = story.turn_of(at - story.PAYMENTS_ROLLOUT)
            for number in range(max(0, last - 5), last + 1):
                template = self._factory.payments_template(number)
                revision = PAYMENTS.revision + 1 + number
                past.append(
                    Revision(template, revision, template.created, cause=f"release {PAYMENTS.release}.{revision}.0")
                )
        if workload is CHECKOUT and turn >= 0:
            return self._checkout(past, at, turn)
        return tuple(past)

    def _checkout(self, past: list[Revision], at: float, turn: int) -> tuple[Revision, ...]:
        good, into = past.pop(), at - turn * story.TURN
        undone = turn + (into >= story.ROLLBACK)
        tried = turn + (into >= story.DEPLOY)
        bad = [
            Revision(
                self._factory.bad_template(number),
                CHECKOUT.revision + 1 + 2 * number,
                number * story.TURN + story.DEPLOY,
                cause=f"release {CHECKOUT.release}.{CHECKOUT.revision + 1 + 2 * number}.0",
            )
            for number in range(max(0, tried - 5), tried)
        ]
        if undone:
            numbers = [CHECKOUT.revision + 2 * number for number in range(undone + 1)]
            changed = (undone - 1) * story.TURN + story.ROLLBACK
            good = Revision(good.template, numbers[-1], changed, tuple(numbers[-6:-1]), good.cause)
        return tuple(sorted([*past, good, *bad], key=lambda revision: revision.number))

    def status(self, workload: Workload, at: float) -> Rollout:
        """The status of a workload."""
        return self._at_change(workload, self.changed(workload, at))

    def changed(self, workload: Workload, at: float) -> float:
        """When the status of a workload last changed."""
        for turn in (story.turn_of(at), story.turn_of(at) - 1):
            points = self._points(workload, turn)
            index = bisect_right(points, at)
            if index:
                return points[index - 1]
        return self._points(workload, None)[-1]

    def changes(self, workload: Workload, after: float, until: float) -> list[float]:
        """The moments in ``(after, until]`` at which its status changes."""
        turns = range(story.turn_of(after), story.turn_of(until) + 1)
        return [point for turn in turns for point in self._points(workload, turn) if after < point <= until]

    def pods(self, workload: Workload, since: float, until: float) -> list[Pod]:
        """The pods that exist at some moment of ``[since, until]``."""
        return list(self._factory.pods(workload, since, until))

    def _points_of_turn(self, workload: Workload, turn: int | None) -> tuple[float, ...]:
        """The changes within a turn; with None the last one long before the epoch."""
        if turn is None:
            begin, end = -workload.age, -workload.age + story.TURN
        else:
            begin, end = turn * story.TURN, (turn + 1) * story.TURN
        points = {-workload.age} if turn is None else set()
        for pod in self._factory.pods(workload, begin, end):
            points.update((pod.created, pod.ready_at, pod.deleted))
            points.update(pair[0] for pair in pod.crashes[:1])
        for revision in self.revisions(workload, end):
            points.add(revision.changed)
        if workload is CHECKOUT and turn is not None and turn >= 0:
            stuck = max(point for point in points if point < begin + story.FIRST_CRASH)
            points.add(stuck + PROGRESS_DEADLINE)
        return tuple(sorted(point for point in points if begin <= point < end))

    def _status(self, workload: Workload, at: float) -> Rollout:
        revisions = self.revisions(workload, at)
        current = revisions[-1]
        pods = [pod for pod in self._factory.pods(workload, at, at) if pod.deleted > at]
        updated = [pod for pod in pods if pod.template.hash == current.template.hash]
        ready = sum(pod.ready(at) for pod in pods)
        progressed, complete = self._progress(workload, current, at)
        reason = "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"
        if not complete and at - progressed >= PROGRESS_DEADLINE - 0.0005:
            reason = "ProgressDeadlineExceeded"
        enough, since = self._availability(workload, at)
        return Rollout(
            workload=workload,
            changed=at,
            generation=current.number + 3,
            pods=len(pods),
            updated=len(updated),
            ready=ready,
            progress=reason,
            progressed=progressed,
            available_enough=enough,
            available_since=since,
            revisions=revisions,
        )

    def _progress(self, workload: Workload, current: Revision, at: float) -> tuple[float, bool]:
        """When the current rollout last got further, and whether it ever was complete."""
        begin = current.changed
        pods = list(self._factory.pods(workload, begin, at))
        points = {begin}
        for pod in pods:
            new = pod.template.hash == current.template.hash
            candidates = (pod.created, pod.ready_at) if new else (pod.deleted,)
            points.update(point for point in candidates if begin < point <= at)
        last = max(points)
        kept = [pod for pod in pods if pod.deleted > last and pod.created <= last]
        complete = len(kept) == workload.replicas and all(
            pod.template.hash == current.template.hash and pod.ready_at <= last for pod in kept
        )
        return last, complete

    def _availability(self, workload: Workload, at: float) -> tuple[bool, float]:
        needed = workload.replicas - workload.replicas // 4
        begin = max(-workload.age, story.turn_of(at) * story.TURN - story.TURN)
        changes: list[tuple[float, int]] = []
        for pod in self._factory.pods(workload, begin, at):
            ends = min(pod.deleted, pod.crashes[0][0] if pod.crashes else inf)
            if pod.ready_at < ends:
                changes += [(pod.ready_at, 1), (ends, -1)]
        ready, enough, since = 0, False, -workload.age
        for point, step in sorted(changes):
            if point > at:
                break
            ready += step
            if (ready >= needed) != enough:
                enough, since = ready >= needed, point
        return enough, since


def surge(workload: Workload) -> int:
    """Pods above the wanted number that a rollout may add (25 %, rounded up)."""
    return ceil(workload.replicas / 4)
