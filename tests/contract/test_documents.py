"""What the documents say is so: configuration, keys, commands, and nothing of any one machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from console.app import ConsoleApp
from console.configuration.loading import load
from console.configuration.model import Settings
from console.preferences import Preferences
from console.wiring import Backend
from screens.operations import OperationsScreen
from services.safety.actor import Surface
from tests.support.clock import ManualClock
from widgets.record_table import RecordTable

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs" / "config.example.toml"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.*"))]
_SIGNS = {"+": "plus", "-": "minus", "/": "slash", "?": "question_mark", "↓": "down", "↑": "up"}


def section(title: str) -> str:
    """What stands under a heading of the README."""
    return re.split(r"\n##+ ", README.split(f"\n## {title}\n", 1)[1], maxsplit=1)[0]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of a table, without its head."""
    return [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("| `")]


def test_the_configuration_of_the_readme_is_sound() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        Settings.model_validate(tomllib.loads(block))


def test_the_example_is_sound() -> None:
    settings = load(EXAMPLE).settings
    assert settings.environments == ("prod", "stage")


def test_every_commented_line_of_the_example_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROMETHEUS_TOKEN", "PROMETHEUS_LOGIN", "AUDIT_KEY"):
        monkeypatch.setenv(name, "op:secret" * 4)
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    commented = [index for index, line in enumerate(lines) if line.startswith("#:")]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()
    (tmp_path / "secret").write_text("secret\n")
    tried = 0
    for index in commented:
        line = lines[index].removeprefix("#:").strip()
        if line.startswith(("ca_file", "client_cert", "tls_")):
            continue  # real certificates are wanted; what they do is tested with the configuration
        line = line.replace("~/.kube/config", str(kubeconfig)).replace(
            "~/.secrets/prometheus", str(tmp_path / "secret")
        )
        file = tmp_path / "config.toml"
        file.write_text("\n".join([*lines[:index], line, *lines[index + 1 :]]), encoding="utf-8")
        load(file)
        tried += 1
    assert tried >= 7


def test_the_example_names_every_key() -> None:
    written = set(re.findall(r"^(?:#: )?(\w+) = ", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    written.add("username")  # with password inside the table of basic
    assert _keys(Settings) <= written | {"password"}


def _keys(model: type[BaseModel]) -> set[str]:
    """The names of all values, tables left out."""
    names = set()
    for name, field in model.model_fields.items():
        inner = list(_models(field.annotation))
        if not inner or name == "basic":
            names.add(name)
        for one in inner:
            names |= _keys(one)
    return names


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [one for argument in getattr(annotation, "__args__", ()) for one in _models(argument)]


def test_the_table_of_keys_is_that_of_the_bindings() -> None:
    told = {_SIGNS.get(key, key) for cell in first_cells(section("Keys")) for key in re.findall(r"`([^`]+)`", cell)}
    bound = {
        key.strip()
        for holder in (ConsoleApp, OperationsScreen, RecordTable)
        for binding in holder.BINDINGS
        for key in binding.key.split(",")  # type: ignore[union-attr]
    }
    assert told == bound


async def test_the_table_of_commands_is_that_of_the_registry(tmp_path: Path) -> None:
    told = {" ".join(re.findall(r"^`/([a-z]+(?: [a-z]+)?)", cell)) for cell in first_cells(section("Slash commands"))}
    settings = Settings.model_validate({"sre": {"store": {"url": f"sqlite:///{tmp_path}/store.db"}}})
    backend = Backend(settings, ManualClock(), Surface.CONSOLE, Preferences(tmp_path))
    await backend.open_records()
    try:
        assert told == {command.name for command in backend.registry.commands}
    finally:
        await backend.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_no_machine_and_load_nothing_from_elsewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert not re.findall(r"(?:/root/|/home/|/work/|/tmp/)\S*", text)
    hosts = {host for host in re.findall(r"https?://([\w.-]+)", text) if "." in host}
    assert {host for host in hosts if not host.endswith(".example")} <= {"www.w3.org"}


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in sorted(ROOT.glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{document.name}: {target}"
