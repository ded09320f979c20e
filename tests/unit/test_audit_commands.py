"""/audit through the registry and a real store: show, verify with anchors, export; what an older program wrote."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, text

from services.audit.anchors import AnchorError, AnchorFile, Anchoring, parse_head
from services.audit.commands import COMMANDS, AuditNeeds
from services.audit.export import ExportError
from services.audit.search import AuditSearch
from services.command import Invocation, Result
from services.registry import CommandError, Registry
from services.safety.audit import Audit, audit_head
from services.storage.chain import GENESIS, digest
from services.storage.engine import Store, open_store
from services.storage.keys import ChainKeys
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.redaction import HIDDEN, Redaction
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import OPERATOR, agree, keep_store_at, store_url, temporary_store
from tests.unit.test_audit import record
from tests.unit.test_audit_keys import KEY

pytestmark = pytest.mark.usefixtures("engine")


class Desk:
    """A registry with /audit alone."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self.audit = Audit(store)
        self.redaction = Redaction()
        self.file = AnchorFile(directory / "heads" / "audit.jsonl", store.name)
        self.anchoring = Anchoring(self.file, store.clock)
        self.written: list[str] = []
        self.told: list[tuple[int, int]] = []
        self.registry = Registry(None)
        self.registry.add(
            COMMANDS,
            AuditNeeds(
                self.audit, AuditSearch(store), store.clock, self.redaction, lambda: store.keys, anchor_file=self.file
            ),
        )

    async def run(self, line: str, *, screen: bool = False) -> Result:
        """Run a line; ``screen`` has no stdout."""
        invocation = Invocation(
            OPERATOR,
            agree,
            progress=lambda _, done, total: self.told.append((done, total)),
            write=None if screen else self.written.append,
        )
        return await self.registry.run(self.registry.parse(line), invocation)

    async def fill(self, count: int) -> None:
        async with self.store.write() as connection:
            for number in range(count):
                await self.audit.append(connection, record(f"entry {number + 1}"))

    async def anchor(self) -> None:
        self.anchoring.note(await audit_head(self.store))

    async def sql(self, statement: str) -> None:
        async with self.store.write() as connection:
            await connection.exec_driver_sql(statement)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with temporary_store(tmp_path) as store:
        yield Desk(store, tmp_path)


# List and show --------------------------------------------------------------------------------------------------


async def test_a_list_is_filtered_and_paged(desk: Desk) -> None:
    await desk.fill(3)
    await desk.audit.record(replace(record("other"), actor=replace(OPERATOR, operator="op-b"), outcome="failed"))
    found = await desk.run("/audit list --operator op-b --outcome failed --since 1h --limit 5")
    assert [one["sequence"] for one in found.data] == [4]
    assert found.message == "1 entry of those"
    page = await desk.run("/audit list --limit 2")
    assert [one["sequence"] for one in page.data] == [4, 3]
    assert page.lines == ("older ones: the same with --before 3",)
    assert [one["sequence"] for one in (await desk.run("/audit list --limit 2 --before 3")).data] == [2, 1]
    assert (await desk.run("/audit list --before 1")).message == "there is no such entry"


@pytest.mark.parametrize(
    "line",
    [
        "/audit list --since yesterday",
        "/audit list --since +2h",
        "/audit list --decision maybe",
        "/audit list --limit 0",
        "/audit list --before 0",
        "/audit show x",
        "/audit verify --head 17",
        "/audit verify --head 0:" + "0" * 64,
        "/audit verify --head 1:" + "Z" * 64,
        "/audit export --format xml",
    ],
)
def test_what_is_no_filter_is_refused_as_it_is_typed(desk: Desk, line: str) -> None:
    with pytest.raises(CommandError):
        desk.registry.parse(line)


async def test_a_time_before_all_dates_is_refused(desk: Desk) -> None:
    with pytest.raises(ConsoleError, match="longer ago"):
        await desk.run("/audit list --since 9000y")


