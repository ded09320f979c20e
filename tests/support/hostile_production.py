"""Alertmanager, Prometheus, Kubernetes, a store and a schedule in which every text is hostile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from services.alerts.wire import fingerprint, instant
from services.approvals.repository import ApprovalRepository
from services.incidents.repository import IncidentRepository
from services.policy.model import Requirement
from services.safety.actor import Actor, Surface
from services.safety.breaker import Breaker
from services.safety.gate import Asked
from services.safety.plan import Applied, Plan, Risk, Target
from services.vocabulary.clock import SystemClock
from tests.support import kubernetes_objects as make
from tests.support.hostile import HOSTILE, Texts
from tests.support.kubernetes_double import KubernetesDouble, serve, write_kubeconfig
from tests.support.store import temporary_store
from tests.support.wire import http_double

Json = dict[str, Any]

GROUP = 3
"""How many alerts alike there are."""
_LABEL = 200


@dataclass
class Alertmanager:
    """Serves one alert for each text, some alike, one acked, one silenced; takes every silence.

    Attributes:
        texts: what it says.
        refuses: set by a test: silences are refused, in hostile words.
        posted: the silences that were asked for.
    """

    texts: Texts
    now: datetime
    refuses: bool = False
    posted: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._silences = [self._silence(name) for name in ("acked", "silenced")]
        self._alerts = self._one_each() + self._alike() + self._muted()

    @property
    def labels(self) -> list[dict[str, str]]:
        """Of every alert."""
        return [alert["labels"] for alert in self._alerts]

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            if self.refuses:
                return web.json_response({"code": 400, "message": self.texts.together}, status=400)
            asked = await request.json()
            made = f"{len(self._silences)}{self.texts.together}"
            self.posted.append(asked)
            wanted = {one["name"]: one["value"] for one in asked["matchers"]}.items()
            for alert in self._alerts:
                if wanted <= alert["labels"].items():
                    alert["status"] = {**alert["status"], "state": "suppressed", "silencedBy": [made]}
            self._silences.append({**asked, "id": made, "updatedAt": instant(self.now), "status": {"state": "active"}})
            return web.json_response({"silenceID": made})
        if request.path.endswith("/alerts"):
            return web.json_response(self._alerts)
        if request.path.endswith("/silences"):
            return web.json_response(self._silences)
        if request.path.startswith("/api/v2/silence/"):
            return web.json_response(self._silences[-1])
        said = self.texts.together
        return web.json_response({"versionInfo": {"version": said}, "cluster": {"status": said}})

    def _one_each(self) -> list[Json]:
        found = []
        for number, (name, text) in enumerate(self.texts.each.items()):
            labels = {
                "alertname": f"{text}{name}",
                "severity": ("critical", "warning", text)[number % 3],
                "namespace": f"{text}-shop",
                "service": f"{text}-service",
                "pod": f"{self.texts.together if number % 3 else text}-{name}",
                f"label {text[:_LABEL]}": text,
            }
            found.append(self._alert(labels, number))
        return found

    def _alike(self) -> list[Json]:
        said = self.texts.together
        shared = {"alertname": f"Grouped{said}", "severity": "critical", "service": said, "namespace": "shop"}
        return [self._alert({**shared, "pod": f"{said}{number}"}, number + 1) for number in range(GROUP)]

    def _muted(self) -> list[Json]:
        said = self.texts.together
        return [
            self._alert(
                {"alertname": f"{name}{said}", "severity": "warning", "service": said},
                number,
                state="suppressed",
                silencedBy=[name],
            )
            for number, name in enumerate(("acked", "silenced"))
        ]

    def _alert(self, labels: dict[str, str], number: int, **status: Any) -> Json:
        said = self.texts.together
        text = list(self.texts.each.values())[number % len(self.texts.each)]
        # One rule nobody can read, one whose question is refused, one that is answered.
        rule = (f"up{text[:_LABEL]}", "refused%20%3E%201", "answered%20%3E%201")[number % 3]
        at = instant(self.now - timedelta(minutes=number + 1))
        # What comes last in the detail is seen only where the description leaves room for it.
        long = {"description": f"{said}\n{text}", "dashboard_url": said} if number % 2 else {}
        return {
            "labels": labels,
            "annotations": {
                "summary": f"{text} summary",
                "runbook_url": f"http://runbooks.example/{text[:_LABEL]}",
                f"note{text[:_LABEL]}": text,
                **long,
            },
            "fingerprint": fingerprint(labels),
            "startsAt": at,
            "endsAt": instant(self.now + timedelta(minutes=5)),
            "updatedAt": at,
            "generatorURL": f"http://prometheus.example/graph?g0.expr={rule}",
            "receivers": [{"name": f"{text[:_LABEL]}-pager"}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": [], **status},
        }

    def _silence(self, name: str) -> Json:
        said = self.texts.together
        return {
            "id": name,
            "matchers": [{"name": "alertname", "value": f"{name}{said}", "isRegex": False, "isEqual": True}],
            "startsAt": instant(self.now - timedelta(minutes=5)),
            "endsAt": instant(self.now + timedelta(hours=1)),
            "updatedAt": instant(self.now),
            "createdBy": said,
            "comment": f"{'ACK! ' if name == 'acked' else ''}{said}",
            "status": {"state": "active"},
        }


@dataclass(frozen=True)
class Prometheus:
    """Answers with series that have hostile labels, or refuses with hostile words."""

    texts: Texts

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = dict(request.query) | dict(await request.post())
        said = self.texts.together
        if request.path.endswith("/buildinfo"):
            return web.json_response({"status": "success", "data": {"version": said}})
        if "answered" not in str(asked.get("query")):
            return web.json_response({"status": "error", "errorType": "bad_data", "error": said}, status=400)
        labels = [{"pod": text, f"label {text[:_LABEL]}": said} for text in list(self.texts.each.values())[:6]]
        if "start" in asked:
            start, end = float(str(asked["start"])), float(str(asked["end"]))
            values = [[start, "0.5"], [(start + end) / 2, "2"], [end, "3"]]
            series = [{"metric": metric, "values": values} for metric in labels]
            data = {"resultType": "matrix", "result": series}
        else:
            end = float(str(asked.get("time") or SystemClock().now().timestamp()))
            data = {"resultType": "vector", "result": [{"metric": metric, "value": [end, "3"]} for metric in labels]}
        return web.json_response({"status": "success", "data": data, "warnings": [said]})


@dataclass(frozen=True)
class Broken:
    """Answers halves of characters, which no JSON may hold, and what is no JSON at all."""

    texts: Texts

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("/alerts"):
            # The escapes of JSON can say what no text may hold.
            return web.json_response([{"labels": {"alertname": "PWN\ud800\udfff\udb40"}}])
        return web.Response(text=self.texts.together, status=500, content_type="text/plain")


def cluster(texts: Texts, now: datetime) -> KubernetesDouble:
    """One Deployment for each text, rolled out just before the alerts began."""
    double = KubernetesDouble()
    started = f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    for number, (name, text) in enumerate(texts.each.items()):
        image = f"registry.example/{texts.together}:{text[:_LABEL]}"
        stuck = number % 2
        found = make.deployment(
            f"{text}{name}",
            f"{text}-shop",
            image=image,
            reason="ProgressDeadlineExceeded" if stuck else "NewReplicaSetAvailable",
            uid=name,
        )
        found["status"]["conditions"][0]["message"] = texts.together
        owner = double.put("deployments", found)
        owned = make.replica_set(f"{text}{name}-1", owner, image=image, revision=1, created=started)
        replicas = double.put("replicasets", owned)
        if stuck:
            double.put("pods", make.pod(f"{text}{name}-1-a", "ReplicaSet", replicas, waiting=texts.together[:_LABEL]))
    return double


@dataclass(frozen=True)
class Production:
    """Every source, saying ``texts``.

    Attributes:
        texts: what they say.
        directory: of the configuration and the store.
        alertmanager: the one that answers.
    """

    texts: Texts
    directory: Path
    alertmanager: Alertmanager

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.directory / "config.toml"

    async def trip(self) -> None:
        """A colleague opens the breaker from another console, with hostile words."""
        clock = SystemClock()
        async with temporary_store(self.directory, clock) as store:
            await Breaker(store, clock).open(_colleague(self.texts), self.texts.together)


def _colleague(texts: Texts) -> Actor:
    return Actor(texts.together, texts.together[:40], texts.together[-40:], Surface.CONSOLE)


async def _fill(directory: Path, texts: Texts) -> None:
    """Put into the store what a hostile colleague would."""
    clock, colleague = SystemClock(), _colleague(texts)
    async with temporary_store(directory, clock) as store:
        incidents = IncidentRepository(store, clock)
        for text in texts.each.values():
            await incidents.create(f"{text[:180]} title", 2, text[:60])
        for text in (texts.together, *texts.each.values()):
            await incidents.note(1, text[:60], text)
        breaker = Breaker(store, clock)
        await breaker.open(colleague, texts.together)
        await breaker.close(colleague, texts.together)
        approvals = ApprovalRepository(store, clock)
        for number, text in enumerate(list(texts.each.values())[:4], start=1):
            asked = Asked(_wanted(text, texts.together), f"/alerts ack {text}{number}", colleague, clock.now())
            named = (text, texts.together) if number > 2 else ()
            async with store.write() as connection:
                await approvals.ask(connection, asked, (Requirement(text, 1 + number // 3, named),))
        voter = Actor(next(iter(texts.each.values())), "beta", "desk-2", Surface.EXEC)
        await approvals.approve(1, voter, texts.together)
        await approvals.reject(2, voter, texts.together)


def _wanted(text: str, together: str) -> Plan:
    async def apply(permit: object) -> Applied:
        raise AssertionError("nobody approves it")

    return Plan(
        action=f"test.{text}",
        risk=Risk.WRITE,
        source=together,
        environment=text,
        targets=(Target(text, together, text),),
        summary=together,
        equivalent=together,
        apply=apply,
        preview=(together, text),
    )


@asynccontextmanager
async def hostile_production(directory: Path, texts: Texts = HOSTILE) -> AsyncIterator[Production]:
    """Every source, saying ``texts``, and a configuration that knows them."""
    clock = SystemClock()
    await _fill(directory, texts)
    server = Alertmanager(texts, clock.now())
    double = cluster(texts, clock.now())
    async with (
        serve(double),
        http_double(server) as alertmanager,
        http_double(Prometheus(texts)) as prometheus,
        http_double(Broken(texts)) as broken,
    ):
        production = Production(texts, directory, server)
        kubeconfig = write_kubeconfig(directory / "kubeconfig", double.url)
        production.config.write_text(
            f"""
