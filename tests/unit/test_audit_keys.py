"""A key behind the hashes of the audit: mixed, changed, missing, taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.safety.audit import Anchor, Audit, audit_head
from services.safety.breaker import Breaker
from services.safety.guard import Guard
from services.storage.engine import Store
from services.storage.keys import NO_KEYS, ChainKeyError, ChainKeys, chain_key
from services.vocabulary.errors import Refused, StoreError
from tests.support.store import COLLEAGUE, OPERATOR, Outside, agree, plan_for, temporary_store
from tests.unit.test_audit import record

pytestmark = pytest.mark.usefixtures("engine")

KEY = chain_key("0123456789abcdef0123456789abcdef")
NEXT = chain_key("fedcba9876543210fedcba9876543210")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with temporary_store(tmp_path) as store:
        yield store


async def write(store: Store, *keys: ChainKeys) -> Audit:
    """One entry with each of ``keys``."""
    audit = Audit(store)
    for one in keys:
        store.keys = one
        await audit.record(record(repr(one.current)))
    return audit


def test_a_key_is_long_and_never_shown() -> None:
    assert KEY.id != NEXT.id
    assert KEY.id == chain_key("0123456789abcdef0123456789abcdef").id
    assert "0123456789abcdef0" not in repr(ChainKeys(KEY))
    assert KEY.id in repr(KEY)
    with pytest.raises(ChainKeyError, match="at least 32"):
        chain_key("0123456789abcdef0123456789abcde")


async def test_entries_without_a_key_may_come_before_those_with_one(store: Store) -> None:
    audit = await write(store, NO_KEYS, NO_KEYS, ChainKeys(KEY), ChainKeys(KEY))
    found = await audit.verify()
    assert (found.whole, found.entries, found.keyed, found.key_ids) == (True, 4, 2, (KEY.id,))
    assert [entry.key_id for entry in await audit.list()] == [KEY.id, KEY.id, "", ""]
    assert (await audit_head(store)).key_id == KEY.id


async def test_a_key_may_be_changed_as_long_as_the_earlier_one_is_known(store: Store) -> None:
    audit = await write(store, ChainKeys(KEY), ChainKeys(NEXT, (KEY,)))
    found = await audit.verify()
    assert (found.whole, found.key_ids) == (True, (KEY.id, NEXT.id))
    store.keys = ChainKeys(NEXT)
    broken = await audit.verify()
    assert (broken.whole, broken.sequence, KEY.id in broken.problem) == (False, 1, True)
    assert "does not have" in broken.problem


async def test_whoever_has_no_key_cannot_make_an_entry_fit(store: Store) -> None:
    audit = await write(store, ChainKeys(KEY), ChainKeys(KEY), ChainKeys(KEY))
    # All that somebody can do who may write the store: alter an entry and work its hash out anew without the key.
    from sqlalchemy import select, update

    from services.safety.audit_entry import hashed_fields
    from services.storage import tables
    from services.storage.chain import digest

    async with store.write() as connection:
        row = (await connection.execute(select(tables.audit).where(tables.audit.c.sequence == 3))).mappings().one()
        fields = hashed_fields({**row, "operator": "op-x"})
        assert fields is not None
        own = digest(row["previous"], fields)
        await connection.execute(
            update(tables.audit).where(tables.audit.c.sequence == 3).values(operator="op-x", hash=own)
        )
        await connection.execute(
            update(tables.chain_heads).where(tables.chain_heads.c.name == "audit").values(hash=own)
        )
    found = await audit.verify()
    assert (found.whole, found.sequence) == (False, 3)
    assert "altered" in found.problem


@pytest.mark.parametrize("keys", [NO_KEYS, ChainKeys(problem="the keyring does not answer")])
async def test_a_console_without_the_key_adds_nothing_and_sends_nothing(store: Store, keys: ChainKeys) -> None:
    await write(store, ChainKeys(KEY))
    store.keys = keys
    with pytest.raises(StoreError, match="key"):
        await Audit(store).record(record())
    outside = Outside()
    with pytest.raises(Refused, match=r"nothing was sent, because .*key"):
        await Guard(store, store.clock).execute(plan_for(outside), command="/x", actor=OPERATOR, confirm=agree)
    assert outside.calls == []
    assert (await audit_head(store)).sequence == 1


async def test_a_configured_key_that_cannot_be_had_is_not_left_out(store: Store) -> None:
    store.keys = ChainKeys(problem="the environment variable AUDIT_KEY is not set")
    with pytest.raises(StoreError, match="AUDIT_KEY is not set"):
        await Audit(store).record(record())


async def test_an_emergency_stop_waits_for_no_key_and_is_named(store: Store) -> None:
    await write(store, ChainKeys(KEY))
    store.keys = NO_KEYS
    breaker = Breaker(store, store.clock)
    assert (await breaker.open(COLLEAGUE, "storm")).is_open
    with pytest.raises(StoreError, match="which this console does not have"):
        await breaker.close(COLLEAGUE, "over")
    assert (await breaker.read()).is_open
    audit = await write(store, ChainKeys(KEY))  # the others go on
    found = await audit.verify()
    assert (found.whole, found.sequence, found.entries) == (False, 2, 3)
    assert "not hashed with a key" in found.problem
    assert "circuit.open by op-b on desk-2" in found.problem


async def test_a_downgrade_by_hand_is_named(store: Store) -> None:
    audit = await write(store, NO_KEYS, ChainKeys(KEY))
    async with store.write() as connection:
        await connection.exec_driver_sql("UPDATE chain_heads SET key_id = '' WHERE name = 'audit'")
    await write(store, NO_KEYS)
    store.keys = ChainKeys(KEY)
    found = await audit.verify()
    assert (found.whole, found.sequence) == (False, 3)
    assert "not hashed with a key, and entries before it are" in found.problem


async def test_a_chain_that_was_forged_whole_contradicts_a_head_kept_elsewhere(store: Store) -> None:
    audit = await write(store, ChainKeys(KEY), ChainKeys(KEY))
    kept = await audit_head(store)
    async with store.write() as connection:
        for table in ("audit", "audit_words"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")
        await connection.exec_driver_sql(f"UPDATE chain_heads SET sequence = 0, hash = '{'0' * 64}', key_id = ''")
    await write(store, NO_KEYS, NO_KEYS, NO_KEYS)
    assert (await audit.verify()).whole
    anchor = Anchor(kept.sequence, kept.hash, "the log")
    found = await audit.verify(anchors=[anchor])
    assert (found.whole, found.sequence) == (False, 2)
    assert "entry 2 is not the one that the log notes" in found.problem


async def test_a_tail_that_was_cut_with_its_note_shows_by_a_head_kept_elsewhere(store: Store) -> None:
    audit = await write(store, *[ChainKeys(KEY)] * 5)
    kept = await audit_head(store)
    fourth = (await audit.list(2))[1]
    async with store.write() as connection:
        await connection.exec_driver_sql("DELETE FROM audit WHERE sequence > 3")
        await connection.exec_driver_sql("DELETE FROM audit_words WHERE sequence > 3")
        third = fourth.previous
        await connection.exec_driver_sql(f"UPDATE chain_heads SET sequence = 3, hash = '{third}'")
    found = await audit.verify()
    assert (found.whole, found.entries, found.anchored) == (True, 3, 0)  # nothing in the store itself can tell
    found = await audit.verify(anchors=[Anchor(kept.sequence, kept.hash, "line 7 of heads")])
    assert (found.whole, found.sequence) == (False, 4)
    assert "entries up to 5 were there once, says line 7 of heads, and were removed" in found.problem
    good = await audit.verify(anchors=[Anchor(3, third, "the gateway")])
    assert (good.whole, good.anchored, good.anchors) == (True, 3, 1)
    assert replace(good, anchored=0, anchors=0) == await audit.verify()
