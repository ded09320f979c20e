"""Simulated storms whose causes are known. Imports nothing of the algorithm it is used to judge.

A production of services that call each other, on nodes, in zones, is broken in a few places at once. What breaks is
drawn first; which alerts that makes follows from the call graph, from where things run, and from what rules exist;
when they fire follows from hops, from ``for`` clauses and from jitter. Only then is a label schema put on: what the
labels are called, which there are, and how much of the truth they give away differs from schema to schema.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from services.alerts.model import Alert
from services.deployments.model import Deployment, Revision, RolloutState

START = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """One service: where it is, what it calls, and on which nodes its replicas run."""

    name: str
    namespace: str
    zone: str
    calls: tuple[str, ...]
    replicas: tuple[tuple[str, str], ...]  # pod, node
    team: str
    store: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is wrong, before it is put into labels.

    Attributes:
        rule: what is wrong. layer: ``service``, ``pod``, ``node`` or ``link``.
        service, pod, node, zone: about what; empty where it is about none.
        blames: the service that this one complains of, where it knows.
        detail: a number for the text.
    """

    rule: str
    layer: str
    severity: str
    service: str = ""
    pod: str = ""
    node: str = ""
    zone: str = ""
    blames: str = ""
    detail: float = 0.0


@dataclass(frozen=True, slots=True)
class Storm:
    """Alerts and the truth about them.

    Attributes:
        alerts: in random order.
        truth: identity -> cause; noise has a cause of its own each.
        roots: cause -> every name that rightly names it.
        deployments: what the cluster tells of its workloads.
        schema: which label schema was put on.
    """

    alerts: tuple[Alert, ...]
    truth: dict[str, str]
    roots: dict[str, frozenset[str]]
    deployments: tuple[Deployment, ...]
    schema: str


@dataclass
class Production:
    """A made-up production."""

    services: dict[str, Service]
    nodes: dict[str, str]  # node -> zone
    callers: dict[str, list[str]] = field(default_factory=dict)


_WORDS = tuple(
    word
    for line in (
        "checkout cart catalog search basket payment ledger invoice shipping stock pricing profile login session",
        "mail notify report export import audit rating review media image upload gateway edge proxy router quota",
        "billing tax fraud risk match order fleet route dispatch driver rider geo map tile feed rank recommend",
        "event stream journal",
    )
    for word in line.split()
)
_TAIL = "bcdfghjklmnpqrstvwxz2456789"
_STORES = ("postgres", "redis", "kafka", "mysql", "mongo", "elastic", "rabbit")


