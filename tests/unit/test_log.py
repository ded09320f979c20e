"""The log: one harmless line a record, no secret, only the person can read it, never the terminal."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.log import Log
from console.log_file import LogFile
from services.vocabulary.redaction import HIDDEN

ROOT = Path(__file__).resolve().parents[2]
OURS = logging.getLogger("services.feed")
FOREIGN = logging.getLogger("httpx")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log(tmp_path / "state" / "console.log") as log:
        yield log


def lines(log: Log) -> list[dict[str, Any]]:
    """What was written so far."""
    return [json.loads(line) for line in log.path.read_text().splitlines()] if log.path.exists() else []


def handler_of_the_log() -> logging.Handler:
    return next(one for one in logging.getLogger().handlers if type(one).__module__ == "console.log")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_record_is_one_line_and_nobody_else_can_read_it(log: Log) -> None:
    assert not log.path.exists(), "nothing is made before the first record"
    before = os.umask(0)
    try:
        OURS.warning("%s fails: %s", "alertmanager prod", "no connection")
    finally:
        os.umask(before)
    (line,) = lines(log)
    assert line["message"] == "alertmanager prod fails: no connection"
    assert (line["level"], line["from"], line["pid"]) == ("warning", "services.feed", os.getpid())
    assert line["at"].endswith("Z")
    assert mode(log.path) == 0o600
    assert mode(log.path.parent) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(log: Log) -> None:
    log.path.parent.mkdir()
    log.path.write_text("")
    log.path.chmod(0o644)
    OURS.warning("x")
    assert mode(log.path) == 0o600


def test_text_from_outside_cannot_forge_a_line_or_steer_a_terminal(log: Log) -> None:
    hostile = 'a\n{"level": "error"}\x1b[2J\u202e\ud800'
    # To our handler alone: the test runner, which listens too, cannot pass half a surrogate pair on.
    handler_of_the_log().handle(OURS.makeRecord("x", logging.WARNING, "f", 1, "label %s", (hostile,), None))
    raw = log.path.read_bytes()
    assert raw.count(b"\n") == 1
    assert b"\x1b" not in raw
    (line,) = lines(log)
    assert "␤" in line["message"]
    assert "‹U+202E›" in line["message"]


def test_secrets_do_not_get_in_not_even_with_a_traceback(log: Log) -> None:
    log.redaction.add("correct horse")
    try:
        raise ValueError("GET http://op:hunter2@host/ with Authorization: Bearer abc and correct horse")
    except ValueError:
        OURS.exception("asked with %s", "correct horse")
    text = log.path.read_text()
    assert "horse" not in text
    assert "hunter2" not in text
    assert "abc" not in text
    (line,) = lines(log)
    assert line["message"] == f"asked with {HIDDEN}"
    assert "test_secrets_do_not_get_in" in line["trace"]
    assert "ValueError" in line["trace"]


def test_of_other_packages_only_what_went_wrong(log: Log) -> None:
    FOREIGN.info("HTTP Request: GET http://x")
    OURS.info("answers")
    OURS.debug("detail")
    FOREIGN.warning("broken")
    assert [line["message"] for line in lines(log)] == ["answers", "broken"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)],
)
def test_the_level_of_the_configuration(log: Log, level: str, expected: int) -> None:
    log.choose(level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        OURS.log(number, "x")
    assert len(lines(log)) == expected


def test_the_level_of_the_start_wins(tmp_path: Path) -> None:
    with Log(tmp_path / "console.log", "error") as log:
        log.choose("debug")
        OURS.warning("x")
        assert lines(log) == []
        FOREIGN.warning("x")
        assert lines(log) == []


def test_the_same_failure_again_is_not_written_again(log: Log) -> None:
    def fail(source: str) -> None:
        try:
            raise TypeError(source)
        except TypeError:
            OURS.exception("reading %s failed", source)

    for _ in range(50):
        fail("a")
        fail("b")
    assert [line["message"] for line in lines(log)] == ["reading a failed", "reading b failed"]
    record = OURS.makeRecord("x", logging.ERROR, "f", 1, "m", (), None)
    handler = handler_of_the_log()
    for created, expected in ((1000.0, 1), (1299.0, 1), (1301.0, 2)):
        record.created = created
        handler.handle(record)
        assert sum(line["message"] == "m" for line in lines(log)) == expected
    assert lines(log)[-1]["left_out"] == 1


def test_what_would_go_to_the_terminal_goes_here(log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    warnings.warn("mind the gap", stacklevel=1)
    thread = threading.Thread(target=lambda: int("apples"), name="reader")
    thread.start()
    thread.join()
    OURS.error("%d apples", "many")  # a fault in the logging itself
    messages = " ".join(line["message"] + line.get("trace", "") for line in lines(log))
    assert "mind the gap" in messages
    assert "the thread reader failed" in messages
    assert "ValueError" in messages
    assert capfd.readouterr() == ("", "")
    assert "could not be written" in log.failure


def test_everything_is_as_before_afterwards(tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        root = logging.getLogger()
        return (
            list(root.handlers), root.level, OURS.getEffectiveLevel(), threading.excepthook, sys.unraisablehook,
            warnings.showwarning, logging.raiseExceptions,
        )  # fmt: skip

    before = state()
    with Log(tmp_path / "console.log", "debug"):
        assert state() != before
    assert state() == before


@pytest.mark.parametrize("obstacle", ["directory", "link", "pipe", "file above"])
def test_a_log_that_cannot_be_written_disturbs_nobody(
    tmp_path: Path, obstacle: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state" / "console.log"
    if obstacle == "file above":
        (tmp_path / "state").write_text("")
    else:
        path.parent.mkdir()
    if obstacle == "directory":
        path.mkdir()
    elif obstacle == "link":
        (tmp_path / "precious").write_text("mine")
        path.symlink_to(tmp_path / "precious")
    elif obstacle == "pipe":
        os.mkfifo(path)
    with Log(path) as log:
        OURS.warning("x")
        assert str(path) in log.failure
    assert capfd.readouterr() == ("", "")
    if obstacle == "link":
        assert (tmp_path / "precious").read_text() == "mine"


def test_a_large_file_is_moved_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    file = LogFile(path, largest=100, kept=2)
    for number in range(40):
        file.append(b"%02d %s\n" % (number, b"x" * 20))
    file.close()
    there = sorted(one.name for one in tmp_path.iterdir())
    assert there == ["console.log", "console.log.1", "console.log.2"]
    kept = [line[:2] for name in reversed(there) for line in (tmp_path / name).read_text().splitlines()]
    assert kept == [f"{number:02d}" for number in range(40 - len(kept), 40)]
    assert all((tmp_path / name).stat().st_size <= 100 and mode(tmp_path / name) == 0o600 for name in there)


def test_a_line_that_is_larger_than_the_file_may_be_is_written_all_the_same(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "console.log", largest=10)
    file.append(b"x" * 50 + b"\n")
    assert (tmp_path / "console.log").stat().st_size == 51


def test_a_file_that_was_removed_or_moved_is_opened_anew(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "console.log")
    file.append(b"one\n")
    (tmp_path / "console.log").rename(tmp_path / "elsewhere")
    file.append(b"two\n")
    (tmp_path / "console.log").unlink()
    file.append(b"three\n")
    assert (tmp_path / "elsewhere").read_text() == "one\n"
    assert (tmp_path / "console.log").read_text() == "three\n"


def test_several_consoles_lose_no_line(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from console.log_file import LogFile
file = LogFile(Path(sys.argv[1]), largest=4000, kept=50)
for number in range(500):
    file.append(f"{sys.argv[2]} {number} {'x' * 60}\\n".encode())
"""
    arguments = [sys.executable, "-c", script, str(tmp_path / "console.log")]
    running = [subprocess.Popen([*arguments, name], cwd=ROOT) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    written = [line.split() for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert len(written) == 1500
    assert {(name, int(number)) for name, number, _ in written} == {(name, n) for name in "abc" for n in range(500)}
