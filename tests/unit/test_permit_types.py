"""A strict type checker rejects a forgotten, absent or hand-made permit (a few seconds: it runs the checker)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SNIPPET = """
from services.safety.permit import WritePermit, spend


def write(permit: WritePermit) -> None:
    spend(permit, "thing.change", "a")


class Duck:
    def spend(self, action: str, target: str) -> None: ...


def honest(permit: WritePermit) -> None:
    write(permit)


write()
write(None)
write(Duck())
write(WritePermit())
"""


def test_the_type_checker_rejects_what_is_no_permit(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    root = Path(__file__).parents[2]
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
            *("--show-error-codes", "--hide-error-context", "--cache-dir", str(tmp_path / "cache"), str(snippet)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={"MYPYPATH": str(root), "PATH": ""},
        timeout=100,
    )
    lines = SNIPPET.splitlines()
    rejected = {}
    for line in answer.stdout.splitlines():
        place, _, rest = line.partition(": error: ")
        assert place.startswith(str(snippet)), line
        rejected[lines[int(place.rsplit(":", 1)[1]) - 1]] = rest.rsplit("[", 1)[1].rstrip("]")
    assert rejected == {
        "write()": "call-arg",
        "write(None)": "arg-type",
        "write(Duck())": "arg-type",
        "write(WritePermit())": "abstract",
    }, answer.stdout + answer.stderr
