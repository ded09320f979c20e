"""The demo's Kubernetes API server: discovery, get, list and watch over HTTP. It changes nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from services.demo import discovery
from services.demo.clock import SimulatedClock
from services.demo.discovery import RESOURCES, Resource
from services.demo.manifests import Json, moment_of, resource_version
from services.demo.records import Records
from services.demo.selectors import Predicate, SelectorError, field_selector, label_selector
from services.demo.table import table, wants_table
from services.demo.watch import watch
from services.demo.world import World

RETAINED = 300.0
"""Seconds for which the server remembers changes; older resource versions are gone (410)."""


class Refusal(Exception):
    """An answer other than success: a ``Status`` object."""

    def __init__(self, code: int, reason: str, message: str, causes: list[Json] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({"details": {"causes": causes}} if causes else {}),
            "code": code,
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list or watch asks for."""

    resource: Resource
    namespace: str
    labels: Predicate
    fields: Predicate

    def accepts(self, document: Json | None) -> bool:
        """Whether an object is wanted."""
        if document is None:
            return False
        if self.namespace and document["metadata"].get("namespace") != self.namespace:  # type: ignore[attr-defined]
            return False
        return self.labels(document) and self.fields(document)


def kubernetes(
    world: World,
    clock: SimulatedClock,
    records: Records,
    token: str,
    *,
    readable_namespaces: frozenset[str] | None = None,
) -> web.Application:
    """The application that serves it.

    Args:
        token: the bearer token; a request with another one is refused (401).
        readable_namespaces: None for a cluster-wide reader; else lists across namespaces are forbidden (403), and
            only these namespaces may be read.
    """
    api = _Api(world, clock, records, readable_namespaces)
    app = web.Application(middlewares=[_guarded(token)])
    for path, document in (
        ("/version", discovery.VERSION),
        ("/api", discovery.core_versions()),
        ("/apis", discovery.groups()),
        ("/api/v1", discovery.resources("")),
        ("/apis/apps/v1", discovery.resources("apps")),
    ):
        app.router.add_get(path, _constant(document))
    for path in ("/healthz", "/livez", "/readyz"):
        app.router.add_get(path, _ok)
    for resource in RESOURCES:
        plural = f"{resource.prefix}/{resource.plural}"
        app.router.add_get(plural, api.collection(resource))
        if resource.namespaced:
            plural = f"{resource.prefix}/namespaces/{{namespace}}/{resource.plural}"
            app.router.add_get(plural, api.collection(resource))
        app.router.add_get(f"{plural}/{{name}}", api.single(resource))
    return app


def answer(document: Json, status: int = 200) -> web.Response:
    """A JSON answer."""
    data = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    return web.Response(body=data, status=status, content_type="application/json")


def _constant(document: Json) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(_request: web.Request) -> web.Response:
        return answer(document)

    return serve


