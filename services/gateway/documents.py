"""What the gateway tells, as JSON types. What is not known is null, never zero."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.alerts.model import Standing
from services.safety.circuit import Circuit
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import Freshness, FreshnessState

if TYPE_CHECKING:
    from services.alerts.model import Alert
    from services.gateway.needs import GatewayNeeds

_MANY = 1000
_MILLISECOND = timedelta(milliseconds=1)

Counts = Mapping[Severity, Mapping[Standing, int]]


def encode(document: Mapping[str, Any]) -> bytes:
    """As compact JSON; everything beyond ASCII is escaped, so nothing in it steers a terminal."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def breaker_document(circuit: Circuit, now: datetime, redact: Callable[[str], str]) -> dict[str, Any]:
    """One breaker as it stands at the moment ``now``."""
    return {
        "scope": circuit.scope,
        "state": circuit.standing(now).value,
        "revision": circuit.revision,
        "changed_by": redact(circuit.changed_by) or None,
        "changed_at": _instant(circuit.changed_at),
        "reason": redact(circuit.reason),
        "manual": circuit.manual,
        "trips": circuit.trips,
        "retry_at": _instant(circuit.retry_at),
        "probe": circuit.probe,
    }


def circuit_document(circuits: Sequence[Circuit], now: datetime, redact: Callable[[str], str]) -> dict[str, Any]:
    """The circuit and the breakers of the sources under it."""
    first, *rest = (breaker_document(circuit, now, redact) for circuit in circuits)
    return {"circuit": first, "sources": rest}


def entity_tag(body: bytes) -> str:
    """A strong ETag: equal where every byte is."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def source_document(freshness: Freshness, redact: Callable[[str], str]) -> dict[str, Any]:
    """How far one source can be trusted."""
    return {
        "name": freshness.source,
        "state": freshness.state.value,
        "checked_at": _instant(freshness.checked_at),
        "failing_since": _instant(freshness.failing_since),
        "reason": redact(freshness.reason),
        "latency_ms": None if freshness.latency is None else round(freshness.latency / _MILLISECOND, 1),
        "partial": [redact(one) for one in freshness.partial],
    }


class StatusDocument:
    """The status, worked out again only where something changed or a second went by."""

    def __init__(self, needs: GatewayNeeds) -> None:
        """Nothing is counted yet."""
        self._needs = needs
        self._counted: dict[str, tuple[int, Counter[tuple[Severity, Standing]]]] = {}
        self._counting = asyncio.Lock()
        self._key: object = None
        self._body = b""

    async def body(self) -> bytes:
        """The whole answer."""
        await self.count()
        needs = self._needs
        now = needs.clock.now().replace(microsecond=0)
        head = needs.head()
        seen = tuple((one.version, one.freshness.state) for one in (feed.snapshot for feed in needs.sources))
        key = (now, seen, needs.circuit.snapshot.version, None if head is None else head.get("sequence"))
        if key != self._key:
            self._body = encode(self.document(now))
            self._key = key
        return self._body

    def document(self, now: datetime) -> dict[str, Any]:
        """Everything at the moment ``now``, as JSON types."""
        needs = self._needs
        circuit = needs.circuit.snapshot
        return {
            "version": needs.version,
            "demo": needs.demo,
            "read_only": not needs.writable,
            "at": _instant(now),
            "circuit": breaker_document(circuit.items[0], now, needs.redact) if circuit.items else None,
            "breakers": [breaker_document(one, now, needs.redact) for one in circuit.items[1:]],
            "sources": [source_document(feed.snapshot.freshness, needs.redact) for feed in needs.sources],
            "alerts": self._alerts(),
            "incidents": self._incidents(),
            "audit": needs.head(),
        }

    async def count(self) -> None:
        """Count the alerts of the clusters that have news; very many in a thread, so that no key waits for it."""
        async with self._counting:
            for feed in self._needs.alerts:
                snapshot = feed.snapshot
                name, items = snapshot.freshness.source, snapshot.items
                if self._counted.get(name, (-1, None))[0] == snapshot.version:
                    continue
                counted = await asyncio.to_thread(_count, items) if len(items) > _MANY else _count(items)
                self._counted[name] = (snapshot.version, counted)

    def counts(self) -> Counts | None:
        """Alerts by severity and standing, as last counted; None before every cluster has answered once."""
        snapshots = [feed.snapshot for feed in self._needs.alerts]
        if not all(_answered(one.freshness) for one in snapshots) or not snapshots:
            return None
        total: Counter[tuple[Severity, Standing]] = Counter()
        for _, counted in self._counted.values():
            total.update(counted)
        return {severity: {standing: total[severity, standing] for standing in Standing} for severity in Severity}

    def _alerts(self) -> dict[str, Any]:
        counts = self.counts()
        trusted = bool(self._needs.alerts) and all(feed.snapshot.freshness.trusted for feed in self._needs.alerts)
        if counts is None:
            return {"trusted": False, "total": None, "by_severity": None, "by_state": None}
        return {
            "trusted": trusted,
            "total": sum(sum(row.values()) for row in counts.values()),
            "by_severity": {
                severity.value: {standing.value: count for standing, count in row.items()}
                for severity, row in counts.items()
            },
            "by_state": {standing.value: sum(row[standing] for row in counts.values()) for standing in Standing},
        }

    def _incidents(self) -> dict[str, Any] | None:
        feed = self._needs.incidents
        if feed is None:
            return None
        snapshot = feed.snapshot
        if not _answered(snapshot.freshness):
            return {"trusted": False, "open": None, "major": None}
        open_ones = [incident for incident in snapshot.items if incident.state.is_open]
        return {
            "trusted": snapshot.freshness.trusted,
            "open": len(open_ones),
            "major": sum(incident.severity <= 2 for incident in open_ones),
        }


def _count(alerts: Iterable[Alert]) -> Counter[tuple[Severity, Standing]]:
    return Counter((alert.severity, alert.standing) for alert in alerts)


def names(sources: Iterable[str]) -> str:
    """For a sentence."""
    return ", ".join(sources) or "no source to write to"


def _answered(freshness: Freshness) -> bool:
    return freshness.state in (FreshnessState.FRESH, FreshnessState.STALE)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
