"""A watch: the changes of a resource as they happen, one JSON object a line."""

from __future__ import annotations

import json
from typing import Protocol

from aiohttp import web

from services.demo.clock import SimulatedClock
from services.demo.discovery import Resource
from services.demo.manifests import Json, resource_version
from services.demo.records import Records
from services.demo.table import table, wants_table
from services.demo.world import World

TICK = 0.25
"""Real seconds between two looks at the world."""

BOOKMARK = 10.0
"""Real seconds between two bookmarks."""

_LONGEST = 3600.0


class Wanted(Protocol):
    """What a watch asks for."""

    @property
    def resource(self) -> Resource:
        """Of which resource."""
        ...

    def accepts(self, document: Json | None) -> bool:
        """Whether an object is wanted."""
        ...


async def watch(
    request: web.Request,
    world: World,
    clock: SimulatedClock,
    records: Records,
    wanted: Wanted,
    since: float | None,
    oldest: float,
) -> web.StreamResponse:
    """Serve a watch until its time is up or the client goes.

    Args:
        since: the moment after which changes are sent; None begins with everything that exists.
        oldest: changes before it are forgotten; a watch that begins earlier gets an ERROR with code 410.
    """
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    as_table = wants_table(request)

    async def send(kind: str, document: Json) -> None:
        plain = not as_table or kind in ("ERROR", "BOOKMARK")
        shown = document if plain else table(wanted.resource, [document], request, clock.now())
        line = json.dumps({"type": kind, "object": shown}, separators=(",", ":"), ensure_ascii=False)
        await response.write(line.encode() + b"\n")

    try:
        if since is not None and since < oldest:
            await send("ERROR", _expired(since, oldest))
            return response
        seen = round(world.seconds(clock.now()), 3) if since is None else since
        if since is None:
            for document in records.at(wanted.resource.plural, seen):
                if wanted.accepts(document):
                    await send("ADDED", document)
        left = _seconds(request)
        bookmarks = request.query.get("allowWatchBookmarks") in ("true", "1")
        until_bookmark = BOOKMARK
        while True:
            now = round(world.seconds(clock.now()), 3)
            for change in records.changes(wanted.resource.plural, seen, now) if now > seen else ():
                before, after = wanted.accepts(change.before), wanted.accepts(change.after)
                if after and change.after is not None:
                    await send("MODIFIED" if before else "ADDED", change.after)
                elif before and change.before is not None:
                    await send("DELETED", _at_version(change.before, change.at))
            seen = max(seen, now)
            if bookmarks and (until_bookmark <= 0 or left <= 0):
                until_bookmark = BOOKMARK
                await send("BOOKMARK", _bookmark(wanted.resource, seen))
            if left <= 0:
                return response
            await clock.pause(min(TICK, left))
            left -= TICK
            until_bookmark -= TICK
    except ConnectionResetError:
        return response


def _seconds(request: web.Request) -> float:
    try:
        return min(_LONGEST, float(request.query.get("timeoutSeconds", _LONGEST)))
    except ValueError:
        return _LONGEST


def _bookmark(resource: Resource, at: float) -> Json:
    meta: Json = {"resourceVersion": resource_version(at), "creationTimestamp": None}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}


def _at_version(document: Json, at: float) -> Json:
    meta: Json = document["metadata"]  # type: ignore[assignment]
    return {**document, "metadata": {**meta, "resourceVersion": resource_version(at)}}


def _expired(since: float, oldest: float) -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"too old resource version: {resource_version(since)} ({resource_version(oldest)})",
        "reason": "Expired",
        "code": 410,
    }
