"""The golden signals of a service (latency, traffic, errors, saturation), asked of the metric families that exist.

Families, their selectors and what counts as an error: those of the metric providers of Flagger and of the documents of
Istio, Linkerd, Traefik and ingress-nginx; the generic one follows the conventions of the Prometheus client libraries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.vocabulary.plot import Unit

GENERIC = "http_requests_total"
SERVICE_LABELS = ("service", "app", "job", "deployment", "app_kubernetes_io_name", "container")
"""Labels by which the generic family may name a service, the usual ones first."""
STATUS_LABELS = ("code", "status", "status_code", "http_status")
"""Labels in which it may keep the status."""

_RATE = "5m"
_CPU, _MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
_LIMITS = "kube_pod_container_resource_limits"


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal.

    Attributes:
        name: ``traffic``, ``errors``, ``latency``, ``cpu``, ``memory``.
        expression: PromQL that gives one series.
        unit: of its values.
        family: the metric family it is taken from.
    """

    name: str
    expression: str
    unit: Unit
    family: str


@dataclass(frozen=True, slots=True)
class Family:
    """How one proxy or library counts requests.

    Attributes:
        requests: the counter. latency: the histogram, without ``_bucket``; empty where there is none.
        service: the label that names the service. namespace: the one that names its namespace.
        bad: the matcher of failed requests.
        fixed: matchers that always apply.
        scale: what latency is divided by to give seconds.
    """

    requests: str
    latency: str
    service: str
    namespace: str
    bad: str
    fixed: tuple[str, ...] = ()
    scale: int = 1


FAMILIES = (
    Family(
        "istio_requests_total",
        "istio_request_duration_milliseconds",
        "destination_workload",
        "destination_workload_namespace",
        'response_code=~"5.*"',
        ('reporter="destination"',),
        1000,
    ),
    Family(
        "response_total",
        "response_latency_ms",
        "deployment",
        "namespace",
        'classification="failure"',
        ('direction="inbound"',),
        1000,
    ),
    Family(
        "nginx_ingress_controller_requests",
        "nginx_ingress_controller_response_duration_seconds",
        "ingress",
        "namespace",
        'status=~"5.*"',
    ),
    Family("traefik_service_requests_total", "traefik_service_request_duration_seconds", "service", "", 'code=~"5.."'),
)
"""Those with fixed label names, the most exact first."""


def generic(service: str, status: str) -> Family:
    """The family of the client libraries, with the labels that were found."""
    bad = f'{status}=~"5.."' if status else ""
    return Family(GENERIC, "http_request_duration_seconds", service, "namespace", bad)


def wanted_names() -> tuple[str, ...]:
    """Every metric whose existence decides which signals there are."""
    requests = [family.requests for family in (*FAMILIES, generic("service", "code"))]
    latencies = [f"{family.latency}_bucket" for family in (*FAMILIES, generic("service", "code"))]
    return (*requests, *latencies, _CPU, _MEMORY, _LIMITS)


def chosen(family: Family, service: str, namespace: str) -> str:
    """The matchers of one service."""
    value = _quoted(service)
    matchers = [*family.fixed, f"{family.service}={value}"]
    if family.requests.startswith("traefik"):
        # A service there is "namespace-name-port@provider".
        matchers = [f"service=~{_quoted('(.*-)?' + re.escape(service) + '(-[0-9a-z]+)?@.*')}"]
    if namespace and family.namespace:
        matchers.append(f"{family.namespace}={_quoted(namespace)}")
    return ",".join(matchers)


def request_signals(family: Family, service: str, namespace: str, known: Collection[str]) -> tuple[Signal, ...]:
    """Traffic, errors and latency of one family."""
    at = chosen(family, service, namespace)
    total = f"sum(rate({family.requests}{{{at}}}[{_RATE}]))"
    found = [Signal("traffic", total, Unit.PER_SECOND, family.requests)]
    if family.bad:
        bad = f"sum(rate({family.requests}{{{at},{family.bad}}}[{_RATE}]))"
        found.append(Signal("errors", f"({bad} or 0 * {total}) / {total}", Unit.RATIO, family.requests))
    bucket = f"{family.latency}_bucket"
    if bucket in known:
        quantile = f"histogram_quantile(0.99, sum by (le) (rate({bucket}{{{at}}}[{_RATE}])))"
        expression = quantile if family.scale == 1 else f"{quantile} / {family.scale}"
        found.append(Signal("latency p99", expression, Unit.SECONDS, bucket))
    return tuple(found)


def saturation_signals(service: str, namespace: str, known: Collection[str]) -> tuple[Signal, ...]:
    """How near its pods are to their limits: the worst pod counts."""
    if _LIMITS not in known:
        return ()
    pods = f"pod=~{_quoted(re.escape(service) + '-.+')}" + (f",namespace={_quoted(namespace)}" if namespace else "")
    found = []
    for name, metric, used, resource in (
        ("cpu", _CPU, f'rate({_CPU}{{{pods},container!=""}}[{_RATE}])', "cpu"),
        ("memory", _MEMORY, f'{_MEMORY}{{{pods},container!=""}}', "memory"),
    ):
        if metric in known:
            limit = f'sum by (namespace, pod) ({_LIMITS}{{{pods},resource="{resource}"}})'
            expression = f"max(sum by (namespace, pod) ({used}) / {limit})"
            found.append(Signal(f"{name} of limit", expression, Unit.RATIO, metric))
    return tuple(found)


def label_among(labels: Sequence[dict[str, str]], candidates: Sequence[str], value: str | None = None) -> str:
    """The first candidate that some series has (with ``value``, where one is given); empty where none has."""
    for candidate in candidates:
        if any(candidate in one and value in (None, one[candidate]) for one in labels):
            return candidate
    return ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