[sre]
operator = "op-a"
[sre.prometheus]
url = "{prometheus.url}"
[[sre.alertmanager]]
name = "prod"
urls = ["{alertmanager.url}"]
[[sre.alertmanager]]
name = {toml_string(printable(texts.together, "dark"))}
urls = ["{broken.url}"]
[[sre.kubernetes]]
context = "double"
environment = "prod"
kubeconfig = "{kubeconfig}"
[sre.store]
url = "sqlite:///{directory}/state/console.db"
"""
            + "".join(rotation(name, text, texts.together) for name, text in texts.each.items())
            + "".join(policy(name, text) for name, text in texts.each.items())
        )
        yield production


def rotation(name: str, text: str, other: str) -> str:
    """One rotation of the configuration; its name may hold only what is printable."""
    return f"""
[[sre.oncall.rotation]]
name = {toml_string(printable(text, name))}
members = [{toml_string(text)}, {toml_string(other)}]
start = 2026-01-05T09:00:00
zone = "Europe/Berlin"
every = "1w"
"""


def policy(name: str, text: str) -> str:
    """One policy of the configuration, which covers nothing that there is."""
    return f"""
[[sre.policies]]
name = {toml_string(printable(text, name))}
effect = "require-approval"
reason = {toml_string(text)}
environments = ["elsewhere"]
"""


def printable(text: str, name: str) -> str:
    """What of ``text`` the configuration takes for a name, which ends with ``name``."""
    return "".join(one for one in text[:80] if one.isprintable() and one != "/").strip() + name


def toml_string(text: str) -> str:
    """A TOML string that holds any character."""
    return (
        json.dumps(text)
        if text.isascii() and text.isprintable()
        else "".join(('"', *(f"\\U{ord(one):08X}" for one in text), '"'))
    )
