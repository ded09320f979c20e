"""Keeps the deployments of one cluster up to date: six lists and watches, one feed.

The feed is fresh while all watches are alive. Where a kind may not be read the rest is shown and the feed's freshness
says what is missing; without any kind of workload the feed fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from services.clusters import objects
from services.clusters.access import ClusterAccess
from services.clusters.listing import list_objects
from services.clusters.objects import Resource
from services.clusters.reflector import Reflector
from services.deployments import facts
from services.deployments.inventory import Inventory
from services.deployments.model import Deployment
from services.feed import Backoff, Feed
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError

_PAUSE = 0.25
_A_SLICE = 250
_STEADY = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind that is followed: how to read it, what to keep, how to tell the inventory, what lacks without it."""

    resource: Resource[Any]
    keep: Callable[[Any], Any]
    put: Callable[[Inventory, Any], None]
    remove: Callable[[Inventory, str], None]
    lacking: str


def _kind(resource: Resource[Any], keep: Callable[[Any], Any], room: str, lacking: str) -> _Kind:
    ways: dict[str, tuple[Callable[[Inventory, Any], None], Callable[[Inventory, str], None]]] = {
        "workload": (Inventory.put_workload, Inventory.remove_workload),
        "revision": (Inventory.put_revision, Inventory.remove_revision),
        "pod": (Inventory.put_pod, Inventory.remove_pod),
    }
    put, remove = ways[room]
    return _Kind(resource, keep, put, remove, lacking)


_WORKLOADS = (
    _kind(objects.DEPLOYMENTS, facts.deployment_fact, "workload", "no Deployments"),
    _kind(objects.STATEFUL_SETS, facts.stateful_set_fact, "workload", "no StatefulSets"),
    _kind(objects.DAEMON_SETS, facts.daemon_set_fact, "workload", "no DaemonSets"),
)
_KINDS = (
    *_WORKLOADS,
    _kind(objects.REPLICA_SETS, facts.replica_set_fact, "revision", "no revisions of Deployments"),
    _kind(
        objects.CONTROLLER_REVISIONS,
        facts.controller_revision_fact,
        "revision",
        "no revisions of StatefulSets and DaemonSets",
    ),
    _kind(objects.PODS, facts.pod_fact, "pod", "no trouble of pods"),
)


class DeploymentWatcher:
    """Publishes the deployments of one cluster to a feed, at most four times a second."""

    def __init__(
        self,
        feed: Feed[Deployment],
        access: ClusterAccess,
        clock: Clock,
        *,
        context: str,
        environment: str = "",
        random: Random | None = None,
    ) -> None:
        """Nothing is read before :meth:`run` or :meth:`read_once`.

        Args:
            feed: where the deployments go; make it with ``valid_for=VALID_FOR``.
            access: the cluster.
            clock: measures and waits.
            context: the name that the person gave the cluster; part of every identity.
            environment: as configured for it.
            random: the jitter.
        """
        self.feed = feed
        self._access = access
        self._clock = clock
        self._context = context
        self._environment = environment
        self._random = random
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        backoff = Backoff(1.6, 60.0, self._random or Random())  # noqa: S311 - jitter
        while True:
            begun = self._clock.monotonic()
            try:
                await self._follow(await self._scopes())
            except ConsoleError as error:
                self.feed.fail(error)
            except Exception as error:
                # A fault of the program: what was told may be old, and the cluster is followed anew.
                _log.exception("following %s failed", self.feed.source)
                self.feed.fail(ConsoleError(f"the console failed to follow it: {_fault(error)}"))
            if self._clock.monotonic() - begun >= _STEADY:
                backoff.reset()
            await self._clock.sleep(backoff.next())

    async def read_once(self) -> None:
        """Read everything once and publish it; the feed fails where it cannot be read. Raises nothing of its own."""
        try:
            await self._read_all()
        except ConsoleError as error:
            self.feed.fail(error)
        except Exception as error:
            _log.exception("reading %s failed", self.feed.source)
            self.feed.fail(ConsoleError(f"the console failed to read it: {_fault(error)}"))

    async def _read_all(self) -> None:
        inventory = Inventory(self._context, self._environment)
        begun = self._clock.monotonic()
        scopes = await self._scopes()
        pairs = [(kind, namespace) for namespace in scopes.namespaces for kind in _KINDS]
        answers = await asyncio.gather(
            *(self._read(inventory, kind, namespace) for kind, namespace in pairs), return_exceptions=True
        )
        denied: dict[str, ConsoleError] = {}
        for (kind, _), answer in zip(pairs, answers, strict=True):
            if isinstance(answer, SourceError) and _is_lacking(answer):
                denied[kind.resource.plural] = answer
            elif isinstance(answer, BaseException):
                raise answer
        if all(kind.resource.plural in denied for kind in _WORKLOADS):
            raise denied[_WORKLOADS[0].resource.plural]
        took = timedelta(seconds=self._clock.monotonic() - begun)
        self.feed.publish(await inventory.deployments(), latency=took, partial=(*scopes.partial, *_partial(denied)))

    async def _read(self, inventory: Inventory, kind: _Kind, namespace: str) -> None:
        found, _ = await list_objects(self._access, kind.resource, kind.keep, namespace=namespace)
        await _put_all(kind, inventory, found)

    async def _scopes(self) -> _Scopes:
        """Where to read: the configured namespaces, else the cluster, else the one that the context names.

        Raises:
            SourceError: nothing may be read.
        """
        if self._access.namespaces:
            return _Scopes(self._access.namespaces)
        probe = objects.DEPLOYMENTS
        try:
            async with self._access.read(probe.path(), [("limit", "1")]) as chunks:
                async for _ in chunks:
                    break
        except SourceError as error:
            if error.status != 403:
                raise
            namespace = await self._access.context_namespace()
            if not namespace:
                raise SourceError(
                    FailureKind.DENIED,
                    f"{self._access.name}: deployments may not be listed over the whole cluster",
                    "set namespaces for this source, or ask for a ClusterRole with get, list and watch on them",
                    status=403,
                ) from error
            return _Scopes((namespace,), (f"only namespace {namespace}: the whole cluster may not be listed",))
        return _Scopes(("",))

    async def _follow(self, scopes: _Scopes) -> None:
        inventory = Inventory(self._context, self._environment)
        self._woken.clear()
        sinks = [_Sink(kind, inventory, self._woken) for _ in scopes.namespaces for kind in _KINDS]
        where = [namespace for namespace in scopes.namespaces for _ in _KINDS]
        async with asyncio.TaskGroup() as group:
            for sink, namespace in zip(sinks, where, strict=True):
                reflector = Reflector(
                    self._access,
                    sink.kind.resource,
                    sink.kind.keep,
                    sink,
                    self._clock,
                    namespace=namespace,
                    random=self._random,
                )
                group.create_task(reflector.run())
            group.create_task(self._publish(inventory, sinks, scopes.partial))

    async def _publish(self, inventory: Inventory, sinks: Sequence[_Sink], partial: tuple[str, ...]) -> None:
        published: tuple[str, ...] | None = None
        while True:
            await self._woken.wait()
            self._woken.clear()
            error = _verdict(sinks)
            if error is not None:
                self.feed.fail(error)
            elif all(sink.told for sink in sinks):
                missing = (*partial, *_partial({sink.kind.resource.plural: sink.error for sink in sinks if sink.error}))
                if inventory.changed or missing != published:
                    self.feed.publish(await inventory.deployments(), partial=missing)
                    published = missing
                else:
                    self.feed.confirm()
            await self._clock.sleep(_PAUSE)


