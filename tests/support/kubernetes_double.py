"""An API server small enough to read, faithful where a client can tell: lists, pages, watches, bookmarks, refusals.

What it copies from a real one: one resource version for everything; ``resourceVersion=0`` answers whole from memory and
ignores ``limit``; a page token pins the version it began at and expires when history is compacted; a watch from a
forgotten version is accepted and then told ``410`` in an ERROR event; a version from the future is ``504`` with the
cause ``ResourceVersionTooLarge``; every refusal is a ``Status``; items of a list carry no kind. Discovery, single
objects and simple selectors are served so that ``kubectl`` can be pointed at it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

Json = dict[str, Any]

TOKEN = "letmein"
KINDS = {
    "deployments": ("/apis/apps/v1", "Deployment", "deploy"),
    "statefulsets": ("/apis/apps/v1", "StatefulSet", "sts"),
    "daemonsets": ("/apis/apps/v1", "DaemonSet", "ds"),
    "replicasets": ("/apis/apps/v1", "ReplicaSet", "rs"),
    "controllerrevisions": ("/apis/apps/v1", "ControllerRevision", ""),
    "pods": ("/api/v1", "Pod", "po"),
}
_CLOSE = object()
_BREAK = object()


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    path: str
    query: dict[str, str]
    authorization: str = ""

    @property
    def watch(self) -> bool:
        return self.query.get("watch") in ("true", "1")


@dataclass(eq=False)
class _Watch:
    plural: str
    namespace: str
    name: str
    bookmarks: bool
    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)


class KubernetesDouble:
    """State, faults and what was asked. Served by :func:`serve`."""

    def __init__(self) -> None:
        self.version = 1000
        self.calls: list[Call] = []
        self.tokens = {TOKEN}
        self.url = ""
        self._oldest = 0
        self._objects: dict[str, dict[tuple[str, str], Json]] = {plural: {} for plural in KINDS}
        self._history: list[tuple[int, str, str, Json]] = []
        self._watches: list[_Watch] = []
        self._forbidden: set[tuple[str, str, str]] = set()
        self._faults: list[tuple[Callable[[Call], bool], Callable[[], web.StreamResponse]]] = []
        self._pages: dict[str, tuple[int, list[Json]]] = {}

    # The world

    def put(self, plural: str, obj: Json) -> Json:
        """Create or change an object; it gets a version and, where it has none, a uid."""
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        change = "MODIFIED" if key in self._objects[plural] else "ADDED"
        self.version += 1
        obj = {**obj, "metadata": {"uid": f"{plural}-{key[0]}-{key[1]}", **metadata}}
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._objects[plural][key] = obj
        self._record(change, plural, obj)
        return obj

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object."""
        obj = self._objects[plural].pop((namespace, name))
        self.version += 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        self._record("DELETED", plural, obj)

    def get(self, plural: str, namespace: str, name: str) -> Json:
        """An object as it is now."""
        return self._objects[plural][namespace, name]

    # Faults

    def forbid(self, plural: str, namespace: str = "", verb: str = "") -> None:
        """Refuse a kind of object in a namespace, or over the whole cluster; every verb where none is given."""
        self._forbidden.add((plural, namespace, verb))

    def allow_all(self) -> None:
        """Take every refusal and fault back."""
        self._forbidden.clear()
        self._faults.clear()

    def fault(self, when: Callable[[Call], bool], answer: Callable[[], web.StreamResponse]) -> None:
        """Answer in this way whenever ``when`` says so, until :meth:`allow_all`."""
        self._faults.append((when, answer))

    def compact(self) -> None:
        """Forget what happened before now: older watches and page tokens are gone."""
        self._oldest = self.version
        self._history.clear()
        self._pages.clear()

    def bookmark(self) -> None:
        """Send a bookmark to every watch that wants them."""
        for watch in self._watches:
            if watch.bookmarks:
                _, kind, _ = KINDS[watch.plural]
                obj = {
                    "kind": kind,
                    "apiVersion": _api(watch.plural),
                    "metadata": {"resourceVersion": str(self.version), "creationTimestamp": None},
                }
                watch.queue.put_nowait({"type": "BOOKMARK", "object": obj})

    def tell(self, event: Json | bytes) -> None:
        """Send an event, or raw bytes, to every watch."""
        for watch in self._watches:
            watch.queue.put_nowait(event)

    def end_watches(self) -> None:
        """End every watch as a server does whose ``timeoutSeconds`` is over."""
        for watch in self._watches:
            watch.queue.put_nowait(_CLOSE)

    def break_watches(self) -> None:
        """Cut every watch's connection."""
        for watch in self._watches:
            watch.queue.put_nowait(_BREAK)

    def lists(self, plural: str) -> list[Call]:
        """The lists of that kind that were asked for."""
        return [call for call in self.calls if call.path.endswith(f"/{plural}") and not call.watch]

    def watches(self, plural: str) -> list[Call]:
        """The watches of that kind that were asked for."""
        return [call for call in self.calls if call.path.endswith(f"/{plural}") and call.watch]

    @property
    def open_watches(self) -> int:
        """How many run now."""
        return len(self._watches)

    # The wire

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.path, dict(request.query), request.headers.get("Authorization", ""))
        self.calls.append(call)
        for when, answer in self._faults:
            if when(call):
                return answer()
        if call.authorization.removeprefix("Bearer ") not in self.tokens:
            return refusal(401, "Unauthorized", "Unauthorized")
        if (fixed := _discovery(call.path)) is not None:
            return _json(fixed)
        return await self._resource(request, call)

    async def _resource(self, request: web.Request, call: Call) -> web.StreamResponse:
        prefix = next((prefix for prefix in ("/apis/apps/v1", "/api/v1") if call.path.startswith(prefix + "/")), "")
        words = call.path.removeprefix(prefix).strip("/").split("/")
        namespace = ""
        if words[0] == "namespaces" and len(words) > 2:
            namespace, words = words[1], words[2:]
        plural, name = words[0], words[1] if len(words) > 1 else ""
        if plural not in KINDS or KINDS[plural][0] != prefix or len(words) > 2:
            return refusal(404, "NotFound", "the server could not find the requested resource")
        verb = "get" if name else "watch" if call.watch else "list"
        if (plural, namespace, "") in self._forbidden or (plural, namespace, verb) in self._forbidden:
            return refusal(403, "Forbidden", _forbidden(plural, namespace, verb))
        if name:
            obj = self._objects[plural].get((namespace, name))
            if obj is None:
                return refusal(404, "NotFound", f'{plural} "{name}" not found')
            return _json(_typed(plural, obj))
        selected = call.query.get("fieldSelector", "").removeprefix("metadata.name=")
        if call.watch:
            return await self._watch(request, call, plural, namespace, selected)
        return self._list(call, plural, namespace, selected)

    def _list(self, call: Call, plural: str, namespace: str, name: str) -> web.Response:
        asked, limit = call.query.get("resourceVersion", ""), int(call.query.get("limit", "0"))
        token = call.query.get("continue", "")
        if asked and int(asked) > self.version:
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            message = f"Too large resource version: {asked}, current: {self.version}"
            return refusal(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
        if token:
            if token not in self._pages:
                return refusal(410, "Expired", "The provided continue parameter is too old")
            version, items = self._pages.pop(token)
        else:
            version, items = self.version, self._select(plural, namespace, name, call.query.get("labelSelector", ""))
        metadata: Json = {"resourceVersion": str(version)}
        if limit and asked != "0" and len(items) > limit:
            rest = items[limit:]
            token = base64.urlsafe_b64encode(f"{version}:{plural}:{len(rest)}".encode()).decode()
            self._pages[token] = (version, rest)
            metadata |= {"continue": token, "remainingItemCount": len(rest)}
            items = items[:limit]
        kind = KINDS[plural][1] + "List"
        return _json({"kind": kind, "apiVersion": _api(plural), "metadata": metadata, "items": items})

    async def _watch(
        self, request: web.Request, call: Call, plural: str, namespace: str, name: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        watch = _Watch(plural, namespace, name, call.query.get("allowWatchBookmarks") in ("true", "1"))
        asked = call.query.get("resourceVersion", "")
        if asked in ("", "0"):
            events = [{"type": "ADDED", "object": _typed(plural, obj)} for obj in self._select(plural, namespace, name)]
        elif int(asked) < self._oldest:
            message = f"too old resource version: {asked} ({self._oldest})"
            await response.write(_line({"type": "ERROR", "object": status(410, "Expired", message)}))
            return response
        else:
            events = [
                {"type": change, "object": _typed(plural, obj)}
                for version, change, kind, obj in self._history
                if version > int(asked) and kind == plural and _wants(watch, obj)
            ]
        for event in events:
            watch.queue.put_nowait(event)
        self._watches.append(watch)
        try:
            async with asyncio.timeout(int(call.query.get("timeoutSeconds", "1800"))):
                while (event := await watch.queue.get()) is not _CLOSE:
                    if event is _BREAK:
                        if request.transport is not None:
                            request.transport.abort()
                        break
                    await response.write(event if isinstance(event, bytes) else _line(event))
        except (TimeoutError, ConnectionError):
            pass
        finally:
            self._watches.remove(watch)
        return response

    def _select(self, plural: str, namespace: str, name: str = "", labels: str = "") -> list[Json]:
        pairs = dict(pair.replace("==", "=").split("=", 1) for pair in labels.split(",") if "=" in pair)
        return [
            obj
            for (space, called), obj in sorted(self._objects[plural].items(), key=lambda entry: entry[0])
            if namespace in ("", space)
            and name in ("", called)
            and pairs.items() <= obj["metadata"].get("labels", {}).items()
        ]

    def _record(self, change: str, plural: str, obj: Json) -> None:
        self._history.append((self.version, change, plural, obj))
        for watch in self._watches:
            if watch.plural == plural and _wants(watch, obj):
                watch.queue.put_nowait({"type": change, "object": _typed(plural, obj)})


@asynccontextmanager
async def serve(double: KubernetesDouble, port: int = 0) -> AsyncIterator[str]:
    """Serve on a port of the loopback; yields the URL."""
    app = web.Application()
    app.router.add_get("/{path:.*}", double.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double.url
    finally:
        double.end_watches()
        await runner.cleanup()


def write_kubeconfig(path: Path, server: str, *, user: Json | None = None, namespace: str = "") -> Path:
    """Write a kubeconfig with one context, ``double``."""
    context: Json = {"cluster": "double", "user": "operator"} | ({"namespace": namespace} if namespace else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "double",
        "clusters": [{"name": "double", "cluster": {"server": server}}],
        "contexts": [{"name": "double", "context": context}],
        "users": [{"name": "operator", "user": {"token": TOKEN} if user is None else user}],
    }
    path.write_text(json.dumps(config))  # JSON is YAML
    path.chmod(0o600)
    return path


def status(code: int, reason: str, message: str, details: Json | None = None) -> Json:
    """A ``Status`` that says no."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return {**body, "reason": reason, **({"details": details} if details else {}), "code": code}


def refusal(code: int, reason: str, message: str, details: Json | None = None) -> web.Response:
    """An answer that is a ``Status``."""
    return _json(status(code, reason, message, details), code)


def _forbidden(plural: str, namespace: str, verb: str) -> str:
    group = "" if KINDS[plural][0] == "/api/v1" else "apps"
    name = f"{plural}.{group}" if group else plural
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    return f'{name} is forbidden: User "op-a" cannot {verb} resource "{plural}" in API group "{group}" {where}'


def _discovery(path: str) -> Json | None:
    def resources(prefix: str) -> Json:
        served = [
            {
                "name": plural,
                "singularName": kind.lower(),
                "namespaced": True,
                "kind": kind,
                "verbs": ["get", "list", "watch"],
                "shortNames": [short] if short else [],
            }
            for plural, (where, kind, short) in KINDS.items()
            if where == prefix
        ]
        version = prefix.removeprefix("/apis/").removeprefix("/api/")
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": served}

    version = {"groupVersion": "apps/v1", "version": "v1"}
    group = {"name": "apps", "versions": [version], "preferredVersion": version}
    answers: dict[str, Json] = {
        "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.4", "platform": "linux/amd64"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]},
        "/api/v1": resources("/api/v1"),
        "/apis/apps/v1": resources("/apis/apps/v1"),
    }
    return answers.get(path)


def _wants(watch: _Watch, obj: Json) -> bool:
    metadata = obj["metadata"]
    return watch.namespace in ("", metadata.get("namespace", "")) and watch.name in ("", metadata["name"])


def _api(plural: str) -> str:
    return KINDS[plural][0].removeprefix("/apis/").removeprefix("/api/")


def _typed(plural: str, obj: Json) -> Json:
    return {"kind": KINDS[plural][1], "apiVersion": _api(plural), **obj}


def _json(value: Json, code: int = 200) -> web.Response:
    return web.Response(body=_line(value), status=code, content_type="application/json")


def _line(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