def production(random: Random, services: int, zones: int, width: int = 1) -> Production:
    """Draw a production of so many services in so many zones, each with about three times ``width`` replicas."""
    names = random.sample(_WORDS, min(services, len(_WORDS)))
    names += [
        f"{random.choice(_WORDS)}-{random.choice(('api', 'worker', 'sync', 'core', 'batch'))}{index}"
        for index in range(services - len(names))
    ]
    zone_names = [
        f"{random.choice(('eu', 'us', 'ap'))}-{random.choice(('west', 'east', 'north'))}-{index}"
        for index in range(zones)
    ]
    per_zone = max(4, services // 2 // zones)
    nodes = {
        f"{random.choice(('ip', 'node', 'worker'))}-{random.randrange(10, 250)}-{zone}-{index}": zone
        for zone in zone_names
        for index in range(per_zone)
    }
    spaces = [
        f"{random.choice(('shop', 'core', 'data', 'pay', 'ops', 'web', 'ml'))}-{index}"
        for index in range(max(2, services // 8))
    ]
    teams = [f"team-{letter}" for letter in "abcdefgh"[: max(2, services // 10)]]
    made: dict[str, Service] = {}
    for index, word in enumerate(names):
        store = index < max(2, services // 6)
        name = f"{word}-{random.choice(_STORES)}" if store else word
        zone = random.choice(zone_names)
        own_nodes = [node for node, where in nodes.items() if where == zone]
        below = [other for other in made if made[other].zone == zone or random.random() < 0.15]
        calls = tuple(random.sample(below, min(len(below), random.choice((1, 1, 2, 2, 3))))) if not store else ()
        tail = "".join(random.choices(_TAIL, k=9))
        replicas = tuple(
            (
                f"{name}-{number}" if store else f"{name}-{tail}-{''.join(random.choices(_TAIL, k=5))}",
                random.choice(own_nodes),
            )
            for number in range(width * random.choice((1, 2, 3, 3, 5)))
        )
        made[name] = Service(name, random.choice(spaces), zone, calls, replicas, random.choice(teams), store)
    callers: dict[str, list[str]] = {}
    for service in made.values():
        for called in service.calls:
            callers.setdefault(called, []).append(service.name)
    return Production(made, nodes, callers)


# What breaks --------------------------------------------------------------------------------------------------

Timed = tuple[float, Fact]


def _cascade(random: Random, world: Production, first: str, at: float, reach: float) -> list[Timed]:
    """What the callers of ``first`` feel, hop by hop, weaker with each."""
    found: list[Timed] = []
    seen = {first}
    ring = [(first, caller) for caller in world.callers.get(first, ())]
    hop = 1
    while ring and hop < 5:
        following = []
        for called, name in ring:
            if name in seen or random.random() > reach / hop**0.3:
                continue
            seen.add(name)
            service = world.services[name]
            delay = at + hop * random.uniform(10, 60)
            for rule, severity in (("HighErrorRate", "critical"), ("HighLatency", "warning"), ("SLOBurn", "page")):
                if random.random() < 0.6:
                    found.append(
                        (
                            delay + _hold(random, rule),
                            Fact(
                                rule,
                                "service",
                                severity,
                                name,
                                zone=service.zone,
                                blames=called,
                                detail=random.random(),
                            ),
                        )
                    )
            following += [(name, caller) for caller in world.callers.get(name, ())]
        ring, hop = following, hop + 1
    return found


def _hold(random: Random, rule: str) -> float:
    return (0, 30, 60, 120, 300)[sum(map(ord, rule)) % 5] + random.uniform(0, 30)


def bad_deploy(random: Random, world: Production, at: float) -> tuple[list[Timed], set[str]]:
    """A new version that crashes."""
    service = random.choice([one for one in world.services.values() if not one.store])
    found = [
        (
            at + _hold(random, "PodCrashLooping"),
            Fact("PodCrashLooping", "pod", "critical", service.name, pod, node, service.zone),
        )
        for pod, node in service.replicas
        if random.random() < 0.9
    ]
    found.append(
        (
            at + _hold(random, "ReplicasMissing"),
            Fact("ReplicasMissing", "service", "warning", service.name, zone=service.zone),
        )
    )
    found.append(
        (
            at + _hold(random, "HighErrorRate"),
            Fact("HighErrorRate", "service", "critical", service.name, zone=service.zone, detail=0.3),
        )
    )
    return found + _cascade(random, world, service.name, at, 0.8), {service.name}


def store_down(random: Random, world: Production, at: float) -> tuple[list[Timed], set[str]]:
    """A store that others need is slow or gone."""
    store = random.choice([one for one in world.services.values() if one.store])
    found = [
        (at + _hold(random, rule), Fact(rule, "pod", severity, store.name, pod, node, store.zone))
        for pod, node in store.replicas
        for rule, severity in (
            ("StoreUnavailable", "critical"),
            ("ConnectionsExhausted", "warning"),
            ("ReplicationLag", "warning"),
        )
        if random.random() < 0.7
    ]
    found.append((at, Fact("StoreUnavailable", "service", "critical", store.name, zone=store.zone)))
    return found + _cascade(random, world, store.name, at, 0.9), {store.name, *(pod for pod, _ in store.replicas)}


def node_lost(random: Random, world: Production, at: float) -> tuple[list[Timed], set[str]]:
    """A machine dies with everything on it."""
    node = random.choice(list(world.nodes))
    zone = world.nodes[node]
    found = [
        (at + _hold(random, "NodeNotReady"), Fact("NodeNotReady", "node", "critical", node=node, zone=zone)),
        (at + _hold(random, "HostUnreachable"), Fact("HostUnreachable", "node", "critical", node=node, zone=zone)),
    ]
    for service in world.services.values():
        for pod, where in service.replicas:
            if where == node:
                if random.random() < 0.85:
                    found.append(
                        (
                            at + _hold(random, "PodNotReady"),
                            Fact("PodNotReady", "pod", "warning", service.name, pod, node, zone),
                        )
                    )
                if random.random() < 0.4:
                    found.append(
                        (
                            at + 60 + _hold(random, "HighErrorRate"),
                            Fact("HighErrorRate", "service", "critical", service.name, zone=zone),
                        )
                    )
    return found, {node}


def link_flaps(random: Random, world: Production, at: float) -> tuple[list[Timed], set[str]]:
    """The network of a zone loses packets."""
    zone = random.choice(sorted(set(world.nodes.values())))
    link = f"sw-{zone}-{random.randrange(4)}"
    found = [(at + random.uniform(0, 20), Fact("LinkErrors", "link", "critical", node=link, zone=zone))]
    for node, where in world.nodes.items():
        if where == zone and random.random() < 0.7:
            found.append((at + random.uniform(5, 90), Fact("PacketLoss", "node", "warning", node=node, zone=zone)))
    found += [
        (at + 30 + _hold(random, "HighLatency"), Fact("HighLatency", "service", "warning", one.name, zone=zone))
        for one in world.services.values()
        if one.zone == zone and random.random() < 0.5
    ]
    return found, {link, zone}


def disk_full(random: Random, world: Production, at: float) -> tuple[list[Timed], set[str]]:
    """One machine's disk fills; little else happens."""
    node = random.choice(list(world.nodes))
    zone = world.nodes[node]
    found = [
        (at + index * random.uniform(20, 200), Fact(rule, "node", severity, node=node, zone=zone, detail=0.97))
        for index, (rule, severity) in enumerate(
            (("DiskFillingUp", "warning"), ("DiskFull", "critical"), ("FilesystemReadOnly", "critical"))
        )
    ]
    return found, {node}


FAULTS: tuple[Callable[[Random, Production, float], tuple[list[Timed], set[str]]], ...] = (
    bad_deploy,
    store_down,
    node_lost,
    link_flaps,
    disk_full,
)

_NOISE = (
    ("CPUThrottling", "pod", "info"),
    ("CertificateExpiry", "service", "warning"),
    ("BackupOld", "service", "warning"),
    ("ClockSkew", "node", "info"),
    ("JobFailed", "pod", "warning"),
    ("MemoryHigh", "pod", "warning"),
    ("QueueGrowing", "service", "warning"),
    ("ScrapeSlow", "node", "info"),
)


def noise(random: Random, world: Production, at: float) -> Timed:
    """One alert that has nothing to do with anything."""
    rule, layer, severity = random.choice(_NOISE)
    service = random.choice(list(world.services.values()))
    pod, node = random.choice(service.replicas)
    if layer == "node":
        return at, Fact(rule, layer, severity, node=node, zone=service.zone)
    return at, Fact(
        rule, layer, severity, service.name, pod if layer == "pod" else "", node if layer == "pod" else "", service.zone
    )


# What it looks like ---------------------------------------------------------------------------------------------

Labels = dict[str, str]
Painter = Callable[[Random, Production, Fact], tuple[Labels, str]]


def _told(fact: Fact, random: Random, mention: float) -> str:
    about = fact.pod or fact.service or fact.node
    blame = f" calling {fact.blames}" if fact.blames and random.random() < mention else ""
    number = f" ({fact.detail * 100:.1f}%)" if fact.detail else ""
    return f"{fact.rule} on {about}{blame}{number}"


def kubernetes(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """Labels of kube-prometheus and of service rules."""
    labels = {"alertname": fact.rule, "severity": fact.severity, "cluster": fact.zone, "prometheus": "monitoring/k8s"}
    if fact.service:
        service = world.services[fact.service]
        labels |= {"namespace": service.namespace, "service": fact.service, "team": service.team}
    if fact.pod:
        labels |= {"pod": fact.pod, "node": fact.node, "job": "kube-state-metrics"}
    elif fact.node:
        labels |= {"node": fact.node, "instance": f"{fact.node}:9100", "job": "node-exporter"}
    return labels, _told(fact, random, 0.35)


def hosts(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """Labels of a shop of machines: everything is an instance of a job."""
    labels = {"alertname": fact.rule, "severity": fact.severity, "datacenter": fact.zone, "env": "production"}
    if fact.pod:
        labels |= {"instance": f"{fact.node}.example.net:8080", "job": fact.service}
    elif fact.service:
        labels |= {"job": fact.service}
    else:
        labels |= {"instance": f"{fact.node}.example.net:9100", "job": "node"}
    return labels, _told(fact, random, 0.5)


def checks(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """Labels of an old check system: host, check, application, site."""
    labels = {
        "check": fact.rule,
        "prio": {"critical": "1", "page": "1", "warning": "2"}.get(fact.severity, "3"),
        "site": fact.zone,
    }
    if fact.node:
        labels["host"] = fact.node
    if fact.service:
        labels["application"] = fact.service
    return labels, _told(fact, random, 0.5)


def terse(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """One label that names a thing; the rest is text."""
    return {"alertname": fact.rule, "component": fact.pod or fact.service or fact.node, "region": fact.zone}, (
        _told(fact, random, 0.5) + (f" at {fact.node}" if fact.node and random.random() < 0.5 else "")
    )


def text_only(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """No label but a severity and a source."""
    about = " ".join(filter(None, (fact.pod or fact.service, f"host {fact.node}" if fact.node else "")))
    return {"severity": fact.severity, "source": "mailgate"}, (
        f"[{fact.zone}] {fact.rule}: {about}"
        + (f" upstream {fact.blames} failed" if fact.blames and random.random() < 0.5 else "")
    )


def mesh(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """Labels of a service mesh: who calls whom."""
    labels = {"alertname": fact.rule, "severity": fact.severity, "az": fact.zone}
    if fact.blames:
        labels |= {"source_workload": fact.service, "destination_workload": fact.blames}
    elif fact.service:
        labels |= {"destination_workload": fact.service}
    if fact.service:
        labels["workload_namespace"] = world.services[fact.service].namespace
    if fact.pod:
        labels["pod_name"] = fact.pod
    if fact.node:
        labels["kubernetes_node"] = fact.node
    return labels, ""


def telecom(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """Labels of a network's alarms."""
    labels = {"alarm": fact.rule, "perceived_severity": fact.severity, "site_id": fact.zone, "vendor": "acme"}
    labels["device"] = fact.node or fact.service
    if fact.pod:
        labels["managed_object"] = f"{fact.node}/{fact.pod}"
    return labels, _told(fact, random, 0.4)


def cloud(random: Random, world: Production, fact: Fact) -> tuple[Labels, str]:
    """Labels of a cloud's alarms: one long resource name."""
    thing = f"{fact.zone}:{fact.service or 'compute'}/{fact.pod or fact.node or fact.service}"
    return {"alarm_name": fact.rule, "resource": f"arn:cloud:{thing}", "account": "4711", "aws_region": fact.zone}, (
        _told(fact, random, 0.4)
    )


TUNED: dict[str, Painter] = {"kubernetes": kubernetes, "hosts": hosts, "checks": checks, "terse": terse}
HELD_OUT: dict[str, Painter] = {"text only": text_only, "mesh": mesh, "telecom": telecom, "cloud": cloud}
SCHEMAS: dict[str, Painter] = {**TUNED, **HELD_OUT}


def storm(
    seed: int,
    schema: str,
    *,
    services: int = 40,
    zones: int = 2,
    causes: int = 3,
    within: float = 900.0,
    unrelated: int = 12,
    flapping: int = 4,
    standing: int = 20,
    drop: float = 0.05,
) -> Storm:
    """Draw a storm.

    Args:
        seed: chooses everything.
        schema: which labels it wears; a key of :data:`SCHEMAS`.
        services: how many there are. zones: in how many zones.
        causes: how many things break.
        within: seconds in which they do.
        unrelated: alerts of the same hours that have nothing to do with it.
        flapping: alerts of one noisy kind, spread evenly.
        standing: alerts that have fired for days.
        drop: the share of labels that are missing.
    """
    random = Random(f"{seed} {schema}")
    world = production(random, services, zones)
    timed: list[tuple[float, Fact, str]] = []
    roots: dict[str, frozenset[str]] = {}
    deployments: list[Deployment] = []
    for number in range(causes):
        at = 7200 + random.uniform(0, within)
        fault = random.choice(FAULTS)
        facts, names = fault(random, world, at)
        cause = f"{number} {fault.__name__}"
        roots[cause] = frozenset(name.casefold() for name in names)
        timed += [(when, fact, cause) for when, fact in facts]
        if fault is bad_deploy:
            deployments.append(_rollout(world, min(names), at - random.uniform(30, 240), random.randrange(3, 40)))
    alone = [noise(random, world, random.uniform(0, 9000)) for _ in range(unrelated)]
    alone += [
        (index * 9000 / max(1, flapping) + random.uniform(0, 200), noise(random, world, 0)[1])
        for index in range(flapping)
    ]
    alone += [noise(random, world, -random.uniform(86400, 20 * 86400)) for _ in range(standing)]
    timed += [(when, fact, f"noise {index}") for index, (when, fact) in enumerate(alone)]
    for _ in range(3):
        other = random.choice([one for one in world.services.values() if not one.store])
        deployments.append(_rollout(world, other.name, random.uniform(-40000, 6000), random.randrange(3, 40)))
    return _paint(random, world, timed, roots, deployments, schema, drop)


def _paint(
    random: Random,
    world: Production,
    timed: Sequence[tuple[float, Fact, str]],
    roots: dict[str, frozenset[str]],
    deployments: Sequence[Deployment],
    schema: str,
    drop: float,
) -> Storm:
    alerts: dict[str, Alert] = {}
    truth: dict[str, str] = {}
    for when, fact, cause in timed:
        labels, text = SCHEMAS[schema](random, world, fact)
        labels = {name: value for name, value in labels.items() if name == "alertname" or random.random() >= drop}
        digest = hashlib.blake2b(repr((sorted(labels.items()), text)).encode(), digest_size=8).hexdigest()
        at = START + timedelta(seconds=when + random.gauss(0, 3))
        alert = Alert("sim", "prod", digest, labels, {"summary": text} if text else {}, at)
        if alert.id not in alerts:
            alerts[alert.id] = alert
            truth[alert.id] = cause
    shuffled = list(alerts.values())
    random.shuffle(shuffled)
    return Storm(tuple(shuffled), truth, roots, tuple(deployments), schema)


def _rollout(world: Production, name: str, at: float, number: int) -> Deployment:
    service = world.services[name]
    made = START + timedelta(seconds=at)
    image = (f"registry.example/{name}:{number}",)
    return Deployment(
        "sim",
        "prod",
        service.namespace,
        name,
        "Deployment",
        0,
        len(service.replicas),
        1,
        number,
        made,
        RolloutState.ROLLING,
        images=image,
        revisions=(Revision(number, made, image, current=True),),
    )


def large(seed: int, count: int) -> Storm:
    """At most ``count`` alerts, for timing: as many services, replicas and causes as it takes."""
    random = Random(seed)
    world = production(random, max(40, count // 40), max(2, count // 2500), width=max(1, count // 2000))
    timed: list[tuple[float, Fact, str]] = []
    roots: dict[str, frozenset[str]] = {}
    hours = max(3, count // 2000)
    for number in range(1000):
        if len(timed) >= count:
            break
        fault = random.choice(FAULTS)
        facts, names = fault(random, world, random.uniform(0, hours * 3600))
        timed += [(when, fact, f"{number}") for when, fact in facts]
        roots[str(number)] = frozenset(names)
    while len(timed) < 1.5 * count:
        when, fact = noise(random, world, random.uniform(-86400, hours * 3600))
        timed.append((when, fact, f"noise {len(timed)}"))
    made = _paint(random, world, timed, roots, (), "kubernetes", 0.02)
    return Storm(made.alerts[:count], made.truth, made.roots, (), made.schema)