async def test_show_tells_everything_and_whether_it_was_altered(desk: Desk) -> None:
    desk.store.keys = ChainKeys(KEY)
    await desk.fill(2)
    shown = await desk.run("/audit show 2")
    assert shown.ok
    assert shown.data["hash"] == (await desk.audit.head()).hash
    assert shown.data["altered"] is False
    words = "\n".join(shown.lines)
    for part in ("op-a (alpha@desk-1)", "thing thing in prod", "1500 ms", f"key {KEY.id}", "breaker closed"):
        assert part in words, words
    await desk.sql("UPDATE audit SET database_user = 'x' WHERE sequence = 2")
    altered = await desk.run("/audit show 2")
    assert (altered.ok, altered.data["altered"]) == (False, True)
    assert altered.lines[-1] == "it was altered after it was written"
    desk.store.keys = ChainKeys()
    assert "does not have the key" in (await desk.run("/audit show 1")).lines[-1]
    with pytest.raises(NotFound, match="no entry 3"):
        await desk.run("/audit show 3")


# Verify ---------------------------------------------------------------------------------------------------------


async def test_verify_tells_how_far_it_is_and_what_it_does_not_prove(desk: Desk) -> None:
    await desk.fill(1203)
    whole = await desk.run("/audit verify")
    assert whole.ok
    assert desk.told == [*((done, 1203) for done in range(250, 1203, 250)), (1203, 1203)]
    words = " ".join(whole.lines)
    assert "no entry is hashed with a key" in words
    assert "local root user" in words
    assert "a tail cut together with the store's own note of it would not show" in words
    assert f"the anchor file {desk.file.path} is not there" in words
    await desk.anchor()
    anchored = await desk.run("/audit verify")
    assert (anchored.data["anchored"], anchored.data["anchors"]) == (1203, 1)
    assert "confirm it up to entry 1203" in " ".join(anchored.lines)


async def test_verify_names_a_cut_tail_by_the_anchor_file_and_by_a_head_from_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await desk.fill(2)
    await desk.anchor()
    second = (await audit_head(desk.store)).hash
    await desk.fill(1)
    await desk.anchor()
    logged = caplog.messages[-1].removeprefix("head of the audit: ")
    assert parse_head(logged).sequence == 3
    for table in ("audit", "audit_words"):
        await desk.sql(f"DELETE FROM {table} WHERE sequence = 3")
    await desk.sql(f"UPDATE chain_heads SET sequence = 2, hash = '{second}'")
    broken = await desk.run("/audit verify")
    assert (broken.ok, broken.data["broken_at"]) == (False, 3)
    assert f"says line 2 of {desk.file.path}" in broken.message
    assert broken.lines == ("2 entries before it are whole",)
    desk.file.path.unlink()
    assert (await desk.run("/audit verify")).ok
    assert (await desk.run(f"/audit verify --head {logged}")).data["broken_at"] == 3
    good = await desk.run(f"/audit verify --head 2:{second}")
    assert (good.ok, good.data["anchored"]) == (True, 2)


# Anchors --------------------------------------------------------------------------------------------------------


async def test_the_anchor_file_is_only_added_to_once_a_head_by_several_consoles(desk: Desk) -> None:
    await desk.anchor()
    assert not desk.file.path.exists()  # nothing was decided yet
    await desk.fill(1)
    other = Anchoring(AnchorFile(desk.file.path, desk.store.name), desk.store.clock)
    for _ in range(2):
        await desk.anchor()
        other.note(await audit_head(desk.store))
    (line,) = desk.file.path.read_text().splitlines()
    head = await audit_head(desk.store)
    assert json.loads(line) == {
        "at": EPOCH.isoformat(),
        "store": desk.store.name,
        "sequence": 1,
        "hash": head.hash,
        "key": "",
    }
    assert stat.S_IMODE(desk.file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.file.path.parent.stat().st_mode) == 0o700
    # Another store's heads in the same file are no concern of this one.
    AnchorFile(desk.file.path, "another store").add(head, desk.store.clock)
    await desk.fill(1)
    await desk.anchor()
    size = desk.file.size()
    assert size is not None
    assert [one.sequence for one in desk.file.read(size)] == [1, 2]
    assert (await desk.run("/audit verify")).data["anchors"] == 2


