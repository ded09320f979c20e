"""A file that several consoles append to: 0600, whole lines, moved aside before it grows too large."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

LARGEST = 5 * 1024 * 1024
"""Bytes after which the file is moved aside."""

KEPT = 3
"""How many files are kept beside it: ``.1`` is the newest."""


class LogFile:
    """Appends lines. Nothing is opened or made before the first one."""

    def __init__(self, path: Path, *, largest: int = LARGEST, kept: int = KEPT) -> None:
        """
        Args:
            path: its directory is made (0700) where it is not there.
            largest: bytes.
            kept: how many older files.
        """
        self.path = path
        self._largest = largest
        self._kept = kept
        self._descriptor: int | None = None

    def append(self, line: bytes) -> None:
        """Write one whole line.

        Raises:
            OSError: it cannot be written, or something that is no ordinary file stands in its place.
        """
        descriptor = self._opened()
        size = os.fstat(descriptor).st_size
        if size and size + len(line) > self._largest:
            self._move_aside(descriptor)
            descriptor = self._opened()
        # One call: lines of several consoles do not mix (POSIX, O_APPEND).
        os.write(descriptor, line)

    def close(self) -> None:
        """Let go of the file; a later line opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _opened(self) -> int:
        if self._descriptor is not None and not _is_at(self.path, self._descriptor):
            self.close()  # another console has moved it aside, or somebody has removed it
        if self._descriptor is None:
            self._descriptor = self._open()
        return self._descriptor

    def _open(self) -> int:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A link could lead to any file of the person's; a pipe would wait for a reader.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self.path, flags, 0o600)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{self.path} is not an ordinary file")
            if status.st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _move_aside(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # another console is just doing it
        if _is_at(self.path, descriptor):
            names = [self.path, *(self.path.with_name(f"{self.path.name}.{n}") for n in range(1, self._kept + 1))]
            for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(newer, older)
        self.close()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))
