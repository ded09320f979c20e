"""One kind of object kept up to date: list, watch, and what to do when either fails.

The loop is that of client-go's ``Reflector``: list first from the server's memory, later from the last version seen;
watch from there with bookmarks for five to ten minutes; on 410 or a version that the server has not reached, list
from the store; back off 0.8 to 30 s, doubling, with jitter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Generic, Protocol, TypeVar

from services.clusters.access import ClusterAccess
from services.clusters.failures import VersionUnusable
from services.clusters.listing import FROM_MEMORY, FROM_STORE, list_objects
from services.clusters.objects import ObjectT, Resource
from services.clusters.watching import Change, watch_objects
from services.feed import Backoff
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError

FactT = TypeVar("FactT")
FactT_contra = TypeVar("FactT_contra", contravariant=True)

_log = logging.getLogger(__name__)


class Sink(Protocol[FactT_contra]):
    """Where a reflector tells what it knows. All calls come in the loop's thread; all but the first return quickly."""

    async def replace(self, facts: Sequence[FactT_contra]) -> None:
        """These are all there are; gives way to the loop where they are many."""
        ...

    def put(self, fact: FactT_contra) -> None:
        """This one is new or changed."""
        ...

    def remove(self, fact: FactT_contra) -> None:
        """This one is gone; the fact is its last state."""
        ...

    def alive(self) -> None:
        """The server answers; what was told is true now."""
        ...

    def fail(self, error: ConsoleError) -> None:
        """What was told may be old."""
        ...


class Reflector(Generic[ObjectT, FactT]):
    """Keeps a sink up to date with one kind of object, in one namespace or the whole cluster."""

    def __init__(
        self,
        access: ClusterAccess,
        resource: Resource[ObjectT],
        keep: Callable[[ObjectT], FactT],
        sink: Sink[FactT],
        clock: Clock,
        *,
        namespace: str = "",
        random: Random | None = None,
    ) -> None:
        """Nothing is read before :meth:`run`.

        Args:
            access: the cluster.
            resource: what to follow.
            keep: makes what the sink gets of an object.
            sink: told of everything.
            clock: measures and waits.
            namespace: empty for the whole cluster.
            random: the jitter.
        """
        self._access = access
        self._resource = resource
        self._keep = keep
        self._sink = sink
        self._clock = clock
        self._namespace = namespace
        self._random = random or Random()  # noqa: S311 - jitter
        self._backoff = Backoff(1.6, 60.0, self._random)  # shortened by half: 0.8 to 1.6 s, later 30 to 60 s
        self._version = ""
        self._anew = False  # listed from the store since the last event

    async def run(self) -> None:
        """Follow until cancelled."""
        relist: str | None = FROM_MEMORY
        while True:
            try:
                if relist is not None:
                    await self._list(relist)
                    relist = None
                await self._watch()
            except VersionUnusable as error:
                # Asking the store at once is right the first time; a server that goes on like this is failing.
                if self._anew:
                    await self._wait(error)
                self._anew, relist = True, FROM_STORE
            except SourceError as error:
                # The version is still good where only the connection was lost.
                if relist is None and error.kind not in (FailureKind.UNREACHABLE, FailureKind.TIMEOUT):
                    relist = self._version
                await self._wait(error)
            except Exception as error:
                _log.exception("following %s of %s failed", self._resource.plural, self._access.name)
                relist = self._version
                await self._wait(
                    ConsoleError(f"{self._access.name}: the console failed to read {self._resource.plural}: {error!r}")
                )

    async def _list(self, version: str) -> None:
        facts, self._version = await list_objects(
            self._access, self._resource, self._keep, namespace=self._namespace, version=version
        )
        await self._sink.replace(facts)
        self._sink.alive()

    async def _watch(self) -> None:
        begun, events = self._clock.monotonic(), 0
        seconds = self._random.randint(300, 600)
        async for event in watch_objects(
            self._access, self._resource, namespace=self._namespace, version=self._version, seconds=seconds
        ):
            if event.change is Change.OPENED:
                self._sink.alive()
                continue
            events += 1
            self._backoff.reset()
            self._anew = False
            self._version = event.version or self._version
            if event.object is not None:
                fact = self._keep(event.object)
                if event.change is Change.DELETED:
                    self._sink.remove(fact)
                else:
                    self._sink.put(fact)
            else:
                self._sink.alive()
        if not events and self._clock.monotonic() - begun < 1:
            raise SourceError(
                FailureKind.SERVER, f"{self._access.name} ends its watches of {self._resource.plural} at once"
            )

    async def _wait(self, error: ConsoleError) -> None:
        self._sink.fail(error)
        await self._clock.sleep(self._backoff.next())