async def test_what_is_noted_while_it_is_checked_is_left_for_the_next_time(desk: Desk) -> None:
    await desk.fill(1)
    await desk.anchor()
    size = desk.file.size()
    assert size is not None
    await desk.fill(1)
    await desk.anchor()
    assert [one.sequence for one in desk.file.read(size)] == [1]


@pytest.mark.parametrize("line", ["", "nonsense", "[]", '{"store": 1}', "\udcff", "x" * 10_000])
async def test_a_line_that_is_no_head_is_named(desk: Desk, line: str) -> None:
    await desk.fill(1)
    await desk.anchor()
    with desk.file.path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(AnchorError, match=r"line 2 of .* is no head of an audit"):
        await desk.run("/audit verify")


async def test_an_anchor_file_that_cannot_be_written_says_so(desk: Desk, tmp_path: Path) -> None:
    await desk.fill(1)
    head = await audit_head(desk.store)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AnchorError, match="cannot be written"):
        AnchorFile(tmp_path / "link", "s").add(head, desk.store.clock)
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(AnchorError, match="cannot be written"):
        AnchorFile(tmp_path, "s").add(head, desk.store.clock)


# Export ---------------------------------------------------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07\u202e"


async def test_json_lines_hold_everything_exactly_and_no_secret(desk: Desk) -> None:
    await desk.fill(2)
    await desk.audit.record(replace(record(HOSTILE + " correct horse"), command="=cmd()"))
    desk.redaction.add("correct horse")  # became known after the entry was written
    done = await desk.run("/audit export")
    assert (done.message, done.streamed, done.data) == ("3 entries written", True, {"entries": 3})
    text = "".join(desk.written)
    assert text.isascii()
    assert "\x1b" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [one["sequence"] for one in lines] == [1, 2, 3]
    assert lines[2]["message"] == f"{HOSTILE} {HIDDEN}"
    assert lines[2]["targets"] == [{"kind": "thing", "name": "thing", "environment": "prod"}]


async def test_csv_is_harmless_for_terminals_and_spreadsheets(desk: Desk, tmp_path: Path) -> None:
    await desk.audit.record(replace(record(f'{HOSTILE}a "b", c\nd'), command="=HYPERLINK(1)"))
    file = tmp_path / "audit.csv"
    done = await desk.run(f"/audit export {file} --format csv", screen=True)
    assert done.message == f"1 entry written to {file} (mode 0600)"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    raw = file.read_bytes()
    assert b"\x1b" not in raw
    (row,) = list(csv.DictReader(raw.decode().splitlines()))
    assert row["command"] == "'=HYPERLINK(1)"
    assert row["message"] == '␛]0;owned␇‹U+202E›a "b", c␤d'
    assert json.loads(row["targets"])[0]["name"] == "thing"
    assert row["duration_ms"] == "1500"


async def test_a_file_is_never_replaced_without_a_word(desk: Desk, tmp_path: Path) -> None:
    await desk.fill(1)
    file = tmp_path / "audit.jsonl"
    file.write_text("precious")
    file.chmod(0o644)
    with pytest.raises(ExportError, match="is there already, nothing was written"):
        await desk.run(f"/audit export {file}")
    assert file.read_text() == "precious"
    done = await desk.run(f"/audit export {file} --replace")
    assert done.message.endswith("(mode 0600), which was replaced")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["sequence"] == 1
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "not there")
    with pytest.raises(ExportError, match="is there already"):
        await desk.run(f"/audit export {dangling}")
    with pytest.raises(ExportError, match="cannot be written"):
        await desk.run(f"/audit export {tmp_path}/missing/audit.jsonl")
    assert sorted(os.listdir(tmp_path))[:2] == ["audit.jsonl", "dangling"]
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


