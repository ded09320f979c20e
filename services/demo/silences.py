"""The silences of the demo's Alertmanager, kept and edited by the rules of the real one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import re2

from services.demo import seeding
from services.demo.world import World, rfc3339
from services.vocabulary.clock import Clock

RETENTION = timedelta(hours=120)
"""How long an expired silence is kept (Alertmanager's ``--data.retention``)."""

_CLASSIC = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*((?s:.*?))\s*$")
_ESCAPE = re.compile(r"\\([n\"\\])")


class SilenceError(Exception):
    """A silence or a matcher is refused; the text is what the real server says."""


class SilenceNotFound(SilenceError):
    """No silence has this id."""


@dataclass(frozen=True, slots=True)
class SilenceMatcher:
    """One matcher. Regexes are RE2 and anchored; a missing label equals the empty string."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy it."""
        return self.accepts(labels.get(self.name, ""))

    def accepts(self, value: str) -> bool:
        """Whether a label value satisfies it."""
        if self.is_regex:
            return (re2.fullmatch(self.value, value) is not None) == self.is_equal
        return (self.value == value) == self.is_equal

    def check(self) -> None:
        """Refuse a regex that RE2 does not take.

        Raises:
            SilenceError: with the reason.
        """
        if self.is_regex:
            try:
                re2.compile(self.value)
            except re2.error as error:
                raise SilenceError(f"error parsing regexp: {error}") from None


def parse_matcher(text: str) -> SilenceMatcher:
    """Read one matcher in the classic syntax: ``name="value"``.

    Raises:
        SilenceError: for anything else, several matchers in one text included.
    """
    match = _CLASSIC.match(text)
    if match is None:
        raise SilenceError(f"bad matcher format: {text}")
    name, operator, value = match[1], match[2], match[3]
    if value.startswith('"') or value.endswith('"'):
        if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
            raise SilenceError(f"matcher value contains unescaped double quote: {value}")
        value = value[1:-1]
    if re.search(r'(?<!\\)(?:\\\\)*"', value):
        raise SilenceError(f"matcher value contains unescaped double quote: {value}")
    value = _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value)
    matcher = SilenceMatcher(name, value, operator in ("=~", "!~"), operator in ("=", "=~"))
    matcher.check()
    return matcher


