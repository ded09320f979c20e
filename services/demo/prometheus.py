"""The demo's Prometheus: API v1 over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from services.demo.evaluator import Evaluator
from services.demo.firing import PROMETHEUS_URL, Firing, Firings
from services.demo.promql import Call, LabelMatcher, Selector, parse
from services.demo.promql_tokens import QueryError
from services.demo.query_parameters import QueryParameters
from services.demo.rules import GROUPS, Rule, RuleGroup, go_exponent, go_float
from services.demo.series import SCRAPE, Series
from services.demo.vectors import Scalar
from services.demo.world import World, rfc3339
from services.vocabulary.clock import Clock

VERSION = "3.4.1"
MOST_POINTS = 11_000
_LABEL = re.compile(r"[a-zA-Z_]\w*")
_CODES = {"bad_data": 400, "execution": 422, "not_found": 404}
_LOOK_BACK = 300.0
_INSTANT = 1e-6

_Handler = Callable[["_Api", web.Request], Awaitable[object]]


def prometheus(world: World, clock: Clock, firings: Firings) -> web.Application:
    """The application that serves it."""
    api = _Api(world, clock, firings)
    app = web.Application(client_max_size=2**20)
    for path, handler in (
        ("query", api.query),
        ("query_range", api.query_range),
        ("series", api.series),
        ("labels", api.labels),
    ):
        app.router.add_get(f"/api/v1/{path}", handler)
        app.router.add_post(f"/api/v1/{path}", handler)
    for path, handler in (
        ("label/{name}/values", api.label_values),
        ("rules", api.rules),
        ("alerts", api.alerts),
        ("targets", api.targets),
        ("metadata", api.metadata),
        ("alertmanagers", api.alertmanagers),
        ("status/buildinfo", api.build_information),
        ("status/runtimeinfo", api.runtime_information),
    ):
        app.router.add_get(f"/api/v1/{path}", handler)
    app.router.add_get("/-/healthy", _says("Prometheus Server is Healthy.\n"))
    app.router.add_get("/-/ready", _says("Prometheus Server is Ready.\n"))
    return app


def _says(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def say(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    return say


def _envelope(handler: _Handler) -> Callable[[_Api, web.Request], Awaitable[web.Response]]:
    async def answer(api: _Api, request: web.Request) -> web.Response:
        try:
            body: dict[str, object] = {"status": "success", "data": await handler(api, request)}
            status = 200
        except QueryError as error:
            body = {"status": "error", "errorType": error.kind, "error": str(error)}
            status = _CODES[error.kind]
        data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        return web.Response(body=data, status=status, content_type="application/json")

    return answer


@dataclass(frozen=True, slots=True)
class _Known:
    """The series up to now: nobody has samples of the future."""

    firings: Firings
    now: float

    def select(self, matchers: Sequence[LabelMatcher], since: float, until: float) -> Iterator[Series]:
        if since > self.now:
            return
        for series in self.firings.select(matchers, since, min(until, self.now)):
            yield series if until <= self.now else replace(series, end=min(series.end, self.now + _INSTANT))


class _Api:
    def __init__(self, world: World, clock: Clock, firings: Firings) -> None:
        self._world = world
        self._clock = clock
        self._firings = firings
        self._started = clock.now()

    def _now(self) -> float:
        return self._world.seconds(self._clock.now())

    def _evaluator(self, moments: list[float]) -> Evaluator:
        return Evaluator(_Known(self._firings, self._now()), moments, self._world.epoch_seconds)

    @_envelope
    async def query(self, request: web.Request) -> object:
        parameters = await QueryParameters.of(request)
        time = parameters.time("time", self._clock.now())
        node = parse(parameters.get("query"))
        moment = time - self._world.epoch_seconds
        result = self._evaluator([moment]).evaluate(node)
        if isinstance(result, Scalar):
            return {"resultType": "scalar", "result": [time, go_float(result.values[0])]}
        rows = [
            {"metric": labels, "value": [time, go_float(values[0])]}
            for labels, values in result.columns
            if values[0] is not None
        ]
        if not (isinstance(node, Call) and node.function.startswith("sort")):
            rows.sort(key=lambda row: sorted(row["metric"].items()))  # type: ignore[attr-defined]
        return {"resultType": "vector", "result": rows}

    @_envelope
    async def query_range(self, request: web.Request) -> object:
        parameters = await QueryParameters.of(request)
        start, end, step = parameters.time("start"), parameters.time("end"), parameters.step()
        if end < start:
            raise QueryError('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) / step > MOST_POINTS:
            raise QueryError(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        node = parse(parameters.get("query"))
        stamps = [start + number * step for number in range(int((end - start) / step + 1e-9) + 1)]
        moments = [stamp - self._world.epoch_seconds for stamp in stamps]
        result = self._evaluator(moments).evaluate(node)
        columns = [({}, list(result.values))] if isinstance(result, Scalar) else result.columns
        shown = [round(stamp, 3) for stamp in stamps]
        rows = [
            {
                "metric": labels,
                "values": [
                    (stamp, go_float(value)) for stamp, value in zip(shown, values, strict=True) if value is not None
                ],
            }
            for labels, values in sorted(columns, key=lambda column: sorted(column[0].items()))
        ]
        return {"resultType": "matrix", "result": rows}

    async def _matching(self, parameters: QueryParameters, *, required: bool) -> list[Series]:
        now = self._clock.now()
        since = parameters.time("start", self._world.time(self._now() - _LOOK_BACK)) - self._world.epoch_seconds
        until = parameters.time("end", now) - self._world.epoch_seconds
        texts = parameters.all("match[]")
        if not texts:
            if required:
                raise QueryError("no match[] parameter provided")
            return list(_Known(self._firings, self._now()).select([LabelMatcher("__name__", "=~", ".+")], since, until))
        found: list[Series] = []
        for text in texts:
            node = parse(text)
            if not isinstance(node, Selector):
                raise QueryError(f'invalid parameter "match[]": {text!r} is not a series selector')
            found += _Known(self._firings, self._now()).select(node.matchers, since, until)
        return found

    @_envelope
    async def series(self, request: web.Request) -> object:
        found = await self._matching(await QueryParameters.of(request), required=True)
        return [dict(items) for items in sorted({tuple(sorted(_full(one).items())) for one in found})]

    @_envelope
    async def labels(self, request: web.Request) -> object:
        found = await self._matching(await QueryParameters.of(request), required=False)
        return sorted({name for one in found for name in _full(one)})

    @_envelope
    async def label_values(self, request: web.Request) -> object:
        name = request.match_info["name"]
        if not _LABEL.fullmatch(name):
            raise QueryError(f'invalid label name: "{name}"')
        found = await self._matching(await QueryParameters.of(request), required=False)
        return sorted({value for one in found if (value := _full(one).get(name))})

    @_envelope
    async def rules(self, request: web.Request) -> object:
        parameters = await QueryParameters.of(request)
        if parameters.get("type") not in ("", "alert", "record"):
            raise QueryError(f'not supported value "{parameters.get("type")}"')
        now, names = self._now(), parameters.all("rule_name[]")
        groups = [group for group in GROUPS if parameters.get("type") != "record"]
        wanted = parameters.all("rule_group[]")
        shown = [self._group(group, now, names) for group in groups if not wanted or group.name in wanted]
        return {"groups": [group for group in shown if group["rules"]]}

    def _group(self, group: RuleGroup, now: float, names: list[str]) -> dict[str, object]:
        last = rfc3339(self._world.time(now // group.interval * group.interval))
        firings = self._firings.at(now, group)
        return {
            "name": group.name,
            "file": group.file,
            "rules": [
                self._rule(rule, [one for one in firings if one.rule is rule], now, last)
                for rule in group.rules
                if not names or rule.name in names
            ],
            "interval": group.interval,
            "limit": 0,
            "evaluationTime": 0.0021,
            "lastEvaluation": last,
        }

    def _rule(self, rule: Rule, firings: list[Firing], now: float, last: str) -> dict[str, object]:
        states = {firing.state(now) for firing in firings}
        return {
            "state": "firing" if "firing" in states else "pending" if states else "inactive",
            "name": rule.name,
            "query": rule.expression,
            "duration": rule.hold,
            "keepFiringFor": 0,
            "labels": rule.labels,
            "annotations": rule.annotations,
            "alerts": [self._alert(firing, now) for firing in firings],
            "health": "ok",
            "evaluationTime": 0.0004,
            "lastEvaluation": last,
            "type": "alerting",
        }

    def _alert(self, firing: Firing, now: float) -> dict[str, object]:
        return {
            "labels": dict(sorted(firing.labels.items())),
            "annotations": firing.annotations(now),
            "state": firing.state(now),
            "activeAt": rfc3339(self._world.time(firing.active)),
            "value": go_exponent(firing.value(now)),
        }

    @_envelope
    async def alerts(self, _request: web.Request) -> object:
        now = self._now()
        return {"alerts": [self._alert(firing, now) for firing in self._firings.at(now)]}

    @_envelope
    async def targets(self, request: web.Request) -> object:
        state = request.query.get("state", "any")
        now = self._now()
        up = {tuple(sorted(one.labels.items())): one for one in self._firings.metrics.families["up"].series(now, now)}
        active = []
        for labels, _ in self._firings.metrics.hosts.targets():
            step = up[tuple(sorted(labels.items()))].step
            healthy = step is None or bool(step(now))
            active.append(
                {
                    "discoveredLabels": {"__address__": labels["instance"], "job": labels["job"]},
                    "labels": labels,
                    "scrapePool": labels["job"],
                    "scrapeUrl": f"http://{labels['instance']}/metrics",
                    "globalUrl": f"http://{labels['instance']}/metrics",
                    "lastError": "" if healthy else "context deadline exceeded",
                    "lastScrape": rfc3339(self._world.time(now // SCRAPE * SCRAPE)),
                    "lastScrapeDuration": 0.012 if healthy else 10.0,
                    "health": "up" if healthy else "down",
                    "scrapeInterval": "15s",
                    "scrapeTimeout": "10s",
                }
            )
        return {
            "activeTargets": active if state in ("any", "active") else [],
            "droppedTargets": [],
            "droppedTargetCounts": {},
        }

    @_envelope
    async def metadata(self, request: web.Request) -> object:
        wanted, found = request.query.get("metric"), {}
        for family in self._firings.metrics.families.values():
            name = family.name
            if family.type == "histogram":
                name = name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
            if wanted in (None, name):
                found[name] = [{"type": family.type, "help": family.help, "unit": ""}]
        return found

    @_envelope
    async def alertmanagers(self, _request: web.Request) -> object:
        return {"activeAlertmanagers": [], "droppedAlertmanagers": []}

    @_envelope
    async def build_information(self, _request: web.Request) -> object:
        return {
            "version": VERSION,
            "revision": "demo",
            "branch": "HEAD",
            "buildUser": "demo",
            "buildDate": "20250531-08:32:24",
            "goVersion": "go1.24.3",
        }

    @_envelope
    async def runtime_information(self, _request: web.Request) -> object:
        return {
            "startTime": rfc3339(self._started),
            "CWD": "/prometheus",
            "serverTime": rfc3339(self._clock.now()),
            "reloadConfigSuccess": True,
            "lastConfigTime": rfc3339(self._started),
            "corruptionCount": 0,
            "goroutineCount": 41,
            "GOMAXPROCS": 2,
            "storageRetention": "30d",
            "externalURL": PROMETHEUS_URL,
        }


def _full(series: Series) -> dict[str, str]:
    return {"__name__": series.name, **series.labels}
