"""Heads of the audit kept outside the store: in a file that is only added to, and in the log."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from services.safety.audit import Anchor, AuditHead
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError

_LONGEST_LINE = 4096

_log = logging.getLogger(__name__)


class AnchorError(ConsoleError):
    """The anchor file cannot be read or written."""


class AnchorFile:
    """One line for each head, as JSON, added to the end (0600). One file may serve several stores.

    Whoever may write the file can take lines out of it again: a file system that only lets it grow (``chattr +a``), or
    a copy on another machine, proves more.
    """

    def __init__(self, path: Path, store: str) -> None:
        """Nothing is read or made yet.

        Args:
            path: of the file.
            store: the name of the store whose heads are meant.
        """
        self.path = path
        self._store = store

    def add(self, head: AuditHead, clock: Clock) -> None:
        """Add a line.

        Raises:
            AnchorError: it cannot be written, or is no file of ours.
        """
        line = json.dumps(
            {
                "at": clock.now().isoformat(),
                "store": self._store,
                "sequence": head.sequence,
                "hash": head.hash,
                "key": head.key_id,
            }
        )
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, flags, 0o600)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise OSError(0, "it is no regular file")
                # In one write, so that lines of several consoles never mix.
                os.write(descriptor, f"{line}\n".encode("ascii"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AnchorError(
                f"the anchor file {self.path} cannot be written: {error.strerror}", "mend [sre.audit] anchor_file"
            ) from None

    def last(self) -> tuple[int, str] | None:
        """Number and hash of the last head that is told at the end of the file; None where that is not of this store.

        Raises:
            AnchorError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - _LONGEST_LINE))
                end = file.read(_LONGEST_LINE).splitlines()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.path, error) from None
        try:
            anchor = self._anchor(end[-1], 0) if end else None
        except AnchorError:
            return None
        return None if anchor is None else (anchor.sequence, anchor.hash)

    def size(self) -> int | None:
        """How long the file is now, in bytes; None where it does not exist.

        Taken before the audit is read: what is added later may tell of entries that are not seen yet.

        Raises:
            AnchorError: it cannot be looked at.
        """
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def read(self, size: int) -> Iterator[Anchor]:
        """The heads of this store in the first ``size`` bytes, one after another.

        Raises:
            AnchorError: it cannot be read, or a line of it is no head: then nobody can say what it proved.
        """
        try:
            with self.path.open("rb") as file:
                number, left = 0, size
                while left > 0 and (line := file.readline(min(left, _LONGEST_LINE))):
                    number, left = number + 1, left - len(line)
                    if (anchor := self._anchor(line, number)) is not None:
                        yield anchor
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _anchor(self, line: bytes, number: int) -> Anchor | None:
        where = f"line {number} of {self.path}"
        try:
            said = json.loads(line)
            anchor = Anchor(int(said["sequence"]), str(said["hash"]), where)
            return anchor if said["store"] == self._store else None
        except (ValueError, TypeError, KeyError):
            raise AnchorError(f"{where} is no head of an audit", "look what became of the file") from None


class Anchoring:
    """Keeps each new head elsewhere, once."""

    def __init__(self, file: AnchorFile | None, clock: Clock) -> None:
        """
        Args:
            file: None where only the log is told.
            clock: the time.
        """
        self._file = file
        self._clock = clock
        self._last: AuditHead | None = None

    def note(self, head: AuditHead) -> None:
        """Note ``head``, unless it was the last one noted.

        Raises:
            AnchorError: the file cannot be written.
        """
        if head.sequence == 0 or head == self._last:
            return
        # Several consoles may share the file; what one of them has noted the others leave.
        if self._file is not None and self._file.last() != (head.sequence, head.hash):
            self._file.add(head, self._clock)
        _log.info("head of the audit: %s:%s", head.sequence, head.hash)
        self._last = head


def parse_head(text: str) -> Anchor:
    """Read ``17:3f2a…``, as the log and ``/audit verify`` write a head.

    Raises:
        ValueError: it is none.
    """
    number, colon, digest = text.partition(":")
    fits = len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    if not colon or not number.isascii() or not number.isdigit() or not 0 < int(number) < 2**31 or not fits:
        raise ValueError(f"{text!r} is no head; write its number, a colon and the 64 digits of its hash")
    return Anchor(int(number), digest, "--head")


def _unreadable(path: Path, error: OSError) -> AnchorError:
    return AnchorError(f"the anchor file {path} cannot be read: {error.strerror}", "mend [sre.audit] anchor_file")