@dataclass(frozen=True, slots=True)
class StoredSilence:
    """A silence. Times are UTC."""

    id: str
    matchers: tuple[SilenceMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str

    def state(self, at: datetime) -> str:
        """``pending``, ``active`` or ``expired``."""
        if at < self.starts_at:
            return "pending"
        return "active" if at < self.ends_at else "expired"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every matcher is satisfied."""
        return all(matcher.matches(labels) for matcher in self.matchers)

    def document(self, at: datetime) -> dict[str, object]:
        """As the API shows it."""
        return {
            "id": self.id,
            "status": {"state": self.state(at)},
            "updatedAt": rfc3339(self.updated_at),
            "comment": self.comment,
            "createdBy": self.created_by,
            "endsAt": rfc3339(self.ends_at),
            "matchers": [
                {"isEqual": one.is_equal, "isRegex": one.is_regex, "name": one.name, "value": one.value}
                for one in self.matchers
            ],
            "startsAt": rfc3339(self.starts_at),
        }


class Silences:
    """All silences. The ids of new ones follow from the seed and their number, so that a replay gives the same."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._made = 0
        self._silences: dict[str, StoredSilence] = {}
        self.version = 0
        for silence in self._standing():
            self._silences[silence.id] = silence

    def _standing(self) -> tuple[StoredSilence, ...]:
        hour = timedelta(hours=1)
        epoch = self._world.epoch
        begun = epoch - 1.8 * hour
        disk = (SilenceMatcher("alertname", "DiskFull"), SilenceMatcher("persistentvolumeclaim", "data-orders-db-2"))
        search = (SilenceMatcher("service", "search"), SilenceMatcher("severity", "warning|info", is_regex=True))
        return (
            StoredSilence(
                self._id(),
                disk,
                begun,
                begun + 36 * hour,
                begun,
                "op-c",
                "Larger volume is ordered; grows on Thursday.",
            ),
            StoredSilence(
                self._id(), search, epoch - 9 * hour, epoch - 7 * hour, epoch - 9 * hour, "op-b", "Index rebuild."
            ),
        )

    def _id(self) -> str:
        self._made += 1
        return seeding.identifier(self._world.seed, "silence", self._made)

    def all(self) -> list[StoredSilence]:
        """Every silence that is kept: active by end, then pending by start, then expired by end (latest first)."""
        now = self._clock.now()
        kept = [silence for silence in self._silences.values() if silence.ends_at + RETENTION > now]
        active = sorted((one for one in kept if one.state(now) == "active"), key=lambda one: one.ends_at)
        pending = sorted((one for one in kept if one.state(now) == "pending"), key=lambda one: one.starts_at)
        expired = sorted(
            (one for one in kept if one.state(now) == "expired"), key=lambda one: one.ends_at, reverse=True
        )
        return [*active, *pending, *expired]

    def active(self) -> list[StoredSilence]:
        """Those that mute now."""
        now = self._clock.now()
        return [silence for silence in self._silences.values() if silence.state(now) == "active"]

    def get(self, identifier: str) -> StoredSilence:
        """One silence.

        Raises:
            SilenceNotFound: nobody knows the id.
        """
        try:
            return self._silences[identifier]
        except KeyError:
            raise SilenceNotFound("silence not found") from None

    def expire(self, identifier: str) -> None:
        """End a silence now; one that has ended stays as it is.

        Raises:
            SilenceNotFound: nobody knows the id.
        """
        silence, now = self.get(identifier), self._clock.now()
        if silence.state(now) != "expired":
            start = min(silence.starts_at, now)
            self._keep(replace(silence, starts_at=start, ends_at=now, updated_at=now))

    def set(self, wanted: StoredSilence) -> str:
        """Create a silence, or change the one whose id it names.

        The id stays when the matchers are the same in the same order and the times may change so; otherwise the
        old one expires and a new one takes its place (``Silences.Set`` of Alertmanager).

        Returns:
            The id.

        Raises:
            SilenceNotFound: it names an id that nobody knows.
            SilenceError: it is not valid.
        """
        now = self._clock.now()
        if wanted.starts_at >= wanted.ends_at:
            raise SilenceError("Failed to create silence: start time must be before end time")
        if wanted.ends_at < now:
            raise SilenceError("Failed to create silence: end time can't be in the past")
        if not wanted.matchers:
            raise SilenceError("silence invalid: at least one matcher required")
        for number, matcher in enumerate(wanted.matchers):
            if not matcher.name:
                raise SilenceError(f'silence invalid: invalid label matcher {number}: invalid label name ""')
            try:
                matcher.check()
            except SilenceError as error:
                raise SilenceError(f"silence invalid: invalid label matcher {number}: {error}") from None
        if all(matcher.accepts("") for matcher in wanted.matchers):
            raise SilenceError("silence invalid: at least one matcher must not match the empty string")
        if wanted.id:
            old = self.get(wanted.id)
            if _may_change(old, wanted, now):
                self._keep(
                    replace(
                        wanted,
                        updated_at=now,
                        starts_at=min(old.starts_at, wanted.starts_at)
                        if old.state(now) == "active"
                        else wanted.starts_at,
                    )
                )
                return wanted.id
            self.expire(wanted.id)
        made = replace(wanted, id=self._id(), starts_at=max(wanted.starts_at, now), updated_at=now)
        self._keep(made)
        return made.id

    def _keep(self, silence: StoredSilence) -> None:
        self._silences[silence.id] = silence
        self.version += 1


def _may_change(old: StoredSilence, new: StoredSilence, now: datetime) -> bool:
    if old.matchers != new.matchers:
        return False
    state = old.state(now)
    if state == "active":
        return int(old.starts_at.timestamp()) == int(new.starts_at.timestamp()) and new.ends_at >= now
    return state == "pending" and new.starts_at >= now
