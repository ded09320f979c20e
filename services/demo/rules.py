"""The alerting rules of the demo, and the templates in their labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan

from services.demo.story import TURN

RUNBOOKS = "https://runbooks.example"


@dataclass(frozen=True, slots=True)
class Rule:
    """An alerting rule. ``hold`` is its ``for`` in seconds; texts may hold ``{{ $labels.x }}`` and ``{{ $value }}``."""

    name: str
    expression: str
    hold: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, every ``interval`` seconds."""

    name: str
    interval: float
    rules: tuple[Rule, ...] = field(default=())

    @property
    def file(self) -> str:
        """Where the rules would be written."""
        return f"/etc/prometheus/rules/{self.name}.yaml"


def _rule(name: str, expression: str, hold: float, severity: str, summary: str, text: str, **labels: str) -> Rule:
    annotations = {"summary": summary, "description": text, "runbook_url": f"{RUNBOOKS}/{name}"}
    return Rule(name, expression, hold, {"severity": severity, **labels}, annotations)


STORY_RULES = RuleGroup(
    "services",
    5.0,
    (
        _rule(
            "HighErrorRate",
            'sum by (namespace, service) (rate(http_requests_total{code=~"5.."}[1m])) '
            "/ sum by (namespace, service) (rate(http_requests_total[1m])) > 0.02",
            15.0,
            "critical",
            "{{ $labels.service }} fails {{ $value | humanizePercentage }} of its requests",
            "More than 2 % of the requests to {{ $labels.namespace }}/{{ $labels.service }} ended with a 5xx status "
            "during the last minute.",
        ),
        _rule(
            "HighLatencyP99",
            "histogram_quantile(0.99, sum by (namespace, service, le) "
            "(rate(http_request_duration_seconds_bucket[1m]))) > 1",
            30.0,
            "warning",
            "{{ $labels.service }} answers in {{ $value | humanizeDuration }} at p99",
            "The 99th percentile of the latency of {{ $labels.namespace }}/{{ $labels.service }} is above 1 s.",
        ),
        _rule(
            "PodCrashLooping",
            'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[1m]) >= 1',
            30.0,
            "critical",
            "Pod {{ $labels.pod }} is crash looping",
            "Container {{ $labels.container }} of pod {{ $labels.namespace }}/{{ $labels.pod }} waits in "
            "CrashLoopBackOff.",
            service="{{ $labels.container }}",
        ),
        _rule(
            "DeploymentReplicasMissing",
            "kube_deployment_status_replicas_available / kube_deployment_spec_replicas < 0.7",
            30.0,
            "warning",
            "{{ $labels.deployment }} has {{ $value | humanizePercentage }} of its replicas",
            "Deployment {{ $labels.namespace }}/{{ $labels.deployment }} has had too few available pods for half a "
            "minute.",
            service="{{ $labels.deployment }}",
        ),
        _rule(
            "DeploymentRolloutStuck",
            'kube_deployment_status_condition{condition="Progressing", status="false"} == 1',
            10.0,
            "critical",
            "The rollout of {{ $labels.deployment }} is stuck",
            "Deployment {{ $labels.namespace }}/{{ $labels.deployment }} exceeded its progress deadline.",
            service="{{ $labels.deployment }}",
        ),
        _rule(
            "TargetDown",
            "up == 0",
            15.0,
            "critical",
            "{{ $labels.job }} on {{ $labels.instance }} cannot be scraped",
            "Prometheus has not been able to scrape {{ $labels.instance }} (job {{ $labels.job }}).",
        ),
        _rule(
            "NodeOverloaded",
            "node_load1 > 12",
            20.0,
            "warning",
            "{{ $labels.node }} has a load of {{ $value | humanize }}",
            "Eight cores, and more than twelve tasks want to run on {{ $labels.node }}.",
        ),
    ),
)
"""Rules whose alerts come and go within one turn of the story."""

STANDING_RULES = RuleGroup(
    "platform",
    300.0,
    (
        Rule(
            "Watchdog",
            "vector(1)",
            0.0,
            {"severity": "none"},
            {
                "summary": "Always firing: proves that alerts get through",
                "description": "The receiver of this alert tells somebody when it stops.",
                "runbook_url": f"{RUNBOOKS}/Watchdog",
            },
        ),
        _rule(
            "DiskFull",
            "1 - kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes > 0.9",
            300.0,
            "warning",
            "{{ $labels.persistentvolumeclaim }} is {{ $value | humanizePercentage }} full",
            "The volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} of pod {{ $labels.pod }} has less "
            "than a tenth of its space left.",
        ),
        _rule(
            "ConsumerLag",
            "events_consumer_lag > 20000",
            600.0,
            "warning",
            "Consumer {{ $labels.consumer }} is {{ $value | humanize }} events behind",
            "The consumer {{ $labels.consumer }} reads slower than its producers write.",
        ),
        _rule(
            "CertificateExpiresSoon",
            "(x509_cert_not_after - time()) / 86400 < 21",
            0.0,
            "info",
            "The certificate of {{ $labels.host }} ends in {{ $value | humanize }} days",
            "Renew it before it ends; the gateway serves it.",
        ),
    ),
)
"""Rules about slow things; what they find has nothing to do with the story."""

GROUPS = (STORY_RULES, STANDING_RULES)
HISTORY = -2 * 86_400.0
"""The standing rules were loaded two days before the epoch."""

assert TURN % STORY_RULES.interval == 0  # noqa: S101 - each turn is evaluated by itself

_TEMPLATE = re.compile(r"\{\{\s*(?:\$labels\.(\w+)|\$value(?:\s*\|\s*(\w+))?)\s*\}\}")


def expand(text: str, labels: Mapping[str, str], value: float) -> str:
    """Fill a template of a rule."""

    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return labels.get(match[1], "")
        return _FORMATS.get(match[2] or "", go_float)(value)

    return _TEMPLATE.sub(fill, text)


def go_float(value: float) -> str:
    """A float as Prometheus writes it into JSON and templates."""
    if isnan(value):
        return "NaN"
    if not isfinite(value):
        return "+Inf" if value > 0 else "-Inf"
    if value and not 1e-6 <= abs(value) < 1e21:
        mantissa, exponent = f"{value!r}e0".split("e")[:2] if "e" not in repr(value) else repr(value).split("e")
        return f"{float(mantissa):g}e{int(exponent):+03d}" if "e" in repr(value) else f"{value:e}"
    if value == int(value):
        return str(int(value))
    text = repr(value)
    return f"{value:.20f}".rstrip("0") if "e" in text else text


def go_exponent(value: float) -> str:
    """A float as the ``value`` of an alert in the Prometheus API: ``1.2e-01``."""
    if not isfinite(value):
        return go_float(value)
    for precision in range(18):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            return text
    return f"{value:.17e}"


def _humanize(value: float) -> str:
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{prefix}"
    return f"{value:.4g}"


def _duration(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.4g}ms"
    if value < 60:
        return f"{value:.4g}s"
    return f"{int(value // 60)}m {int(value % 60)}s"


_FORMATS = {
    "humanize": _humanize,
    "humanizePercentage": lambda value: f"{value * 100:.4g}%",
    "humanizeDuration": _duration,
}
