"""Where a SQLite store lives on disk: its path, its modes, who prepares it."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.vocabulary.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_ATTEMPT = 0.05


def sqlite_url(path: Path, mode: str) -> URL:
    """The URL that opens ``path`` with SQLite's ``mode`` (``ro`` or ``rw``; neither makes a file)."""
    from sqlalchemy.engine import URL

    quoted = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return URL.create("sqlite+aiosqlite", database=f"file:{quoted}", query={"mode": mode, "uri": "true"})


def prepare(path: Path) -> None:
    """Make the directory (0700) and the file (0600) where they are missing; present ones keep their modes.

    Raises:
        StoreError: they cannot be made.
    """
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be made: {error.strerror}",
            "check the directory's owner and mode, or name another file under [sre.store] url",
        ) from error
    if not os.access(path, os.W_OK):
        raise StoreError(f"the store {path} cannot be written", "check the file's owner and mode")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(f"the directory {path.parent} cannot be written", "the store needs to write beside its file")


@contextmanager
def preparing(directory: Path, patience: float) -> Iterator[None]:
    """Hold the right to prepare stores in ``directory``, among all processes; blocks, so use it in a thread.

    Args:
        directory: where the store's file is.
        patience: seconds to wait for another process.

    Raises:
        StoreError: another process holds it for longer.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        pause = threading.Event()
        for _ in range(max(1, round(patience / _ATTEMPT))):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pause.wait(_ATTEMPT)
        else:
            raise StoreError(f"another program prepares the store in {directory}", "wait for it, then start again")
        yield
    finally:
        os.close(descriptor)
