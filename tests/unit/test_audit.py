"""The audit chain shows every change to its past."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect

from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.journal import begin
from services.safety.plan import Target
from services.storage.chain import GENESIS, digest, storable
from services.storage.engine import Store
from services.vocabulary.redaction import HIDDEN, Redaction
from tests.support.clock import EPOCH
from tests.support.store import OPERATOR, Outside, plan_for, temporary_store

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path) as store:
        yield store


def record(message: str = "done") -> AuditRecord:
    return AuditRecord(
        actor=OPERATOR,
        command="/thing change",
        action="test.change",
        decision=Decision.ALLOWED,
        rule="breaker closed",
        outcome="done",
        message=message,
        source="outside prod",
        environment="prod",
        targets=(Target("thing", "thing", "prod"),),
        duration=timedelta(seconds=1.5),
    )


async def fill(store: Store, entries: int) -> Audit:
    audit = Audit(store)
    async with store.write() as connection:
        # What the entries' column points to.
        await begin(
            connection,
            plan_for(Outside()),
            actor=OPERATOR,
            command="/thing change",
            at=EPOCH,
            expires_at=EPOCH,
            breaker_revision=0,
        )
        for number in range(1, entries + 1):
            assert await audit.append(connection, record(f"entry {number}")) == number
    return audit


async def test_secrets_are_taken_out_before_an_entry_is_kept(store: Store) -> None:
    store.redact = Redaction(["correct horse"])
    audit = Audit(store)
    spoken = replace(
        record("answered: Authorization: Bearer abcdef"),
        command='/thing change --note "correct horse"',
        targets=(Target("thing", "http://op:hunter2@host/x", "prod"),),
    )
    await audit.record(spoken)
    entry = (await audit.list(1))[0]
    kept = repr(entry)
    assert "horse" not in kept
    assert "abcdef" not in kept
    assert "hunter2" not in kept
    assert entry.command == f'/thing change --note "{HIDDEN}"'
    assert (await audit.verify()).whole


async def test_what_was_appended_is_listed_newest_first_and_paged(store: Store) -> None:
    audit = await fill(store, 5)
    assert [entry.sequence for entry in await audit.list(2)] == [5, 4]
    assert [entry.sequence for entry in await audit.list(2, before=4)] == [3, 2]
    entry = (await audit.list(1))[0]
    assert (entry.at, entry.duration_ms, entry.message) == (EPOCH, 1500, "entry 5")
    assert entry.targets == ({"kind": "thing", "name": "thing", "environment": "prod"},)


async def test_a_record_is_dropped_with_its_transaction(store: Store) -> None:
    audit = await fill(store, 1)

    async def append_and_fail() -> None:
        async with store.write() as connection:
            await audit.append(connection, record())
            raise KeyError

    with pytest.raises(KeyError):
        await append_and_fail()
    assert (await audit.verify()).entries == 1


async def test_an_empty_and_a_long_chain_are_whole(store: Store) -> None:
    empty = await Audit(store).verify()
    assert (empty.whole, empty.entries, empty.head) == (True, 0, GENESIS)
    audit = await fill(store, 1003)  # several pages
    found = await audit.verify()
    assert (found.whole, found.entries) == (True, 1003)
    assert found.head == (await audit.list(1))[0].hash


@pytest.mark.parametrize(
    ("damage", "sequence", "word"),
    [
        *(
            (f"UPDATE audit SET {column} = '{value}' WHERE sequence = 3", 3, "altered")
            for column, value in {
                "at": "2026-03-02 19:31:08.000000",
                "operator": "op-x",
                "os_user": "x",
                "host": "x",
                "surface": "exec",
                "command": "/x",
                "action": "x",
                "source": "x",
                "environment": "x",
                "targets": '[{"kind": "thing", "name": "thing", "environment": "stage"}]',
                "decision": "refused",
                "rule": "x",
                "outcome": "failed",
                "message": "entry 3 ",
                "duration_ms": "1501",
                "database_user": "x",
                "automation": "true",
                "undo": "/x",
                "undoes": "1",
            }.items()
        ),
        ("UPDATE audit SET key_id = 'x' WHERE sequence = 3", 3, "cannot be checked"),
        ("UPDATE audit SET form = 1 WHERE sequence = 3", 3, "altered"),
        ("UPDATE audit SET form = 3 WHERE sequence = 3", 3, "altered"),
        ("UPDATE audit SET intent = 1 WHERE sequence = 3", 3, "altered"),
        ("UPDATE audit_words SET word = 'x' WHERE sequence = 3 AND kind = 'command'", 3, "filters"),
        ("DELETE FROM audit_words WHERE sequence = 3", 3, "filters"),
        ("UPDATE chain_heads SET key_id = 'x'", 5, "notes the key"),
        ("UPDATE audit SET duration_ms = NULL WHERE sequence = 3", 3, "altered"),
        ("UPDATE audit SET hash = 'x' WHERE sequence = 3", 3, "altered"),
        ("UPDATE audit SET previous = 'x' WHERE sequence = 3", 3, "replaced"),
        ("DELETE FROM audit WHERE sequence = 1", 1, "missing"),
        ("DELETE FROM audit WHERE sequence = 3", 3, "missing"),
        ("DELETE FROM audit WHERE sequence = 5", 5, "removed"),
        ("DELETE FROM audit", 1, "removed"),
        ("DELETE FROM chain_heads", 5, "noted"),
        ("UPDATE chain_heads SET sequence = 4", 5, "noted"),
        (
            "UPDATE audit SET sequence = 99 WHERE sequence = 3;"
            "UPDATE audit SET sequence = 3 WHERE sequence = 4;"
            "UPDATE audit SET sequence = 4 WHERE sequence = 99",
            3,
            "replaced",
        ),
    ],
)
async def test_damage_is_found_and_named(store: Store, damage: str, sequence: int, word: str) -> None:
    audit = await fill(store, 5)
    async with store.write() as connection:
        for statement in damage.split(";"):
            await connection.exec_driver_sql(statement)
    found = await audit.verify()
    assert not found.whole
    assert (found.sequence, word in found.problem) == (sequence, True), found.problem


async def test_every_column_of_an_entry_is_hashed(store: Store) -> None:
    # The damage above must not forget a column that is added later.
    audit = await fill(store, 1)
    async with store.read() as connection:
        columns = await connection.run_sync(
            lambda one: {column["name"] for column in inspect(one).get_columns("audit")}
        )
    entry = (await audit.list(1))[0]
    fields = {
        name: list(entry.targets) if name == "targets" else getattr(entry, name)
        for name in columns - {"previous", "hash"}
    }
    assert digest(entry.previous, fields) == entry.hash


@given(st.text())
def test_any_text_can_be_kept_and_hashed(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    assert kept.encode("utf-8").decode("utf-8") == kept
    assert storable(kept) == kept
    assert digest(GENESIS, {"text": kept}) != digest(GENESIS, {"text": kept + "x"})


async def test_hostile_text_comes_back_as_it_was_hashed(store: Store) -> None:
    audit = Audit(store)
    for text in ("\ud800", "a\0b", "\x1b[31m", "\u202e", "\U0001f469\u200d\U0001f692", "x" * 10_000):
        await audit.record(record(text))
    found = await audit.verify()
    assert (found.whole, found.entries) == (True, 6)


def test_the_hash_is_of_canonical_json() -> None:
    import hashlib

    fields = {"b": 1, "a": "ä", "at": datetime(2026, 3, 2, 20, 31, 7, tzinfo=timezone(timedelta(hours=1)))}
    text = '{"a":"\\u00e4","at":"2026-03-02T19:31:07.000000Z","b":1,"previous":"p"}'
    assert json.loads(text)["a"] == "ä"
    assert digest("p", fields) == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(ValueError, match="without a zone"):
        digest("p", {"at": datetime(2026, 3, 2)})  # noqa: DTZ001 - the point
    with pytest.raises(TypeError):
        digest("p", {"at": {1, 2}})
    with pytest.raises(ValueError, match="JSON"):
        digest("p", {"n": float("nan")})
    assert digest("p", {"at": datetime(2026, 3, 2, tzinfo=UTC)})
