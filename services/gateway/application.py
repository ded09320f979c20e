"""The routes, and what every request passes before it reaches one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.authority import Authority, require, store_lost
from services.gateway.circuit import CircuitRoom, Toggle, read_if_match, read_toggle
from services.gateway.documents import StatusDocument, encode
from services.gateway.limits import read_body
from services.gateway.metrics import CONTENT_TYPE, Metrics
from services.gateway.model import Scope, Token
from services.gateway.negotiation import JSON, check_accept, check_content_type, check_host
from services.gateway.openapi import describe
from services.gateway.problem import Problem, problem_response
from services.vocabulary.errors import StoreError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

    from services.gateway.needs import GatewayNeeds

_PAUSE = 0.2
_COMMON = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = logging.getLogger(__name__)


def build(needs: GatewayNeeds) -> ASGIApp:
    """The whole application, for any ASGI server."""
    authority = Authority(needs)
    rooms = _Rooms(needs, authority)
    routes = [
        Route("/healthz", rooms.health, methods=["GET"]),
        Route("/openapi.json", rooms.openapi, methods=["GET"]),
        Route("/metrics", rooms.metrics_text, methods=["GET"]),
        Route("/api/sre/status", rooms.status, methods=["GET"]),
        Route("/api/sre/trust", rooms.trust, methods=["GET"]),
        # One route for both methods: two would answer for each other's with 405 and an incomplete Allow.
        Route("/api/sre/circuit", rooms.circuit, methods=["GET", "POST"]),
    ]
    inner = Starlette(
        routes=routes, exception_handlers={Problem: _answered, HTTPException: _not_routed, Exception: _failed}
    )
    inner.router.redirect_slashes = False
    return _Door(inner, needs, authority, rooms.metrics, frozenset(route.path for route in routes))


class _Door:
    """Checks the host and the rate, limits the time, counts, and lets no failure out."""

    def __init__(
        self, inner: ASGIApp, needs: GatewayNeeds, authority: Authority, metrics: Metrics, paths: frozenset[str]
    ) -> None:
        self._inner = inner
        self._needs = needs
        self._metrics = metrics
        self._paths = paths
        self._authority = authority

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun, status, limit = self._needs.clock.monotonic(), 0, self._needs.patience.answer

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        problem: Problem | None = None
        try:
            async with asyncio.timeout(limit):
                await self._pass(scope, receive, sending)
        except Problem as raised:
            problem = raised
        except ClientDisconnect:
            pass
        except TimeoutError:
            _log.warning("a request to %s took more than %g s", self._route(scope), limit)
            problem = store_lost(f"there was no answer within {limit:g} s")
        except Exception as error:
            _log.exception("a request to %s failed", self._route(scope))
            problem = _failure(error)
        if problem is not None and not status:
            await problem_response(problem)(scope, receive, sending)
        if status:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            took = self._needs.clock.monotonic() - begun
            self._metrics.count(method, self._route(scope), status, took)

    async def _pass(self, scope: Connection, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        check_host(hosts[0] if len(hosts) == 1 else None, self._needs.hosts)
        try:
            self._authority.admit(scope["headers"], _address(scope))
        except Problem:
            # Whoever asks too fast waits for the refusal, so that refusing costs the screen next to nothing.
            await asyncio.sleep(_PAUSE)
            raise
        await self._inner(scope, receive, send)

    def _route(self, scope: Connection) -> str:
        return scope["path"] if scope["path"] in self._paths else "other"


class _Rooms:
    """What each route does."""

    def __init__(self, needs: GatewayNeeds, authority: Authority) -> None:
        self._needs = needs
        self._authority = authority
        self._status = StatusDocument(needs)
        self._circuit = CircuitRoom(needs)
        self._description = encode(describe(needs.version))
        self.metrics = Metrics(needs, self._status)

    async def health(self, request: Request) -> Response:
        """Whether it can serve those who have a token. Says nothing else."""
        check_accept(request.headers.get("accept"), JSON)
        if not self._needs.tokens.snapshot.freshness.trusted:
            raise store_lost("the store does not answer")
        return _json(b'{"status":"pass"}')

    async def openapi(self, request: Request) -> Response:
        """What can be asked, and how."""
        check_accept(request.headers.get("accept"), JSON)
        return _json(self._description)

    async def metrics_text(self, request: Request) -> Response:
        """For Prometheus."""
        self._reader(request)
        check_accept(request.headers.get("accept"), "text/plain")
        await self._status.count()
        return Response(self.metrics.text(), headers={**_COMMON, "Content-Type": CONTENT_TYPE})

    async def status(self, request: Request) -> Response:
        """Everything at a glance, as the feeds know it."""
        self._reader(request)
        check_accept(request.headers.get("accept"), JSON)
        return _json(await self._status.body())

    async def trust(self, request: Request) -> Response:
        """What automation may do."""
        self._reader(request)
        check_accept(request.headers.get("accept"), JSON)
        try:
            return _json(encode(await self._needs.trust()))
        except StoreError as error:
            raise store_lost(error) from error

    async def circuit(self, request: Request) -> Response:
        """See it, or move it."""
        return await (self._move(request) if request.method == "POST" else self._see(request))

    async def _see(self, request: Request) -> Response:
        self._reader(request)
        check_accept(request.headers.get("accept"), JSON)
        body, tag = await self._circuit.read()
        if tag in (one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers={**_COMMON, "ETag": tag})
        return _json(body, {"ETag": tag})

    async def _move(self, request: Request) -> Response:
        # Whatever comes of it is on record: what moved something by the breaker itself, all else from here.
        peer = _address(request.scope)
        asked: list[Toggle] = []
        known: list[Token] = []
        try:
            return await self._moved(request, peer, known, asked)
        except Problem as problem:
            # A flood of refusals would fill the store: what is over the limits is counted and not kept.
            if problem.rule != "rate" and self._needs.writable:
                actor = self._authority.actor(known[0] if known else None, peer)
                command = asked[0].line if asked else "POST /api/sre/circuit"
                await self._circuit.keep_refusal(actor, command, asked[0].action if asked else "request", problem)
            raise

    async def _moved(self, request: Request, peer: str, known: list[Token], asked: list[Toggle]) -> Response:
        token = await self._authority.identify_anew(request.scope["headers"], peer)
        known.append(token)
        self._authority.permit_write(token)
        require(token, Scope.CIRCUIT_WRITE)
        if not self._needs.writable:
            raise Problem(403, "this console is read-only and moves nothing", "ask another one", rule="mode")
        check_accept(request.headers.get("accept"), JSON)
        check_content_type(request.headers.get("content-type"))
        toggle = read_toggle(await read_body(request, self._needs.patience.body))
        asked.append(toggle)
        tags = read_if_match(_joined(request, "if-match"))
        body, tag = await self._circuit.move(toggle, tags, self._authority.actor(token, peer))
        return _json(body, {"ETag": tag})

    def _reader(self, request: Request) -> None:
        require(self._authority.identify(request.scope["headers"]), Scope.READ)


def _joined(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


def _address(scope: Connection) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, headers={**_COMMON, **(headers or {})}, media_type=JSON)


async def _answered(_: Request, error: Exception) -> Response:
    return problem_response(error if isinstance(error, Problem) else _failure(error))


async def _failed(_: Request, error: Exception) -> Response:
    # Raised on afterwards, so that it is logged at the door.
    return problem_response(_failure(error))


def _failure(error: Exception) -> Problem:
    return Problem(500, f"the gateway failed: {type(error).__name__}", "its log says where")


async def _not_routed(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 405:
        # HEAD comes with GET.
        return problem_response(Problem(405, f"it does not take {request.method[:20]}", headers=headers))
    return problem_response(Problem(status, "there is nothing here", "GET /openapi.json says what there is"))