async def _ok(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


def _guarded(token: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            # kubectl sends no token over plain HTTP, so a missing one passes; a wrong one does not.
            if request.headers.get("Authorization", f"Bearer {token}") != f"Bearer {token}":
                raise Refusal(401, "Unauthorized", "Unauthorized")
            return await handler(request)
        except Refusal as refusal:
            return answer(refusal.status, refusal.code)
        except web.HTTPNotFound:
            return answer(Refusal(404, "NotFound", "the server could not find the requested resource").status, 404)
        except web.HTTPMethodNotAllowed:
            message = "the server does not allow this method on the requested resource"
            return answer(Refusal(405, "MethodNotAllowed", message).status, 405)

    return guard


class _Api:
    def __init__(self, world: World, clock: SimulatedClock, records: Records, readable: frozenset[str] | None) -> None:
        self._world = world
        self._clock = clock
        self._records = records
        self._readable = readable

    def _now(self) -> float:
        return round(self._world.seconds(self._clock.now()), 3)

    def collection(self, resource: Resource) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """List and watch."""

        async def serve(request: web.Request) -> web.StreamResponse:
            selection = self._selection(request, resource)
            if request.query.get("watch") in ("true", "1"):
                if "sendInitialEvents" in request.query:
                    message = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
                    raise Refusal(422, "Invalid", message)
                since = self._watch_start(request)
                return await watch(request, self._world, self._clock, self._records, selection, since, self._oldest())
            return self._list(request, selection)

        return serve

    def single(self, resource: Resource) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Get one object."""

        async def serve(request: web.Request) -> web.StreamResponse:
            name, namespace = request.match_info["name"], request.match_info.get("namespace", "")
            self._permit(resource, namespace, "get")
            for document in self._records.at(resource.plural, self._now()):
                meta: Json = document["metadata"]  # type: ignore[assignment]
                if meta["name"] == name and meta.get("namespace", "") == namespace:
                    return answer(
                        table(resource, [document], request, self._clock.now()) if wants_table(request) else document
                    )
            group = f".{resource.group}" if resource.group else ""
            raise Refusal(404, "NotFound", f'{resource.plural}{group} "{name}" not found')

        return serve

    def _permit(self, resource: Resource, namespace: str, verb: str) -> None:
        if self._readable is None or namespace in self._readable:
            return
        place = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        raise Refusal(
            403,
            "Forbidden",
            f'{resource.plural} is forbidden: User "demo" cannot {verb} resource "{resource.plural}" '
            f'in API group "{resource.group}" {place}',
        )

    def _selection(self, request: web.Request, resource: Resource) -> Selection:
        namespace = request.match_info.get("namespace", "")
        self._permit(resource, namespace, "list")
        try:
            labels = label_selector(request.query.get("labelSelector", ""))
            fields = field_selector(request.query.get("fieldSelector", ""))
        except SelectorError as error:
            raise Refusal(400, "BadRequest", str(error)) from None
        return Selection(resource, namespace, labels, fields)

    def _oldest(self) -> float:
        return self._now() - RETAINED * max(1.0, self._clock.speed)

    def _moment(self, version: str) -> float:
        try:
            moment = moment_of(version)
        except ValueError:
            raise Refusal(400, "BadRequest", f'invalid resource version "{version}"') from None
        now = self._now()
        if moment > now + 0.001:
            raise Refusal(
                504,
                "Timeout",
                f"Too large resource version: {version}, current: {resource_version(now)}",
                [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            )
        return moment

    def _watch_start(self, request: web.Request) -> float | None:
        version = request.query.get("resourceVersion", "")
        return None if version in ("", "0") else self._moment(version)

    def _list(self, request: web.Request, selection: Selection) -> web.Response:
        moment, skip = self._now(), 0
        version = request.query.get("resourceVersion", "")
        token = request.query.get("continue", "")
        if token:
            moment, skip = self._continuation(token)
        elif version not in ("", "0"):
            asked = self._moment(version)
            if request.query.get("resourceVersionMatch") == "Exact":
                moment = asked
        if moment < self._oldest():
            raise Refusal(410, "Expired", "The provided continue parameter is too old to display a consistent list.")
        found = [one for one in self._records.at(selection.resource.plural, moment) if selection.accepts(one)]
        try:
            limit = int(request.query.get("limit", "0"))
        except ValueError:
            raise Refusal(400, "BadRequest", "limit must be an integer") from None
        page = found[skip : skip + limit] if limit > 0 else found[skip:]
        meta: Json = {"resourceVersion": resource_version(moment)}
        rest = len(found) - skip - len(page)
        if rest > 0:
            meta["continue"] = _continue_token(moment, skip + len(page))
            meta["remainingItemCount"] = rest
        if wants_table(request):
            return answer({**table(selection.resource, page, request, self._clock.now()), "metadata": meta})
        # Items of a list carry neither kind nor apiVersion, as from a real server.
        items = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in page]
        kind = f"{selection.resource.kind}List"
        return answer({"kind": kind, "apiVersion": selection.resource.api_version, "metadata": meta, "items": items})

    def _continuation(self, token: str) -> tuple[float, int]:
        try:
            version, skip = json.loads(base64.urlsafe_b64decode(token))
            return moment_of(version), int(skip)
        except (ValueError, TypeError):
            raise Refusal(400, "BadRequest", "continue key is not valid") from None


def _continue_token(moment: float, skip: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([resource_version(moment), skip]).encode()).decode()