async def test_with_a_screen_an_export_needs_a_file(desk: Desk) -> None:
    with pytest.raises(ConsoleError, match="there is no stdout here"):
        await desk.run("/audit export", screen=True)


async def test_an_export_is_filtered(desk: Desk) -> None:
    await desk.fill(3)
    await desk.audit.record(replace(record("no"), outcome="failed"))
    await desk.run("/audit export --outcome failed")
    assert [json.loads(line)["sequence"] for line in "".join(desk.written).splitlines()] == [4]


# What an older program wrote --------------------------------------------------------------------------------------


def _old_fields(sequence: int) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "at": EPOCH,
        "operator": "op-a",
        "os_user": "alpha",
        "host": "desk-1",
        "surface": "console",
        "command": "/alerts ack 3f2a",
        "action": "alertmanager.ack",
        "source": "alertmanager prod",
        "environment": "prod",
        "targets": [{"kind": "alert", "name": "prod/3f2a", "environment": "prod"}],
        "decision": "allowed",
        "rule": "breaker closed",
        "outcome": "done",
        "message": "muted",
        "duration_ms": 12,
        "intent": None,
    }


def _old_store(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    from services.storage.tables import audit

    config = Config()
    config.set_main_option("script_location", "services.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0003")
    head = GENESIS
    for sequence in (1, 2, 3):
        fields = _old_fields(sequence)
        own = digest(head, fields)
        connection.execute(insert(audit).values(**fields, previous=head, hash=own))
        head = own
    connection.execute(text("UPDATE chain_heads SET sequence = 3, hash = :own WHERE name = 'audit'"), {"own": head})


@pytest.fixture
def old_store(engine: str, tmp_path: Path) -> Path:
    """A store as the program before this form of the audit left it."""
    directory = tmp_path / "old"
    directory.mkdir(mode=0o700)
    if engine == "postgresql":
        from tests.support.postgresql import shared_server

        server = shared_server()
        keep_store_at(directory, server.url(server.create_database()))
        url = store_url(directory).replace("postgresql://", "postgresql+psycopg://")
    else:
        (directory / "state").mkdir(mode=0o700)
        url = store_url(directory)
    made = create_engine(url)
    with made.begin() as connection:
        _old_store(connection)
    made.dispose()
    return directory


async def test_entries_of_an_older_program_stay_whole_and_can_be_found(old_store: Path) -> None:
    store = await open_store(store_url(old_store), ManualClock())
    try:
        desk = Desk(store, old_store)
        assert [(one.form, one.database_user) for one in await desk.audit.list()] == [(1, "")] * 3
        store.keys = ChainKeys(KEY)
        await desk.fill(2)
        found = await desk.audit.verify()
        assert (found.whole, found.entries, found.keyed) == (True, 5, 2)
        page = await desk.run('/audit list --target 3f2a --command "alerts ack"')
        assert [one["sequence"] for one in page.data] == [3, 2, 1]
        # What was added since is no free space in an old entry, and no newer entry can pass for an old one.
        for damage, sequence in (
            ("UPDATE audit SET database_user = 'x' WHERE sequence = 2", 2),
            ("UPDATE audit SET undo = '/x' WHERE sequence = 2", 2),
            ("UPDATE audit SET form = 2 WHERE sequence = 3", 3),
        ):
            async with store.write() as connection:
                await connection.exec_driver_sql(damage)
            broken = await desk.audit.verify()
            assert (broken.whole, broken.sequence) == (False, sequence), damage
            async with store.write() as connection:
                await connection.exec_driver_sql(
                    "UPDATE audit SET database_user = '', undo = '', form = 1 WHERE sequence < 4"
                )
        assert (await desk.audit.verify()).whole
    finally:
        await store.close()