@dataclass(frozen=True, slots=True)
class _Scopes:
    """Which namespaces are read ("" is the cluster), and what of the cluster is therefore missing."""

    namespaces: tuple[str, ...]
    partial: tuple[str, ...] = ()


class _Sink:
    """Puts the facts of one reflector into the inventory."""

    def __init__(self, kind: _Kind, inventory: Inventory, woken: asyncio.Event) -> None:
        self.kind = kind
        self.error: ConsoleError | None = None
        self.told = False
        self._inventory = inventory
        self._woken = woken
        self._uids: set[str] = set()

    async def replace(self, facts: Sequence[Any]) -> None:
        uids = {str(fact.uid) for fact in facts}
        self._forget(self._uids - uids)
        self._uids = uids
        await _put_all(self.kind, self._inventory, facts)

    def put(self, fact: Any) -> None:
        self._uids.add(str(fact.uid))
        self.kind.put(self._inventory, fact)
        if self._inventory.changed:
            self._woken.set()

    def remove(self, fact: Any) -> None:
        self._uids.discard(str(fact.uid))
        self.kind.remove(self._inventory, str(fact.uid))
        if self._inventory.changed:
            self._woken.set()

    def alive(self) -> None:
        self.told, self.error = True, None
        self._woken.set()

    def fail(self, error: ConsoleError) -> None:
        self.error = error
        if _is_lacking(error):
            self._forget(self._uids)  # what may not be read any more is not shown as if it could
            self._uids = set()
            self.told = True
        self._woken.set()

    def _forget(self, uids: set[str]) -> None:
        for uid in uids:
            self.kind.remove(self._inventory, uid)


async def _put_all(kind: _Kind, inventory: Inventory, facts: Sequence[Any]) -> None:
    for index, fact in enumerate(facts):
        kind.put(inventory, fact)
        if index % _A_SLICE == _A_SLICE - 1:
            await asyncio.sleep(0)


def _verdict(sinks: Sequence[_Sink]) -> ConsoleError | None:
    """Why the feed fails; None where all kinds are alive, or merely may not be read."""
    for sink in sinks:
        if sink.error is not None and not _is_lacking(sink.error):
            return sink.error
    workloads = [sink for sink in sinks if sink.kind in _WORKLOADS]
    errors = [sink.error for sink in workloads if sink.error is not None]
    return errors[0] if len(errors) == len(workloads) else None


def _fault(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _is_lacking(error: ConsoleError) -> bool:
    """Whether this kind alone cannot be read here: forbidden, or not served."""
    return isinstance(error, SourceError) and error.status in (403, 404)


def _partial(denied: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{kind.lacking}: {kind.resource.plural} may not be read" for kind in _KINDS if kind.resource.plural in denied
    )
