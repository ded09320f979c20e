"""Alerts that somebody posts to the demo's Alertmanager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
RESOLVE_TIMEOUT = 300.0
"""Seconds after which an alert ends that was posted without an end (``resolve_timeout``)."""


class PostError(Exception):
    """The alert is not taken; ``str()`` says why, as Alertmanager does."""


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """One of them; times are seconds after the epoch of the world."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts: float
    ends: float
    generator_url: str


class PostedAlerts:
    """Keeps them by their labels, and forgets them once they have ended."""

    def __init__(self) -> None:
        self._alerts: dict[tuple[tuple[str, str], ...], PostedAlert] = {}

    def post(
        self,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
        starts: float | None,
        ends: float | None,
        generator_url: str,
        now: float,
    ) -> None:
        """Take an alert, or take it again. What began earlier goes on from there.

        Args:
            labels: its identity; empty values are left out.
            annotations: of the alert.
            starts: when it began; None is now, or its end where that has passed.
            ends: when it ends; None is after :data:`RESOLVE_TIMEOUT`.
            generator_url: what made it.
            now: the time.

        Raises:
            PostError: it has no labels, a name that is none, or ends before it begins.
        """
        labels = {name: value for name, value in sorted(labels.items()) if value}
        if not labels:
            raise PostError("at least one label pair required")
        if bad := next((name for name in labels if not _LABEL.fullmatch(name)), None):
            raise PostError(f"invalid label set: invalid name {bad!r}")
        ends = now + RESOLVE_TIMEOUT if ends is None else ends
        starts = min(now, ends) if starts is None else starts
        if ends < starts:
            raise PostError("start time must be before end time")
        key = tuple(labels.items())
        before = self._alerts.get(key)
        if before is not None and before.ends > now:
            starts = min(starts, before.starts)
        self._alerts[key] = PostedAlert(labels, dict(annotations), starts, ends, generator_url)

    def at(self, now: float) -> list[PostedAlert]:
        """Those that have not ended."""
        self._alerts = {key: alert for key, alert in self._alerts.items() if alert.ends > now}
        return list(self._alerts.values())
