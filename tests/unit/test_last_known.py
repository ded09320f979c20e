"""What was last known of a store's breakers survives the store, and what cannot be read is never taken for closed."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from console.late_store import LateStore
from services.safety.actor import Actor
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.safety.last_known import LastKnown, LastKnownError, Opened
from services.safety.renewal import renew
from services.storage.address import parse_address
from services.storage.engine import open_store
from services.storage.tables import metadata
from services.vocabulary.errors import StoreGone, StoreLost
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, count_up, counted, store_url, temporary_store

pytestmark = pytest.mark.usefixtures("engine")


def known_of(directory: Path) -> LastKnown:
    return LastKnown(directory / "memory", parse_address(store_url(directory)).identity)


def late(directory: Path, known: LastKnown | None = None) -> LateStore:
    return LateStore(store_url(directory), ManualClock(), read_only=False, last_known=known or known_of(directory))


async def lose(directory: Path) -> None:
    """The store is gone, as after a wrong ``rm`` or ``DROP SCHEMA``."""
    url = store_url(directory)
    if url.startswith("sqlite"):
        for file in (directory / "state").glob("console.db*"):
            file.unlink()
        return
    store = await open_store(url, ManualClock())
    async with store.write() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.exec_driver_sql("DROP TABLE alembic_version")
    await store.close()


async def touched(directory: Path, *, by: Actor = OPERATOR, scopes: tuple[str, ...] = (GLOBAL,)) -> LastKnown:
    """A store that was read and whose breakers ``by`` opened, last known by what this answers."""
    known = known_of(directory)
    store = late(directory, known)
    for scope in scopes:
        await Breaker(store, store.clock, last_known=known).open(by, "storm", scope=scope)
    await count_up(store)
    await store.close()
    return known


async def test_it_keeps_what_a_person_opened(tmp_path: Path) -> None:
    known = known_of(tmp_path)
    assert (known.knows(), known.opened(), known.noted_at()) == (False, (), "")
    async with temporary_store(tmp_path) as store:
        breaker = Breaker(store, store.clock, last_known=known)
        await breaker.read()
        assert (known.knows(), known.opened()) == (True, ())
        await breaker.open(OPERATOR, "storm", scope="a")
        await breaker.open(OPERATOR)
    again = known_of(tmp_path)
    assert again.opened() == (
        Opened("global", "op-a", EPOCH.isoformat(), ""),
        Opened("a", "op-a", EPOCH.isoformat(), "storm"),
    )
    assert again.opened()[1].told == f"the breaker of a was opened by op-a at {EPOCH:%Y-%m-%d %H:%M:%S} UTC: storm"
    assert again.noted_at() == EPOCH.isoformat()
    assert not LastKnown(tmp_path / "memory", "another").knows()
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(again.path.parent.stat().st_mode) == 0o700
    assert not any(word in again.path.read_text() for word in ("sqlite", "postgres", "console"))


@pytest.mark.parametrize("content", ["{", "[]", '{"opened": [1]}', '{"revisions": {"a": "b"}}'])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: str) -> None:
    known = known_of(tmp_path)
    known.path.parent.mkdir()
    known.path.write_text(content)
    with pytest.raises(LastKnownError, match="last-known"):
        known.opened()
    known.check((), "x")  # a store that is there says it better


async def test_one_store_has_one_memory_however_its_url_is_written(tmp_path: Path) -> None:
    plain = parse_address(f"sqlite:///{tmp_path}/a.db").identity
    assert parse_address(f"sqlite:///{tmp_path}/x/../a.db").identity == plain
    team = parse_address("postgresql://ann@db.example.com/console").identity
    assert parse_address("postgresql://bob@db.example.com/console?sslmode=require").identity == team
    others = ("postgresql://ann@db.example.com/other", "postgresql://ann@db.example.com/console?schema=a")
    assert team not in [parse_address(other).identity for other in others]


async def test_the_first_start_makes_a_store_and_the_next_one_makes_no_second(tmp_path: Path) -> None:
    await touched(tmp_path)
    await lose(tmp_path)
    for _ in range(2):
        store = late(tmp_path)
        with pytest.raises(StoreGone, match=r"is gone: .* was here before") as told:
            await count_up(store)
        assert "sre-console store init --reason" in told.value.hint
        await store.close()
    assert not (tmp_path / "state" / "console.db").exists()


async def test_an_emptied_file_is_no_new_store_either(tmp_path: Path) -> None:
    await touched(tmp_path)
    await lose(tmp_path)
    if not store_url(tmp_path).startswith("sqlite"):
        pytest.skip("a file is emptied")
    (tmp_path / "state" / "console.db").touch()
    with pytest.raises(StoreGone):
        await late(tmp_path).version()
    assert (tmp_path / "state" / "console.db").stat().st_size == 0


async def test_a_memory_that_cannot_be_read_makes_no_store(tmp_path: Path) -> None:
    known = await touched(tmp_path)
    known.path.write_text("{")
    store = late(tmp_path)
    assert await counted(store) == 1  # the store is there, and is remembered anew
    await store.close()
    assert known_of(tmp_path).opened()[0].scope == GLOBAL
    known.path.write_text("{")
    await lose(tmp_path)
    with pytest.raises(StoreGone):
        await late(tmp_path).version()


async def test_a_store_that_is_put_back_is_taken_without_a_word(tmp_path: Path) -> None:
    if not store_url(tmp_path).startswith("sqlite"):
        pytest.skip("a file is moved")
    await touched(tmp_path)
    (tmp_path / "state").rename(tmp_path / "aside")
    store = late(tmp_path)
    with pytest.raises(StoreGone):
        await store.version()
    (tmp_path / "aside").rename(tmp_path / "state")
    assert await counted(store) == 1
    await store.close()


async def test_an_older_copy_is_not_taken_for_the_store(tmp_path: Path) -> None:
    known = await touched(tmp_path)
    async with temporary_store(tmp_path) as store, store.write() as connection:
        await connection.exec_driver_sql("UPDATE breakers SET state = 'closed', revision = 0")
    with pytest.raises(StoreGone, match=r"is older than what was last known.*revision 1, and now at 0") as told:
        await late(tmp_path).version()
    assert "store init" in told.value.hint
    async with temporary_store(tmp_path) as store:
        with pytest.raises(StoreLost, match="is older"):
            await Breaker(store, store.clock, last_known=known_of(tmp_path)).read_all()
    assert known.opened()[0].manual


async def test_a_new_store_keeps_open_what_a_person_had_opened(tmp_path: Path) -> None:
    known = await touched(tmp_path, by=COLLEAGUE, scopes=(GLOBAL, "alertmanager prod"))
    await lose(tmp_path)
    store = await open_store(store_url(tmp_path), ManualClock())
    renewal = await renew(store, known_of(tmp_path), OPERATOR, "disk died", made=True)
    assert renewal.changed
    assert [one.scope for one in renewal.carried] == [GLOBAL, "alertmanager prod"]
    now = await Breaker(store, store.clock).read_all()
    assert [(one.is_open, one.manual, one.changed_by) for one in now] == [(True, True, "op-b")] * 2
    assert all(one.revision > known.revisions()[one.scope] for one in now)
    assert now[0].reason == f"opened in the lost store at {EPOCH:%Y-%m-%d %H:%M:%S} UTC: storm"
    (entry,) = await Audit(store).list(1)
    assert (entry.action, entry.operator) == ("store.init", "op-a")
    assert "made anew: disk died; the circuit stays open" in entry.message
    await store.close()
    # Whoever knew the lost store takes this one for its successor, with a memory of its own too.
    for memory in (known_of(tmp_path), known):
        again = late(tmp_path, memory)
        assert await counted(again) == 0
        await again.close()


async def test_what_was_closed_is_not_opened_by_a_new_store_unless_nobody_knows(tmp_path: Path) -> None:
    known = known_of(tmp_path)
    first = late(tmp_path, known)
    await first.version()
    await first.close()
    await lose(tmp_path)
    store = await open_store(store_url(tmp_path), ManualClock())
    renewal = await renew(store, known_of(tmp_path), OPERATOR, "moved", made=True)
    assert renewal.carried == ()
    await store.close()
    await lose(tmp_path)
    known.path.write_text("{")
    store = await open_store(store_url(tmp_path), ManualClock())
    renewal = await renew(store, known_of(tmp_path), OPERATOR, "moved", made=True)
    (carried,) = renewal.carried
    assert carried.is_open
    assert "nobody can tell" in carried.reason
    await store.close()


async def test_the_store_that_is_known_is_left_as_it_is(tmp_path: Path) -> None:
    await touched(tmp_path)
    async with temporary_store(tmp_path) as store:
        assert not (await renew(store, known_of(tmp_path), OPERATOR, "why not", made=False)).changed
        assert len(await Audit(store).list()) == 1


async def test_an_older_copy_is_taken_on_purpose_and_keeps_open_what_was_open(tmp_path: Path) -> None:
    known = await touched(tmp_path)
    async with temporary_store(tmp_path) as store, store.write() as connection:
        await connection.exec_driver_sql("UPDATE breakers SET state = 'closed', revision = 0")
    async with temporary_store(tmp_path) as store:
        renewal = await renew(store, known_of(tmp_path), OPERATOR, "restored last night's copy", made=False)
        assert (renewal.changed, [one.scope for one in renewal.carried]) == (True, [GLOBAL])
    again = late(tmp_path, known)
    assert (await Breaker(again, again.clock).read()).is_open
    await again.close()


async def test_of_two_consoles_that_share_it_the_later_revision_stays(tmp_path: Path) -> None:
    early, late_one = known_of(tmp_path), known_of(tmp_path)
    closed = Circuit(revision=4)
    opened = Circuit(CircuitState.OPEN, 5, "op-b", EPOCH, "storm", manual=True)
    await early.remember([closed], EPOCH)
    await late_one.remember([opened], EPOCH)
    # Who read the store first writes last.
    await known_of(tmp_path).remember([closed], EPOCH)
    again = known_of(tmp_path)
    assert again.revisions() == {GLOBAL: 5}
    assert [one.changed_by for one in again.opened()] == ["op-b"]
    await early.remember([replace(opened, state=CircuitState.CLOSED, revision=6)], EPOCH)
    assert (known_of(tmp_path).revisions(), known_of(tmp_path).opened()) == ({GLOBAL: 6}, ())
