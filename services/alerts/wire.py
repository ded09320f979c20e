"""What Alertmanager API v2 sends, object by object, and how it becomes the model.

The shapes are those of ``api/v2/openapi.yaml`` of Alertmanager. Keys that are missing are tolerated where nothing
false has to be put in their place; keys that are not known are skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from services.alerts.model import Alert, Matcher, Silence, SilenceState

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Receiver(msgspec.Struct, gc=False):
    name: str = ""


class _AlertStatus(msgspec.Struct, gc=False):
    state: str = "active"
    silenced_by: tuple[str, ...] | None = msgspec.field(name="silencedBy", default=None)
    inhibited_by: tuple[str, ...] | None = msgspec.field(name="inhibitedBy", default=None)
    muted_by: tuple[str, ...] | None = msgspec.field(name="mutedBy", default=None)


class WireAlert(msgspec.Struct, gc=False):
    """``gettableAlert``. Without labels or onset it is nobody's alert, so these two are required."""

    labels: dict[str, str]
    starts_at: Instant = msgspec.field(name="startsAt")
    annotations: dict[str, str] | None = None
    fingerprint: str = ""
    generator_url: str | None = msgspec.field(name="generatorURL", default=None)
    receivers: tuple[_Receiver, ...] | None = None
    status: _AlertStatus | None = None


class _WireMatcher(msgspec.Struct, gc=False):
    name: str
    value: str
    is_regex: bool = msgspec.field(name="isRegex", default=False)
    is_equal: bool | None = msgspec.field(name="isEqual", default=None)


class _SilenceStatus(msgspec.Struct, gc=False):
    state: SilenceState


class WireSilence(msgspec.Struct, gc=False):
    """``gettableSilence``."""

    id: str
    matchers: tuple[_WireMatcher, ...]
    starts_at: Instant = msgspec.field(name="startsAt")
    ends_at: Instant = msgspec.field(name="endsAt")
    status: _SilenceStatus
    created_by: str = msgspec.field(name="createdBy", default="")
    comment: str = ""
    updated_at: Instant | None = msgspec.field(name="updatedAt", default=None)


class WirePosted(msgspec.Struct, gc=False):
    """``gettableAlert``, as far as whoever posted it asks."""

    fingerprint: str
    ends_at: Instant = msgspec.field(name="endsAt")


class _Version(msgspec.Struct, gc=False):
    version: str = ""


class _Peer(msgspec.Struct, gc=False):
    name: str = ""
    address: str = ""


class _Gossip(msgspec.Struct, gc=False):
    status: str = ""
    name: str = ""
    peers: tuple[_Peer, ...] | None = None


class _Configuration(msgspec.Struct, gc=False):
    original: str = ""


class WireStatus(msgspec.Struct, gc=False):
    """``alertmanagerStatus``."""

    version_info: _Version = msgspec.field(name="versionInfo")
    cluster: _Gossip | None = None
    config: _Configuration | None = None


class WireSilenceId(msgspec.Struct, gc=False):
    """The answer to a posted silence."""

    silence_id: str = msgspec.field(name="silenceID")


def alert_of(wire: WireAlert, cluster: str, environment: str) -> Alert:
    """The model of an alert.

    Raises:
        OverflowError: its onset does not exist in UTC (year 1 in a zone east of Greenwich).
    """
    status = wire.status
    return Alert(
        cluster=cluster,
        environment=environment,
        fingerprint=wire.fingerprint or fingerprint(wire.labels),
        labels=wire.labels,
        annotations=wire.annotations or {},
        starts_at=wire.starts_at.astimezone(UTC),
        receivers=tuple([receiver.name for receiver in wire.receivers or ()]),
        generator_url=wire.generator_url or "",
        suppressed=status is not None and status.state == "suppressed",
        processed=status is None or status.state != "unprocessed",
        silenced_by=(status.silenced_by or ()) if status else (),
        inhibited_by=(status.inhibited_by or ()) if status else (),
        muted_by=(status.muted_by or ()) if status else (),
    )


def silence_of(wire: WireSilence, cluster: str) -> Silence:
    """The model of a silence. ``isEqual`` defaults to true, as on servers that do not know it (before 0.22).

    Raises:
        OverflowError: a time of it does not exist in UTC.
    """
    return Silence(
        cluster=cluster,
        id=wire.id,
        matchers=tuple(
            [
                Matcher(matcher.name, matcher.value, matcher.is_regex, matcher.is_equal is not False)
                for matcher in wire.matchers
            ]
        ),
        starts_at=wire.starts_at.astimezone(UTC),
        ends_at=wire.ends_at.astimezone(UTC),
        created_by=wire.created_by,
        comment=wire.comment,
        state=wire.status.state,
        updated_at=None if wire.updated_at is None else wire.updated_at.astimezone(UTC),
    )


def fingerprint(labels: Mapping[str, str]) -> str:
    """The identity that Alertmanager gives a label set: FNV-1a, 64 bits, over the labels sorted by name.

    The formula is ``LabelSet.Fingerprint`` of prometheus/common ``model/signature.go``: each name and each value is
    followed by the byte 255. Returns 16 hexadecimal digits.
    """
    value = 0xCBF29CE484222325
    for name in sorted(labels, key=str.encode):
        for byte in (*name.encode(), 0xFF, *labels[name].encode(), 0xFF):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def instant(moment: datetime) -> str:
    """A moment as API v2 writes it: RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
