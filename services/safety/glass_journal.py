"""What was written while the store was lost: a journal on this machine, until the store's audit takes it in."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.safety.actor import Actor
from services.safety.last_known import store_key
from services.safety.outcome import Outcome
from services.safety.plan import Plan
from services.storage.chain import GENESIS, digest, storable

_INTENT, _OUTCOME, _TAKEN = "intent", "outcome", "taken"


class JournalError(Exception):
    """The journal cannot be written or read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """One write that went out without the store, as far as the journal knows it. All texts raw, but for secrets.

    Attributes:
        sequence: of its intent in the journal.
        hash: of the newest entry about it; names what was taken into the audit.
        at: when it began, as ISO 8601 in UTC.
        expires_at: until then it may still be under way.
        intent: the fields of the intent.
        outcome: the fields of the outcome; None where it has none.
    """

    sequence: int
    hash: str
    at: str
    expires_at: datetime
    intent: Mapping[str, Any]
    outcome: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What the journal holds.

    Attributes:
        waiting: what no audit has taken in yet, the oldest first.
        entries: how many entries are whole.
        problem: what is wrong behind them; empty where all are whole.
    """

    waiting: tuple[Written, ...] = ()
    entries: int = 0
    problem: str = ""


class GlassJournal:
    """A file of JSON lines (0600 in a 0700 directory), each with the hash of the one before, on the disk before it
    counts. Every call blocks: use it in a thread.
    """

    def __init__(self, directory: Path, identity: str, redact: Callable[[str], str]) -> None:
        """Nothing is read or made yet.

        Args:
            directory: the console's own.
            identity: of the store's address.
            redact: takes secrets out of what is kept.
        """
        self.path = directory / f"break-glass-{store_key(identity)}.jsonl"
        self._redact = redact

    def begin(
        self, plan: Plan, *, actor: Actor, command: str, reason: str, why: str, at: datetime, expires_at: datetime
    ) -> int:
        """Put an intent down. Once this returns, it is on the disk.

        Args:
            plan: what is about to be done.
            actor: who asks.
            command: the line that asked.
            reason: why the person goes on without the store.
            why: what is wrong with the store.
            at: now (UTC).
            expires_at: from then on nobody can be at it any more.

        Returns:
            Its number.

        Raises:
            JournalError: it could not be kept.
        """
        texts = {
            "operator": actor.operator,
            "os_user": actor.os_user,
            "host": actor.host,
            "command": command,
            "action": plan.action,
            "source": plan.source,
            "environment": plan.environment,
            "equivalent": plan.equivalent,
            "reason": reason,
            "why": why,
        }
        return self._append(
            {
                "kind": _INTENT,
                "at": at.isoformat(),
                "expires_at": expires_at.isoformat(),
                "surface": actor.surface.value,
                "risk": plan.risk.value,
                "targets": [
                    {name: storable(self._redact(text)) for name, text in asdict(one).items()} for one in plan.targets
                ],
                **{name: storable(self._redact(text)) for name, text in texts.items()},
            }
        )

    def finish(self, intent: int, outcome: Outcome, *, took: timedelta, at: datetime) -> None:
        """Put an outcome down.

        Raises:
            JournalError: it could not be kept.
        """
        self._append(
            {
                "kind": _OUTCOME,
                "at": at.isoformat(),
                "intent": intent,
                "status": outcome.status.value,
                "message": storable(self._redact(outcome.message)),
                "undo": storable(self._redact(outcome.undo)),
                "duration_ms": took // timedelta(milliseconds=1),
            }
        )

    def taken(self, hashes: list[str], at: datetime) -> None:
        """Note that the store's audit has taken these in.

        Raises:
            JournalError: it could not be kept.
        """
        self._append({"kind": _TAKEN, "at": at.isoformat(), "hashes": hashes})

    def read(self) -> Kept:
        """What the journal holds.

        Raises:
            JournalError: it cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror}") from error
        return _understood(content)

    def set_aside(self, at: datetime) -> Path:
        """Move a journal that is not whole out of the way, for a person to look at; where it is then.

        Raises:
            JournalError: it cannot be moved.
        """
        beside = self.path.with_suffix(f".broken-{at:%Y%m%dT%H%M%S}")
        try:
            self.path.rename(beside)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be moved: {error.strerror}") from error
        return beside

    def _append(self, fields: dict[str, Any]) -> int:
        try:
            with self._locked() as descriptor:
                content = _whole_of(descriptor)
                sequence, previous = 1, GENESIS
                for entry in _entries(content):
                    sequence, previous = int(entry["sequence"]) + 1, str(entry["hash"])
                fields = {**fields, "sequence": sequence}
                own = digest(previous, fields)
                line = json.dumps({**fields, "previous": previous, "hash": own}, sort_keys=True) + "\n"
                # What a cut power left half written counts for nothing: no write went out for it.
                os.ftruncate(descriptor, len(content))
                os.lseek(descriptor, len(content), os.SEEK_SET)
                try:
                    _write_all(descriptor, line.encode())
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, len(content))
                    raise
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}") from error
        except (KeyError, ValueError, TypeError):
            raise JournalError(f"{self.path} is damaged") from None
        return sequence

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # held for one line
            yield descriptor
        finally:
            os.close(descriptor)


def _whole_of(descriptor: int) -> bytes:
    content = b""
    while piece := os.read(descriptor, 1 << 20):
        content += piece
    return content[: content.rfind(b"\n") + 1]


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _entries(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        entry = json.loads(line)
        if not isinstance(entry, dict):
            raise ValueError(line)
        yield entry


def _understood(content: bytes) -> Kept:
    intents: dict[int, Written] = {}
    taken: set[str] = set()
    previous, sequence, problem = GENESIS, 0, ""
    try:
        for entry in _entries(content[: content.rfind(b"\n") + 1]):
            fields = {name: value for name, value in entry.items() if name not in ("previous", "hash")}
            if entry["sequence"] != sequence + 1 or entry["previous"] != previous:
                problem = f"entry {sequence + 1} is missing or was replaced"
                break
            if entry["hash"] != digest(previous, fields):
                problem = f"entry {sequence + 1} was altered after it was written"
                break
            if entry["kind"] == _INTENT:
                expires = datetime.fromisoformat(entry["expires_at"])
                intents[entry["sequence"]] = Written(entry["sequence"], entry["hash"], entry["at"], expires, fields)
            elif entry["kind"] == _OUTCOME:
                before = intents[entry["intent"]]
                intents[entry["intent"]] = Written(
                    before.sequence, entry["hash"], before.at, before.expires_at, before.intent, fields
                )
            elif entry["kind"] == _TAKEN:
                taken.update(map(str, entry["hashes"]))
            previous, sequence = entry["hash"], sequence + 1
    except (KeyError, ValueError, TypeError):
        problem = f"entry {sequence + 1} cannot be read"
    waiting = tuple(one for one in intents.values() if one.hash not in taken)
    return Kept(waiting, sequence, problem)
