"""The console's log: one JSON object a line, in a file of its own. Nothing of it reaches the terminal.

The standard library's logging does the collecting: every package that the console uses speaks it already, so no other
one is needed. What is written has passed redaction and ``display()``, so a line is one line and shows no secret.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from console.log_file import LogFile
from services.vocabulary.redaction import Redaction
from services.vocabulary.text import display, display_lines, shorten

LEVELS = ("debug", "info", "warning", "error")
DEFAULT_LEVEL = "info"

_OURS = ("console", "screens", "widgets", "services", "themes")
_LONGEST_MESSAGE = 8 * 1024
_LONGEST_TRACE = 32 * 1024
_QUIET_SECONDS = 300.0
_REMEMBERED = 256

_log = logging.getLogger(__name__)


class Log:
    """Collects what the program and its packages log, as long as it is entered.

    Attributes:
        path: the file; made with the first line.
        redaction: what is never written; whoever resolves a secret adds it.
    """

    def __init__(self, path: Path, level: str | None = None) -> None:
        """Nothing is opened, made or changed yet.

        Args:
            path: the file.
            level: one of :data:`LEVELS` that no configuration changes; None leaves it to :meth:`choose`.
        """
        self.path = path
        self.redaction = Redaction()
        self._level = level
        self._handler = _Handler(LogFile(path), self.redaction)
        self._restore: list[Callable[[], None]] = []

    @property
    def failure(self) -> str:
        """Why the last line could not be written; empty where it could."""
        return self._handler.failure

    def choose(self, level: str) -> None:
        """What the configuration says; counts where nothing was said at the start."""
        if self._level is None and self._restore:
            self._listen(level)

    def crashed(self, error: BaseException) -> int:
        """Put down an error that nobody expected, and tell on stderr what happened, in one line.

        Returns:
            1, for the exit code.
        """
        _log.critical("the console crashed", exc_info=error)
        words = f"{type(error).__name__}: {error}".removesuffix(": ")
        where = f"the log could not be written: {self.failure}" if self.failure else f"the log says where: {self.path}"
        sys.stderr.write(f"sre-console: the console crashed: {display(self.redaction(words), 500)}\n{display(where)}\n")
        return 1

    def __enter__(self) -> Log:
        root = logging.getLogger()
        before = {name: logging.getLogger(name).level for name in (*_OURS, "")}
        hooks = (threading.excepthook, sys.unraisablehook, logging.raiseExceptions)

        def restore() -> None:
            root.removeHandler(self._handler)
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
            logging.captureWarnings(False)
            threading.excepthook, sys.unraisablehook, logging.raiseExceptions = hooks
            self._handler.close()

        self._restore.append(restore)
        root.addHandler(self._handler)
        self._listen(self._level or DEFAULT_LEVEL)
        # Each of these writes to the terminal by default.
        logging.captureWarnings(True)
        logging.raiseExceptions = False
        threading.excepthook = _thread_failed
        sys.unraisablehook = _ignored
        return self

    def __exit__(self, *_: object) -> None:
        while self._restore:
            self._restore.pop()()

    def _listen(self, level: str) -> None:
        wanted = logging.getLevelNamesMapping()[level.upper()]
        for name in _OURS:
            logging.getLogger(name).setLevel(wanted)
        # Of other packages only what went wrong: httpx says each request at the level of information.
        logging.getLogger().setLevel(logging.INFO if wanted < logging.INFO else max(wanted, logging.WARNING))


class _Handler(logging.Handler):
    """Never raises and never prints: a log that cannot be written must not disturb what it is about."""

    def __init__(self, file: LogFile, redaction: Redaction) -> None:
        super().__init__()
        self._file = file
        self._redaction = redaction
        self._repeats = _Repeats()
        self.failure = ""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            repeated = self._repeats.count(record)
            if repeated is None:
                return
            import json  # not before there is something to say

            line = json.dumps(_fields(record, self._redaction, repeated), ensure_ascii=False)
            self._file.append(line.encode(errors="replace") + b"\n")
            self.failure = ""
        except OSError as error:
            self.failure = f"{self._file.path}: {error.strerror or error}"
        except Exception as error:
            self.failure = f"a record of {record.name} could not be written: {type(error).__name__}"

    def close(self) -> None:
        self._file.close()
        super().close()


class _Repeats:
    """The same failure again and again is written once in five minutes, with how often it came meanwhile."""

    def __init__(self) -> None:
        self._seen: dict[object, tuple[float, int]] = {}

    def count(self, record: logging.LogRecord) -> int | None:
        """How many were left out before this one; None where this one is left out too."""
        if record.levelno < logging.ERROR:
            return 0
        error = record.exc_info[1] if record.exc_info else None
        said = f"{record.args} {error}"[:400]
        key = (record.name, record.lineno, record.msg, said, type(error), _place(error))
        written, left_out = self._seen.get(key, (0.0, 0))
        if 0 <= record.created - written < _QUIET_SECONDS:
            self._seen[key] = (written, left_out + 1)
            return None
        self._seen.pop(key, None)
        self._seen[key] = (record.created, 0)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return left_out


def _place(error: BaseException | None) -> tuple[str, int] | None:
    trace = error.__traceback__ if error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)


def _fields(record: logging.LogRecord, redaction: Redaction, repeated: int) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.created, UTC)
    fields: dict[str, Any] = {
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
        "level": record.levelname.lower(),
        "from": display(record.name, 100),
        "pid": record.process,
        "message": display(redaction(record.getMessage()), _LONGEST_MESSAGE),
    }
    if repeated:
        fields["left_out"] = repeated
    if record.exc_info and record.exc_info[1] is not None:
        fields["trace"] = _trace(record.exc_info[1], redaction)
    return fields


def _trace(error: BaseException, redaction: Redaction) -> str:
    import traceback

    # No local variables: they hold secrets that nobody registered.
    whole = redaction("".join(traceback.format_exception(error)).rstrip())
    return "\n".join(display_lines(shorten(whole, _LONGEST_TRACE)))


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        name = failed.thread.name if failed.thread is not None else "a thread"
        _log.error("the thread %s failed", name, exc_info=failed.exc_value)


def _ignored(ignored: Any) -> None:
    # Objects are finalised at any moment, also while the interpreter is being taken down.
    with contextlib.suppress(Exception):
        _log.warning(
            "%s: %r", ignored.err_msg or "an exception was ignored in", ignored.object, exc_info=_info(ignored)
        )


def _info(ignored: Any) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    value = ignored.exc_value
    return None if value is None else (type(value), value, ignored.exc_traceback)
