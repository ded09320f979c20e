"""What is NOT imported: a headless command knows no screen, and the first paint knows no client, store or model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def loaded(code: str, tmp_path: Path, *names: str) -> set[str]:
    """Which of ``names`` are in ``sys.modules`` after ``code`` ran in an interpreter of its own."""
    script = f"""
import json, sys
try:
    {code}
except SystemExit:
    pass
print("\\n" + json.dumps([name for name in {names!r} if name in sys.modules]))
"""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SRE_CONSOLE_", "RUSTANT_"))
    }
    environment |= {
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


# Not "rich": httpx imports it for a command line of its own where click happens to be installed.
SCREEN = ("textual", "plotext", "widgets", "console.app")
SERVER = ("starlette", "uvicorn", "prometheus_client")
HEAVY = ("httpx", "sqlalchemy", "aiosqlite", "alembic", "kubernetes", "aiohttp", "pydantic", "keyring", "re2", *SERVER)


def config(tmp_path: Path) -> str:
    """A configuration whose store is the only source."""
    file = tmp_path / "config.toml"
    file.write_text(f'[sre.store]\nurl = "sqlite:///{tmp_path}/store.db"\n')
    return str(file)


@pytest.mark.parametrize("arguments", [["--help"], ["exec", "--help"], ["--version"]])
def test_help_imports_next_to_nothing(arguments: list[str], tmp_path: Path) -> None:
    code = f"from console.cli import main; main({arguments!r})"
    assert not loaded(code, tmp_path, *SCREEN, *HEAVY, "asyncio")


@pytest.mark.parametrize("line", ["/circuit status", "/help", "/oncall who", "/nonsense"])
def test_exec_knows_no_screen(line: str, tmp_path: Path) -> None:
    code = f"from console.cli import main; main(['--config', {config(tmp_path)!r}, 'exec', {line!r}])"
    assert not loaded(code, tmp_path, *SCREEN, *SERVER, "kubernetes")


@pytest.mark.parametrize("arguments", [["token", "create", "--scope", "read"], ["token", "list"]])
def test_making_a_token_starts_no_server(arguments: list[str], tmp_path: Path) -> None:
    code = f"from console.cli import main; main(['--config', {config(tmp_path)!r}, *{arguments!r}])"
    assert not loaded(code, tmp_path, *SCREEN, *SERVER, "kubernetes")


@pytest.mark.parametrize("arguments", [["config", "check"], ["config", "show"], ["doctor"]])
def test_config_and_doctor_know_no_screen(arguments: list[str], tmp_path: Path) -> None:
    code = f"from console.cli import main; main(['--config', {config(tmp_path)!r}, *{arguments!r}])"
    assert not loaded(code, tmp_path, "textual", "plotext", "console.app")


def test_the_first_paint_waits_for_nothing_heavy(tmp_path: Path) -> None:
    code = (
        f"import console.cli, console.app; from console.peek import take_peek; take_peek(config={config(tmp_path)!r})"
    )
    assert not loaded(code, tmp_path, *HEAVY)
    assert loaded("import console.app", tmp_path, "textual") == {"textual"}
