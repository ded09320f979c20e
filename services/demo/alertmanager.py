"""The demo's Alertmanager: API v2 over HTTP."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import re2
from aiohttp import web

from services.demo.posted import PostError
from services.demo.routing import CONFIG, RECEIVERS, AlertBook, Standing, groups
from services.demo.silences import (
    SilenceError,
    SilenceMatcher,
    SilenceNotFound,
    Silences,
    StoredSilence,
    parse_matcher,
)
from services.demo.world import World, rfc3339
from services.vocabulary.clock import Clock

VERSION = "0.28.1"


def alertmanager(world: World, clock: Clock, book: AlertBook, silences: Silences) -> web.Application:
    """The application that serves it."""
    api = _Api(world, clock, book, silences)
    app = web.Application(client_max_size=4 * 2**20)
    app.router.add_get("/api/v2/status", api.status)
    app.router.add_get("/api/v2/receivers", api.receivers)
    app.router.add_get("/api/v2/alerts", api.alerts)
    app.router.add_post("/api/v2/alerts", api.post_alerts)
    app.router.add_get("/api/v2/alerts/groups", api.groups)
    app.router.add_get("/api/v2/silences", api.list_silences)
    app.router.add_post("/api/v2/silences", api.post_silence)
    app.router.add_get("/api/v2/silence/{id}", api.get_silence)
    app.router.add_delete("/api/v2/silence/{id}", api.delete_silence)
    for path in ("/-/healthy", "/-/ready"):
        app.router.add_get(path, _ok)
    return app


async def _ok(_request: web.Request) -> web.Response:
    return web.Response(text="OK")


class _Refusal(Exception):
    """An answer other than success. A text becomes a JSON string, a code makes ``{code, message}``."""

    def __init__(self, status: int, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: object = message if code is None else {"code": code, "message": message}


def _answers(
    handler: Callable[[_Api, web.Request], Awaitable[web.Response]],
) -> Callable[[_Api, web.Request], Awaitable[web.Response]]:
    async def answer(api: _Api, request: web.Request) -> web.Response:
        try:
            return await handler(api, request)
        except _Refusal as refusal:
            return _json(refusal.body, refusal.status)

    return answer


class _Api:
    def __init__(self, world: World, clock: Clock, book: AlertBook, silences: Silences) -> None:
        self._world = world
        self._clock = clock
        self._book = book
        self._silences = silences
        self._started = clock.now()

    async def status(self, _request: web.Request) -> web.Response:
        name = f"demo-{self._world.seed}"
        return _json(
            {
                "cluster": {"name": name, "peers": [{"address": "127.0.0.1:9094", "name": name}], "status": "ready"},
                "config": {"original": CONFIG},
                "uptime": rfc3339(self._started),
                "versionInfo": {
                    "branch": "HEAD",
                    "buildDate": "20250307-15:05:18",
                    "buildUser": "demo",
                    "goVersion": "go1.23.7",
                    "revision": "demo",
                    "version": VERSION,
                },
            }
        )

    async def receivers(self, _request: web.Request) -> web.Response:
        return _json([{"name": name} for name in RECEIVERS])

    @_answers
    async def alerts(self, request: web.Request) -> web.Response:
        now = self._world.seconds(self._clock.now())
        return _json([one.document(self._world, now) for one in self._wanted(request, now)])

    @_answers
    async def post_alerts(self, request: web.Request) -> web.Response:
        now = self._world.seconds(self._clock.now())
        try:
            raw = json.loads(await request.read())
        except ValueError as error:
            raise _Refusal(400, f'parsing alerts body from "" failed, because {error}', 400) from None
        if not isinstance(raw, list) or not all(isinstance(one, Mapping) for one in raw):
            raise _Refusal(400, 'parsing alerts body from "" failed, because it is not a list of objects', 400)
        for one in raw:
            if not isinstance(one.get("labels"), Mapping):
                raise _Refusal(422, "validation failure list:\nlabels in body is required", 602)
            began, ends = (_moment(one, name, self._world) for name in ("startsAt", "endsAt"))
            labels, annotations = (_texts(one, name) for name in ("labels", "annotations"))
            try:
                self._book.posted.post(labels, annotations, began, ends, str(one.get("generatorURL") or ""), now)
            except PostError as error:
                raise _Refusal(400, str(error)) from None
        return web.Response(status=200)

    @_answers
    async def groups(self, request: web.Request) -> web.Response:
        now = self._world.seconds(self._clock.now())
        return _json(
            [
                {
                    "alerts": [one.document(self._world, now) for one in members],
                    "labels": labels,
                    "receiver": {"name": receiver},
                }
                for receiver, labels, members in groups(self._wanted(request, now))
            ]
        )

    def _wanted(self, request: web.Request, now: float) -> list[Standing]:
        matchers = _filters(request)
        active, silenced, inhibited = (_flag(request, name) for name in ("active", "silenced", "inhibited"))
        receiver = request.query.get("receiver")
        if receiver is not None:
            try:
                re2.compile(receiver)
            except re2.error as error:
                raise _Refusal(400, f"failed to parse receiver param: error parsing regexp: {error}") from None
        return [
            one
            for one in self._book.standing(now)
            if (active or one.suppressed)
            and (silenced or not one.silenced_by)
            and (inhibited or not one.inhibited_by)
            and (receiver is None or re2.fullmatch(receiver, one.alert.receiver))
            and all(matcher.matches(one.alert.labels) for matcher in matchers)
        ]

    @_answers
    async def list_silences(self, request: web.Request) -> web.Response:
        now = self._clock.now()
        # The real server compares the names and values of matchers here, not the alerts they would hit.
        wanted = _filters(request)
        return _json(
            [
                silence.document(now)
                for silence in self._silences.all()
                if all(_mentions(silence.matchers, matcher) for matcher in wanted)
            ]
        )

    @_answers
    async def post_silence(self, request: web.Request) -> web.Response:
        wanted = _silence(await request.read(), self._clock.now())
        try:
            return _json({"silenceID": self._silences.set(wanted)})
        except SilenceNotFound as error:
            raise _Refusal(404, str(error)) from None
        except SilenceError as error:
            raise _Refusal(400, str(error)) from None

    @_answers
    async def get_silence(self, request: web.Request) -> web.Response:
        try:
            return _json(self._silences.get(_uuid(request)).document(self._clock.now()))
        except SilenceNotFound:
            return web.Response(status=404)

    @_answers
    async def delete_silence(self, request: web.Request) -> web.Response:
        try:
            self._silences.expire(_uuid(request))
        except SilenceNotFound:
            return web.Response(status=404)
        return web.Response(status=200)


def _json(body: object, status: int = 200) -> web.Response:
    data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    return web.Response(body=data, status=status, content_type="application/json")


def _filters(request: web.Request) -> list[SilenceMatcher]:
    try:
        return [parse_matcher(text) for text in request.query.getall("filter", [])]
    except SilenceError as error:
        raise _Refusal(400, str(error)) from None


def _flag(request: web.Request, name: str) -> bool:
    text = request.query.get(name, "true")
    if text.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise _Refusal(422, f'{name} in query must be of type boolean: "{text}"', 601)
    return text.lower() in ("true", "1", "t")


def _mentions(matchers: tuple[SilenceMatcher, ...], wanted: SilenceMatcher) -> bool:
    found = [matcher for matcher in matchers if matcher.name == wanted.name]
    return any(wanted.accepts(matcher.value) for matcher in found) if found else wanted.accepts("")


def _uuid(request: web.Request) -> str:
    text = request.match_info["id"]
    try:
        return str(UUID(text))
    except ValueError:
        raise _Refusal(422, f'silenceID in path must be of type uuid: "{text}"', 601) from None


def _silence(body: bytes, now: datetime) -> StoredSilence:
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise _Refusal(400, f'parsing body body from "" failed, because {error}', 400) from None
    if not isinstance(raw, Mapping):
        raise _Refusal(400, 'parsing body body from "" failed, because it is not an object', 400)
    for name in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
        if raw.get(name) is None:
            raise _Refusal(422, f"validation failure list:\nvalidation failure list:\n{name} in body is required", 602)
    matchers = raw["matchers"]
    if not isinstance(matchers, list) or not matchers:
        raise _Refusal(422, "validation failure list:\nmatchers in body should have at least 1 items", 612)
    made = []
    for number, one in enumerate(matchers):
        for name, kind in (("isRegex", bool), ("name", str), ("value", str)):
            if not isinstance(one, Mapping) or not isinstance(one.get(name), kind):
                raise _Refusal(422, f"validation failure list:\nmatchers.{number}.{name} in body is required", 602)
        made.append(SilenceMatcher(one["name"], one["value"], one["isRegex"], one.get("isEqual", True) is not False))
    return StoredSilence(
        id=str(raw.get("id") or ""),
        matchers=tuple(made),
        starts_at=_time(raw["startsAt"], "startsAt"),
        ends_at=_time(raw["endsAt"], "endsAt"),
        updated_at=now,
        created_by=str(raw["createdBy"]),
        comment=str(raw["comment"]),
    )


def _moment(posted: Mapping[str, object], name: str, world: World) -> float | None:
    return world.seconds(_time(posted[name], name)) if posted.get(name) else None


def _texts(posted: Mapping[str, object], name: str) -> dict[str, str]:
    found = posted.get(name)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def _time(value: object, name: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise _Refusal(400, f'parsing body body from "" failed, because {name} is not a time: {value!r}', 400)
    return parsed.astimezone(UTC)
