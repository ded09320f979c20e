"""The wheel holds what the program needs, and nothing else."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"console", "widgets", "screens", "services", "themes"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """A wheel made from this tree."""
    directory = tmp_path_factory.mktemp("wheel")
    path = next(WheelBuilder(str(ROOT)).build(directory=str(directory), versions=["standard"]))
    with zipfile.ZipFile(path) as file:
        yield file


def test_the_wheel_holds_the_five_packages_alone(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert tops == PACKAGES


def test_everything_that_is_no_test_travels_along(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".tcss", ".json", ".mako", ".ini") and "__pycache__" not in path.parts
    }
    assert wanted <= names
    assert any(name.endswith(".tcss") for name in names)
    assert any(name.startswith("services/storage/migrations/versions/") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_metadata_names_command_python_and_extras(wheel: zipfile.ZipFile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = f"sre_console-{project['version']}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "sre-console = console.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "Requires-Python: >=3.11" in metadata
    assert "Provides-Extra: keyring" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_what_is_imported_is_declared() -> None:
    """Each distribution whose modules the packages import by name is a dependency, not only somebody else's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=~;]", line)[0].strip().lower() for line in project["dependencies"]}
    declared |= {re.split(r"[<>=]", line)[0] for line in project["optional-dependencies"]["keyring"]}
    # What a declared distribution is made of, or cannot come without: rich of textual, pydantic_core of pydantic.
    known = {
        "yaml": "pyyaml",
        "re2": "google-re2",
        "rich": "textual",
        "pydantic_core": "pydantic",
        "prometheus_client": "prometheus-client",
    }
    imported: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported.update(alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    imported.add(node.module.split(".")[0])
    foreign = imported - PACKAGES - sys.stdlib_module_names
    assert {known.get(name, name) for name in foreign} <= declared


def test_the_source_archive_holds_licence_documents_and_tests(tmp_path: Path) -> None:
    path = next(SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with tarfile.open(path) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", ".ci/run", "docs/config.example.toml"}
    assert wanted <= names
    # The README of the archive must not point to pictures that are not in it.
    pictures = set(re.findall(r"\]\((docs/[^)]+)\)", (ROOT / "README.md").read_text()))
    assert pictures
    assert pictures <= names
    assert {name.split("/")[0] for name in names} >= PACKAGES | {"tests"}
    assert not [name for name in names if name.startswith((".venv", "dist")) or "__pycache__" in name]


def test_the_program_runs_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "installed")
    # A directory of the person's own with the same names must not get in the way.
    (tmp_path / "here" / "services").mkdir(parents=True)
    (tmp_path / "here" / "services" / "__init__.py").write_text("raise SystemExit('the wrong services')")
    file = tmp_path / "config.toml"
    file.write_text(f'[sre.store]\nurl = "sqlite:///{tmp_path}/store.db"\n')
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    script = "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [sys.executable, "-P", "-c", script, "--config", str(file), "exec", "--json", "/circuit status"]
    done = subprocess.run(
        arguments, env=environment, cwd=tmp_path / "here", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"ok": true' in done.stdout
