"""``sre-console store``, and ``exec`` on a lost store, as a person meets them; on both engines."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from services.storage.engine import open_store
from services.storage.tables import metadata
from services.vocabulary.clock import SystemClock
from tests.support.store import store_url

pytestmark = pytest.mark.usefixtures("engine")


class Machine:
    """A machine with a configuration, on which commands are run one after another."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = store_url(directory)
        self.directory = directory
        self.config = directory / "config.toml"
        self.config.write_text(f'[sre]\noperator = "op-a"\n[sre.store]\nurl = "{self.url}"\n')
        self._capsys = capsys

    def runs(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and all that was said."""
        code = main([*arguments, "--config", str(self.config)])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def executes(self, line: str, *options: str) -> tuple[int, Any]:
        """The exit code and the answer of one slash command."""
        code, said = self.runs("exec", "--json", *options, line)
        return code, json.loads(said)

    def loses(self) -> None:
        """Somebody removes the store."""
        if self.url.startswith("sqlite"):
            shutil.rmtree(self.directory / "state", ignore_errors=True)
            return

        async def drop() -> None:
            store = await open_store(self.url, SystemClock())
            async with store.write() as connection:
                await connection.run_sync(metadata.drop_all)
                await connection.exec_driver_sql("DROP TABLE alembic_version")
            await store.close()

        asyncio.run(drop())


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return Machine(tmp_path, capsys)


def test_a_lost_store_is_told_of_and_started_anew_on_purpose_alone(machine: Machine) -> None:
    assert machine.executes('/circuit open --reason "vendor outage"')[0] == 0
    machine.loses()
    for _ in range(2):
        code, answer = machine.executes("/circuit status")
        assert code == 1
        assert "the store is gone: " in answer["message"]
        code, said = machine.runs("store", "status")
        assert code == 1
        assert "is gone" in said
        assert "the circuit was opened by op-a" in said
        assert "vendor outage" in said
    code, said = machine.runs("store", "init")
    assert (code, "needs a reason" in said) == (2, True)
    code, said = machine.runs("store", "init", "--reason", "the disk was changed")
    assert code == 0
    assert "made" in said
    assert "the circuit stays open: opened in the lost store at" in said
    code, answer = machine.executes("/circuit status")
    assert (code, answer["data"]["state"]) == (0, "open")
    assert machine.executes('/circuit close --reason "vendor is back"')[0] == 0
    code, said = machine.runs("store", "init", "--reason", "again")
    assert (code, "nothing was changed" in said) == (0, True)
    code, said = machine.runs("store", "status")
    assert (code, "no breaker is open" in said) == (0, True)
    assert machine.executes("/audit verify")[0] == 0
    listed = machine.executes("/audit list")[1]["data"]
    assert [one["action"] for one in listed] == ["circuit.close", "store.init"]
    assert "the disk was changed" in listed[1]["message"]


def test_a_store_that_was_never_there_is_made_without_a_word(machine: Machine) -> None:
    machine.loses()
    code, said = machine.runs("store", "status")
    assert code == 1
    assert "it was never read from this machine" in said
    assert machine.executes("/circuit status")[0] == 0
    machine_status = machine.runs("store", "status")
    assert machine_status[0] == 0
    assert "no breaker was open" in machine_status[1]


def test_init_makes_the_first_store_too(machine: Machine) -> None:
    machine.loses()
    code, said = machine.runs("store", "init", "--reason", "first")
    assert (code, "made" in said) == (0, True)
    assert machine.executes("/circuit status")[1]["data"]["state"] == "closed"


def test_a_damaged_store_is_neither_made_anew_nor_removed(machine: Machine) -> None:
    if not machine.url.startswith("sqlite"):
        pytest.skip("a file is damaged")
    assert machine.executes("/circuit status")[0] == 0
    file = machine.directory / "state" / "console.db"
    for beside in file.parent.glob("console.db-*"):
        beside.unlink()
    file.write_bytes(b"this is no database" * 100)
    code, answer = machine.executes("/circuit status")
    assert code == 1
    assert "is damaged" in answer["message"]
    code, said = machine.runs("store", "init", "--reason", "broken")
    assert code == 1
    assert "move the file aside" in said
    assert file.read_bytes().startswith(b"this is no database")


def test_the_glass_is_broken_with_a_reason_alone(machine: Machine) -> None:
    code, said = machine.runs("exec", "--break-glass", "/alerts ack x")
    assert (code, "--break-glass needs --reason" in said) == (2, True)
    code, said = machine.runs("exec", "--reason", "storm", "/alerts ack x")
    assert code == 2
