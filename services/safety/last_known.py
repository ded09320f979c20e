"""What was last known of a store's breakers, kept on this machine: what decides when the store itself is lost."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from services.safety.circuit import GLOBAL, Circuit
from services.vocabulary.errors import StoreGone

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A breaker that was open when the store was last read. All texts raw.

    Attributes:
        scope: ``global`` or the name of a source.
        changed_by: who opened it; empty where it opened by itself.
        changed_at: when, as ISO 8601 in UTC.
        reason: why; may be empty.
        manual: whether a person opened it.
    """

    scope: str
    changed_by: str
    changed_at: str
    reason: str
    manual: bool = True

    @property
    def told(self) -> str:
        """One sentence, such as ``the circuit was opened by op-a at 2026-01-05 09:00:00 UTC: storm`` (raw)."""
        name = "the circuit" if self.scope == GLOBAL else f"the breaker of {self.scope}"
        who = f"was opened by {self.changed_by}" if self.manual else "opened by itself"
        return f"{name} {who} at {moment(self.changed_at)}" + (f": {self.reason}" if self.reason else "")


def moment(written: str) -> str:
    """A time that was kept as ISO 8601 in UTC, as people read it; what is none comes back as it is."""
    try:
        return f"{datetime.fromisoformat(written):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return written


class LastKnownError(Exception):
    """What was last known cannot be read, so that nobody can tell whether a person had opened a breaker."""


def store_key(identity: str) -> str:
    """What the files of a store on this machine are named by; tells nothing of where the store is."""
    return sha256(identity.encode()).hexdigest()[:16]


class LastKnown:
    """A small file (0600 in a 0700 directory) that says that the store was there and what stood open in it."""

    def __init__(self, directory: Path, identity: str) -> None:
        """Nothing is read or made yet.

        Args:
            directory: the console's own, where its preferences are.
            identity: of the store's address; it is not in the file.
        """
        self.path = directory / f"last-known-{store_key(identity)}.json"
        self._said: dict[str, object] | None = None

    async def remember(self, circuits: Iterable[Circuit], at: datetime) -> None:
        """Note what the store says now; does nothing where it said so before. A failure is logged, never raised.

        Args:
            circuits: every breaker that was ever touched.
            at: now (UTC).
        """
        every = tuple(circuits)
        said: dict[str, object] = {
            "revisions": {one.scope: one.revision for one in every},
            "opened": [
                [
                    one.scope,
                    one.changed_by,
                    one.changed_at.isoformat() if one.changed_at else "",
                    one.reason,
                    one.manual,
                ]
                for one in every
                if one.is_open
            ],
        }
        if said == self._said:
            return
        try:
            kept = await asyncio.to_thread(self._note, said, at)
        except OSError as error:
            _log.warning("what is known of the breakers could not be noted in %s: %s", self.path, error)
            return
        # Where another console knew more, this one says again what it sees next.
        self._said = said if kept else None

    def _note(self, said: dict[str, object], at: datetime) -> bool:
        """Write ``said``, but for breakers of which the file knows a later revision; whether it knew none."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.path.with_suffix(".lock"), "a") as lock:
            # Several consoles of one person share the file; who read the store first may come last.
            fcntl.flock(lock, fcntl.LOCK_EX)
            merged = _later(said, self._readable())
            _write(self.path, {**merged, "noted_at": at.isoformat()})
            return merged == said

    def _readable(self) -> Mapping[str, Any] | None:
        try:
            known = self._read()
            self.opened()
            return known if known is None or isinstance(known["revisions"], dict) else None
        except (LastKnownError, KeyError):
            return None  # the store is there and says it better

    def knows(self) -> bool:
        """Whether the store was ever read from here.

        Raises:
            LastKnownError: the file is there and cannot be read.
        """
        return self._read() is not None

    def noted_at(self) -> str:
        """When the last change of a breaker was noted, as ISO 8601 in UTC; empty where the store was never read.

        Raises:
            LastKnownError: the file is there and cannot be read.
        """
        said = self._read()
        return "" if said is None else str(said.get("noted_at", ""))

    def opened(self) -> tuple[Opened, ...]:
        """The breakers that were open, the global one first.

        Raises:
            LastKnownError: the file is there and cannot be read.
        """
        said = self._read()
        if said is None:
            return ()
        try:
            found = [
                Opened(str(scope), str(by), str(at), str(reason), bool(manual))
                for scope, by, at, reason, manual in said["opened"]  # type: ignore[attr-defined]
            ]
        except (TypeError, KeyError, ValueError):
            raise LastKnownError(f"{self.path} is damaged") from None
        return tuple(sorted(found, key=lambda one: (one.scope != GLOBAL, one.scope)))

    def revisions(self) -> Mapping[str, int]:
        """How often each breaker had been toggled.

        Raises:
            LastKnownError: the file is there and cannot be read.
        """
        said = self._said if self._said is not None else self._read()
        revisions = {} if said is None else said.get("revisions")
        if not isinstance(revisions, dict) or not all(isinstance(one, int) for one in revisions.values()):
            raise LastKnownError(f"{self.path} is damaged")
        return MappingProxyType(revisions)

    def check(self, circuits: Iterable[Circuit], name: str) -> None:
        """Compare what the store says now.

        Args:
            circuits: breakers as the store has them.
            name: of the store, for the message.

        Raises:
            StoreGone: one of them was toggled less often than was last known: the store is another one, or an old copy.
        """
        try:
            known = self.revisions()
        except LastKnownError as error:
            # The store is there and says it better.
            _log.warning("%s", error)
            return
        for one in circuits:
            if one.revision < known.get(one.scope, 0):
                raise StoreGone(
                    f"the store is older than what was last known of it: in {name} {one.name} was at revision "
                    f"{known[one.scope]}, and now at {one.revision}; it is an old copy, or was made anew",
                    'put the newest one back, or go on with this one on purpose: sre-console store init --reason "…"',
                )

    def _read(self) -> dict[str, object] | None:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LastKnownError(f"{self.path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise LastKnownError(f"{self.path} is damaged")
        return content


def _later(said: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, object]:
    """What was said and what is known, of each breaker that with the higher revision."""
    if known is None:
        return dict(said)
    revisions = dict(said["revisions"])
    later = {scope for scope, revision in known["revisions"].items() if revision > revisions.get(scope, -1)}
    revisions.update({scope: known["revisions"][scope] for scope in later})
    opened = [one for one in said["opened"] if one[0] not in later]
    opened += [one for one in known["opened"] if one[0] in later]
    return {"revisions": revisions, "opened": opened}


def _write(path: Path, said: dict[str, object]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written beside and renamed: whoever reads meanwhile sees the old file or the new one.
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".last-known-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(said, indent=1))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
