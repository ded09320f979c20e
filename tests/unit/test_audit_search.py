"""Filters of the audit find what a look at every entry finds, page by page, on both engines."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.audit.model import AuditFilter
from services.audit.search import AuditSearch
from services.safety.actor import Surface
from services.safety.audit import Audit, AuditEntry, AuditRecord, Decision
from services.safety.plan import Target
from services.storage.engine import Store
from services.vocabulary.errors import ConsoleError, NotFound
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import OPERATOR, temporary_store

pytestmark = pytest.mark.usefixtures("engine")

_ENTRIES = 400


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Entries whose times mostly rise; consoles whose clocks differ wrote them."""
    chance, clock = random.Random(7), ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        audit = Audit(store)
        async with store.write() as connection:
            for number in range(_ENTRIES):
                clock.turn(chance.choice([-20, 1, 5, 60, 60]))
                fingerprint = f"{chance.randrange(6)}f2a{chance.randrange(3)}"
                verb = chance.choice(["alerts ack", "alerts silence", "circuit open"])
                targets = (Target("alert", f"prod/{fingerprint}", "prod"),) if verb.startswith("alerts") else ()
                await audit.append(
                    connection,
                    AuditRecord(
                        actor=replace(OPERATOR, operator=chance.choice(["op-a", "op-a", "op-b", "op-c"])),
                        command=f"/{verb} {fingerprint} --for 1h" if targets else f"/{verb}",
                        action={
                            "alerts ack": "alertmanager.ack",
                            "alerts silence": "alertmanager.silence.create",
                            "circuit open": "circuit.open",
                        }[verb],
                        decision=chance.choice([Decision.ALLOWED, Decision.ALLOWED, Decision.REFUSED]),
                        rule="test",
                        outcome=chance.choice(["done", "done", "done", "failed", "unknown"]),
                        message=str(number),
                        targets=targets,
                    ),
                )
        yield store


def fits(entry: AuditEntry, wanted: AuditFilter) -> bool:
    """The same question, asked of one entry in the plainest way."""
    names = [str(target["name"]) for target in entry.targets]
    return (
        (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at <= wanted.until)
        and wanted.operator in (None, entry.operator)
        and wanted.decision in (None, entry.decision)
        and wanted.outcome in (None, entry.outcome)
        and (wanted.command is None or f"{entry.command} ".startswith(f"/{wanted.command.removeprefix('/')} "))
        and (wanted.kind is None or f"{entry.action}.".startswith(f"{wanted.kind}."))
        and (
            wanted.target is None
            or any(name.startswith(wanted.target) or name.split("/")[1].startswith(wanted.target) for name in names)
        )
    )


MIDDLE = EPOCH + timedelta(hours=2)


@pytest.mark.parametrize(
    "wanted",
    [
        AuditFilter(),
        AuditFilter(operator="op-b"),
        AuditFilter(operator="nobody"),
        AuditFilter(decision="refused"),
        AuditFilter(outcome="failed", decision="refused"),
        AuditFilter(since=MIDDLE),
        AuditFilter(until=MIDDLE),
        AuditFilter(since=MIDDLE, until=MIDDLE + timedelta(hours=1), operator="op-a"),
        AuditFilter(command="alerts ack"),
        AuditFilter(command="/alerts"),
        AuditFilter(command="alert"),
        AuditFilter(kind="alertmanager"),
        AuditFilter(kind="alertmanager.silence", outcome="unknown"),
        AuditFilter(kind="alert"),
        AuditFilter(target="prod/3f2a1"),
        AuditFilter(target="3f2a1"),
        AuditFilter(target="3f", operator="op-c"),
        AuditFilter(target="3f", command="alerts silence", until=MIDDLE),
        AuditFilter(target="9"),
        AuditFilter(target="%"),
        AuditFilter(command="alerts", kind="circuit"),
        AuditFilter(operator="op-a", kind="alertmanager", command="alerts ack", decision="allowed", outcome="done"),
    ],
    ids=str,
)
async def test_a_filter_finds_what_a_look_at_each_entry_finds(store: Store, wanted: AuditFilter) -> None:
    search = AuditSearch(store)
    every = await Audit(store).list(_ENTRIES)
    ordered = every if wanted.empty else sorted(every, key=lambda one: (one.at, one.sequence), reverse=True)
    expected = [one.sequence for one in ordered if fits(one, wanted)]
    found: list[int] = []
    last: int | None = None
    while page := await search.page(wanted, 17, before=last):
        found += [one.sequence for one in page]
        last = page[-1].sequence
    assert found == expected
    streamed = [one.sequence async for some in search.stream(wanted) for one in some]
    assert streamed == sorted(expected)


async def test_a_beginning_that_means_too_many_targets_is_refused(store: Store) -> None:
    audit, search = Audit(store), AuditSearch(store)
    async with store.write() as connection:
        for number in range(30):
            await audit.append(connection, _about(f"prod/many-{number:02d}"))
    with pytest.raises(ConsoleError, match="more than 20 targets begin with 'many'"):
        await search.page(AuditFilter(target="many"), 10)
    assert len(await search.page(AuditFilter(target="many-1"), 100)) == 10
    assert len(await search.page(AuditFilter(target="many-11"), 100)) == 1


async def test_what_is_the_whole_name_of_one_target_is_that_one(store: Store) -> None:
    audit, search = Audit(store), AuditSearch(store)
    for name in ("shop/api", "shop/api-canary"):
        await audit.record(_about(name))
    assert [one.targets[0]["name"] for one in await search.page(AuditFilter(target="shop/api"), 9)] == ["shop/api"]
    assert len(await search.page(AuditFilter(target="shop/ap"), 9)) == 2


async def test_names_in_any_alphabet_and_of_any_length_are_found(store: Store) -> None:
    audit, search = Audit(store), AuditSearch(store)
    for name in ("prod/Ärger", "prod/ärger", "prod/日本", "prod/" + "x" * 5000, "\x1b[31m", "", "/", "a\0b"):
        await audit.record(_about(name))
        await audit.record(replace(_about(name), actor=replace(OPERATOR, operator=name * 100)))
    for target, count in (("Ärger", 2), ("ärger", 2), ("prod/日", 2), ("x" * 100, 2), ("\x1b", 2)):
        assert len(await search.page(AuditFilter(target=target), 99)) == count, target
    assert (await audit.verify()).whole


async def test_there_is_nothing_behind_an_entry_that_never_was(store: Store) -> None:
    search = AuditSearch(store)
    with pytest.raises(NotFound, match="no entry 9999"):
        await search.page(AuditFilter(operator="op-a"), 5, before=9999)
    with pytest.raises(NotFound, match="no entry 9999"):
        await search.get(9999)
    assert (await search.get(3)).sequence == 3


async def test_where_somebody_asked_from_is_kept(store: Store) -> None:
    actor = replace(OPERATOR, surface=Surface.GATEWAY, automation=True, database_user="oncall")
    number = await Audit(store).record(replace(_about("x"), actor=actor))
    entry = await AuditSearch(store).get(number)
    assert (entry.surface, entry.automation, entry.database_user, entry.form) == ("gateway", True, "oncall", 2)


def _about(name: str) -> AuditRecord:
    return AuditRecord(
        actor=OPERATOR,
        command="/thing change",
        action="thing.change",
        decision=Decision.ALLOWED,
        rule="test",
        outcome="done",
        message="done",
        targets=(Target("thing", name, "prod"),),
    )
