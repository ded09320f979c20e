"""The events of a watch. Kubernetes API concepts, "Efficient detection of changes"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from services.clusters.access import ClusterAccess
from services.clusters.failures import failure, not_the_api
from services.clusters.objects import KubernetesObject, ObjectT, Resource
from services.vocabulary.errors import FailureKind, SourceError

T = TypeVar("T")

_LONGEST_LINE = 16 * 1024 * 1024


class Change(Enum):
    """What an event tells."""

    OPENED = "OPENED"  # the server accepted the watch; our own, never on the wire
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class Event(Generic[T]):
    """One event. ``version`` is the resource version it brings the watch to; ``object`` is None without one."""

    change: Change
    version: str = ""
    object: T | None = None


class _Line(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_LINE = msgspec.json.Decoder(_Line)
_ANY = msgspec.json.Decoder(KubernetesObject)


async def watch_objects(
    access: ClusterAccess, resource: Resource[ObjectT], *, namespace: str, version: str, seconds: int
) -> AsyncIterator[Event[ObjectT]]:
    """What happens to one kind of object after ``version``, until the server ends the watch.

    Args:
        access: the cluster.
        resource: what to watch.
        namespace: empty for the whole cluster.
        version: where to begin, from a list or an event.
        seconds: how long the server shall keep the watch.

    Raises:
        VersionUnusable: what happened since ``version`` is forgotten: list anew.
        SourceError: the watch could not be opened, broke, was silent for too long, or told an error.
    """
    decoder = msgspec.json.Decoder(resource.type)
    parameters = [
        ("watch", "true"),
        ("resourceVersion", version),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", str(seconds)),
    ]
    async with access.watch(resource.path(namespace), parameters) as chunks:
        yield Event(Change.OPENED, version)
        rest = b""
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise SourceError(FailureKind.TOO_LARGE, f"{access.name}: an event of {resource.plural} has no end")
            for line in lines:
                if line.strip():
                    yield _event(access.name, line, decoder)
            await asyncio.sleep(0)
        if rest.strip():
            raise SourceError(FailureKind.UNREACHABLE, f"{access.name}: the watch of {resource.plural} broke off")


def _event(name: str, line: bytes, decoder: msgspec.json.Decoder[ObjectT]) -> Event[ObjectT]:
    try:
        envelope = _LINE.decode(line)
        if envelope.type == "ERROR":
            # Looked at first: its object is a Status, whose metadata says nothing of the watch.
            raise failure(name, 0, bytes(envelope.object))
        if envelope.type == "BOOKMARK":
            return Event(Change.BOOKMARK, _ANY.decode(envelope.object).metadata.resource_version)
        item = decoder.decode(envelope.object)
        return Event(Change(envelope.type), item.metadata.resource_version, item)
    except (msgspec.MsgspecError, ValueError) as error:
        raise not_the_api(name, line, f"watch event: {error}") from error
