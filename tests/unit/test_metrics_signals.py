"""Golden signals: which families are asked, and how a service is named in them."""

from __future__ import annotations

import pytest

from services.metrics.signals import (
    FAMILIES,
    SERVICE_LABELS,
    STATUS_LABELS,
    chosen,
    generic,
    label_among,
    request_signals,
    saturation_signals,
)
from services.metrics.syntax import parse

ISTIO, LINKERD, NGINX, TRAEFIK = FAMILIES
EVERYTHING = frozenset(
    {f"{family.latency}_bucket" for family in (*FAMILIES, generic("service", "code"))}
    | {"container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "kube_pod_container_resource_limits"}
)


@pytest.mark.parametrize("family", [*FAMILIES, generic("app", "status")], ids=lambda one: one.requests)
@pytest.mark.parametrize("service", ["checkout", 'we"ird\\', "a.b"])
def test_every_signal_is_promql(family: object, service: str) -> None:
    for signal in request_signals(family, service, "shop", EVERYTHING):  # type: ignore[arg-type]
        parse(signal.expression)
    for signal in saturation_signals(service, "shop", EVERYTHING):
        parse(signal.expression)


def test_signals_follow_what_exists() -> None:
    family = generic("service", "code")
    assert [one.name for one in request_signals(family, "x", "", frozenset())] == ["traffic", "errors"]
    assert [one.name for one in request_signals(family, "x", "", EVERYTHING)] == ["traffic", "errors", "latency p99"]
    assert [one.name for one in request_signals(generic("service", ""), "x", "", frozenset())] == ["traffic"]
    assert saturation_signals("x", "", frozenset()) == ()
    assert [one.name for one in saturation_signals("x", "", EVERYTHING)] == ["cpu of limit", "memory of limit"]


def test_a_service_is_named_as_the_family_names_it() -> None:
    assert chosen(ISTIO, "shop", "prod") == (
        'reporter="destination",destination_workload="shop",destination_workload_namespace="prod"'
    )
    assert chosen(LINKERD, "shop", "") == 'direction="inbound",deployment="shop"'
    assert chosen(NGINX, "shop", "prod") == 'ingress="shop",namespace="prod"'
    assert chosen(TRAEFIK, "shop", "prod") == 'service=~"(.*-)?shop(-[0-9a-z]+)?@.*"'


def test_milliseconds_become_seconds() -> None:
    latency = request_signals(ISTIO, "shop", "", EVERYTHING)[-1]
    assert latency.expression.endswith("/ 1000")


def test_labels_are_found_by_use() -> None:
    series = [{"__name__": "http_requests_total", "app": "shop", "status": "200"}]
    assert label_among(series, SERVICE_LABELS, "shop") == "app"
    assert label_among(series, SERVICE_LABELS, "other") == ""
    assert label_among(series, STATUS_LABELS) == "status"
