"""Whole lists of one kind of object, page by page. Paging: Kubernetes API concepts, "Retrieving large results"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from services.clusters.access import ClusterAccess
from services.clusters.failures import VersionUnusable, not_the_api
from services.clusters.objects import ObjectT, Resource
from services.clusters.splitting import ListEnd, ListSplitter
from services.vocabulary.errors import FailureKind, SourceError

FactT = TypeVar("FactT")

FROM_MEMORY = "0"
"""The resource version that any server answers at once from its memory."""
FROM_STORE = ""
"""The resource version that is answered from the cluster's store: the newest, and the dearest."""
_PAGE = 500
_PAGES = 10_000


async def list_objects(
    access: ClusterAccess,
    resource: Resource[ObjectT],
    keep: Callable[[ObjectT], FactT],
    *,
    namespace: str = "",
    version: str = FROM_MEMORY,
) -> tuple[list[FactT], str]:
    """Read one whole list.

    Args:
        access: the cluster.
        resource: what to list.
        keep: makes what is kept of an object; called as it is decoded, so that the rest is freed at once.
        namespace: empty for the whole cluster.
        version: :data:`FROM_MEMORY`, :data:`FROM_STORE` or one that was seen, opaque.

    Returns:
        What was kept, in the server's order, and the resource version to watch from.

    Raises:
        VersionUnusable: list again with :data:`FROM_STORE`.
        SourceError: the list could not be read.
    """
    # Servers answer a limited list at an exact version from their store, the others from memory.
    paged = version in (FROM_MEMORY, FROM_STORE)
    kept: list[FactT] = []
    token = ""
    for _ in range(_PAGES):
        parameters = [("resourceVersion", version)] if version and not token else []
        if paged:
            parameters.append(("limit", str(_PAGE)))
        if token:
            parameters.append(("continue", token))
        try:
            end = await _page(access, resource, namespace, parameters, keep, kept)
        except VersionUnusable:
            if not token:
                raise
            # The token outlived the store's history: read the list in one piece.
            kept, token, paged = [], "", False
            continue
        if not end.continue_:
            return kept, end.resource_version
        token = end.continue_
    raise SourceError(FailureKind.MALFORMED, f"{access.name}: the list of {resource.plural} has no end")


async def _page(
    access: ClusterAccess,
    resource: Resource[ObjectT],
    namespace: str,
    parameters: list[tuple[str, str]],
    keep: Callable[[ObjectT], FactT],
    kept: list[FactT],
) -> ListEnd:
    splitter = ListSplitter(msgspec.json.Decoder(resource.type))
    begin = b""
    try:
        async with access.read(resource.path(namespace), parameters) as chunks:
            async for chunk in chunks:
                begin = begin or chunk[:64]
                kept.extend(keep(item) for item in splitter.feed(chunk))
                await asyncio.sleep(0)
        items, end = splitter.close()
        for index, item in enumerate(items):
            kept.append(keep(item))
            if index % 50 == 49:
                await asyncio.sleep(0)
    except msgspec.MsgspecError as error:
        raise not_the_api(access.name, begin, f"list of {resource.plural}: {error}") from error
    return end
