"""Which files others on this machine can read or alter."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from console.examination.remark import Remark

_CHECK = "files"


def open_to_others(path: Path, what: str, *, secret: bool) -> Iterator[Remark]:
    """What others may do with a file. One that is not there is no concern of this check.

    Args:
        path: followed where it is a link.
        what: how the sentence names it.
        secret: whether reading it alone gives something away.
    """
    try:
        status = path.stat()
    except OSError:
        return
    mode, mend = stat.S_IMODE(status.st_mode), f"chmod 600 {path}"
    if status.st_uid not in (0, os.getuid()):
        yield Remark(_CHECK, True, f"{what} {path} belongs to another user (uid {status.st_uid}): own it")
    if mode & 0o022:
        yield Remark(_CHECK, True, f"{what} {path} has mode {mode:04o}, so others can alter it: {mend}")
    elif mode & 0o044:
        yield Remark(_CHECK, secret, f"{what} {path} has mode {mode:04o}, so others can read it: {mend}")


def log_remarks(log: Path) -> Iterator[Remark]:
    """The log and the older ones beside it; a log that cannot be written."""
    for file in (log, *sorted(log.parent.glob(f"{log.name}.*"))):
        yield from open_to_others(file, "the log", secret=True)
    place = log if log.exists() else next((one for one in log.parents if one.exists()), log.parent)
    if not os.access(place, os.W_OK) or (log.exists() and not log.is_file()) or log.is_symlink():
        yield Remark(_CHECK, False, f"the log {log} cannot be written: errors will not be kept")


def secret_file_remarks(files: Iterable[Path]) -> Iterator[Remark]:
    """Files that hold a secret or a private key."""
    for file in dict.fromkeys(files):
        yield from open_to_others(file, "the secret", secret=True)
