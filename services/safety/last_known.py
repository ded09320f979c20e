"""What was last known of a store's breakers, kept beside it: what decides when the store itself is lost."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from services.safety.circuit import GLOBAL, Circuit

_FILE = "last-known.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A breaker that a person had opened when the store was last read. All texts raw.

    Attributes:
        scope: ``global`` or the name of a source.
        changed_by: who opened it.
        changed_at: when, as ISO 8601 in UTC.
        reason: why; may be empty.
    """

    scope: str
    changed_by: str
    changed_at: str
    reason: str


class LastKnownError(Exception):
    """What was last known cannot be read, so that nobody can tell whether a person had opened a breaker."""


class LastKnown:
    """A small file (0600 in a 0700 directory) that says whether the store was ever there and what stood open in it.

    One file serves several stores, each under a hash of its URL; the URL itself is not in it.
    """

    def __init__(self, directory: Path, url: str) -> None:
        """Nothing is read or made yet.

        Args:
            directory: the console's own, where its preferences are.
            url: of the store.
        """
        self.path = directory / _FILE
        self._key = sha256(url.encode()).hexdigest()[:16]
        self._said: dict[str, object] | None = None

    def remember(self, circuits: Iterable[Circuit]) -> None:
        """Note what the store says now; does nothing where it said so before. A failure is logged, never raised."""
        every = tuple(circuits)
        said: dict[str, object] = {
            "revision": next((one.revision for one in every if one.scope == GLOBAL), 0),
            "opened": [
                [one.scope, one.changed_by, one.changed_at.isoformat() if one.changed_at else "", one.reason]
                for one in every
                if one.is_open and one.manual
            ],
        }
        if said == self._said:
            return
        try:
            self._write(said)
        except OSError as error:
            _log.warning("what is known of the breakers could not be noted in %s: %s", self.path, error)
            return
        self._said = said

    def knows(self) -> bool:
        """Whether the store was ever read from here.

        Raises:
            LastKnownError: the file is there and cannot be read.
        """
        return self._key in self._read()

    def opened(self) -> tuple[Opened, ...]:
        """The breakers that a person had opened, the global one first.

        Raises:
            LastKnownError: the file is there and cannot be read.
        """
        said = self._read().get(self._key)
        if said is None:
            return ()
        try:
            found = [Opened(*(str(text) for text in one)) for one in said["opened"]]
        except (TypeError, KeyError):
            raise LastKnownError(f"{self.path} is damaged") from None
        return tuple(sorted(found, key=lambda one: (one.scope != GLOBAL, one.scope)))

    def _read(self) -> dict[str, dict[str, list[list[str]]]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise LastKnownError(f"{self.path} cannot be read: {error}") from error
        if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
            raise LastKnownError(f"{self.path} is damaged")
        return content

    def _write(self, said: dict[str, object]) -> None:
        try:
            before: dict[str, object] = dict(self._read())
        except LastKnownError:
            before = {}  # the store is there and says it better
        content = json.dumps({**before, self._key: said}, indent=1)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written beside and renamed: whoever reads meanwhile sees the old file or the new one.
        descriptor, beside = tempfile.mkstemp(dir=self.path.parent, prefix=".last-known-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
