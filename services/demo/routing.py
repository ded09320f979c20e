"""Routes, groups and inhibition of the demo's Alertmanager, and the alerts it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.demo.firing import Firings
from services.demo.flood import flood
from services.demo.posted import PostedAlerts
from services.demo.silences import Silences
from services.demo.world import World, rfc3339

RECEIVERS = ("chat", "deadman", "pager")
GROUP_BY = ("alertname", "namespace", "service")
RESEND = 60.0
"""Prometheus sends each firing alert again after this many seconds."""
_ENDS_AFTER = 240.0

CONFIG = """\
global:
  resolve_timeout: 5m
route:
  receiver: chat
  group_by: [alertname, namespace, service]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 4h
  routes:
  - receiver: deadman
    matchers: [alertname="Watchdog"]
  - receiver: pager
    matchers: [severity="critical"]
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity=~"warning|info"]
  equal: [namespace, service]
receivers:
- name: chat
- name: deadman
- name: pager
"""


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """An alert as Alertmanager holds it.

    Attributes:
        starts: seconds after the epoch.
        ends: likewise; None for one that Prometheus sends again and again.
    """

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts: float
    generator_url: str
    ends: float | None = None

    @property
    def receiver(self) -> str:
        """Where it is sent."""
        if self.labels.get("alertname") == "Watchdog":
            return "deadman"
        return "pager" if self.labels.get("severity") == "critical" else "chat"


@dataclass(frozen=True, slots=True)
class Standing:
    """A held alert and what mutes it."""

    alert: HeldAlert
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]

    @property
    def suppressed(self) -> bool:
        """Whether anything mutes it."""
        return bool(self.silenced_by or self.inhibited_by)

    def document(self, world: World, now: float) -> dict[str, object]:
        """As the API shows it."""
        sent = self.alert.starts + (now - self.alert.starts) // RESEND * RESEND
        return {
            "annotations": self.alert.annotations,
            "endsAt": rfc3339(world.time(sent + _ENDS_AFTER if self.alert.ends is None else self.alert.ends)),
            "fingerprint": self.alert.fingerprint,
            "receivers": [{"name": self.alert.receiver}],
            "startsAt": rfc3339(world.time(self.alert.starts)),
            "status": {
                "inhibitedBy": self.inhibited_by,
                "mutedBy": (),
                "silencedBy": self.silenced_by,
                "state": "suppressed" if self.suppressed else "active",
            },
            "updatedAt": rfc3339(world.time(sent)),
            "generatorURL": self.alert.generator_url,
            "labels": self.alert.labels,
        }


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a (64 bits) over the sorted labels, each as ``name 0xFF value 0xFF`` (prometheus/common, model)."""
    value = 0xCBF29CE484222325
    for name, text in sorted(labels.items()):
        for byte in (*name.encode(), 0xFF, *text.encode(), 0xFF):
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


class AlertBook:
    """What Alertmanager holds at a moment, with silences and inhibition applied."""

    def __init__(self, world: World, firings: Firings, silences: Silences) -> None:
        self._world = world
        self._firings = firings
        self._silences = silences
        self.posted = PostedAlerts()
        self._fingerprint = lru_cache(maxsize=4096)(lambda items: fingerprint(dict(items)))
        self._extra = tuple(
            HeldAlert(fingerprint(one.labels), one.labels, one.annotations, one.starts, one.generator_url)
            for one in flood(world)
        )

    def held(self, now: float) -> list[HeldAlert]:
        """The firing alerts, sorted by fingerprint."""
        alerts = [
            HeldAlert(
                self._fingerprint(tuple(sorted(firing.sent_labels.items()))),
                dict(sorted(firing.sent_labels.items())),
                firing.annotations(now),
                firing.fires,
                firing.generator_url,
            )
            for firing in self._firings.at(now)
            if firing.state(now) == "firing"
        ]
        posted = [
            HeldAlert(fingerprint(one.labels), one.labels, one.annotations, one.starts, one.generator_url, one.ends)
            for one in self.posted.at(now)
        ]
        return sorted([*alerts, *self._extra, *posted], key=lambda alert: alert.fingerprint)

    def standing(self, now: float) -> list[Standing]:
        """The same, with what mutes each."""
        held, silences = self.held(now), self._silences.active()
        sources: dict[tuple[str, str], list[str]] = {}
        for alert in held:
            if alert.labels.get("severity") == "critical":
                sources.setdefault(_place(alert.labels), []).append(alert.fingerprint)
        return [
            Standing(
                alert,
                tuple(silence.id for silence in silences if silence.matches(alert.labels)),
                tuple(sources.get(_place(alert.labels), ())[:1])
                if alert.labels.get("severity") in ("warning", "info")
                else (),
            )
            for alert in held
        ]


def groups(standing: Iterable[Standing]) -> list[tuple[str, dict[str, str], list[Standing]]]:
    """Receiver, group labels and alerts of each group, in the order of the API."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Standing]] = {}
    for one in standing:
        labels = tuple((name, one.alert.labels[name]) for name in GROUP_BY if name in one.alert.labels)
        found.setdefault((one.alert.receiver, labels), []).append(one)
    ordered: Sequence[tuple[tuple[str, tuple[tuple[str, str], ...]], list[Standing]]] = sorted(
        found.items(), key=lambda item: (item[0][1], item[0][0])
    )
    return [(receiver, dict(labels), members) for (receiver, labels), members in ordered]


def _place(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("namespace", ""), labels.get("service", "")
